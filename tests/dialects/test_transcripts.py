"""Every story's request and reply come out as its goldens say; `scripts/record --update` writes those anew."""

import pytest

from tests.stories import Story, every_story

STORIES = [pytest.param(story, id=story.name) for story in every_story()]


@pytest.mark.parametrize("story", STORIES)
def test_the_request_becomes_the_golden_wire_request(story: Story) -> None:
    assert (story.folder / "wire_request.json").read_text() == story.render_wire_request()


@pytest.mark.parametrize("story", STORIES)
def test_the_reply_becomes_the_golden_client_reply(story: Story) -> None:
    assert (story.folder / "client.sse").read_bytes() == story.render_client_reply()


@pytest.mark.parametrize("story", STORIES)
def test_the_note_says_where_the_story_comes_from(story: Story) -> None:
    note = (story.folder / "story.md").read_text()
    assert ("Recorded from" in note) != ("Invented" in note)
