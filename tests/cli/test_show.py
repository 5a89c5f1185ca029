"""`detour show`: a session as its turns, a turn with what is new in it, and everything else of it on demand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.entry import Attempt, Change, Reply, Request
from tests.cli import logs
from tests.prompts.entries import SESSION, entry, recorded_session, routed, stream

YES = {"type": "text", "text": "Yes."}


@pytest.fixture
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.mark.usefixtures("_log")
def test_a_session_is_its_turns() -> None:
    head, rows = logs.printed("show", "00000000").split("\n\n")
    assert head.splitlines()[:4] == [
        "Read notes.txt.",
        f"session: {SESSION}",
        "time: 2026-11-18 11:07:40 to 2026-11-18 11:20:41 (13 min 2 s)",
        "exchanges: 14",
    ]
    title, first, second, third, fourth, *rest = map(cells, rows.splitlines())
    assert title == ["turn", "time", "who", "new", "answer", "in", "out", "price", "took"]
    assert first[:5] == ["1", "11:07:40", "main", "Read notes.txt.", "Read; I read the file."]
    assert second[3:5] == ["results: Read", "It has two lines."]
    assert third[3:] == ["Count its lines.", "Bash, Bash", "1,000", "20", "$0.013", "1.5 s"]
    assert fourth[3:5] == ["results: Bash, Bash", "Counted; the other failed."]
    assert len(rest) == 10


def asked(number: int, content: Any, **facts: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    return entry(body, number=number, **{"session": SESSION, "kind": "main", "given": stream(YES), **facts})


def test_the_table_tells_what_is_unusual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = Reply(status=529, headers=(), body=b'{"error": {"type": "overloaded_error", "message": "Later."}}')
    thought = stream({"type": "thinking", "thinking": "Hm.", "signature": "s"})
    call = stream({"type": "tool_use", "id": "c", "name": "Bash", "input": {}}, YES)
    logs.use(
        monkeypatch,
        tmp_path,
        [
            asked(1, "<command-name>/init</command-name>"),
            replace(asked(2, "b", status=529, error="overloaded_error"), given=error),
            asked(3, "c", kind="subagent", agent="0123456789", agent_type="Explore"),
            asked(4, "d", kind="subagent", agent="9876543210", given=thought),
            asked(5, "e", kind="title", stop_reason="max_tokens"),
            asked(6, "f", origin="shadow", of="x", given=call),
            asked(7, [], kind=None, path="/v1/models", given=None, total_ms=20),
            replace(asked(8, "h"), request=None, given=None),
            asked(9, [{"type": "text", "text": "A summary."}, {"type": "text", "text": "i"}]),
            asked(10, [{"type": "text", "text": "<system-reminder>It ended.</system-reminder>"}]),
            asked(11, [{"type": "image", "source": {"type": "url", "url": "http://a/b"}}]),
        ],
    )
    rows = [cells(line) for line in logs.printed("show", "last").split("\n\n")[1].splitlines()[1:]]
    assert [row[2:5] for row in rows] == [
        ["main", "/init", "Yes."],
        ["main", "anew: b", "529 overloaded_error"],
        ["Explore 01234567", "c", "Yes."],
        ["agent 98765432", "d", "Hm."],
        ["title", "e", "max_tokens"],
        ["shadow", "f", "Bash; Yes."],
        ["/v1/models", "no reply", "20 ms"],
        ["main", "1,000", "20"],
        ["main", "anew: i", "Yes."],
        ["main", "anew: It ended.", "Yes."],
        ["main", "anew: image: http://a/b", "Yes."],
    ]


@pytest.mark.usefixtures("_log")
def test_a_turn_is_what_is_new_in_it() -> None:
    assert logs.printed("show", "00000000/4") == (
        """Turn 4 of session 00000000, exchange 4, req_000000000000000000000004
11:11:40 · claude-opus-5-5 · 1,000 tokens in (900 cached) · 20 out · $0.013 · 1.5 s
anthropic: no route is set

Tools
failed: Bash
  Exit code 2
  ls: cannot access 'no-such-file': No such file or directory
result of Bash
  2 notes.txt

Assistant
thinking, 11 characters
  One failed.
