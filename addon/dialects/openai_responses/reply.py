"""Replies of the Responses API to deltas.

Theory of operation
-------------------
In: events, each of a type and most of them of one output item, which is told by its place (``output_index``) or its id.
Out: deltas in the order of arrival; the ``EventWriter`` sorts what overlaps. What an item says comes up to four times:
in pieces, when the part is done, when the item is done, and in the last event. Whatever comes first is told, and what
comes again is passed over; so servers that leave out any of these are read too. The last event is ``completed``,
``incomplete``, ``failed`` or ``error``; nothing behind it counts, and a reply without it was cut.

Event types that nobody named here are passed over; where they hold a piece of something they are told as unread, and so
are items that no client of ours asked for. A whole reply is read as its last event.
Source: OpenAI API reference, "streaming events", "the response object"; the deviations in docs/protocol.md.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from addon.dialects import ReplyContext, complaints, faults
from addon.dialects.openai_responses import carried
from addon.dialects.openai_responses.calls import Call, Calls
from addon.dialects.openai_responses.pages import Pages
from addon.dialects.openai_responses.usage import read_usage
from addon.protocol import lenient
from addon.protocol.deltas import Carry, Delta, End, Failure, Finish, Reasoning, StopReason, Text, Unread
from addon.protocol.errors import BackendError, Kind, MalformedReply
from addon.protocol.framing import Frame, ServerSentEvents

type Json = dict[str, Any]

PARAGRAPH = "\n\n"
SHOWN = 120  # characters of what was not understood that are quoted
NOTHING: Mapping[str, object] = {}
WRONG_SHAPE = (AttributeError, TypeError, KeyError, OverflowError)  # a value of another type than promised raises these

# incomplete_details.reason -> why it stopped; calls that were seen overrule END_TURN
INCOMPLETE: Mapping[str, StopReason] = {
    "max_output_tokens": StopReason.MAX_TOKENS,
    "max_tokens": StopReason.MAX_TOKENS,
    "content_filter": StopReason.REFUSAL,
    "max_messages": StopReason.END_TURN,
    "max_tool_calls": StopReason.END_TURN,
    "steered": StopReason.END_TURN,
}
UNDONE = frozenset(("failed", "cancelled", "queued", "in_progress"))  # of a response that should be done
# codes of a failure that say what was wrong with the request, and not with the server -> the status they amount to
CODES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "invalid_prompt", "data_residency_mismatch", "bio_policy", "misalignment_policy_violation",
            "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "invalid_image_mode",
            "image_too_large", "image_too_small", "image_parse_error", "image_content_policy_violation",
            "image_file_too_large", "image_file_not_found", "unsupported_image_media_type", "empty_image_file",
            "failed_to_download_image", "invalid_request_error",
        ),
        400,
    ),
    "vector_store_timeout": 504,
}  # fmt: skip


class Item:
    """What is known of one output item on its way in."""

    __slots__ = ("call", "done", "kind", "said")

    def __init__(self, kind: str = "") -> None:
        """``kind`` is its type, where it was told."""
        self.kind = kind
        self.call: Call | None = None
        self.said: set[tuple[str, Any]] = set()  # kind and number of each part that was told
        self.done = False


class ResponsesDecoder:
    """Events of one reply, in order; see :class:`addon.dialects.Decoder`."""

    __slots__ = (
        "_calls", "_context", "_ended", "_frames", "_items", "_kept", "_latest", "_pages", "_phase", "_place",
        "_refused",
    )  # fmt: skip

    def __init__(self, context: ReplyContext) -> None:
        """``context`` gives the names to turn back and the id to make call ids from."""
        self._context = context
        self._frames = ServerSentEvents()
        self._calls = Calls(context)
        self._pages = Pages(context.search)
        self._items: dict[object, Item] = {}  # by place, and by id
        self._latest = Item()
        self._place: tuple[str, object, object] | None = None  # of the last words: what they are, item, part
        self._phase = ""  # of the message whose words come next, until it is carried
        self._kept: set[str] = set()  # ids of the reasoning that is carried
        self._refused = self._ended = False

    def feed(self, chunk: bytes) -> list[Delta]:
        """Return what ``chunk`` completes; an event that breaks the format is a Failure in its place."""
        try:
            frames = self._frames.feed(chunk)
        except MalformedReply as error:
            return [Failure(error)]
        return self._decode_each(frames)

    def close(self) -> list[Delta]:
        """Return what was left over, and the end."""
        deltas = self._decode_each(self._frames.close())
        return deltas if self._ended else [*deltas, *self._calls.close(), End()]

    def _decode_each(self, frames: list[Frame]) -> list[Delta]:
        deltas: list[Delta] = []
        for frame in frames:
            try:
                deltas += self.decode(frame.data)
            except MalformedReply as error:
                deltas.append(Failure(error))
        return deltas

    def decode(self, data: bytes) -> list[Delta]:
        """Turn one event, or a whole response, into deltas in reading order. Raises: MalformedReply."""
        if self._ended or data == b"[DONE]":
            return []
        try:
            event = self._parse(data)
            deltas: list[Delta] = []
            kind = event.get("type")
            if reader := EVENTS.get(kind):
                reader(self, event, deltas)
            elif kind is None and "output" in event:
                self._terminal({"response": event}, deltas)
            elif told := None if kind else complaints.read(event):
                self._fail(told, deltas)
            elif event.get("delta") and kind not in PADDING:
                deltas.append(Unread(str(kind)[:SHOWN]))
        except WRONG_SHAPE as error:
            raise MalformedReply(f"{self._who} sent an event of the wrong shape ({error})") from error
        return deltas

    @property
    def _who(self) -> str:
        return self._context.target.name

    def _parse(self, data: bytes) -> Any:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        try:
            return lenient.loads(data, NOTHING.get)
        except ValueError:
            # an event that broke off holds words of the model's, which are for no log; a page of an error is shown
            is_event = data.lstrip().startswith((b"{", b"["))
            shown = "an event that is cut or broken" if is_event else data[:SHOWN].decode("utf-8", "replace")
            raise MalformedReply(f"{self._who} sent what is not JSON: {shown}") from None

    # -- items -----------------------------------------------------------------------------------------------------

    def _item(self, event: Json) -> Item:
        """The item of an event: by its place, else by its id, which some change with each event (GitHub Copilot)."""
        inner = event.get("item") or {}
        names = [event.get("output_index"), event.get("item_id") or inner.get("id")]
        known = next((self._items[name] for name in names if name is not None and name in self._items), None)
        if known is None:
            same = not inner or (inner.get("type") == self._latest.kind and not self._latest.done)
            known = self._latest if same and not any(name is not None for name in names) else Item()
        for name in names:
            if name is not None:
                self._items.setdefault(name, known)
        known.kind = known.kind or str(inner.get("type") or "")
        self._latest = known
        return known

    def _added(self, event: Json, deltas: list[Delta]) -> None:
        item, told = self._item(event), event["item"]
        if item.kind == "function_call":
            self._calls.read(self._call(item), told, deltas, done=False)
        elif item.kind == "message":
            self._phase = str(told.get("phase") or "")

    def _done(self, event: Json, deltas: list[Delta]) -> None:
        item, told = self._item(event), event["item"]
        if not item.done:
            item.done = True
            if reader := ITEMS.get(item.kind):
                reader(self, item, told, deltas)
            elif item.kind not in WITHOUT_WORDS:
                deltas.append(Unread(f"output.{item.kind[:SHOWN]}"))

    # -- words -----------------------------------------------------------------------------------------------------

    def _say(self, item: Item, kind: str, part: object, text: Any, deltas: list[Delta]) -> None:
        """Tell words of one part of an item; a part that follows another is a paragraph of its own."""
        if not text:
            return
        if not isinstance(text, str):
            raise TypeError(f"words that are no text, but {type(text).__name__}")
        item.said.add((kind, part))
        thought = kind in THOUGHTS
        place = ("thought" if thought else "text", item, (kind, part) if thought else None)
        if not thought and self._phase:
            deltas.append(Carry(carried.KEY, [{carried.PHASE: self._phase}]))
            self._phase = ""
        if self._place is not None and self._place[0] == place[0] and self._place != place:
            text = PARAGRAPH + text
        self._place = place
        self._refused = self._refused or kind == "refusal"
        deltas.append(Reasoning(text) if thought else Text(text))

    def _say_once(self, item: Item, kind: str, part: object, text: Any, deltas: list[Delta]) -> None:
        """Tell all the words of a part, where no piece of them came."""
        if (kind, part) not in item.said:
            self._say(item, kind, part, text, deltas)

    def _call(self, item: Item) -> Call:
        if item.call is None:
            item.call = self._calls.new()
            self._place = None
        return item.call

    def _piece_of_arguments(self, event: Json, deltas: list[Delta]) -> None:
        self._call(self._item(event)).add(event["delta"], deltas)

    def _all_arguments(self, event: Json, deltas: list[Delta]) -> None:
        call = self._call(self._item(event))
        self._calls.read(call, {"name": event.get("name")} if event.get("call_id") else {}, deltas, done=False)
        if event.get("arguments"):
            call.complete(event["arguments"], deltas)

    def _annotated(self, event: Json, deltas: list[Delta]) -> None:
        self._pages.cite(event.get("annotation"), deltas)

    # -- items that are done ---------------------------------------------------------------------------------------

    def _message(self, item: Item, told: Json, deltas: list[Delta]) -> None:
        if not item.said:
            self._phase = str(told.get("phase") or "")
        for number, part in enumerate(told.get("content") or ()):
            kind = part.get("type")
            if kind == "refusal":
                self._say_once(item, "refusal", number, part.get("refusal"), deltas)
            elif kind in ("output_text", "text"):
                self._say_once(item, "text", number, part.get("text"), deltas)
                for annotation in part.get("annotations") or ():
                    self._pages.cite(annotation, deltas)
            else:
                deltas.append(Unread(f"content.{str(kind)[:SHOWN]}"))
        self._phase = ""

    def _function_call(self, item: Item, told: Json, deltas: list[Delta]) -> None:
        self._calls.read(self._call(item), told, deltas, done=True)

    def _reasoning(self, item: Item, told: Json, deltas: list[Delta]) -> None:
        for kind, field in (("summary", "summary"), ("reasoning", "content")):
            for number, part in enumerate(told.get(field) or ()):
                self._say_once(item, kind, number, part.get("text"), deltas)
        if kept := carried.reasoning(told):
            self._kept.add(str(kept.get("id")))
            deltas.append(Carry(carried.KEY, [{carried.ITEM: kept}]))

    def _searched(self, item: Item, told: Json, deltas: list[Delta]) -> None:
        self._pages.searched(told, deltas)
        if kept := carried.search(told):
            deltas.append(Carry(carried.KEY, [{carried.ITEM: kept}]))
        self._place = None

    # -- the end ---------------------------------------------------------------------------------------------------

    def _terminal(self, event: Json, deltas: list[Delta]) -> None:
        response = event["response"]
        if response.get("error") or response.get("status") in UNDONE:
            self._failed(event, deltas)
            return
        for place, item in enumerate(response.get("output") or ()):
            self._done({"output_index": place, "item": item}, deltas)
        self._fill_in(response.get("output") or (), deltas)
        deltas += self._calls.close()
        for change in response.get("input_transformations") or ():  # reasoning that we sent back and was not used
            deltas.append(Unread(f"input_transformations.{str(change.get('reason'))[:SHOWN]}"))
        if response.get("usage"):
            deltas.append(read_usage(response["usage"]))
        if event.get("type") == "response.incomplete":
            response = {**response, "status": "incomplete"}
        deltas += [*self._pages.close(), self._finish(response), End()]
        self._ended = True

    def _fill_in(self, output: Any, deltas: list[Delta]) -> None:
        """Carry the reasoning whose encrypted content was told only now, each with the place where it belongs."""
        late: list[Json] = []
        for place, told in enumerate(output):
            if told.get("type") == "reasoning":
                kept = carried.reasoning(told)
                if kept and str(kept.get("id")) not in self._kept:
                    late.append({carried.ITEM: kept})
                    continue
            elif told.get("type") in ("function_call", "message"):
                item = self._item({"output_index": place, "item": told})
                for entry in late:
                    entry[carried.BEFORE] = item.call.id if item.call else ""
                    deltas.append(Carry(carried.KEY, [entry]))
                late.clear()

    def _finish(self, response: Json) -> Delta:
        if self._calls.nameless:
            return Failure(MalformedReply(f"{self._who} sent a tool call without a name"))
        reason = StopReason.END_TURN
        if response.get("status") == "incomplete":
            why = str((response.get("incomplete_details") or {}).get("reason"))
            if why not in INCOMPLETE:
                return Failure(MalformedReply(f'{self._who} ended its reply for the unknown reason "{why[:SHOWN]}"'))
            reason = INCOMPLETE[why]
        if reason is StopReason.END_TURN and self._calls:
            reason = StopReason.TOOL_USE
        elif reason is StopReason.END_TURN and self._refused:
            reason = StopReason.REFUSAL
        return Finish(reason)

    def _failed(self, event: Json, deltas: list[Delta]) -> None:
        response = event["response"]
        told = complaints.read({"error": response.get("error")})
        if told is None:
            status = str(response.get("status") or "failed")[:SHOWN]
            deltas.append(Failure(BackendError(Kind.SERVER, f"{self._who} ended its reply as {status}")))
            self._ended = True
        else:
            self._fail(told, deltas)

    def _error(self, event: Json, deltas: list[Delta]) -> None:
        told = complaints.read(event) or complaints.Told("an error without a word")
        self._fail(told, deltas)

    def _fail(self, told: complaints.Told, deltas: list[Delta]) -> None:
        self._ended = True
        status = CODES.get(told.code) or CODES.get(told.type) or told.status or 200
        deltas.append(Failure(faults.classify(status, NO_HEADERS, told, self._context)))


NO_HEADERS: Mapping[str, str] = {}
THOUGHTS = frozenset(("summary", "reasoning"))
PADDING = frozenset(("keepalive", "ping"))
# items that are no part of what is said: what the backend made of its own state
WITHOUT_WORDS = frozenset(("", "compaction"))


def _piece(kind: str, number: str) -> Callable[[ResponsesDecoder, Json, list[Delta]], None]:
    """Reads a piece of a part's words; ``number`` is the field that numbers the part."""

    def read(decoder: ResponsesDecoder, event: Json, deltas: list[Delta]) -> None:
        decoder._say(decoder._item(event), kind, event.get(number) or 0, event["delta"], deltas)

    return read


