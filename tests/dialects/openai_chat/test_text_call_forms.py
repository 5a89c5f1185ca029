"""The forms of calls in text: each is read whole, character by character, and with text behind it."""

from collections.abc import Iterable

import pytest

from addon.dialects.openai_chat.text_call_forms import FORMS, Called, Candidate, NoCall, bare


def read(mark: str, pieces: Iterable[str]) -> tuple[list[Called] | None, str]:
    """The calls, or None, and how much was read for that."""
    candidate = Candidate("")
    form = FORMS.get(mark, bare)(candidate)
    try:
        for piece in pieces:
            candidate.add(piece)
            next(form)
        candidate.end()
        next(form)
    except StopIteration as ended:
        return ended.value, candidate.read
    except NoCall:
        return None, candidate.read
    raise AssertionError("a form waits behind the end")


LS, PWD = Called("Bash", {"command": "ls"}), Called("Bash", {"command": "pwd"})
NAMED, OTHER = '{"name": "Bash", "arguments": {"command": "ls"}}', '{"name":"Bash","parameters":{"command":"pwd"}}'
HERMES, FUNCTION, LLAMA, MISTRAL = "<tool_call>", "<function=", "<|python_tag|>", "[TOOL_CALLS]"
FENCE, TOOL_FENCE, HARMONY, BARE = "```json\n", "```tool_call\n", "<|channel|>commentary to=functions.", ""
CODER = "<parameter=command>\nls\n</parameter>\n"

CALLS: dict[str, tuple[str, str, list[Called]]] = {
    "hermes": (HERMES, f"\n{NAMED}\n</tool_call>", [LS]),
    "hermes with parameters": (HERMES, f"{OTHER}</tool_call>", [PWD]),
    "hermes with a list": (HERMES, f"[{NAMED}, {OTHER}]</tool_call>", [LS, PWD]),
    "hermes with quoted arguments": (
        HERMES,
        '{"name": "Bash", "arguments": "{\\"command\\": \\"ls\\"}"}</tool_call>',
        [LS],
    ),
    "hermes without arguments": (HERMES, '{"name": "Bash"}</tool_call>', [Called("Bash", {})]),
    "hermes with null for arguments": (HERMES, '{"name": "Bash", "arguments": null}</tool_call>', [Called("Bash", {})]),
    "hermes with arguments first": (HERMES, '{"arguments":{"command":"ls"},"name":"Bash"}</tool_call>', [LS]),
    "hermes as on the wire": (HERMES, f'{{"type": "function", "function": {NAMED}}}</tool_call>', [LS]),
    "hermes with an id": (HERMES, '{"id":"1","name":"Bash","arguments":{"command":"ls"}}</tool_call>', [LS]),
    "hermes with the tags inside": (
        HERMES,
        '{"name": "Bash", "arguments": {"command": "echo </tool_call> \\"<tool_call>\\""}}</tool_call>',
        [Called("Bash", {"command": 'echo </tool_call> "<tool_call>"'})],
    ),
    "hermes with a line break in a string": (
        HERMES,
        '{"name": "Bash", "arguments": {"command": "a\nb"}}</tool_call>',
        [Called("Bash", {"command": "a\nb"})],
    ),
    "qwen3-coder": (HERMES, f"\n<function=Bash>\n{CODER}</function>\n</tool_call>", [Called("Bash", LS[1], True)]),
    "qwen3-coder with two parameters": (
        HERMES,
        "<function=Edit><parameter=a>1</parameter><parameter=b></parameter></function></tool_call>",
        [Called("Edit", {"a": "1", "b": ""}, True)],
    ),
    "qwen3-coder with tags inside": (
        HERMES,
        "<function=Write><parameter=a>\nx </parameter> \n</function\n\n</parameter></function></tool_call>",
        [Called("Write", {"a": "x </parameter> \n</function\n"}, True)],
    ),
    "qwen3-coder without parameters": (HERMES, "<function=Bash>\n</function></tool_call>", [Called("Bash", {}, True)]),
    "a function": (FUNCTION, 'Bash>{"command": "ls"}</function>', [LS]),
    "a function with blanks": (FUNCTION, 'Bash>\n{"command": "ls"}\n</function>', [LS]),
    "a function with parameters": (FUNCTION, f"Bash>\n{CODER}</function>", [Called("Bash", LS[1], True)]),
    "llama": (LLAMA, f"{OTHER}<|eom_id|>", [PWD]),
    "llama, ended otherwise": (LLAMA, f"{OTHER}<|eot_id|>", [PWD]),
    "llama with two": (LLAMA, f"{OTHER}; {NAMED}<|eom_id|>", [PWD, LS]),
    "mistral": (MISTRAL, f"[{NAMED}, {OTHER}]", [LS, PWD]),
    "mistral after a blank": (MISTRAL, f" [{NAMED}]", [LS]),
    "mistral with one object": (MISTRAL, NAMED, [LS]),
    "newer mistral": (MISTRAL, 'Bash[ARGS]{"command": "ls"}', [LS]),
    "newer mistral with an id": (MISTRAL, 'Bash[CALL_ID]a1B2c3D4e[ARGS]{"command": "ls"}', [LS]),
    "mistral with nothing between": (MISTRAL, 'Bash{"command": "ls"}', [LS]),
    "mistral with blanks between": (MISTRAL, ' Bash [ARGS] {"command": "ls"}', [LS]),
    "fenced": (FENCE, f"{NAMED}\n```", [LS]),
    "fenced as a call": (TOOL_FENCE, f"{OTHER}\n```", [PWD]),
    "fenced with a list": (FENCE, f"[\n  {NAMED}\n]\n```", [LS]),
    "harmony": (HARMONY, 'Bash <|constrain|>json<|message|>{"command": "ls"}<|call|>', [LS]),
    "harmony in short": (HARMONY, 'Bash<|message|>{"command": "ls"}<|call|>', [LS]),
}