Counted; the other failed.
""".replace("11:11:40", "11:10:40")
    )


@pytest.mark.usefixtures("_log")
def test_an_exchange_of_no_session_is_shown_too() -> None:
    assert logs.printed("show", "none").startswith("Nobody's.\ntime: ")
    assert logs.printed("show", "none/1").startswith("Turn 1 of no session, exchange 16, req_")


def test_a_turn_tells_its_route_and_what_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(
        routed("openai_chat/plain_text"),
        attempts=(Attempt("groq/x", "503", 20, "down"),),
        losses=(Change("top_k", "gone"),),
    )
    logs.use(monkeypatch, tmp_path, [made])
    text = logs.printed("show", "1")
    assert "claude-opus-5-5 → openai/gpt-5.5 · " in text
    assert "\nopenai/gpt-5.5: big answers: openai/gpt-5.5\n" in text
    assert "\nAsked before, in vain: groq/x (503)\n" in text
    assert text.endswith("\nChanged or lost on the way\n- top_k: gone\n")


def test_a_long_result_is_shown_without_its_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "\n".join(map(str, range(100)))
    logs.use(monkeypatch, tmp_path, [asked(1, [{"type": "tool_result", "tool_use_id": "c", "content": long}])])
    lines = logs.printed("show", "1").splitlines()
    assert "  [76 lines more; --full shows them]" in lines
    assert "  11" in lines
    assert "  12" not in lines
    assert "\n  50\n" in logs.printed("show", "1", "--full").replace("    ", "  ")


@pytest.mark.usefixtures("_log")
def test_a_call_beside_the_conversation_does_not_repeat_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = recorded_session()[:2]
    assert session[1].request is not None
    aside = replace(
        session[1], summary=replace(session[1].summary, number=3, id="c", kind="other", at=session[1].summary.at + 1)
    )
    logs.use(monkeypatch, tmp_path / "other", [*session, aside])
    assert "Read notes.txt." not in logs.printed("show", "last/3")


@pytest.mark.usefixtures("_log")
def test_everything_of_a_turn_can_be_shown() -> None:
    full = logs.printed("show", "15", "--full")
    assert full.startswith("# claude-opus-5-5 · ")
    assert "\nparameters:\n" in full
    assert '\nanswer:\n{\n  "id": ' in full
    sent = logs.printed("show", "15", "--sent")
    assert sent.startswith("# POST https://api.openai.com/v1/chat/completions\n{\n")
    assert logs.printed("show", "1", "--sent").startswith("# POST https://api.anthropic.com/v1/messages\n{\n")
    assert logs.printed("show", "15", "--reply").startswith('data: {"id":"')
    assert logs.printed("show", "1", "--reply").startswith("event: message_start\n")
    assert "answer:" not in logs.printed("show", "15", "--full", "--reply")


@pytest.mark.usefixtures("_log")
def test_raw_is_byte_for_byte() -> None:
    made = routed("openai_chat/plain_text")
    assert made.request is not None
    assert made.sent is not None
    assert made.reply is not None
    assert logs.run("show", "15", "--raw").stdout_bytes == made.request.body
    assert logs.run("show", "15", "--raw", "--sent").stdout_bytes == made.sent.body
    assert logs.run("show", "15", "--raw", "--reply").stdout_bytes == made.reply.body
    passed = recorded_session()[0]
    assert passed.request is not None
    assert logs.run("show", "1", "--raw", "--sent").stdout_bytes == passed.request.body


@pytest.mark.usefixtures("_log")
def test_programs_get_the_turns() -> None:
    turns = logs.parsed("show", "00000000", "--json")
    assert [turn["turn"] for turn in turns] == list(range(1, 15))
    assert turns[2]["new"][0]["content"][0]["text"] == "Count its lines."
    assert turns[2]["answer"]["content"][0]["name"] == "Bash"
    one = logs.parsed("show", "00000000/3", "--json")
    assert one == turns[2]
    assert (one["reason"], one["attempts"], one["losses"], one["is_joint"]) == ("no route is set", [], [], False)


@pytest.mark.usefixtures("_log")
def test_a_session_has_no_body() -> None:
    assert logs.fault("show", "00000000", "--raw").startswith(
        "00000000 is a session; --full, --sent, --reply and --raw"
    )


def test_what_is_not_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = asked(1, "a")
    odd = Request(method="POST", url="https://a.invalid", headers=(), body=b"no JSON")
    cut = Reply(status=200, headers=(), body=b"half", left_out=7)
    logs.use(monkeypatch, tmp_path, [replace(made, request=None, given=None), replace(made, request=odd, given=cut)])
    assert logs.fault("show", "1", "--full") == "exchange 1: its request is not kept, or there was none"
    assert logs.fault("show", "1", "--raw", "--reply") == "exchange 1: its reply is not kept, or there was none"
    assert logs.printed("show", "2", "--sent") == "# POST https://a.invalid\nno JSON\n"
    assert logs.printed("show", "2", "--reply") == "half\n[7 more bytes were not kept]\n"
    assert "answer:\n" in logs.printed("show", "2", "--full")
    assert logs.printed("show", "1").startswith("Turn 1 of session 00000000")
    logs.use(monkeypatch, tmp_path / "other", [replace(made, reason="")])
    assert "anthropic:" not in logs.printed("show", "1")


def test_nothing_of_others_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.evil())
    monkeypatch.setenv("NO_COLOR", "1")
    shown = [logs.printed("show", "last")]
    for turn in range(1, 32):
        shown += (
            logs.printed("show", f"last/{turn}", *flags) for flags in ((), ("--full",), ("--sent",), ("--reply",))
        )
    for text in shown:
        assert not set("\x1b\x07\x9b\u202e\r") & set(text)
