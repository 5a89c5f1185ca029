"""A difference cut to what a page may hold."""

from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import difference
from addon.prompts.reader import comparing, texts
from addon.prompts.reader.comparing import AROUND, MOST_PARTS, Piece
from addon.prompts.reader.texts import Budget, Cut
from addon.prompts.words import Run, words
from tests.prompts.test_difference import MARK, OLD

LONG = "a" * 5000


def test_what_was_said_is_shown_before_what_is_sent_along() -> None:
    new = {
        **OLD,
        "max_tokens": 9,
        "tools": [OLD["tools"][1], {"name": "x" * 900}],
        "messages": [*OLD["messages"][:2], {"role": "user", "content": "Which?"}, {"role": "user", "content": "Say."}],
    }
    sheet = comparing.sheet(difference.between(OLD, new), Budget())
    assert [(group.title, [shown.title[:20] for shown in group.parts]) for group in sheet.groups] == [
        ("New", ["message 4, user", "tool xxxxxxxxxxxxxxx"]),
        ("Changed", ["max_tokens"]),
        ("Gone", ["tool Bash"]),
    ]
    assert [shown.is_old for group in sheet.groups for shown in group.parts] == [False, False, False, True]
    assert max(len(shown.title) for group in sheet.groups for shown in group.parts) == comparing.MOST_TITLE
    assert sheet.same == (("system", 2, 2), ("tools", 1, 3), ("messages", 3, 4), ("parameters", 1, 2))
    assert [part.place for part in sheet.moved] == ["messages.2"]


def test_a_path_that_is_too_long_is_none() -> None:
    sheet = comparing.sheet(difference.between({}, {"x" * 300: MARK, "y": 1}), Budget())
    assert [shown.place for shown in sheet.groups[0].parts] == ["", "y"]


def test_of_many_parts_the_rest_is_counted() -> None:
    new = {"messages": [{"role": "user", "content": str(number)} for number in range(MOST_PARTS + 7)]}
    (group,) = comparing.sheet(difference.between({}, new), Budget()).groups
    assert (len(group.parts), group.more) == (MOST_PARTS, 7)


def test_what_is_far_from_a_change_is_left_out() -> None:
    runs = (Run("same", LONG), Run("added", "b"), Run("same", LONG), Run("removed", "c"), Run("same", LONG))
    shown, left_out = comparing.pieces(runs, Budget())
    assert left_out == 0
    assert shown == (
        Piece("same", Cut("", 5000 - AROUND, "a" * AROUND)),
        Piece("added", Cut("b")),
        Piece("same", Cut("a" * AROUND, 5000 - 2 * AROUND, "a" * AROUND)),
        Piece("removed", Cut("c")),
        Piece("same", Cut("a" * AROUND, 5000 - AROUND, "")),
    )
    assert comparing.pieces((Run("same", LONG),), Budget())[0] == (Piece("same", Cut("a" * AROUND, 5000 - AROUND, "")),)
    short = "a" * (2 * AROUND)
    assert comparing.pieces((Run("added", "b"), Run("same", short)), Budget())[0][1] == Piece("same", Cut(short))


@given(st.lists(st.sampled_from(["<a> ", "b ", '"' * 50, "c\n"]), max_size=40), st.integers(0, 3000))
def test_nothing_is_shown_beyond_the_budget(parts: list[str], total: int) -> None:
    old, new = "".join(parts), "".join(reversed(parts))
    shown, left_out = comparing.pieces(words(old, new), Budget(total))
    weight = sum(texts.weight(piece.text.head) + texts.weight(piece.text.tail) + comparing.TAG for piece in shown)
    assert weight <= total + 6 * texts.LEAST_OF_A_TEXT * 2 + comparing.TAG
    told = sum(piece.text.length for piece in shown) + left_out
    assert told == sum(len(run.text) for run in words(old, new))
