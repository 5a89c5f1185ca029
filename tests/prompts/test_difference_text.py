"""A difference as people read it: what was said first, and changed words with what is around them."""

from typing import Any

import pytest
from hypothesis import given

from addon.prompts import difference, difference_text
from addon.prompts.cache_break import Break, Finding
from addon.prompts.words import Run
from tests.prompts.test_difference import MARK, OLD
from tests.prompts.test_render import ANYTHING

NEW: dict[str, Any] = {
    **OLD,
    "system": [{"type": "text", "text": "You are kind."}, OLD["system"][1]],
    "tools": [OLD["tools"][1], {"name": "Write"}],
    "messages": [
        *OLD["messages"][:2],
        {"role": "user", "content": "Which?"},
        {"role": "user", "content": [{"type": "text", "text": "Say.", **MARK}]},
    ],
}
BREAK = Break(
    path="system.0.text", title="s", what="changed", offset=1234, context="You\nare ", old="careful.", new="kind.",
    tokens_kept=1, tokens_lost=2,
)  # fmt: skip
SHOWN = """\
# compared with the last · 2 added, 1 changed, 1 removed

cache: It broke.
  first byte that differs: 1,234, in system.0.text
  before: You⏎are ▸careful.
  now: You⏎are ▸kind.

added:
- message 4, user: | # messages.3, the cache mark came here
  Say.
- tool Write: | # tools.1
\x20\x20

changed:
- system prompt, block 1: | # system.0
  You are [-careful-]{+kind+}.

removed:
- tool Bash: | # tools.0
  Runs it.

cache marks:
  messages.2: the cache mark left

the same:
  system: 1 of 2
  tools: 1 of 3
  messages: 3 of 4
  parameters: 2 of 2
"""


def test_a_difference_reads_from_what_is_new_to_what_is_the_same() -> None:
    found = difference.between(OLD, NEW)
    assert difference_text.text(found, "the last", Finding(BREAK, 3, "It broke.")) == SHOWN


def test_where_nothing_changed_it_says_so() -> None:
    shown = difference_text.text(difference.between(OLD, OLD), "the last", Finding(None, 0, "The cache holds."))
    assert shown.startswith("# compared with the last · nothing changed\n\ncache: The cache holds.\n\nthe same:\n")
    assert difference_text.text(difference.between({}, {}), "x") == "# compared with x · nothing changed\n\nthe same:\n"


def test_notes_stand_on_top() -> None:
    found = difference.between(OLD, {**OLD, "tools": OLD["tools"][::-1]})
    assert f"# {difference.REORDERED}\n" in difference_text.text(found, "x")


LONG = "a" * 1000
MARKED = [
    ((Run("same", "a"), Run("removed", "b"), Run("added", "c")), "a[-b-]{+c+}"),
    ((Run("same", LONG), Run("added", "c")), f"[… 800 characters …]\n{'a' * 200}{{+c+}}"),
    ((Run("added", "c"), Run("same", LONG)), f"{{+c+}}{'a' * 200}\n[… 800 characters …]"),
    (
        (Run("added", "c"), Run("same", LONG), Run("removed", "d")),
        f"{{+c+}}{'a' * 200}\n[… 600 characters …]\n{'a' * 200}[-d-]",
    ),
]


@pytest.mark.parametrize(("runs", "text"), MARKED)
def test_what_is_far_from_a_change_is_left_out(runs: tuple[Run, ...], text: str) -> None:
    assert difference_text.marked(runs) == text


@given(ANYTHING, ANYTHING)
def test_any_difference_renders(old: Any, new: Any) -> None:
    assert difference_text.text(difference.between(old, new), "x").endswith("\n")
