"""The Responses API: events of each output item in the order of OpenAI's own, and what a request's items say.

Reasoning comes as a summary, with encrypted content that only this backend could read: made of the summary, so that a
test can tell which came back. Source: OpenAI API reference, "streaming events".
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.end_to_end import strict_responses
from tests.end_to_end.forms import Json, Role, Turn
from tests.end_to_end.replies import CREATED, Answer, Call, Page, Raw, Usage, pieces
from tests.end_to_end.strictness import Vendor

ROLES: dict[str, Role] = {"developer": "system", "system": "system", "assistant": "assistant", "user": "user"}
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
JSON = (("content-type", "application/json"),)


def sealed(reasoning: str) -> str:
    """The encrypted content of reasoning."""
    return f"{strict_responses.SEALED}{hashlib.sha256(reasoning.encode()).hexdigest()}"


class Responses:
    """See :class:`tests.end_to_end.forms.Form`."""

    def serves(self, method: str, path: str) -> bool:
        """OpenAI's path."""
        return (method, path) == ("POST", "/v1/responses")

    def violations(self, headers: Mapping[str, str], path: str, body: object, *, key: str, vendor: Vendor) -> list[str]:
        """See ``strict_responses``."""
        return strict_responses.violations(headers, body, key=key, vendor=vendor)

    def render(self, answer: Answer, path: str, request: Json) -> Raw:
        """Events, or one response object."""
        searches = any(tool["type"] == "web_search" for tool in request.get("tools", ()))
        items = list(_items(answer, searches=searches))
        head = {"id": "resp_1", "object": "response", "created_at": CREATED, "model": request.get("model")}
        done = {**head, **_end(answer), "output": items, "usage": _usage(answer.usage)}
        if request.get("stream") is not True:
            return Raw((json.dumps(done).encode(),), headers=JSON)
        begun: Json = {**head, "status": "in_progress", "output": [], "usage": None, "error": None}
        events = [{"type": f"response.{each}", "response": begun} for each in ("created", "in_progress")]
        told = [list(_events(place, item)) for place, item in enumerate(items)]
        rows = _dealt(told) if answer.interleaved else [event for row in told for event in row]
        events += [*rows, {"type": f"response.{done['status']}", "response": done}]
        written = [_sse({**event, "sequence_number": number}) for number, event in enumerate(events)]
        if answer.cut_after_chunks is not None:  # behind the two that say nothing
            return Raw(tuple(written[: answer.cut_after_chunks + 2]), cut=True)
        return Raw(tuple(written))

    def turns(self, request: Json) -> list[Turn]:
        """One for each item, behind the instructions."""
        first = [Turn("system", request["instructions"])] if "instructions" in request else []
        return [*first, *map(_turn, request.get("input", []))]

    def tool_names(self, request: Json) -> list[str]:
        """Those of functions."""
        return [tool["name"] for tool in request.get("tools", []) if tool["type"] == "function"]


def _end(answer: Answer) -> Json:
    if answer.finish in INCOMPLETE:
        return {"status": "incomplete", "incomplete_details": {"reason": INCOMPLETE[answer.finish]}, "error": None}
    return {"status": "completed", "incomplete_details": None, "error": None}


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    }


def _items(answer: Answer, *, searches: bool) -> Iterator[Json]:
    """The output, as it stands in the end; pages that are cited were searched for, where that was asked for."""
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": answer.reasoning}]
        seal = sealed(answer.reasoning)
        yield {"id": f"rs_{seal[-8:]}", "type": "reasoning", "summary": summary, "encrypted_content": seal}
    if answer.cites and searches:
        sources = [{"type": "url", "url": page.url} for page in answer.cites]
        action = {"type": "search", "query": "rain", "queries": ["rain"], "sources": sources}
        yield {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": action}
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [_cited(page) for page in answer.cites]}
        phase = "commentary" if answer.calls else "final_answer"
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": phase}
        yield {**item, "content": [part]}
    for number, each in enumerate(answer.calls):
        item = {"id": f"fc_{number}", "type": "function_call", "status": "completed", "call_id": each.id}
        yield {**item, "name": each.name, "arguments": each.arguments}


def _cited(page: Page) -> Json:
    return {"type": "url_citation", "url": page.url, "title": page.title, "start_index": 0, "end_index": 0}


def _events(place: int, item: Json) -> Iterator[Json]:
    """What is told of one item while it comes."""
    where = {"output_index": place, "item_id": item["id"]}
    empty: Json = {name: [] for name in ("content", "summary") if name in item}
    empty |= {"arguments": ""} if "arguments" in item else {}
    yield {"type": "response.output_item.added", "output_index": place, "item": {**item, **empty}}
    match item["type"]:
        case "reasoning":
            yield from _words("reasoning_summary_text", {**where, "summary_index": 0}, item["summary"][0]["text"])
        case "message":
            inside = {**where, "content_index": 0}
            yield from _words("output_text", inside, item["content"][0]["text"])
            for annotation in item["content"][0]["annotations"]:
                yield {"type": "response.output_text.annotation.added", **inside, "annotation": annotation}
        case "web_search_call":
            yield {"type": "response.web_search_call.completed", **where}
        case _:
            for piece in pieces(item["arguments"]):
                yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
            yield {"type": "response.function_call_arguments.done", **where, "arguments": item["arguments"]}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _words(kind: str, where: Json, text: str) -> Iterator[Json]:
    for piece in pieces(text):
        yield {"type": f"response.{kind}.delta", **where, "delta": piece}
    yield {"type": f"response.{kind}.done", **where, "text": text}


def _dealt(rows: list[list[Json]]) -> list[Json]:
    """The events of all items in turns, as those of parallel calls come from some backends."""
    longest = max((len(row) for row in rows), default=0)
    return [row[turn] for turn in range(longest) for row in rows if turn < len(row)]


def _sse(event: Json) -> bytes:
    data = json.dumps(event, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def _turn(item: Json) -> Turn:
    match item:
        case {"type": "message", "role": role, "content": content}:
            text, media = _read(content)
            return Turn(ROLES[role], text, media=media)
        case {"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}:
            return Turn("assistant", calls=(Call(name, arguments, call_id),))
        case {"type": "function_call_output", "call_id": call_id, "output": output}:
            text, media = _read(output)
            return Turn("tool", text, call_id=call_id, media=media)
        case {"type": "reasoning"}:
            return Turn("assistant", sealed=(str(item.get("encrypted_content")),))
        case _:
            return Turn("assistant")


def _read(content: Any) -> tuple[str, tuple[str, ...]]:
    if isinstance(content, str):
        return content, ()
    texts = [part["text"] for part in content if part["type"] == "input_text"]
    media = [part.get("image_url") or part.get("file_data") for part in content if part["type"] != "input_text"]
    return "\n\n".join(texts), tuple(media)
