"""Servers of Anthropic's format that are not Anthropic, each as strict as its vendor, and stricter.

What a vendor does not know it refuses with a 400 in its own words, even where the real one would look away: so whatever
a vendor might refuse some day is a fault today. The tables were written from the vendors' pages and sources, not from
ours. Sources: vLLM 0.20 and SGLang, ``entrypoints/anthropic/protocol.py``; api-docs.deepseek.com, "Anthropic API";
platform.minimax.io, "text-anthropic-api"; platform.kimi.ai; docs.z.ai; Google's and Microsoft's pages on Claude;
anthropics/claude-code#21612, #31033, #33180 for the words of the clouds.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, override

from tests.end_to_end.fakes import KEY, FakeBackend, Received
from tests.end_to_end.messages_server import sign
from tests.end_to_end.replies import Json, Raw

HEADERS = frozenset(("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"))
BODY = frozenset(
    (
        "model",
        "messages",
        "system",
        "max_tokens",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
    )
)
TOOL = frozenset(("name", "description", "input_schema", "cache_control"))
EXTRA = "{path}: Extra inputs are not permitted"
PYDANTIC = "1 validation error:\n  {{'type': 'extra_forbidden', 'loc': ('body', '{path}')}}"


@dataclass(frozen=True, slots=True)
class Vendor:
    """What one vendor takes."""

    like: str  # our row
    model: str
    bearer: bool = True
    path: str = "/v1/messages"
    version: str | None = None  # of the body; None: in a header
    betas: frozenset[str] = frozenset()
    body: frozenset[str] = frozenset()  # beside BODY
    tool: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset(("text", "image", "tool_use", "tool_result", "thinking"))
    roles: frozenset[str] = frozenset(("user", "assistant"))
    turn: frozenset[str] = frozenset()  # fields of a turn beside role and content
    thinking: Mapping[str, frozenset[str]] = field(default_factory=dict)  # type -> the fields beside it
    efforts: frozenset[str] = frozenset()
    form: bool = False
    marks: frozenset[str] = frozenset(("type",))
    is_claude: bool = False
    words: str = EXTRA


BUDGET = frozenset(("budget_tokens",))
SWITCHED = {"enabled": BUDGET, "disabled": frozenset[str]()}
CLAUDES = {
    "adaptive": frozenset(("display",)),
    "enabled": frozenset(("budget_tokens", "display")),
    "disabled": frozenset[str](),
}
EFFORTS = frozenset(("low", "medium", "high", "xhigh", "max"))
CLOUD = frozenset(("context_management", "metadata", "output_config", "safeguards"))
CLOUDS_BLOCKS = frozenset(("text", "image", "document", "tool_use", "tool_result", "thinking", "tool_reference"))
BINDING = "thinking-binding-controls-2026-08-01"
COMMON_BETAS = frozenset(
    (
        "context-management-2025-06-27",
        "interleaved-thinking-2025-05-14",
        "per-turn-control-2026-07-01",
        "thinking-display-updates-2026-08-18",
        "dangerous-tool-use-2026-09-03",
    )
)
VENDORS: Mapping[str, Vendor] = {
    "vllm": Vendor(
        "vllm-anthropic",
        "qwen3.8-27b",
        body=frozenset(("output_config",)),
        thinking=CLAUDES | {"adaptive": frozenset()},
        efforts=EFFORTS,
        form=True,
        words=PYDANTIC,
    ),
    "sglang": Vendor("sglang-anthropic", "qwen3.8-27b", thinking=SWITCHED, words=PYDANTIC),
    "deepseek": Vendor(
        "deepseek-anthropic",
        "deepseek-flash",
        bearer=False,
        body=frozenset(("output_config",)),
        thinking=SWITCHED,
        efforts=frozenset(("low", "high", "max")),
        marks=frozenset(("type", "ttl")),
    ),
    "minimax": Vendor(
        "minimax-anthropic",
        "MiniMax-M3",
        thinking={"adaptive": frozenset(), "disabled": frozenset()},
        marks=frozenset(("type", "ttl")),
        words="invalid params, {path} (2013)",
    ),
    "kimi": Vendor(
        "moonshot-anthropic",
        "kimi-k3",
        body=frozenset(("output_config",)),
        thinking={"adaptive": frozenset(), **SWITCHED},
        efforts=EFFORTS,
        marks=frozenset(("type", "ttl")),
    ),
    "zai": Vendor(
        "zai-anthropic",
        "glm-5.3-flash",
        body=frozenset(("output_config",)),
        thinking=SWITCHED,
        efforts=EFFORTS,
        marks=frozenset(("type", "ttl")),
        words="Invalid API parameter, please check the documentation. {path}",
    ),
    "openrouter": Vendor(
        "openrouter-anthropic",
        "x-ai/grok-4.7",
        body=frozenset(("output_config",)),
        form=True,
        efforts=EFFORTS,
        thinking={"adaptive": frozenset(), **SWITCHED},
        marks=frozenset(("type", "ttl")),
        blocks=frozenset(("text", "image", "document", "tool_use", "tool_result", "thinking")),
    ),
    "foundry": Vendor(
        "azure-claude",
        "claude-opus-5-5",
        bearer=False,
        betas=COMMON_BETAS | {"advanced-tool-use-2025-11-20", "effort-2025-11-24"},
        body=CLOUD,
        tool=frozenset(("defer_loading",)),
        blocks=CLOUDS_BLOCKS,
        roles=frozenset(("user", "assistant", "system")),
        turn=frozenset(("output_config",)),
        thinking=CLAUDES,
        efforts=EFFORTS,
        form=True,
        marks=frozenset(("type", "ttl")),
        is_claude=True,
    ),
    "mantle": Vendor(
        "bedrock-mantle",
        "anthropic.claude-opus-5-5",
        betas=COMMON_BETAS | {"tool-search-tool-2025-10-19", "effort-2025-11-24", "claude-code-20250219", BINDING},
        body=CLOUD,
        tool=frozenset(("defer_loading",)),
        blocks=CLOUDS_BLOCKS,
        roles=frozenset(("user", "assistant", "system")),
        turn=frozenset(("output_config",)),
        thinking=CLAUDES,
        efforts=EFFORTS,
        form=True,
        marks=frozenset(("type", "ttl")),
        is_claude=True,
    ),
    "vertex": Vendor(
        "vertex-claude",
        "claude-opus-5-5",
        path="/publishers/anthropic/models/claude-opus-5-5:streamRawPredict",
        version="vertex-2023-10-16",
        betas=COMMON_BETAS | {"tool-search-tool-2025-10-19", BINDING},
        body=CLOUD,
        tool=frozenset(("defer_loading",)),
        blocks=CLOUDS_BLOCKS,
        roles=frozenset(("user", "assistant", "system")),
        turn=frozenset(("output_config",)),
        thinking=CLAUDES,
        efforts=EFFORTS,
        marks=frozenset(("type", "ttl")),
        is_claude=True,
    ),
    # a Claude of last year, for a client that asks for this year's
    "vertex, an older model": Vendor(
        "vertex-claude",
        "claude-haiku-4-5@20251001",
        path="/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict",
        version="vertex-2023-10-16",
        betas=COMMON_BETAS | {"tool-search-tool-2025-10-19", BINDING},
        body=CLOUD - {"output_config"},
        tool=frozenset(("defer_loading",)),
        blocks=CLOUDS_BLOCKS,
        thinking={kind: fields for kind, fields in CLAUDES.items() if kind != "adaptive"},
        marks=frozenset(("type", "ttl")),
        is_claude=True,
    ),
}


@dataclass(slots=True)
class VendorServer(FakeBackend):
    """One vendor: the script, what was received, and what was wrong with it."""

    is_like: Vendor = VENDORS["vllm"]

    @property
    @override
    def base_url(self) -> str:
        """What a user would give as the address."""
        return f"http://127.0.0.1:{self.port}"

    @override
    def objections(self, request: Received) -> list[str]:
        """What the vendor would refuse, by its path."""
        return list(violations(request, self.is_like, self.key))

    @override
    def refusal(self, message: str, code: str) -> Raw:
        """A 400 in Anthropic's envelope, as all of these answer."""
        body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        return Raw((json.dumps(body).encode(),), 400, (("content-type", "application/json"),))


