"""`detour route explain`: the same decision as the proxy's, with its reasons, and nothing sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from addon.cli.explain import Question, explain
from addon.protocol.errors import ConfigError
from tests import searches

DOCUMENT = """
big: gpu/x
backends:
  gpu: {address: http://gpu:8000/v1, credential: sk-0123456789abcdef}
routes:
  - {name: titles, when: {kind: title}, block: no titles}
  - {name: cheap, when: {kind: subagent}, to: [ollama/x, gpu/y], max_tokens: 5}
"""
ASKED: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
SUBAGENT = ("x-claude-code-request-class: subagent",)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIG_MODEL", "MIDDLE_MODEL", "SMALL_MODEL", "DETOUR_CONFIG", "ZAI_API_KEY", "SEARXNG_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "detour.yaml").write_text(DOCUMENT)


def told(capsys: pytest.CaptureFixture[str], question: Question, **more: object) -> dict[str, Any]:
    explain(json.dumps({**ASKED, **more}).encode(), question, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_a_call_without_a_rule_is_answered_by_its_tier(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, Question())
    assert [each["matches"] for each in found["asked"]] == [False, False]
    assert found["asked"][0]["because"] == "not: the kind is title"
    assert found["outcome"] == {
        "answers": "gpu/x",
        "reason": "big (detour.yaml, line 2) answers opus",
        "address": "http://gpu:8000/v1/chat/completions",
        "key": "${detour.yaml: credential}",
        "when it cannot": [],
        "changed": [],
        "lost": [],
    }


def test_a_rule_says_where_it_stands_and_what_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = told(capsys, Question(headers=SUBAGENT), top_k=3)["outcome"]
    assert outcome["reason"] == "cheap (detour.yaml, line 7): the kind is subagent"
    assert outcome["when it cannot"] == ["gpu/y"]
    assert outcome["changed"] == ["max_tokens: set to 5 (was 9)"]
    assert outcome["lost"] == ["top_k: ollama/x knows no such field"]


def test_a_shadow_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shadowed = "  - {to: ollama/x, shadow: {to: gpu/y, share: 0.1}}\nshadow: {requests_per_day: 5}\n"
    (tmp_path / "detour.yaml").write_text(DOCUMENT + shadowed)
    outcome = told(capsys, Question())["outcome"]
    assert (outcome["answers"], outcome["in the background"]) == ("ollama/x", "0.1 of them also to gpu/y, unseen")


def test_a_search_is_made_by_another_than_the_route_chose(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = told(capsys, Question(), **searches.body())["outcome"]
    assert outcome["answers"] == "Detour itself"
    assert outcome["reason"].endswith("gpu/x does not search, and no search endpoint is set up")
    monkeypatch.setenv("SEARXNG_API_BASE", "http://find.example")
    outcome = told(capsys, Question(), **searches.body())["outcome"]
    assert outcome["answers"] == "searxng/web"
    assert outcome["address"] == "http://find.example/search?format=json&q=rain+in+spain"
    assert "gpu/x does not search" in outcome["reason"]


OUTCOMES = [
    (Question(headers=("x-claude-code-request-class: auxiliary",)), {"system": "You are naming a coding session"}, 451),
    (Question(), {"model": "nobody/x"}, 404),
    (Question(), {"model": "groq/x"}, 403),
    (Question(), {"messages": []}, 400),
]


@pytest.mark.parametrize(("question", "more", "status"), OUTCOMES)
def test_a_refusal_is_told_with_its_status(
    capsys: pytest.CaptureFixture[str], question: Question, more: dict[str, Any], status: int
) -> None:
    assert told(capsys, question, **more)["outcome"]["status"] == status


def test_what_passes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, Question(), model="claude-haiku-5-5")["outcome"]["answers"] == "anthropic"


def test_for_people_it_is_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    explain(json.dumps(ASKED).encode(), Question(headers=SUBAGENT), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert "✓ cheap (detour.yaml, line 7): the kind is subagent" in lines
    assert "· titles (detour.yaml, line 6): not: the kind is title" in lines
    assert "answers: ollama/x" in lines
    explain(json.dumps(ASKED).encode(), Question(preset="local_ollama"), as_json=False)
    assert "answers: ollama/qwen3-coder:30b" in capsys.readouterr().out


MISTAKES = [
    (b"", Question(), "not valid JSON"),
    (b"[]", Question(), "it is a JSON object with a"),
    (b'{"model": "x"}', Question(headers=("x",)), "write NAME: VALUE"),
    (b'{"model": "x"}', Question(preset="glm"), "there is no key for zai"),
    (b'{"model": "x"}', Question(file="nowhere.yaml"), "nowhere.yaml does not exist"),
]


@pytest.mark.parametrize(("request_bytes", "question", "words"), MISTAKES)
def test_what_cannot_be_explained_is_told(request_bytes: bytes, question: Question, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        explain(request_bytes, question, as_json=False)


def test_a_flow_filter_is_asked_as_the_proxy_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "detour.yaml").write_text(
        "routes:\n- {when: {filter: '~m GET'}, to: ollama/no}\n"
        "- {when: {filter: '~m POST & ~hq x-team'}, to: ollama/yes}\n"
    )
    assert told(capsys, Question(headers=("x-team: blue",)))["outcome"]["answers"] == "ollama/yes"
    assert told(capsys, Question())["outcome"]["answers"] == "anthropic"
