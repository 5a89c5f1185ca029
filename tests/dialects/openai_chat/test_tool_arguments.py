"""The pieces of a call's arguments: each table runs as it is, and what it gives is the same however it is cut."""

import json

import pytest

from addon.dialects.openai_chat import tool_arguments
from addon.dialects.openai_chat.tool_arguments import Arguments
from addon.protocol.errors import MalformedReply

WHOLE = '{"command": "ls", "n": 1}'
TWICE = json.dumps(WHOLE)
HARD = json.dumps({"a": 'C:\\dir\\ and "quotes" \\" \n and \ud83d\ude00'})


def fed(*pieces: str) -> list[str]:
    """What each piece adds, and at last what the end adds."""
    arguments = Arguments()
    return [*map(arguments.feed, pieces), arguments.close()]


def growing(text: str) -> list[str]:
    return [text[: at + 1] for at in range(len(text))]


FORMS: dict[str, tuple[list[str], list[str]]] = {
    "nothing": ([], [""]),
    "in one piece": ([WHOLE], [WHOLE, ""]),
    "in pieces": (['{"a"', ":", "1}"], ['{"a"', ":", "1}", ""]),
    "a piece may repeat the one before": (['{"a":"', "ha", "ha", '"}'], ['{"a":"', "ha", "ha", '"}', ""]),
    "blanks alone are nothing": ([" ", "\n"], ["", "", ""]),
    "blanks before it are left out": (["\n", ' {"a":', "1}"], ["", '{"a":', "1}", ""]),
    "null as text is nothing": (["null"], ["", ""]),
    "null as text, then an object": (["null", "{}"], ["", "{}", ""]),
    "what is no object is passed on": (["[1]", "[1]"], ["[1]", "[1]", ""]),
    "snapshots": (['{"a"', '{"a": "x', '{"a": "x"}'], ['{"a"', ': "x', '"}', ""]),
    "snapshots from the first brace": (["{", '{"', '{"a":1}'], ["{", '"', 'a":1}', ""]),
    "snapshots with blanks before them": ([' {"a"', ' {"a":1}'], ['{"a"', ":1}", ""]),
    "a snapshot that repeats all adds nothing": (["{}", "{}", "{}"], ["{}", "", "", ""]),
    "an older snapshot adds nothing": (['{"a"', '{"a":1}', '{"a"', '{"a":1}'], ['{"a"', ":1}", "", "", ""]),
    "a snapshot that contradicts is passed on": (['{"a"', '{"a":1}', '{"b":1}'], ['{"a"', ":1}", '{"b":1}', ""]),
    "snapshots where pieces may look so": (
        ['{"a":', '{"a":{"a"', '{"a":{"a":1}}'],
        ['{"a":', "", '{"a":1}}', ""],
    ),
    "the same, and one of them comes twice": (['{"a":', '{"a":1}', '{"a":1}'], ['{"a":', "", "1}", ""]),
    "the same, and it is the last": (['{"a":', '{"a":1}'], ['{"a":', "", "1}"]),
    "pieces that look like snapshots": (['{"a":', '{"a":', "1}}"], ['{"a":', "", '{"a":1}}', ""]),
    "the same, and it is the last piece": (['{"a":', '{"a":1}}'], ['{"a":', "", '{"a":1}}']),
    "the same in an array": (['{"a":[', '{"a":[', "]}]}"], ['{"a":[', "", '{"a":[]}]}', ""]),
    "the same, and it was cut": (['{"a":', '{"a":{"a"'], ['{"a":', "", '{"a"']),
    "the same, and snapshots go on": (
        ['{"a":', '{"a":{', '{"a":{}', '{"a":{}}'],
        ['{"a":', "", "{}", "}", ""],
    ),
    "quoted": ([TWICE], [WHOLE, ""]),
    "quoted and in pieces": ([TWICE[:1], TWICE[1:9], TWICE[9:]], ["", "", WHOLE, ""]),
    "quoted with blanks around it": ([" " + TWICE + "\n"], [WHOLE, ""]),
    "quoted with more blanks behind it": ([TWICE, "\n"], [WHOLE, "", ""]),
    "quoted snapshots": ([TWICE[:2], TWICE[:9], TWICE, TWICE], ["", "", WHOLE, "", ""]),
    "quoted and empty": (['""'], ["", ""]),
    "quoted and empty in two pieces": (['"', '"'], ["", "", ""]),
    "quoted null": (['"null"'], ["", ""]),
    "quoted and cut": ([TWICE[:9], TWICE[9:15]], ["", "", '{"command": ']),
    "quoted and cut before the last mark": ([TWICE[:-1]], ["", WHOLE]),
    "quoted and cut after the first mark": (['"'], ["", '"']),
    "quoted and cut in an escape": (['"{\\"a\\'], ["", '{"a']),
    "quoted and cut in a pair of surrogates": (['"{\\"a\\ud83d\\ude'], ["", '{"a']),
    "quoted, cut and broken": (['"{\\x' + 20 * "a"], ["", '"{\\x' + 20 * "a"]),
    "quoted and no object": (['"ls"'], ['"ls"', ""]),
    "quoted and broken": (['"\\x"'], ['"\\x"', ""]),
    "quoted twice over": ([json.dumps(TWICE)], [json.dumps(TWICE), ""]),
}


@pytest.mark.parametrize(("pieces", "expected"), FORMS.values(), ids=FORMS)
def test_arguments_are_read_in_every_form(pieces: list[str], expected: list[str]) -> None:
    assert expected == fed(*pieces)


@pytest.mark.parametrize("text", [WHOLE, HARD, "{}", '{"a":{"a":{"b":[1,[]]}}}'])
def test_any_cut_of_any_form_gives_the_text(text: str) -> None:
    quoted = json.dumps(text)
    for at in range(1, len(quoted)):
        assert text == "".join(fed(quoted[:at], quoted[at:]))
    for at in range(1, len(text)):
        assert text == "".join(fed(text[:at], text[at:]))
        assert text == "".join(fed(text[:at], text))
    assert text == "".join(fed(*text))
    assert text == "".join(fed(*quoted))
    assert text == "".join(fed(*growing(text)))
    assert text == "".join(fed(*growing(quoted)))


def test_pieces_are_plain_as_soon_as_they_cannot_be_anything_else() -> None:
    arguments = Arguments()
    seen = [arguments.plain]
    for piece in ('{"a"', ":1}"):
        arguments.feed(piece)
        seen.append(arguments.plain)
    assert seen == [False, False, True]


def test_it_is_told_whether_they_are_whole_and_what_repeats_them() -> None:
    arguments = Arguments()
    assert not arguments.complete
    arguments.feed('{"a":')
    assert not arguments.complete
    arguments.feed("1}")
    assert arguments.complete
    assert arguments.repeats('{"a":1}')
    assert arguments.repeats('{"a":1} ')
    assert not arguments.repeats('{"b":1}')


def test_what_must_be_held_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_arguments, "MAX_CALL_CHARACTERS", 10)
    with pytest.raises(MalformedReply, match="arguments of more than 10 characters"):
        fed('"12345', "678901")
    assert fed('"12345', '"1234567', '"12345678') == ["", "", "", "12345678"]