@pytest.mark.parametrize(("mark", "text", "expected"), CALLS.values(), ids=CALLS)
def test_a_call_is_read(mark: str, text: str, expected: list[Called]) -> None:
    assert read(mark, [text]) == (expected, text)
    assert read(mark, text) == (expected, text)
    assert read(mark, [text + "x", "y"]) == (expected, text)
    assert read(mark, text + "xy") == (expected, text)


ENDED: dict[str, tuple[str, str, list[Called]]] = {
    "hermes without its closing tag": (HERMES, NAMED + "\n", [LS]),
    "llama": (LLAMA, OTHER, [PWD]),
    "harmony": (HARMONY, 'Bash json<|message|>{"command": "ls"}', [LS]),
    "bare": (BARE, OTHER, [PWD]),
    "bare with blanks": (BARE, f"\n{OTHER}\n", [PWD]),
    "bare list": (BARE, f"[{NAMED}]", [LS]),
    "bare and several": (BARE, f"{NAMED}\n{OTHER}; {NAMED}", [LS, PWD, LS]),
}


@pytest.mark.parametrize(("mark", "text", "expected"), ENDED.values(), ids=ENDED)
def test_the_end_of_the_reply_ends_a_call(mark: str, text: str, expected: list[Called]) -> None:
    assert read(mark, [text]) == (expected, text)
    assert read(mark, text) == (expected, text)


