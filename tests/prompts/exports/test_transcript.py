"""An exchange becomes a story that the tests of transcripts take as it is, or says why it cannot be one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.dialects.profiles import Echo
from addon.prompts.entry import Entry, Reply, Request
from addon.prompts.exports.transcript import NoStory, story
from addon.stream import StreamTranslator
from tests.prompts.entries import entry, recorded_calls, routed
from tests.stories import FOLDER, Story


def written(folder: Path, found: Entry, name: str = "told", **more: Any) -> Story:
    files = story(found, name, translate=StreamTranslator, **more)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (only,) = {(folder / path).parent for path in files}
    return Story(only)


@pytest.mark.parametrize("name", [path.name for path in sorted((FOLDER / "openai_chat").iterdir())][::7])
def test_a_story_passes_the_tests_of_stories(tmp_path: Path, name: str) -> None:
    before = Story(FOLDER / "openai_chat" / name)
    try:
        encoded = before.encode()
    except Exception:  # noqa: BLE001 - a story of what is refused
        pytest.skip("it is refused")
    made = written(tmp_path, routed(f"openai_chat/{name}"), fields=before.fields)
    assert made.name == "openai_chat/told"
    assert made.target == before.target
    goldens = made.goldens()
    assert {path: path.read_bytes() for path in goldens} == goldens
    assert made.encode() == encoded
    assert made.backend_reply == before.backend_reply
    assert made.render_client_reply() == before.render_client_reply()


def test_the_note_says_where_it_comes_from_and_what_to_do(tmp_path: Path) -> None:
    fields = {"think_tags": True, "reasoning_echo": Echo.THINK_TAGS}
    made = written(tmp_path, routed("openai_chat/plain_text", 7), fields=fields)
    note = (made.folder / "story.md").read_text()
    assert "Recorded from openai/gpt-5.5" in note
    assert "Invented" not in note
    assert f"req_{7:024x}" in note
    assert "with `think_tags` and `reasoning_echo: think_tags`" in note
    assert made.target.profile.think_tags
    assert made.target.profile.reasoning_echo is Echo.THINK_TAGS


def test_a_provider_of_ones_own_is_like_a_known_one(tmp_path: Path) -> None:
    found = routed("openai_chat/plain_text")
    mine = replace(found, summary=replace(found.summary, route="mine/qwen3"))
    with pytest.raises(NoStory, match="'mine' is a provider of"):
        written(tmp_path, mine)
    assert written(tmp_path, mine, like="vllm").target.name == "vllm/qwen3"


def test_a_number_that_readers_round_stays_as_it_was(tmp_path: Path) -> None:
    found = routed("openai_chat/plain_text")
    assert found.request is not None
    body = found.request.body.rstrip().removesuffix(b"}") + b', "metadata": {"n": 12345678901234567890123}}'
    made = written(tmp_path, replace(found, request=replace(found.request, body=body)))
    assert b"12345678901234567890123" in made.client_request


def _changed(**facts: Any) -> Callable[[Entry], Entry]:
    return lambda found: replace(found, **facts)


def _routed_to(name: str | None) -> Callable[[Entry], Entry]:
    return lambda found: replace(found, summary=replace(found.summary, route=name))


def _asking(body: bytes) -> Callable[[Entry], Entry]:
    return _changed(request=Request(method="POST", url="http://x/v1/messages", headers=(), body=body))


STREAM = (("Content-Type", "text/event-stream"),)
NONE: list[tuple[Callable[[Entry], Entry], str]] = [
    (_routed_to("anthropic"), "anthropic answered it: nothing was translated"),
    (_routed_to("detour"), "detour answered it"),
    (_routed_to(None), "nobody answered it"),
    (_routed_to("deepseek-anthropic/x"), "nothing is translated"),
    (_changed(request=None), "only its metadata"),
    (_changed(reply=None), "no reply of a backend is kept"),
    (_changed(reply=Reply(status=200, headers=STREAM, body=b"", left_out=1_234)), "1,234 bytes"),
    (_changed(reply=Reply(status=200, headers=(("content-type", "application/json"),), body=b"{}")), "is no stream"),
    (_asking(b"{}"), "none that Detour translates: model"),
    (_asking(b"x"), "none that Detour translates"),
]


@pytest.mark.parametrize(("changed", "words"), NONE)
def test_what_cannot_be_a_story_says_why(changed: Callable[[Entry], Entry], words: str) -> None:
    with pytest.raises(NoStory) as caught:
        story(changed(routed("openai_chat/plain_text")), "told", translate=StreamTranslator)
    assert words in caught.value.message


def test_what_is_refused_today_is_no_story() -> None:
    image = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    asked = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": [image]}]}
    found = replace(routed("openai_chat/plain_text"), request=entry(asked).request)
    with pytest.raises(NoStory, match="today's code refuses the request"):
        story(found, "told", translate=StreamTranslator)


def test_a_field_that_a_story_cannot_set_is_told() -> None:
    with pytest.raises(NoStory, match="cannot set images of the profile to False"):
        story(routed("openai_chat/plain_text"), "told", translate=StreamTranslator, fields={"images": False})


def test_calls_that_passed_are_no_stories() -> None:
    with pytest.raises(NoStory):
        story(recorded_calls()[0], "told", translate=StreamTranslator)
