"""litellm's translation beside ours: every difference is one that somebody has looked at, and every row still counts.

Where a test here fails, look at the difference: either we are wrong, or it is a row of `litellm_deviations.py`.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon import dialects
from addon.dialects import ReplyContext, Target
from addon.protocol import messages
from addon.protocol.errors import DetourError
from addon.protocol.event_writer import EventWriter
from addon.routing.backends import find
from addon.stream import write_whole
from tests import stories
from tests.dialects import differences, litellm_corpus
from tests.dialects.differences import Difference, Json, Row
from tests.dialects.litellm_deviations import IN_REPLIES, IN_REQUESTS

CHAT = dialects.load("openai_chat")
PROGRAM = Path(__file__).parent / "litellm_oracle.py"
ALONE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}  # no list from the network, no .env
SOME_LIMIT = 200_000  # of every model, so that what is asked for is not cut to what is known
MODELS = (
    "openai/gpt-4o", "openai/gpt-5.5", "openrouter/openai/gpt-5.5", "deepseek/deepseek-chat",
    "groq/openai/gpt-oss-120b", "mistral/mistral-large-latest", "hosted_vllm/qwen3", "moonshot/kimi-k2.6",
    "zai/glm-4.7", "xai/grok-4.7",
)  # fmt: skip
READER = "openai/gpt-4o"  # who reads replies: the others' configurations are made from it
CALLS = Path(__file__).parent.parent / "routing" / "calls" / "claude_code.json"
SHOWN = 20  # differences of a failure


def recorded_calls() -> Iterator[tuple[str, Json]]:
    """The real client's calls; of most tools only the name was recorded."""
    for index, entry in enumerate(json.loads(CALLS.read_text())):
        for tool in entry["body"].get("tools", ()):
            if "type" not in tool:
                tool.setdefault("input_schema", litellm_corpus.SCHEMA)
        yield f"call {index}, {entry['story']}", entry["body"]


STORIES = stories.every_story("openai_chat")
STREAMS = [story for story in STORIES if not story.fields]  # litellm has nothing like what those set in the profile
BY_BODY = {
    json.dumps(body): name
    for name, body in (
        *((story.name, json.loads(story.client_request)) for story in STORIES),
        *recorded_calls(),
        *litellm_corpus.REQUESTS.items(),
    )
}
REQUESTS: dict[str, Json] = {name: json.loads(body) for body, name in BY_BODY.items()}
WHOLE = {f"whole: {name}": json.dumps(reply) for name, reply in litellm_corpus.REPLIES.items()}


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What litellm makes of everything; asked once, however many workers run the tests."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    tasks, results = folder / "litellm_tasks.json", folder / "litellm_results.json"
    with (folder / "litellm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not results.exists():
            tasks.write_text(json.dumps(all_tasks()))
            subprocess.run([sys.executable, "-P", PROGRAM, tasks, results], env=ALONE, check=True)
    read: Json = json.loads(results.read_text())
    return read


def all_tasks() -> Json:
    return {
        "requests": [{"model": model, "body": body} for model in MODELS for body in REQUESTS.values()],
        "whole": [{"model": READER, "reply": reply} for reply in WHOLE.values()],
        "streams": [
            {"model": READER, "reply": story.backend_reply.decode(), "names": dict(story.encode().tool_names)}
            for story in STREAMS
        ],
    }


def target_of(model: str) -> Target:
    provider, _, name = model.partition("/")
    row = find(provider)
    assert row, provider
    return replace(stories.target(row.name, name, "openai_chat"), max_output_tokens=SOME_LIMIT)


def our_request(model: str, body: Json) -> Json:
    written = json.dumps(body).encode()
    try:
        wire = CHAT.encode(messages.parse(written), written, target_of(model)).wire
    except DetourError as error:
        return {"refused": error.message}
    return differences.request(json.loads(wire.body))


def their_request(answer: Json) -> Json:
    return {"refused": answer["fault"]} if "fault" in answer else differences.request(answer)


def our_reply(body: str) -> Json:
    target = target_of(READER)
    writer = EventWriter("msg_story", "claude-opus-5-5", target.name)
    try:
        return differences.reply(write_whole(CHAT.decode_whole(body.encode(), ReplyContext(target, "story")), writer))
    except DetourError:
        return {"error": True}


def their_reply(answer: Any) -> Json:
    return {"error": True} if isinstance(answer, dict) else differences.reply(answer)


def in_requests(answers: Json) -> Iterator[Difference]:
    answer = iter(answers["requests"])
    for model in MODELS:
        for name, body in REQUESTS.items():
            yield from differences.differences(name, model, our_request(model, body), their_request(next(answer)))


def in_replies(answers: Json) -> Iterator[Difference]:
    for (name, body), answer in zip(WHOLE.items(), answers["whole"], strict=True):
        yield from differences.differences(name, READER, our_reply(body), their_reply(answer))
    for story, answer in zip(STREAMS, answers["streams"], strict=True):
        ours = differences.reply((story.folder / "client.sse").read_bytes())
        yield from differences.differences(story.name, READER, ours, their_reply(answer))


def check(found: Sequence[Difference], table: Sequence[Row]) -> None:
    unexplained = differences.unexplained(found, table)
    told = "\n".join(map(str, unexplained[:SHOWN]))
    assert not unexplained, f"{len(unexplained)} differences that no row of the table explains, such as\n{told}"
    stale = [f"{row.path}: {row.why}" for row in differences.stale(found, table)]
    assert stale == [], "rows that explain nothing"


CALLED = {"id": "a", "type": "function", "function": {"name": "Look", "arguments": '{"b": 1}'}}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "Seen."}
AROUND = ({"role": "user", "content": "Hi."}, {"role": "assistant", "content": None, "tool_calls": [CALLED]}, RESULT)
PLACES: list[tuple[str, list[Any], list[Any], list[tuple[str, Any, Any]]]] = [
    ("the same", [*AROUND], [*AROUND], []),
    ("parts and a string", [{"role": "user", "content": "One.\n\nTwo."}],
     [{"role": "user", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}], []),
    ("an id, which says nothing", [*AROUND],
     [AROUND[0], {**AROUND[1], "tool_calls": [{**CALLED, "id": "z"}]}, {**RESULT, "tool_call_id": "z"}], []),
    ("a line", [{"role": "user", "content": "a\nb\nc"}], [{"role": "user", "content": "a\nB\nc"}],
     [("messages.0.user.content.0.text.lines.1", "b", "B")]),
    ("a line more", [{"role": "user", "content": "a\nc"}], [{"role": "user", "content": "a\nb\nc"}],
     [("messages.0.user.content.0.text.lines.1", None, "b")]),
    ("an argument", [*AROUND], [AROUND[0], {**AROUND[1], "tool_calls": [
        {**CALLED, "function": {"name": "Look", "arguments": '{"b": 2}'}}]}, RESULT],
     [("messages.1.assistant.tool_calls.0.function.arguments.b", 1, 2)]),
    ("a turn less", [AROUND[0], {"role": "assistant", "content": "b"}, AROUND[0]], [AROUND[0], AROUND[0]],
     [("messages.1", {"assistant": {"content": [{"text": {"lines": ["b"]}}]}}, None)]),
    ("results of different calls", [RESULT], [{**RESULT, "tool_call_id": "z"}],
     [("messages.0", {"tool": {"tool_call_id": "a", "content": [{"text": {"lines": ["Seen."]}}]}}, None),
      ("messages.0", None, {"tool": {"tool_call_id": "z", "content": [{"text": {"lines": ["Seen."]}}]}})]),
    ("a role", [{"role": "system", "content": "a"}], [{"role": "user", "content": "a"}],
     [("messages.0", {"system": {"content": [{"text": {"lines": ["a"]}}]}},
       {"user": {"content": [{"text": {"lines": ["a"]}}]}})]),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "places"), [case[1:] for case in PLACES], ids=[case[0] for case in PLACES])