LONG = "x" * 300
DEEP = '{"name":' + "[" * 99_999 + "]" * 99_999 + "}"
# name: the mark, what is read behind it, what is not
NONE: dict[str, tuple[str, str, str]] = {
    "hermes: no JSON": (HERMES, " ", "is a tag"),
    "hermes: another first key": (HERMES, "", '{"nam": 1}'),
    "hermes: a first key that is too far": (HERMES, "", "{" + " " * 300 + '"name": 1}'),
    "hermes: a first key that is too long": (HERMES, "", '{"' + LONG),
    "hermes: a list of numbers": (HERMES, "", "[1, 2]"),
    "hermes: a list of texts": (HERMES, "", '["name"]'),
    "hermes: an empty list": (HERMES, "", "[]"),
    "hermes: an empty object": (HERMES, "", "{}"),
    "hermes: a brace too few": (HERMES, NAMED[:-1], "</tool_call>"),
    "hermes: a brace too many": (HERMES, NAMED, "}</tool_call>"),
    "hermes: not quite JSON": (HERMES, '{"name": "Bash", nul}', ""),
    "hermes: nested too deeply": (HERMES, DEEP, "</tool_call>"),
    "hermes: another key": (HERMES, '{"name": "Bash", "why": 1}', "</tool_call>"),
    "hermes: a name that is no text": (HERMES, '{"name": 5}', "</tool_call>"),
    "hermes: arguments that are no object": (HERMES, '{"name": "Bash", "arguments": [1]}', "</tool_call>"),
    "hermes: arguments that are any text": (HERMES, '{"name": "Bash", "arguments": "ls"}', "</tool_call>"),
    "hermes: a function that is none": (HERMES, '{"type": "function", "function": 5}', "</tool_call>"),
    "hermes: a list with something else": (HERMES, f"[{NAMED}, 5]", "</tool_call>"),
    "hermes: text behind": (HERMES, NAMED + " ", "or so"),
    "hermes: cut": (HERMES, NAMED[:-9], ""),
    "hermes: cut in the closing tag": (HERMES, NAMED, "</tool"),
    "function: no end of the name": (FUNCTION, "", LONG + ">{}"),
    "function: a name that is none": (FUNCTION, "Bash", " and so on>{}</function>"),
    "function: neither object nor parameters": (FUNCTION, "Bash>", "ls</function>"),
    "function: no end": (FUNCTION, "Bash>{} ", "<tool_call>"),
    "function: cut": (FUNCTION, "Bash>", ""),
    "function: cut in a parameter": (FUNCTION, "Bash><parameter=a>123456789", "01234567890"),
    "function: cut behind a parameter": (FUNCTION, "Bash><parameter=a>1</parameter> ", ""),
    "function: cut in the name": (FUNCTION, "", "Ba"),
    "llama: code": (LLAMA, "", "print(1)"),
    "llama: a second that is none": (LLAMA, OTHER + ";", "x"),
    "mistral: prose": (MISTRAL, " are ", "marks."),
    "mistral: no object": (MISTRAL, "Bash[1]", ""),
    "mistral: no end of the id": (MISTRAL, "Bash[CALL_ID]", LONG),
    "mistral: cut": (MISTRAL, "", ""),
    "fenced: other JSON": (FENCE, "", '{\n  "version": 1\n}\n```'),
    "fenced: no arguments": (FENCE, '{"name": "Bash"}', "\n```"),
    "fenced: more than that": (FENCE, '{"name": "Bash", "arguments": {}}\n', "x"),
    "harmony: no message": (HARMONY, "Bash", " json " + LONG),
    "harmony: no object": (HARMONY, "Bash<|message|>", "ls"),
    "bare: other JSON": (BARE, "", '{"title": "A"}'),
    "bare: a link": (BARE, "", "[a](b)"),
    "bare: text behind": (BARE, OTHER + " ", "So."),
    "bare: a second that is none": (BARE, OTHER, '{"a": 1}'),
}


@pytest.mark.parametrize(("mark", "seen", "unseen"), NONE.values(), ids=NONE)
def test_what_is_no_call_is_told_as_soon_as_it_shows(mark: str, seen: str, unseen: str) -> None:
    assert read(mark, [seen + unseen]) == (None, seen)
    if len(seen) < 1_000:
        assert read(mark, seen + unseen) == (None, seen)
