"""Gemini's own format: text in pieces, calls whole, a signature on the first call of a reply or behind its last text.

A signature is made of the thoughts, so that a test can tell which came back. Source: ai.google.dev, "Generate content",
"Thought signatures".
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.end_to_end import gemini_strictness
from tests.end_to_end.forms import Json, Role, Turn
from tests.end_to_end.replies import Answer, Call, Page, Raw, Usage, pieces
from tests.end_to_end.strictness import Vendor

ROLES: dict[str, Role] = {"model": "assistant", "user": "user"}
FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
JSON = (("content-type", "application/json; charset=UTF-8"),)


def sealed(reasoning: str) -> str:
    """The signature of thoughts."""
    return base64.urlsafe_b64encode(hashlib.sha256(reasoning.encode()).digest()).decode()


class Gemini:
    """See :class:`tests.end_to_end.forms.Form`."""

    def serves(self, method: str, path: str) -> bool:
        """The two methods, of a model at either of Google's addresses."""
        known = gemini_strictness.STUDIO.fullmatch(path) or gemini_strictness.VERTEX.fullmatch(path)
        return method == "POST" and known is not None

    def violations(self, headers: Mapping[str, str], path: str, body: object, *, key: str, vendor: Vendor) -> list[str]:
        """See ``gemini_strictness``."""
        return gemini_strictness.violations(headers, path, body, key=key)

    def render(self, answer: Answer, path: str, request: Json) -> Raw:
        """Events, or one response object."""
        parts = list(_parts(answer))
        if "stream" not in path:
            whole = _response(_joined(parts), _finish(answer), answer.usage, answer.cites)
            return Raw((json.dumps(whole).encode(),), headers=JSON)
        told = [_response([part], "", answer.usage) for part in parts]
        written = [_sse(each) for each in (*told, _response([], _finish(answer), answer.usage, answer.cites))]
        if answer.cut_after_chunks is not None:
            return Raw(tuple(written[: answer.cut_after_chunks]), cut=True)
        return Raw(tuple(written))

    def turns(self, request: Json) -> list[Turn]:
        """One for each part, behind the system instruction."""
        system = request.get("systemInstruction", {"parts": []})
        first = [Turn("system", part["text"]) for part in system["parts"]]
        contents: list[Json] = request.get("contents", [])
        return [*first, *(_turn(ROLES[each["role"]], part) for each in _numbered(contents) for part in each["parts"])]

    def tool_names(self, request: Json) -> list[str]:
        """Those of functions."""
        return [each["name"] for tool in request.get("tools", []) for each in tool.get("functionDeclarations", [])]


def _parts(answer: Answer) -> Iterator[Json]:
    """What is said, piece by piece."""
    yield from ({"text": piece, "thought": True} for piece in pieces(answer.reasoning))
    yield from ({"text": piece} for piece in pieces(answer.text))
    seal = {"thoughtSignature": sealed(answer.reasoning)}
    for number, each in enumerate(answer.calls):
        called = {"functionCall": {"id": each.id, "name": each.name, "args": json.loads(each.arguments)}}
        yield called if number else {**called, **seal}
    if answer.reasoning and not answer.calls:
        yield {"text": "", **seal}


def _joined(parts: list[Json]) -> list[Json]:
    """The parts of a whole reply: neighbours that differ in their words alone are one."""
    made: list[Json] = []
    for part in parts:
        last = made[-1] if made else part
        if made and "text" in part and {**last, "text": ""} == {**part, "text": ""}:
            made[-1] = {**part, "text": last["text"] + part["text"]}
        else:
            made.append(part)
    return made


def _finish(answer: Answer) -> str:
    return FINISH.get(answer.finish, "STOP")


def _grounding(cites: tuple[Page, ...]) -> Json:
    """What was found, and that all of the text rests on it."""
    return {
        "webSearchQueries": ["rain"],
        "groundingChunks": [{"web": {"uri": page.url, "title": page.title}} for page in cites],
        "groundingSupports": [
            {"segment": {"text": page.text}, "groundingChunkIndices": [number]} for number, page in enumerate(cites)
        ],
    }


def _response(parts: list[Json], finish: str, usage: Usage, cites: tuple[Page, ...] = ()) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}} if parts else {}
    if cites:
        candidate["groundingMetadata"] = _grounding(cites)
    done = {"finishReason": finish} if finish else {}
    counts: Json = {"promptTokenCount": usage.prompt, "totalTokenCount": usage.prompt}
    if finish:
        counts = {
            "promptTokenCount": usage.prompt,
            "candidatesTokenCount": usage.completion - usage.reasoning,
            "totalTokenCount": usage.prompt + usage.completion,
            **({"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {}),
            **({"cachedContentTokenCount": usage.cached} if usage.cached else {}),
        }
    return {
        "candidates": [{**candidate, **done, "index": 0}],
        "usageMetadata": counts,
        "modelVersion": "gemini",
        "responseId": "r1",
    }


def _sse(response: Json) -> bytes:
    return b"data: " + json.dumps(response).encode() + b"\r\n\r\n"


def _numbered(contents: list[Json]) -> Iterator[Json]:
    """The contents, with an id on each call and its response where the model takes none: they come in one order."""
    counts = {"functionCall": 0, "functionResponse": 0}
    for content in contents:
        parts = []
        for part in content["parts"]:
            kind = next((name for name in counts if name in part), "")
            if kind:
                counts[kind] += 1
            parts.append({**part, kind: {"id": f"{counts[kind]}", **part[kind]}} if kind else part)
        yield {**content, "parts": parts}


def _turn(role: Role, part: Json) -> Turn:
    signed = (part["thoughtSignature"],) if "thoughtSignature" in part else ()
    match part:
        case {"functionCall": {"name": name, "args": arguments, **rest}}:
            return Turn(role, calls=(Call(name, json.dumps(arguments), str(rest.get("id"))),), sealed=signed)
        case {"functionResponse": _}:
            told = part["functionResponse"]
            media = tuple(_uri(each) for each in told.get("parts", []))
            return Turn("tool", _told(told["response"]), call_id=str(told.get("id")), media=media)
        case {"inlineData": _}:
            return Turn(role, media=(_uri(part),))
        case _:
            return Turn(role, part.get("text", ""), sealed=signed)


def _told(response: Any) -> str:
    return response["output"] if "output" in response else f"error: {response['error']}"


def _uri(part: Json) -> str:
    return f"data:{part['inlineData']['mimeType']};base64,{part['inlineData']['data']}"
