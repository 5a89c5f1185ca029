"""A history holds the target's own thinking, and nobody else's."""

import json
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.anthropic.history import NATIVE, concerns, own
from addon.dialects.losses import Lost
from addon.protocol import messages, signature
from tests.stories import target

type Json = dict[str, Any]

CLAUDE = target("anthropic", "claude-opus-5-5")
FOUNDRY = target("azure-claude", "claude-opus-5-5")
ZAI = target("zai-anthropic", "glm-5.3")
ASK: Json = {"role": "user", "content": "Go on."}
TEXT: Json = {"type": "text", "text": "Yes."}
CALL: Json = {"type": "tool_use", "id": "c", "name": "Bash", "input": {}}
RESULT: Json = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "a"}]}


def thinking(sealed: str | None) -> Json:
    return {"type": "thinking", "thinking": "Hm.", **({} if sealed is None else {"signature": sealed})}


def redacted(sealed: str) -> Json:
    return {"type": "redacted_thinking", "data": sealed}


def native(origin: str, own: str = "native-signature") -> str:
    return signature.seal(origin, {NATIVE: own})


def request(*turns: Json, **fields: Any) -> messages.Request:
    return messages.check({"model": "m", "messages": list(turns), **fields})


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


CASES: dict[str, tuple[Target, Json, Json | None, list[str]]] = {
    "Anthropic's own": (CLAUDE, thinking("ErUB"), thinking("ErUB"), []),
    "Anthropic's own on another cloud": (FOUNDRY, thinking("ErUB"), thinking("ErUB"), []),
    "Anthropic's own, encrypted": (CLAUDE, redacted("ErUB"), redacted("ErUB"), []),
    "a translated backend's": (CLAUDE, thinking(signature.seal("openai/o3")), None, ["openai/o3"]),
    "a native backend's, to Anthropic": (CLAUDE, thinking(native("zai-anthropic/g")), None, ["zai-anthropic/g"]),
    "a native backend's, to itself": (ZAI, thinking(native("zai-anthropic/g")), thinking("native-signature"), []),
    "a native backend's, encrypted, to itself": (
        ZAI, redacted(native("zai-anthropic/g")), redacted("native-signature"), [],
    ),
    "a native backend's, to another": (ZAI, thinking(native("kimi-coding/k")), None, ["kimi-coding/k"]),
    "Anthropic's, to a native backend": (ZAI, thinking("ErUB"), None, ["an earlier turn"]),
    "unsigned, to a native backend": (ZAI, thinking(None), thinking(None), []),
    "unsigned, to a native backend, as the client echoes it": (ZAI, thinking(""), thinking(""), []),
    "unsigned, to Anthropic": (CLAUDE, thinking(""), None, ["an earlier turn"]),
    "a seal without a native signature": (ZAI, thinking(signature.seal("zai-anthropic/g")), None, ["zai-anthropic/g"]),
    "a damaged seal": (CLAUDE, thinking("detour1.%%%"), None, ["an earlier turn"]),
}  # fmt: skip


@pytest.mark.parametrize(("to", "block", "expected", "whose"), CASES.values(), ids=CASES)
def test_thinking_goes_to_whom_it_came_from(to: Target, block: Json, expected: Json | None, whose: list[str]) -> None:
    asked = request(ASK, assistant(block, TEXT), ASK)
    shown, losses = own(asked, to)
    assert shown.messages == [ASK, assistant(*([expected] if expected else []), TEXT), ASK]
    assert shown.body["messages"] is shown.messages
    assert [(each.sort, each.path, each.what) for each in losses] == [
        (Lost.FOREIGN_THINKING, "messages.1.content.0", f"thinking of {name} left out") for name in whose
    ]
    if expected == block:
        assert shown is asked
    else:
        assert concerns(json.dumps(asked.body).encode(), claude=to.profile.claude)