def _whole(kind: str, number: str, field: str) -> Callable[[ResponsesDecoder, Json, list[Delta]], None]:
    """Reads all of a part's words."""

    def read(decoder: ResponsesDecoder, event: Json, deltas: list[Delta]) -> None:
        decoder._say_once(decoder._item(event), kind, event.get(number) or 0, event.get(field), deltas)

    return read


EVENTS: Mapping[str, Callable[[ResponsesDecoder, Json, list[Delta]], None]] = {
    "response.output_text.delta": _piece("text", "content_index"),
    "response.output_text.done": _whole("text", "content_index", "text"),
    "response.output_text.annotation.added": ResponsesDecoder._annotated,
    "response.refusal.delta": _piece("refusal", "content_index"),
    "response.refusal.done": _whole("refusal", "content_index", "refusal"),
    "response.reasoning_summary_text.delta": _piece("summary", "summary_index"),
    "response.reasoning_summary_text.done": _whole("summary", "summary_index", "text"),
    "response.reasoning_text.delta": _piece("reasoning", "content_index"),
    "response.reasoning_text.done": _whole("reasoning", "content_index", "text"),
    "response.function_call_arguments.delta": ResponsesDecoder._piece_of_arguments,
    "response.function_call_arguments.done": ResponsesDecoder._all_arguments,
    "response.output_item.added": ResponsesDecoder._added,
    "response.output_item.done": ResponsesDecoder._done,
    "response.completed": ResponsesDecoder._terminal,
    "response.incomplete": ResponsesDecoder._terminal,
    "response.failed": ResponsesDecoder._failed,
    "error": ResponsesDecoder._error,
}
ITEMS: Mapping[str, Callable[[ResponsesDecoder, Item, Json, list[Delta]], None]] = {
    "message": ResponsesDecoder._message,
    "function_call": ResponsesDecoder._function_call,
    "reasoning": ResponsesDecoder._reasoning,
    "web_search_call": ResponsesDecoder._searched,
}