def test_differences_of_meaning_are_found_where_they_are(
    ours: list[Any], theirs: list[Any], places: list[tuple[str, Any, Any]]
) -> None:
    pair = (differences.request({"messages": turns}) for turns in (ours, theirs))
    found = differences.differences("story", "openai/m", *pair)
    assert [(".".join(one.path), one.ours, one.theirs) for one in found] == places


def test_an_end_without_an_answer_is_one_difference() -> None:
    (found,) = differences.differences("story", "openai/m", {"refused": "no"}, differences.request({"messages": []}))
    assert (found.path, found.ours, found.theirs) == (("refused",), "no", None)


TRUE_IS_ONE = Difference("story", "openai/m", ("a", "0", "b"), True, "x")
ROWS = [
    (Row("a.*.b", "", True, "x"), True),
    (Row("a.**", ""), True),
    (Row("a.*.b", "", 1), False),
    (Row("a.*.b", "", None), False),
    (Row("a.*", ""), False),
    (Row("a.*.b", "", theirs=re.compile("x")), True),
    (Row("a.*.b", "", theirs=re.compile("xy?z")), False),
    (Row("a.*.b", "", theirs=str.isupper), False),
    (Row("a.*.b", "", models=("zai/",)), False),
    (Row("a.*.b", "", stories=("other",)), False),
    (Row("a.*.b", "", alike=lambda ours, theirs: ours is theirs), False),
]


@pytest.mark.parametrize(("row", "explains"), ROWS)
def test_a_row_explains_what_it_names(row: Row, explains: bool) -> None:
    assert row.explains(TRUE_IS_ONE) is explains


def test_what_no_row_explains_and_a_row_that_explains_nothing_are_faults() -> None:
    with pytest.raises(AssertionError, match="differences that no row"):
        check([TRUE_IS_ONE], [])
    with pytest.raises(AssertionError, match="rows that explain nothing"):
        check([], [Row("a", "why")])


def test_every_difference_of_a_request_is_explained_and_every_row_explains_one(answers: Json) -> None:
    check([*in_requests(answers)], IN_REQUESTS)


def test_every_difference_of_a_reply_is_explained_and_every_row_explains_one(answers: Json) -> None:
    check([*in_replies(answers)], IN_REPLIES)


def test_litellm_reached_for_nobody(answers: Json) -> None:
    assert answers["reached_for"] == []


def test_the_sockets_of_the_program_are_shut() -> None:
    script = f"""
import runpy, socket
program = runpy.run_path({str(PROGRAM)!r})
program["shut_sockets"]()
for reach in (lambda: socket.create_connection(("127.0.0.1", 9)), lambda: socket.socket().connect(("127.0.0.1", 9))):
    try:
        reach()
    except OSError as error:
        print(error)
print(len(program["reached_for"]))
"""
    done = subprocess.run([sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["the sockets are shut", "the sockets are shut", "2"]
