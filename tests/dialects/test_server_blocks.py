"""What Anthropic's servers did, and what a search of ours found, in the words of a later request."""

import typing
from typing import Any

import pytest
from anthropic.types import beta

from addon.dialects.losses import Loss, Lost
from addon.dialects.server_blocks import SILENT, WORDS, say
from addon.protocol import signature

type Json = dict[str, Any]

OURS = signature.seal("perplexity/sonar", {"text": "It rains in the plain."})


def result(kind: str, content: Any, **more: Any) -> Json:
    return {"type": f"{kind}_tool_result", "tool_use_id": "srvtoolu_1", "content": content, **more}


def failure(kind: str, code: str = "unavailable") -> Json:
    return {"type": f"{kind}_tool_result_error", "error_code": code}


def found(**page: Any) -> Json:
    return {"type": "web_search_result", "title": "Rain", "url": "https://r.example", "encrypted_content": "x", **page}


FETCHED = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "It rains."}}

SAID: dict[str, tuple[Json, str]] = {
    "a search": (
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rain"}},
        '[web_search was called with {"query":"rain"}]',
    ),
    "a call without input": ({"type": "server_tool_use", "id": "s", "name": "advisor"}, "[advisor was called with {}]"),
    "a call of a server's tool": (
        {"type": "mcp_tool_use", "id": "m", "name": "look", "server_name": "eyes", "input": {"at": 1}},
        '[eyes.look was called with {"at":1}]',
    ),
    "pages that Anthropic found": (
        result("web_search", [found()]),
        "[found by web_search]\n- Rain (https://r.example)",
    ),
    "pages that we found": (
        result("web_search", [found(encrypted_content=OURS), found(title=None), "odd"]),
        "[found by web_search]\n- Rain (https://r.example)\n  It rains in the plain.\n-  (https://r.example)",
    ),
    "no pages": (result("web_search", []), "[found by web_search]\nnothing"),
    "a search that failed": (result("web_search", failure("web_search")), "[web_search failed: unavailable]"),
    "a result of no shape": (result("web_search", 7), "[the result of web_search cannot be read]"),
    "a page": (
        result("web_fetch", {"type": "web_fetch_result", "url": "https://r.example", "content": FETCHED}),
        "[fetched from https://r.example]\nIt rains.",
    ),
    "a page that is a PDF": (
        result("web_fetch", {"url": "https://r.example", "content": {"source": {"type": "base64", "data": "JVBE"}}}),
        "[fetched from https://r.example]\n(not a text)",
    ),
    "a page without a source": (
        result("web_fetch", {"content": {"type": "document"}}),
        "[fetched from ]\n(not a text)",
    ),
    "a page that failed": (
        result("web_fetch", failure("web_fetch", "url_not_allowed")),
        "[web_fetch failed: url_not_allowed]",
    ),
    "code": (
        result("code_execution", {"type": "code_execution_result", "stdout": "4", "stderr": "", "return_code": 0}),
        '[result of code_execution] {"stdout":"4","stderr":"","return_code":0}',
    ),
    "code whose output is sealed": (
        result(
            "code_execution", {"type": "encrypted_code_execution_result", "encrypted_stdout": "x", "return_code": 0}
        ),
        '[result of code_execution] {"return_code":0}',
    ),
    "a shell that failed": (
        result("bash_code_execution", failure("bash_code_execution", "execution_time_exceeded")),
        "[bash_code_execution failed: execution_time_exceeded]",
    ),
    "an editor": (
        result(
            "text_editor_code_execution", {"type": "text_editor_code_execution_create_result", "is_file_update": True}
        ),
        '[result of text_editor_code_execution] {"is_file_update":true}',
    ),
    "tools that were found": (
        result("tool_search", {"tool_references": [{"type": "tool_reference", "tool_name": "Cron"}, 7]}),
        "[tools found: Cron]",
    ),
    "tools that were not": (result("tool_search", failure("tool_search")), "[tool_search failed: unavailable]"),
    "a server's result": (
        {"type": "mcp_tool_result", "tool_use_id": "m", "content": [{"type": "text", "text": "seen"}, 7]},
        "[result of the call]\nseen",
    ),
    "a server's error": (
        {"type": "mcp_tool_result", "tool_use_id": "m", "content": "blind", "is_error": True},
        "[the call failed]\nblind",
    ),
    "advice": (result("advisor", {"type": "advisor_result", "text": "Do not."}), "[advice]\nDo not."),
    "sealed advice": (
        result("advisor", {"type": "advisor_redacted_result", "encrypted_content": "x"}),
        "[the result of advisor cannot be read]",
    ),
    "a summary": ({"type": "compaction", "content": "They spoke of rain."}, "They spoke of rain."),
    "a summary that failed": ({"type": "compaction", "content": None}, ""),
}


@pytest.mark.parametrize(("block", "text"), SAID.values(), ids=SAID)
def test_a_block_is_said_in_words_and_told_as_changed(block: Json, text: str) -> None:
    losses: list[Loss] = []
    assert say(block, "messages.1.content.0", losses) == text
    assert [(each.sort, each.path, each.what) for each in losses] == [
        (Lost.SERVER_TOOL_BLOCK, "messages.1.content.0", f"{block['type']} of an earlier turn became plain text")
    ]


@pytest.mark.parametrize("kind", SILENT)
def test_a_note_for_anthropics_server_says_nothing(kind: str) -> None:
    losses: list[Loss] = []
    assert say({"type": kind}, "messages.1.content.0", losses) == ""
    assert [(each.sort, each.routine) for each in losses] == [(Lost.ANTHROPICS_OWN, True)]


def test_any_other_block_is_not_said_here() -> None:
    losses: list[Loss] = []
    assert say({"type": "hologram"}, "messages.1.content.0", losses) is None
    assert losses == []


# said elsewhere, or refused: a file that nobody but Anthropic has
ELSEWHERE = {
    "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
    "tool_addition", "tool_removal", "container_upload",
}  # fmt: skip


def test_every_block_that_anthropic_publishes_is_known() -> None:
    shapes = typing.get_args(beta.BetaContentBlockParam)
    hints = [typing.get_type_hints(shape)["type"] for shape in shapes if hasattr(shape, "__required_keys__")]
    published = {
        kind
        for hint in hints
        for kind in typing.get_args(typing.get_args(hint)[0] if "Required" in str(hint) else hint)
    }
    assert len(published) > 20
    assert published - ELSEWHERE == {*WORDS, *SILENT}
