"""`detour replay`: a turn of the log goes to each model that is named, through a Detour that runs or is started."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from addon.cli import companion, replay, wiring
from addon.cli.app import app
from addon.cli.asking import Outcome
from addon.prompts import answer
from addon.prompts.entry import Entry, Summary
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.protocol.errors import ConfigError
from addon.settings import state_file
from addon.settings.environment import names
from addon.settings.instance_file import Instance
from tests.cli.door import Said, opened
from tests.prompts.entries import entry, stream
from tests.prompts.log.plain import Plain

SESSION = "0123456789abcdef"
HELLO = stream({"type": "text", "text": "Hello"})
ASKED = {"model": "claude-opus-5-5", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
PRICED = "models: {vllm/one: {price: {input: 1000, output: 2000, cache_read: 0, cache_write: 0}}}"
FIRST = entry(ASKED, given=stream({"type": "text", "text": "Long ago"}), session=SESSION)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(replay, "WRITTEN_S", 0.0)
    return tmp_path / "home"


def log(home: Path, *entries: Entry) -> None:
    kept = Writer(home / FILE, Plain())
    for each in entries:
        kept.add(each)
    kept.close()


def running(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    found = Instance(1, "", {"reverse": url}, "", "")
    monkeypatch.setattr(wiring, "find_instance", lambda home, door: found)


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["replay", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_a_turn_goes_to_each_model_and_is_shown_beside_what_was_said_then(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    log(home, FIRST)
    with opened({"vllm/one": Said((HELLO,)), "vllm/two": Said((HELLO,), id="req_2")}) as door:
        running(monkeypatch, door.url)
        code, told, said = call(f"{SESSION[:6]}/1", "vllm/one", "vllm/two")
    assert (code, said) == (0, "")
    assert all(word in told for word in ("then: anthropic", "Long ago", "vllm/one", "vllm/two", "Hello"))
    assert {headers["x-detour-target"] for _, headers, _ in door.asked} == {"vllm/one", "vllm/two"}
    for path, headers, body in door.asked:
        assert path == "/v1/messages"
        assert headers["x-detour-replay-of"] == FIRST.summary.id
        assert headers["x-detour-token"] == state_file.token(home)
        assert json.loads(body) == ASKED


def test_programs_get_it_as_json_and_a_failure_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    log(home, FIRST)
    Path("detour.yaml").write_text(PRICED)
    refusal = b'{"type": "error", "error": {"type": "not_found_error", "message": "no provider"}}'
    with opened({"vllm/one": Said((HELLO,)), "x/y": Said((refusal,), 404)}) as door:
        running(monkeypatch, door.url)
        code, told, _ = call("last", "vllm/one", "x/y", "--json")
    assert code == 1
    told = json.loads(told)
    assert (told["exchange"], told["session"]) == (FIRST.summary.id, SESSION)
    then, one, none = told["answers"]
    assert (then["text"], then["logged"], then["dollars"]) == ("Long ago", True, 0.0125)
    assert (one["text"], one["logged"], one["dollars"]) == ("Hello", False, 0.05)
    assert "no provider" in none["error"]


def test_the_log_knows_better_what_a_model_took(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    log(home, FIRST)
    counted = replace(
        FIRST.summary, id="0001", origin="replay", of=FIRST.summary.id, route="vllm/other", dollars=1.5, input_tokens=1
    )

    def asked(*_: Any) -> list[Outcome]:
        log(home, replace(FIRST, summary=counted))
        return [Outcome(target="vllm/one", answer=answer.read(HELLO), status=200, id="0001")]

    monkeypatch.setattr(replay, "_ask_all", lambda *args, **kwargs: asked())
    running(monkeypatch, "http://127.0.0.1:9")
    one = json.loads(call("1", "vllm/one", "--json")[1])["answers"][1]
    assert (one["target"], one["dollars"], one["prompt_tokens"]) == ("vllm/other", 1.5, 991)


def test_a_copy_of_a_copy_is_one_of_the_first_and_a_lost_answer_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    copy = replace(FIRST, given=None, summary=replace(FIRST.summary, id="b", origin="replay", of="a" * 24))
    log(home, copy)
    with opened({"vllm/one": Said((HELLO,))}) as door:
        running(monkeypatch, door.url)
        told = json.loads(call("last", "vllm/one", "--json")[1])
    assert door.asked[0][1]["x-detour-replay-of"] == "a" * 24
    assert len(told["answers"]) == 1


def test_marks_of_secrets_are_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    marked = {**ASKED, "system": "Use [redacted:openai:0123abcd] and [redacted:aws:0123abcd]."}
    log(home, entry(marked, given=HELLO))
    with opened({"vllm/one": Said((HELLO,))}) as door:
        running(monkeypatch, door.url)
        _, _, said = call("last", "vllm/one")
    assert "is redacted: 2 marks stand where secrets were" in said


def test_one_is_started_where_none_runs(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    log(home, FIRST)
    with opened({"vllm/one": Said((HELLO,))}) as door:

        @contextmanager
        def started(plan: Any, place: Path, surroundings: Any, trusted: Any) -> Iterator[Instance]:
            assert place == home
            assert plan.doors.upstream == "http://127.0.0.1:3128"
            assert surroundings["DETOUR_UPSTREAM"] == "http://127.0.0.1:3128"
            yield Instance(1, "", {"reverse": door.url}, "", "")

        monkeypatch.setenv("DETOUR_UPSTREAM", "http://127.0.0.1:3128")
        monkeypatch.setattr(companion, "running", started)
        code, told, said = call("last", "vllm/one")
    assert code == 0
    assert "Hello" in told
    assert "one is started for this" in said


def test_no_upstream_is_none(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    log(home, FIRST)
    with opened({"vllm/one": Said((HELLO,))}) as door:

        @contextmanager
        def started(plan: Any, *_: object) -> Iterator[Instance]:
            assert plan.doors.upstream == ""
            yield Instance(1, "", {"reverse": door.url}, "", "")

        monkeypatch.setattr(wiring, "find_upstream", lambda *_: ("", ""))
        monkeypatch.setattr(companion, "running", started)
        assert call("last", "vllm/one")[0] == 0


MISTAKES: list[tuple[Sequence[Entry], str, str]] = [
    ((), "last", "no prompt log"),
    ([FIRST], "99", "there is no exchange '99'"),
    ([FIRST], f"{SESSION}/7", "no turn '7'"),
    ([replace(FIRST, request=None)], "last", "only the metadata are kept"),
    ([entry(ASKED, path="/v1/messages/count_tokens")], "last", "no call to a model, but /v1/messages/count_tokens"),
]


@pytest.mark.parametrize(("entries", "which", "words"), MISTAKES)
def test_what_cannot_be_sent_says_why(home: Path, entries: Sequence[Entry], which: str, words: str) -> None:
    if entries:
        log(home, *entries)
    with pytest.raises(ConfigError) as caught:
        call(which, "vllm/one")
    assert words.lower() in caught.value.message.lower()


def test_a_price_that_nobody_knows_is_none(tmp_path: Path) -> None:
    told = Outcome(target="vllm/one", answer=answer.read(HELLO), status=200)
    (tmp_path / "detour.yaml").write_text(PRICED)
    settings = replay._settings()
    assert settings is not None
    assert replay._priced(told, {}, settings).dollars == 0.05
    assert replay._priced(told, {"other": Summary(id="other", at=0.0)}, settings).dollars == 0.05
    assert replay._priced(replace(told, target="vllm/two"), {}, settings).dollars is None
    assert replay._priced(replace(told, target="nobody/x"), {}, settings).dollars is None
    assert replay._priced(replace(told, status=500), {}, settings).dollars is None
    assert replay._priced(told, {}, None).dollars is None
    (tmp_path / "detour.yaml").write_text("big: nobody/x\n")
    assert replay._settings() is None
