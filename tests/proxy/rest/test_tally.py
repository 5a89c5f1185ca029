"""What was lost is counted by model and sort, once a call."""

from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.proxy.rest.tally import MOST_WORDS, Row, Tally

PREFILL = loss(Lost.PREFILL, "messages.1")


def test_a_call_counts_once_for_each_sort_and_the_newest_example_stays() -> None:
    tally = Tally()
    tally.note("vllm/q", [loss(Lost.PREFILL, "messages.3"), PREFILL, loss(Lost.ENCRYPTED_THINKING, "messages.0")])
    tally.note("vllm/q", [loss(Lost.PREFILL, "messages.5")])
    tally.note("openai/o", [PREFILL])
    tally.note("openai/o", [])
    told = PREFILL.what
    assert tally.rows() == [
        Row("vllm/q", "prefill", 2, routine=False, refused=False, example=f"messages.5: {told}"),
        Row("openai/o", "prefill", 1, routine=False, refused=False, example=f"messages.1: {told}"),
        Row(
            "vllm/q",
            "encrypted_thinking",
            1,
            routine=True,
            refused=False,
            example=f"messages.0: {loss(Lost.ENCRYPTED_THINKING, '').what}",
        ),
    ]


def test_a_refusal_stands_first() -> None:
    tally = Tally()
    tally.note("vllm/q", [PREFILL])
    tally.note("vllm/q", [PREFILL])
    error = refusal(Refused.IMAGE, "messages.0.content.1", "vllm/q")
    tally.note_refusal(error)
    first, _ = tally.rows()
    assert first == Row("", "image", 1, routine=False, refused=True, example=error.message)


def test_it_does_not_grow_without_end() -> None:
    tally = Tally(most_rows=2)
    for model in ("a", "b", "b", "c"):
        tally.note(model, [PREFILL])
    assert {(row.model, row.calls) for row in tally.rows()} == {("b", 2), ("c", 1)}


def test_an_example_is_short_and_can_be_written() -> None:
    tally = Tally()
    tally.note("m", [Loss("x", Lost.ANTHROPICS_OWN, "\ud800" * 1000)])
    [row] = tally.rows()
    assert len(row.example) == MOST_WORDS
    assert row.example.encode()
