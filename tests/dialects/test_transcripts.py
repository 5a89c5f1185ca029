"""Every story's request and reply come out as its goldens say; `scripts/record --update` writes those anew."""

import json
from collections.abc import Iterator

import pytest

from tests import law
from tests.end_to_end import strict_responses, strictness
from tests.stories import Story, every_story

STORIES = [pytest.param(story, id=story.name) for story in every_story()]
OF_OPENAI = [pytest.param(story, id=story.name) for story in every_story() if story.target.provider == "openai"]
HEADERS = {"authorization": "Bearer key"}
STRICT = {"openai_chat": strictness.violations, "openai_responses": strict_responses.violations}
SAID_BY_OTHERS_TOO = {"thinking"}  # DeepSeek, z.ai and Moonshot took over this one of Anthropic's words
OF_CONVERSE = {"system", "signature", "output_config"}  # the last is Claude's own there


@pytest.mark.parametrize("story", STORIES)
def test_the_request_becomes_the_golden_wire_request(story: Story) -> None:
    assert (story.folder / "wire_request.json").read_text() == story.render_wire_request()


@pytest.mark.parametrize("story", STORIES)
def test_the_reply_becomes_the_golden_client_reply(story: Story) -> None:
    assert (story.folder / "client.sse").read_bytes() == story.render_client_reply()


@pytest.mark.parametrize("story", STORIES)
def test_the_golden_client_reply_is_lawful(story: Story) -> None:
    law.check((story.folder / "client.sse").read_bytes())


@pytest.mark.parametrize("story", OF_OPENAI)
def test_openai_takes_the_golden_wire_request(story: Story) -> None:
    wire = json.loads((story.folder / "wire_request.json").read_text())
    violations = STRICT[story.folder.parent.name]
    assert violations({**wire["headers"], **HEADERS}, wire["body"], key="key") == []


@pytest.mark.parametrize("story", STORIES)
def test_nothing_of_anthropics_vocabulary_reaches_a_backend(story: Story) -> None:
    wire = json.loads((story.folder / "wire_request.json").read_text())
    known = SAID_BY_OTHERS_TOO | (OF_CONVERSE if story.target.provider == "bedrock" else set())
    assert set(keys(wire["body"])) & strictness.ANTHROPIC_KEYS - known == set()
    assert "x-anthropic-billing-header" not in json.dumps(wire)


# the tools' own schemas, a call's arguments, and what is the backend's own
OF_OTHERS = ("parameters", "parametersJsonSchema", "responseJsonSchema", "schema", "json", "args", "reasoning_details")


def keys(value: object) -> Iterator[str]:
    """Every key of a JSON value, but for those of others."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in OF_OTHERS:
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.mark.parametrize("story", STORIES)
def test_the_note_says_where_the_story_comes_from(story: Story) -> None:
    note = (story.folder / "story.md").read_text()
    assert ("Recorded from" in note) != ("Invented" in note)
