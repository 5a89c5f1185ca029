"""The scripted server of Anthropic's format: what it signed it takes back, and nothing that Anthropic would not."""

import pytest

from addon.protocol import messages
from tests import law
from tests.end_to_end.fakes import Received
from tests.end_to_end.messages_server import PATHS, Message, MessagesServer, sign
from tests.end_to_end.replies import Json, Raw, call

KEY = "sk-claude"
ASKED: Json = {"role": "user", "content": "hi"}
THOUGHT: Json = {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.")}
CALL: Json = {"type": "tool_use", "id": "a", "name": "Bash", "input": {}}
RESULT: Json = {"type": "tool_result", "tool_use_id": "a", "content": "done"}


def answered(*turns: Json, path: str = PATHS[0], key: str = KEY) -> tuple[Raw, MessagesServer]:
    server = MessagesServer(key=KEY)
    server.script(Message("Done.", "Well.", (call("Bash", "b", command="ls"),)))
    body = {"model": "claude-opus-5-5", "stream": True, "messages": list(turns)}
    return server.answer(Received(path, {"x-api-key": key}, body)), server


@pytest.mark.parametrize("path", PATHS)
def test_what_is_right_is_answered_lawfully(path: str) -> None:
    turns = ({"role": "assistant", "content": [THOUGHT, CALL]}, {"role": "user", "content": [RESULT]})
    reply, server = answered(ASKED, {"role": "system", "content": []}, *turns, path=path)
    stream = b"".join(reply.pieces)
    law.check(stream)
    message = messages.collect(stream)
    assert message["content"] == [
        {"type": "thinking", "thinking": "Well.", "signature": sign("Well.")},
        {"type": "text", "text": "Done."},
        {"type": "tool_use", "id": "b", "name": "Bash", "input": {"command": "ls"}},
    ]
    assert (message["stop_reason"], message["id"]) == ("tool_use", "msg_4")
    server.verify()


FAULTS: dict[str, tuple[list[Json], str]] = {
    "another's signature": (
        [{"role": "assistant", "content": [{**THOUGHT, "signature": "detour1.e30="}]}],
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "another's secrets": (
        [{"role": "assistant", "content": [{"type": "redacted_thinking", "data": "detour1.e30="}]}],
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
    ),
    "a turn of nothing": (
        [{"role": "assistant", "content": []}],
        "messages.1: all messages must have non-empty content",
    ),
    "an empty text": ([{"role": "assistant", "content": ""}], "messages.1.content.0: text content blocks must contain"),
    "a call without its result": (
        [{"role": "assistant", "content": [CALL]}, ASKED],
        "messages.2: `tool_use` ids {'a'} and `tool_result` ids set() are not the same",
    ),
    "an unknown block": (
        [{"role": "assistant", "content": [{"type": "image"}]}],
        "messages.1.content.0: image is not allowed in the role assistant",
    ),
}


@pytest.mark.parametrize(("turns", "told"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_refused_in_anthropics_envelope(turns: list[Json], told: str) -> None:
    reply, server = answered(ASKED, *turns)
    assert reply.status == 400
    assert b'"type": "invalid_request_error"' in reply.pieces[0]
    assert server.faults[0].startswith(f"request 1: {told}")


def test_another_key_and_another_path_are_refused() -> None:
    _, server = answered(ASKED, path="/v1/chat/completions", key="sk-other")
    assert server.faults == [
        "request 1: path /v1/chat/completions: only /v1/messages is served",
        "request 1: invalid x-api-key",
    ]
