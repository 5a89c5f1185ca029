"""Conversations as OpenAI chat JSON lines, for sets that models are trained or judged with. Pure.

A line is one conversation, the client's or an agent's, as it stood at its end: ``messages``, whose last is the
assistant's, and with ``tools`` also ``parallel_tool_calls``. A compaction ends one and begins another. They are said by
the same translation as every request to OpenAI (addon/dialects/openai_chat), so names and ids are what a backend would
have been told. Thinking is no part of the format. Source: OpenAI API reference, "create chat completion"; OpenAI guide
"supervised fine-tuning", data format.
"""

from collections.abc import Iterable, Iterator
from itertools import count

import orjson

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost
from addon.dialects.openai_chat.request import translate
from addon.prompts import answer
from addon.prompts.entry import Entry
from addon.prompts.exports import Export, chapters, figures
from addon.prompts.exports.chapters import Turn
from addon.prompts.exports.document import chapter_title
from addon.protocol.errors import ConfigError, DetourError
from addon.protocol.messages import Json, check
from addon.routing.backends import BACKENDS

PROVIDER = "openai"
ASSISTANT = "assistant"


def dump(entries: Iterable[Entry], places: Iterable[int] | None = None, *, each: bool = False) -> Export:
    """Write a line for each conversation; ``each``: for each exchange, as if it were one.

    What cannot be said in the format, or was left out of it, is told.
    """
    lines: list[bytes] = []
    left_out: list[str] = []
    for where, turn in _alone(entries, places) if each else _ends(chapters.chapters(entries, places), left_out):
        try:
            conversation, losses = _conversation(turn)
        except DetourError as error:
            left_out.append(f"{where} is left out: {error.message}")
            continue
        lines.append(orjson.dumps(conversation))
        if losses:
            left_out.append(f"{where}: {_told(losses)}")
    return Export(b"".join(line + b"\n" for line in lines), tuple(left_out))


def _alone(entries: Iterable[Entry], places: Iterable[int] | None) -> Iterator[tuple[str, Turn]]:
    for place, entry in zip(count(1) if places is None else places, entries, strict=False):
        given = answer.of(entry.given) if entry.given is not None else None
        yield f"Turn {place}", Turn(entry=entry, place=place, request=chapters.parsed(entry), answer=given)


def _ends(found: Iterable[chapters.Chapter], left_out: list[str]) -> Iterator[tuple[str, Turn]]:
    """Return the turn that holds the newest request of each conversation, or its last, and whose it is."""
    for chapter in found:
        if chapter.sort is chapters.Sort.BESIDE:
            calls = figures.count(len(chapter.turns), "call")
            left_out.append(f"{calls} beside the conversations left out; name one, and it is a line")
            continue
        for conversation in chapters.conversations(chapter.turns):
            last = next((turn for turn in reversed(conversation) if turn.request), conversation[-1])
            yield f"{chapter_title(chapter)} up to turn {last.place}", last


def _conversation(turn: Turn) -> tuple[Json, list[Loss]]:
    """Say a conversation up to the assistant's last words. Raises: BadRequest, Unsupported, ConfigError."""
    if not turn.request:
        raise ConfigError("its requests are not kept")
    told = turn.answer.message.get("content") if turn.answer is not None and turn.answer.message is not None else None
    said = turn.request.get("messages")
    if isinstance(said, list):
        said = [*said, {"role": ASSISTANT, "content": told}] if told else said
    request = check({**turn.request, "messages": said})
    model = request.model.rpartition("/")[2]
    row = BACKENDS[PROVIDER]
    body, losses, _, _ = translate(request, Target(PROVIDER, model, row.base_url or "", row.profile))
    messages: list[Json] = body["messages"]
    while messages and messages[-1]["role"] != ASSISTANT:  # what nobody answered, and results that we have made up
        messages.pop()
    if not messages:
        raise ConfigError("nobody answers in it")
    conversation: Json = {"messages": messages}
    if body.get("tools"):
        conversation["tools"] = body["tools"]
        conversation["parallel_tool_calls"] = body.get("parallel_tool_calls", True)
    return conversation, [loss for loss in losses if _matters(loss, f"messages.{len(request.messages) - 1}")]


def _matters(loss: Loss, last: str) -> bool:
    """Whether a loss is one of the conversation: not of how it was asked for, nor of its end, which is meant."""
    is_end = loss.sort is Lost.PREFILL or (loss.sort is Lost.MISSING_RESULT and loss.path == last)
    return not loss.routine and not is_end and loss.path.startswith(("messages", "tools"))


def _told(losses: list[Loss]) -> str:
    rest = f"; and {len(losses) - 1:,} more" if len(losses) > 1 else ""
    return f"{losses[0].path}: {losses[0].what}{rest}"
