"""One request at a time through the chat-completions dialect: what went in, what goes out, what was lost."""

from dataclasses import replace
from typing import Any

from addon.dialects import Target
from addon.dialects.openai_chat.request import translate
from addon.dialects.profiles import Profile
from addon.protocol import messages

type Json = dict[str, Any]
type Told = tuple[str, str, bool]  # a loss: path, what, whether it is routine

PLAIN = Target("vllm", "qwen", "http://localhost:8000/v1", Profile(), max_output_tokens=1000)
ASKED = {"role": "user", "content": "Do it."}


def aimed(**fields: Any) -> Target:
    return replace(PLAIN, profile=Profile(**fields))


def translated(target: Target = PLAIN, **fields: Any) -> tuple[Json, list[Told], dict[str, str]]:
    """The body without what every request has, the losses, the shortened names."""
    body, losses, names, _ = translate(messages.check({"model": "m", "messages": [ASKED], **fields}), target)
    assert body.pop("model") == "qwen"
    return body, [(each.path, each.what, each.routine) for each in losses], names


def bare(**fields: Any) -> Json:
    """The body of a request without anything, and what `fields` add or change."""
    return {"messages": [ASKED], "max_tokens": 1000, **fields}


def lost(path: str, what: str) -> list[Told]:
    return [(path, what, False)]


def routine(path: str, what: str) -> list[Told]:
    return [(path, what, True)]
