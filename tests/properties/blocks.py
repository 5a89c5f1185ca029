"""Every block of the Messages API, and words, names and signatures to fill them with.

``TEXT`` to ``REDACTED`` are those that Claude Code sends and every backend can be told; ``ANYTHING`` has all the others
too, in every form, and forms that there are not. Source: Messages API reference; the types of the anthropic package.
"""

import base64
import json
from typing import Any

import orjson
from hypothesis import strategies as st

from addon.dialects.anthropic.history import NATIVE
from addon.dialects.openai_chat.echo import CALLS, DETAILS
from addon.protocol import signature
from addon.protocol.event_shapes import UNSHOWN
from tests import pdfs

type Json = dict[str, Any]

# -- what they are filled with -----------------------------------------------------------------------------------------

CACHE = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
ODD_WORDS = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\u2028",
        "\0",
        "x" * 3000,
        "\ud83d lone \ude00",
        "Human: [DONE] <system-reminder>",
        "\U0001f469\u200d\U0001f4bb",
    ]
)
WORDS = ODD_WORDS | st.sampled_from(["a", "Go on.", '{"a": 1}', "\u4f60\u597d", "one\n\ntwo"]) | st.text(max_size=5)
SOME_WORDS = st.text(min_size=1, max_size=5)
# few, so that ids repeat; long ones and odd ones, as other backends give them
IDS = st.sampled_from(["toolu_01", "call_a", "call_b", "call_abc|fc_1:x", "c" * 41, "c" * 70, "ü"])
NAMES = st.sampled_from(
    ["Bash", "Read", "mcp__server__" + "n" * 60, "mcp.dotted name", "DeferredToolPlaceholder", "ö", "9to5", ""]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
DEEP = st.integers(1, 600).map(lambda depth: json.loads("[" * depth + "]" * depth))  # orjson writes 254 levels
ODD = JSON.filter(lambda value: not isinstance(value, str))  # for what must be base64, which nobody checks on its way
URLS = st.sampled_from(["https://example.com/a.png", "http://[half", ""])


def block(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A block of one type, with or without a cache mark."""
    return st.builds(lambda mark, held: {"type": kind, **held, **mark}, CACHE, st.fixed_dictionaries(dict(fields)))


def loose(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """The same, where any field may be missing, or be anything."""
    odd = {name: st.one_of(right, right, right, JSON) for name, right in fields.items()}
    made = st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=odd)
    return st.builds(lambda held: {"type": kind, **held}, made)


def source(**fields: str) -> st.SearchStrategy[Json]:
    return st.just(dict(fields))


# -- what the client sends ---------------------------------------------------------------------------------------------

PNG = base64.b64encode(b"\x89PNG\r\n").decode()
BROKEN_PDF = base64.b64encode(b"%PDF-1.4").decode()
PDF = pdfs.encoded(pdfs.pdf("Words.", None))
TEXT = block("text", text=WORDS)
IMAGE = block(
    "image",
    source=source(type="base64", media_type="image/png", data=PNG)
    | source(type="url", url="https://example.com/a.png"),
)
DOCUMENT = block(
    "document",
    source=source(type="base64", media_type="application/pdf", data=PDF)
    | source(type="base64", media_type="text/plain", data=base64.b64encode("größe\0".encode()).decode())
    | source(type="text", media_type="text/plain", data="words")
    | st.fixed_dictionaries({"type": st.just("content"), "content": WORDS | st.lists(TEXT, max_size=2)}),
    title=st.none() | WORDS,
)
REFERENCE = block("tool_reference", tool_name=NAMES)
SEARCH_RESULT = block("search_result", source=WORDS, title=WORDS, content=st.lists(TEXT, max_size=2))
RESULT_CONTENT = st.none() | WORDS | st.lists(TEXT | IMAGE | DOCUMENT | REFERENCE | SEARCH_RESULT, max_size=3)
TOOL_USE = block("tool_use", id=IDS, name=NAMES, input=st.dictionaries(WORDS, JSON, max_size=3))
CHANGE = st.builds(
    lambda kind, name: {"type": kind, "tool": {"type": "tool_reference", "name": name}},
    st.sampled_from(["tool_addition", "tool_removal"]),
    NAMES,
)


@st.composite
def tool_result(
    draw: st.DrawFn, ids: st.SearchStrategy[str] = IDS, content: st.SearchStrategy[Any] = RESULT_CONTENT
) -> Json:
    """A result, with and without its optional fields."""
    result: Json = {"type": "tool_result", "tool_use_id": draw(ids), **draw(CACHE)}
    if draw(st.booleans()):
        result["content"] = draw(content)
    if draw(st.booleans()):
        result["is_error"] = draw(st.booleans())
    return result


# -- what was thought: by Claude, by those whom we asked, by nobody who said so, and what is left of a seal ------------

# of each way of saying thinking back there is a provider here, and some have two models
ORIGINS = st.sampled_from([
    "deepseek/v4", "deepseek/v3", "gemini/gemini-3-pro", "mistral/m", "openai/gpt-5.5", "openrouter/z-ai/glm-5.3",
    "openrouter/a/b", "groq/openai/gpt-oss-120b", "zai-anthropic/glm-5.3",
])  # fmt: skip


def _is_plain(value: object) -> bool:
    """Whether a decoder may have read it off a reply: it gives no half characters."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


STATES = st.fixed_dictionaries(
    {},
    optional={
        UNSHOWN: WORDS,
        DETAILS: st.lists(st.dictionaries(SOME_WORDS, JSON, max_size=2), max_size=2) | JSON,
        CALLS: st.dictionaries(IDS, JSON, max_size=2) | JSON,
        NATIVE: st.just("ErUB") | JSON,
    },
).filter(_is_plain)
SEALS = st.builds(signature.seal, ORIGINS, STATES)
DAMAGED = st.builds(lambda seal, kept: seal[:kept], SEALS, st.integers(0, 60)) | st.sampled_from(
    ["detour1.", "detour1.%%%", "detour1.bnVsbA==", "detour9.eyJ9", "detour1." + "A" * 3000]
)
SIGNATURES = st.sampled_from(["", "ErUBCkYIBxgCIkD0"]) | SEALS | DAMAGED
THINKING = block("thinking", thinking=WORDS, signature=SIGNATURES)
REDACTED = block("redacted_thinking", data=st.just("EmwK") | SEALS | DAMAGED.filter(bool))

# -- everything else ---------------------------------------------------------------------------------------------------

ANY_IMAGE = loose("image", source=st.fixed_dictionaries(
    {"type": st.sampled_from(["base64", "url", "file", "tape"])},
    optional={
        "media_type": st.sampled_from(["image/jpeg", "image/svg+xml", "", "x" * 500]) | JSON,
        "data": st.sampled_from([PNG, ""]) | ODD,
        "url": URLS | ODD,
        "file_id": st.just("file_1"),
    },
))  # fmt: skip
ANY_DOCUMENT = loose(
    "document",
    source=st.fixed_dictionaries(
        {"type": st.sampled_from(["base64", "url", "file", "text", "content", "tape"])},
        optional={
            "media_type": st.sampled_from(
                ["application/pdf", "text/plain", "Text/Plain; charset=utf-8", "application/json", "image/png"]
            )
            | JSON,
            "data": st.sampled_from([PDF, BROKEN_PDF, PNG, ""]) | ODD,
            "url": URLS,
            "file_id": st.just("file_1"),
            "content": WORDS | st.lists(TEXT | IMAGE, max_size=2) | JSON,
        },
    ),
    title=st.none() | WORDS,
    context=WORDS,
    citations=st.just({"enabled": True}),
)
PAGE = loose("web_search_result", title=WORDS, url=URLS, encrypted_content=SIGNATURES, page_age=st.none() | WORDS)
LOCATION = loose(
    "web_search_result_location", url=URLS, title=st.none() | WORDS, encrypted_index=SIGNATURES, cited_text=WORDS
)
CITED = block("text", text=WORDS, citations=st.none() | st.lists(LOCATION | JSON, max_size=2))
SERVED = st.one_of(
    loose("server_tool_use", id=IDS, name=st.sampled_from(["web_search", "code_execution"]), input=JSON, caller=JSON),
    loose(
        "web_search_tool_result",
        tool_use_id=IDS,
        content=st.lists(PAGE, max_size=2) | loose("web_search_tool_result_error", error_code=WORDS),
    ),
    loose(
        "web_fetch_tool_result",
        tool_use_id=IDS,
        content=loose("web_fetch_result", url=URLS, content=ANY_DOCUMENT)
        | loose("web_fetch_tool_result_error", error_code=WORDS),
    ),
    *(
        loose(
            f"{name}_tool_result",
            tool_use_id=IDS,
            content=loose(f"{name}_result", stdout=WORDS, return_code=st.just(1), content=JSON, encrypted_stdout=WORDS)
            | loose(f"{name}_tool_result_error", error_code=WORDS),
        )
        for name in ("code_execution", "bash_code_execution", "text_editor_code_execution")
    ),
    loose("tool_search_tool_result", content=loose("result", tool_references=st.lists(REFERENCE | JSON, max_size=2))),
    loose("mcp_tool_use", id=IDS, name=NAMES, server_name=WORDS, input=JSON),
    loose("mcp_tool_result", tool_use_id=IDS, is_error=st.booleans(), content=WORDS | st.lists(TEXT, max_size=2)),
    loose("advisor_tool_result", content=loose("advice", text=WORDS)),
    loose("compaction", content=st.none() | WORDS | st.lists(TEXT, max_size=2)),
    loose("fallback", model=WORDS),
    loose("mcp_tool_listing", tools=JSON),
    loose("container_upload", file_id=st.just("file_1")),
    loose("a_block_of_tomorrow", text=WORDS, content=JSON),
)
INSIDE = TEXT | ANY_IMAGE | ANY_DOCUMENT | REFERENCE | SEARCH_RESULT | SERVED | CITED | TOOL_USE | THINKING
ANYTHING = st.one_of(
    TEXT,
    CITED,
    ANY_IMAGE,
    ANY_DOCUMENT,
    REFERENCE,
    loose("search_result", source=WORDS, title=WORDS, content=WORDS | st.lists(INSIDE, max_size=2)),
    TOOL_USE,
    block("tool_use", id=WORDS, name=WORDS, input=st.builds(lambda deep: {"a": deep}, DEEP)),
    THINKING,
    loose("thinking", thinking=WORDS, signature=SIGNATURES),
    loose("redacted_thinking", data=SIGNATURES),
    tool_result(IDS | WORDS, st.none() | WORDS | st.lists(INSIDE, max_size=3)),
    CHANGE,
    SERVED,
    SERVED,
)
