"""What a prompt takes of a window, what it leaves, and what was not read of it."""

from dataclasses import replace

import orjson
import pytest

from addon.dialects import ReplyContext, Target, window
from addon.dialects.losses import Lost
from addon.dialects.profiles import Profile
from addon.protocol import messages, tokens
from addon.protocol.deltas import StopReason, Usage
from addon.protocol.errors import BackendError, Kind

WINDOW = 32_768
TARGET = Target("ollama", "qwen3", "http://localhost:11434/v1", Profile(), max_input_tokens=WINDOW)
CUTS = replace(TARGET, profile=Profile(cuts_silently=True))


def asking(size: int) -> tuple[messages.Request, int]:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * size}]})
    return messages.parse(body), len(body)


PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 500_000}}


@pytest.mark.parametrize(
    ("size", "target", "is_quick"),
    [
        (50_000, TARGET, True),
        (70_000, TARGET, False),  # half the window
        (200_000, replace(TARGET, max_input_tokens=1_000_000), True),
        (240_000, replace(TARGET, max_input_tokens=1_000_000), False),
        (200_000, replace(TARGET, max_input_tokens=None), True),
        (240_000, replace(TARGET, max_input_tokens=None), False),
        (50_000, CUTS, False),
    ],
)
def test_a_prompt_is_measured_with_care_where_it_matters(size: int, target: Target, is_quick: bool) -> None:
    request, written = asking(size)
    careful = tokens.estimate(request.system, request.messages, request.tools)
    quick = tokens.estimate_text(written)
    assert careful != quick
    assert window.input_tokens(request, written, target) == (quick if is_quick else careful)


def test_a_picture_is_not_counted_as_text() -> None:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": [PICTURE]}]})
    assert window.input_tokens(messages.parse(body), len(body), TARGET) < 2_000 < tokens.estimate_text(len(body))


@pytest.mark.parametrize(
    ("prompt", "room"),
    [(0, WINDOW - 1_000), (10_000, WINDOW - 10_000 - 500 - 1_000), (26_000, 4_468), (27_000, 4_096), (50_000, 4_096)],
)
def test_a_reply_gets_what_the_prompt_leaves_and_never_nothing(prompt: int, room: int) -> None:
    assert window.reply_room(prompt, TARGET) == room


def test_a_window_that_is_unknown_or_holds_the_prompt_alone_is_no_limit() -> None:
    assert window.reply_room(50_000, replace(TARGET, max_input_tokens=None)) is None
    assert window.reply_room(50_000, replace(TARGET, profile=Profile(reply_beside_window=True))) is None


SET = replace(CUTS, window_is_set=True)
REFUSED = [
    (40_961, SET, True),
    (40_960, SET, False),
    (1_000_000, CUTS, False),  # litellm's word on a window: who runs the server may have set another
    (1_000_000, replace(TARGET, window_is_set=True), False),  # it says so itself, and knows better
    (1_000_000, replace(SET, max_input_tokens=None), False),
]


@pytest.mark.parametrize(("prompt", "target", "refused"), REFUSED)
def test_a_prompt_is_refused_here_only_where_nobody_else_would_and_there_is_no_doubt(
    prompt: int, target: Target, refused: bool
) -> None:
    if not refused:
        window.check(prompt, target)
        return
    with pytest.raises(BackendError) as caught:
        window.check(prompt, target)
    assert caught.value.kind is Kind.OVERFLOW
    assert caught.value.message == f"prompt is too long: {prompt} tokens > {WINDOW} maximum"


WORDLESS = [
    (StopReason.MAX_TOKENS, Usage(32_441, 0), "prompt is too long for ollama/qwen3, which takes 32768 tokens"),
    (StopReason.MAX_TOKENS, Usage(1_000, 0, 20_000, 12_000), "prompt is too long: 33000 tokens > 32768 maximum"),
    (StopReason.MAX_TOKENS, Usage(32_440, 0), None),
    (StopReason.MAX_TOKENS, None, None),
    (StopReason.END_TURN, Usage(32_768, 0), None),
]


@pytest.mark.parametrize(("reason", "usage", "told"), WORDLESS)
def test_a_reply_without_a_word_at_the_end_of_the_window_is_an_overflow(
    reason: StopReason, usage: Usage | None, told: str | None
) -> None:
    error = window.wordless(reason, usage, ReplyContext(TARGET, "x"))
    assert (error.message if error else None) == told
    assert window.wordless(reason, usage, ReplyContext(replace(TARGET, max_input_tokens=None), "x")) is None


FEW = "ollama/qwen3 counted 4,096 tokens where about 13,000 were sent"
MANY = "ollama/qwen3 counted 33,000 tokens, more than its window of 32,768"
CUT = [
    (Usage(96, 9, 4_000), 13_000, CUTS, FEW),
    (Usage(4_096, 9), 13_000, replace(CUTS, max_input_tokens=None), FEW),
    (Usage(33_000, 9), 30_000, CUTS, MANY),
    (Usage(6_500, 9), 13_000, CUTS, None),
    (Usage(32_768, 9), 30_000, CUTS, None),
    (Usage(33_000, 9), 30_000, replace(CUTS, max_input_tokens=None), None),
    (Usage(0, 9), 13_000, CUTS, None),
    (None, 13_000, CUTS, None),
    (Usage(4_096, 9), 13_000, TARGET, None),  # it would have refused
]


@pytest.mark.parametrize(("usage", "estimate", "target", "told"), CUT)
def test_a_prompt_that_was_cut_without_a_word_is_a_loss(
    usage: Usage | None, estimate: int, target: Target, told: str | None
) -> None:
    losses = window.cut(usage, ReplyContext(target, "x", input_estimate=estimate))
    left_out = "it left out a part of the prompt without a word"
    expected = [("messages", Lost.SILENT_OVERFLOW, f"{told}: {left_out}")] if told else []
    assert [(each.path, each.sort, each.what) for each in losses] == expected


@pytest.mark.parametrize(
    ("count", "window_tokens", "report", "told"),
    [
        (0, 32_768, 100_000, 0),
        (1, 32_768, 100_000, 4),
        (32_768, 32_768, 100_000, 100_000),
        (21_955, 32_768, 100_000, 67_002),
        (21_955, 32_768, None, 21_955),
        (21_955, None, 100_000, 21_955),
    ],
)
def test_usage_is_told_as_if_the_window_were_as_large_as_the_user_says(
    count: int, window_tokens: int | None, report: int | None, told: int
) -> None:
    assert window.reported(count, replace(TARGET, max_input_tokens=window_tokens, report_window=report)) == told