def test_a_turn_of_foreign_thinking_alone_is_left_out() -> None:
    foreign = assistant(thinking(signature.seal("openai/o3")))
    assert own(request(ASK, foreign, ASK), CLAUDE)[0].messages == [ASK, ASK]


def test_the_clients_request_is_not_changed() -> None:
    asked = request(ASK, assistant(thinking(signature.seal("openai/o3")), TEXT), ASK)
    before = json.dumps(asked.body)
    own(asked, CLAUDE)
    assert json.dumps(asked.body) == before


SEARCHED = assistant(
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "cats"}},
    {
        "type": "web_search_tool_result",
        "tool_use_id": "s",
        "content": [
            {
                "type": "web_search_result",
                "title": "Cats",
                "url": "https://a.example",
                "encrypted_content": signature.seal("searxng/web", {"text": "They purr."}),
            }
        ],
    },
    {**TEXT, "citations": [{"url": "https://a.example", "encrypted_index": signature.seal("searxng/web")}]},
)


def test_what_another_found_on_the_web_is_told_in_words() -> None:
    shown, losses = own(request(ASK, SEARCHED, ASK), CLAUDE)
    found = {"type": "text", "text": "[found by web_search]\n- Cats (https://a.example)\n  They purr."}
    assert shown.messages[1] == assistant(found, TEXT)
    assert [(each.sort, each.path) for each in losses] == [
        (Lost.SERVER_TOOL_BLOCK, "messages.1.content.1"),
        (Lost.CITATIONS, "messages.1.content.2.citations"),
    ]
    assert all(concerns(json.dumps(SEARCHED).encode(), claude=claude) for claude in (True, False))


def test_a_search_result_without_its_call_takes_nothing_with_it() -> None:
    asked, result, _ = SEARCHED["content"]
    odd = assistant(TEXT, {key: value for key, value in result.items() if key != "tool_use_id"}, asked)
    shown, _ = own(request(ASK, odd, ASK), CLAUDE)
    assert [block["type"] for block in shown.messages[1]["content"]] == ["text", "text", "server_tool_use"]


BUDGET = {"type": "enabled", "budget_tokens": 4000}
EDITS = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "other"}]}
FOREIGN_CALL = assistant(thinking(signature.seal("openai/o3")), CALL)


def test_thinking_is_off_while_calls_of_another_are_open() -> None:
    shown, losses = own(request(ASK, FOREIGN_CALL, RESULT, thinking=BUDGET, context_management=EDITS), CLAUDE)
    assert shown.body["thinking"] == {"type": "disabled"}
    assert shown.body["context_management"] == {"edits": [{"type": "other"}]}
    assert [each.sort for each in losses] == [Lost.FOREIGN_THINKING, Lost.THINKING_OFF]


@pytest.mark.parametrize(
    ("turns", "wish"),
    [
        ([ASK, FOREIGN_CALL, RESULT], {"type": "adaptive"}),
        ([ASK, assistant(thinking(signature.seal("openai/o3")), TEXT), ASK, assistant()], BUDGET),
        ([ASK, assistant(thinking(signature.seal("openai/o3")), TEXT), ASK], BUDGET),
        ([ASK, FOREIGN_CALL, RESULT, assistant(thinking("ErUB"), CALL), RESULT], BUDGET),
        ([ASK, FOREIGN_CALL, RESULT, {"role": "assistant", "content": "Yes."}, ASK], BUDGET),
    ],
)
def test_thinking_stays_where_anthropic_takes_it(turns: list[Json], wish: Json) -> None:
    shown, _ = own(request(*turns, thinking=wish), CLAUDE)
    assert shown.body["thinking"] == wish


@pytest.mark.parametrize("claude", [True, False])
def test_a_history_without_thinking_is_not_looked_at(claude: bool) -> None:
    assert not concerns(json.dumps({"messages": [ASK, assistant(TEXT, CALL), RESULT]}).encode(), claude=claude)
