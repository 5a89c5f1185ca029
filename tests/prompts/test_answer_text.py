"""An answer as people read it."""

import pytest
from hypothesis import given

from addon.prompts import answer, answer_text
from addon.prompts.answer import CUT, Answer, Call
from tests.prompts.test_answer import WHOLE
from tests.prompts.test_render import ANYTHING

ANSWER = Answer(
    message={"model": "claude-opus-5-5"},
    text="Two files.\nHere.",
    thinking="Look first.",
    calls=(Call("t1", "Bash", {"command": "ls\npwd", "timeout": 1}), Call("t2", "Edit", '{"file', whole=False)),
    usage={"input_tokens": 10, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200, "output_tokens": 7},
    stop_reason="tool_use",
    error=CUT,
)
SHOWN = """\
# claude-opus-5-5 · stopped: tool_use · 1,210 tokens in (cache: 1,000 read, 200 written), 7 out

error: the reply ends before its message does

text: | # 16 characters
  Two files.
  Here.

calls: # 2
- Bash: | # t1
  command: |
    ls
    pwd
  timeout: 1
- Edit: | # t2, cut before its end
  {"file

thinking: | # 11 characters
  Look first.

usage:
  input_tokens: 10
  cache_read_input_tokens: 1000
  cache_creation_input_tokens: 200
  output_tokens: 7
"""


def test_what_was_said_comes_before_what_was_thought() -> None:
    assert answer_text.text(ANSWER) == SHOWN


SHORT = [
    (Answer(error="api_error: No."), "# no message\n\nerror: api_error: No.\n"),
    (
        Answer(text="a", usage={"input_tokens": 3}),
        "# no message\n\ntext: | # 1 character\n  a\n\nusage:\n  input_tokens: 3\n",
    ),
    (
        Answer(usage={"input_tokens": 3, "output_tokens": 1}),
        "# 3 tokens in, 1 out\n\nusage:\n  input_tokens: 3\n  output_tokens: 1\n",
    ),
]


@pytest.mark.parametrize(("shown", "text"), SHORT)
def test_what_there_is_is_shown(shown: Answer, text: str) -> None:
    assert answer_text.text(shown) == text


def test_a_reply_under_way_is_no_error() -> None:
    text = answer_text.text(ANSWER, under_way=True)
    assert (answer_text.UNDER_WAY in text, CUT in text) == (True, False)


def test_a_signature_is_not_shown() -> None:
    assert "seal" not in answer_text.text(answer.read(WHOLE))


@given(ANYTHING)
def test_any_message_renders(message: object) -> None:
    read = Answer(
        message={"model": message}, usage={"input_tokens": message, "x": message}, calls=(Call("", "", message),)
    )
    assert answer_text.text(read).endswith("\n")
