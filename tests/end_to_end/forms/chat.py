"""Chat-completions: `replies` renders it and `strictness` judges it; here is what a request says."""

from collections.abc import Mapping
from typing import Any

from tests.end_to_end import strictness
from tests.end_to_end.forms import Json, Role, Turn
from tests.end_to_end.replies import Answer, Call, Raw
from tests.end_to_end.strictness import Vendor

ROLES: dict[str, Role] = {"developer": "system", "system": "system", "assistant": "assistant", "tool": "tool"}


class Chat:
    """See :class:`tests.end_to_end.forms.Form`."""

    def serves(self, method: str, path: str) -> bool:
        """OpenAI's path."""
        return (method, path) == ("POST", "/v1/chat/completions")

    def violations(self, headers: Mapping[str, str], path: str, body: object, *, key: str, vendor: Vendor) -> list[str]:
        """See ``strictness``."""
        return strictness.violations(headers, body, key=key, vendor=vendor)

    def render(self, answer: Answer, path: str, request: Json) -> Raw:
        """See ``replies``."""
        return answer.render(request)

    def turns(self, request: Json) -> list[Turn]:
        """One for each message."""
        return [_turn(message) for message in request.get("messages", [])]

    def tool_names(self, request: Json) -> list[str]:
        """Those of functions."""
        return [tool["function"]["name"] for tool in request.get("tools", [])]


def _turn(message: Json) -> Turn:
    content = message.get("content") or ""
    parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    media = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    media += [part["file"]["file_data"] for part in parts if part["type"] == "file"]
    asked = [(each["function"], each["id"]) for each in message.get("tool_calls", ())]
    return Turn(
        ROLES.get(message["role"], "user"),
        "\n\n".join(part["text"] for part in parts if part["type"] == "text"),
        tuple(Call(function["name"], function["arguments"], call_id) for function, call_id in asked),
        message.get("tool_call_id", ""),
        tuple(media),
    )