def violations(request: Received, vendor: Vendor, key: str = KEY) -> Iterator[str]:
    """Everything that the vendor does not know, or would not take."""
    yield from _head(request, vendor, key)
    body = request.body
    known = BODY | vendor.body | ({"anthropic_version"} if vendor.version else frozenset())
    yield from _surplus(body, known - ({"model"} if vendor.version else frozenset()), "", vendor)
    if body.get("anthropic_version") != vendor.version:
        yield f"anthropic_version: {body.get('anthropic_version')!r}"
    if not vendor.version and body.get("model") != vendor.model:
        yield f"model: {body.get('model')!r}"
    yield from _thinking(body, vendor)
    yield from _output(body, vendor)
    yield from _tools(body, vendor)
    for index, block in enumerate(body.get("system") or []):
        yield from _mark(block, f"system.{index}", vendor)
        if not vendor.is_claude and block["text"].startswith("x-anthropic-billing-header"):
            yield f"system.{index}: a fingerprint for Anthropic"
    yield from _messages(body["messages"], vendor)


def _head(request: Received, vendor: Vendor, key: str) -> Iterator[str]:
    name, value = ("authorization", f"Bearer {key}") if vendor.bearer else ("x-api-key", key)
    if request.headers.get(name) != value:
        yield f"header {name}: not the key"
    own = {name, "anthropic-beta", *(() if vendor.version else ("anthropic-version",))}
    yield from (f"header {each}: not on the list" for each in request.headers if each not in HEADERS | own)
    betas = [each for each in request.headers.get("anthropic-beta", "").split(",") if each]
    yield from (
        f"Unexpected value(s) `{each}` for the `anthropic-beta` header" for each in betas if each not in vendor.betas
    )
    if not re.sub(":rawPredict$", ":streamRawPredict", request.path).endswith(vendor.path):
        yield f"path {request.path}: not {vendor.path}"
    needs = {"context_management": "context-management-2025-06-27", "safeguards": "dangerous-tool-use-2026-09-03"}
    yield from (EXTRA.format(path=each) for each, beta in needs.items() if each in request.body and beta not in betas)


def _surplus(holder: Json, known: frozenset[str], path: str, vendor: Vendor) -> Iterator[str]:
    yield from (vendor.words.format(path=f"{path}{name}") for name in holder if name not in known)


def _thinking(body: Json, vendor: Vendor) -> Iterator[str]:
    wish = body.get("thinking")
    if wish is None:
        return
    if wish["type"] not in vendor.thinking:
        yield f"thinking: Input tag '{wish['type']}' found using 'type' does not match any of the expected tags"
        return
    yield from _surplus(wish, vendor.thinking[wish["type"]] | {"type"}, "thinking.", vendor)
    if wish["type"] == "enabled" and not 1024 <= wish.get("budget_tokens", 0) < body["max_tokens"]:
        yield "thinking.enabled.budget_tokens: must be at least 1024 and less than max_tokens"


def _output(body: Json, vendor: Vendor) -> Iterator[str]:
    config = body.get("output_config") or {}
    yield from _surplus(config, frozenset(("effort", "format")), "output_config.", vendor)
    if "format" in config and not vendor.form:
        yield vendor.words.format(path="output_config.format")
    if "effort" in config and config["effort"] not in vendor.efforts:
        yield f"output_config.effort: {config['effort']!r}"


def _tools(body: Json, vendor: Vendor) -> Iterator[str]:
    for index, tool in enumerate(body.get("tools") or []):
        yield from _surplus(tool, TOOL | vendor.tool, f"tools.{index}.custom.", vendor)
        yield from _mark(tool, f"tools.{index}", vendor)
        if "input_schema" not in tool:
            yield f"tools.{index}.input_schema: Field required"


def _messages(messages: list[Json], vendor: Vendor) -> Iterator[str]:
    unanswered: set[str] = set()
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        yield from _surplus(message, frozenset(("role", "content")) | vendor.turn, f"{path}.", vendor)
        if message["role"] not in vendor.roles:
            yield f"{path}.role: Input should be 'user' or 'assistant'"
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        yield from _blocks(blocks, f"{path}.content", vendor)
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if message["role"] == "user" and results != unanswered:
            yield f"{path}: `tool_use` ids {unanswered} and `tool_result` ids {results} are not the same"
        if message["role"] != "system":
            unanswered = {block["id"] for block in blocks if block["type"] == "tool_use"}


def _blocks(blocks: list[Json], path: str, vendor: Vendor) -> Iterator[str]:
    for position, block in enumerate(blocks):
        at = f"{path}.{position}"
        if block["type"] not in vendor.blocks:
            yield f"{at}.type: {block['type']} is not known"
        yield from _mark(block, at, vendor)
        if block["type"] == "thinking" and block["signature"] != sign(block["thinking"]):
            yield f"{at}: Invalid `signature` in `thinking` block"
        inner: Any = block.get("content")
        if block["type"] == "tool_result" and isinstance(inner, list):
            yield from _blocks(inner, f"{at}.content", vendor)
        if re.match(r"detour1\.", str(block.get("signature"))):
            yield f"{at}: a seal of ours"


def _mark(holder: Json, path: str, vendor: Vendor) -> Iterator[str]:
    mark = holder.get("cache_control") or {}
    yield from _surplus(mark, vendor.marks, f"{path}.cache_control.", vendor)
