"""Claude's replies in Amazon's frames, as an exchange gives them to the client: whole, in any cuts, ended anywhere."""

import pytest

from addon.dialects import Encoded, WireRequest
from addon.protocol.errors import BackendError, Kind
from addon.proxy.intake import Send
from addon.proxy.routed_exchange import RoutedExchange
from addon.routing.call import Call
from addon.routing.route import choose
from addon.settings.assembly import parse
from tests import law
from tests.proxy.live import KEY
from tests.stories import FOLDER, Story, every_story

SETTINGS = parse({"AWS_BEARER_TOKEN_BEDROCK": KEY, "AWS_REGION": "us-east-1"})
STORIES = [pytest.param(story, id=story.folder.name) for story in every_story("bedrock_claude", translates=False)]


def told(name: str) -> Story:
    return Story(FOLDER / "bedrock_claude" / name)


def exchange() -> RoutedExchange:
    route = choose(Call({"model": "bedrock/us.anthropic.claude-opus-4-6-v1"}), SETTINGS)
    assert route.destination
    encoded = Encoded(WireRequest("http://x", (), b"x" * 400))
    begun = RoutedExchange("abc", route, 10.0, send=Send(route, route.destination, True, encoded))
    begun.open_stream(waits=True)
    return begun


def given(pieces: list[bytes]) -> RoutedExchange:
    """An exchange whose backend said this, and no more."""
    ended = exchange()
    for piece in pieces:
        ended.feed(piece, 11.0)
    ended.close()
    return ended


@pytest.mark.parametrize("story", STORIES)
def test_a_reply_is_what_its_golden_says_unless_nothing_was_said(story: Story) -> None:
    whole = given([story.backend_reply])
    golden = (story.folder / "client.sse").read_bytes()
    if whole.failure is None:
        assert bytes(whole.given) == golden
    else:
        assert bytes(whole.given) == b""
        assert b"event: content_block" not in golden


@pytest.mark.parametrize("story", STORIES)
def test_a_reply_that_ends_anywhere_ends_lawfully_or_fails_before_its_first_word(story: Story) -> None:
    stream = story.backend_reply
    for at in range(0, len(stream), 7):
        ended = given([stream[:at]])
        if ended.failure is not None:
            assert bytes(ended.given) == b""
            continue
        last = law.events(bytes(ended.given))[-1]["type"]
        assert last == ("message_stop" if ended.error is None else "error")


@pytest.mark.parametrize("story", STORIES)
def test_a_reply_that_comes_byte_by_byte_is_the_same(story: Story) -> None:
    stream = story.backend_reply
    whole, pieces = given([stream]), given([stream[at : at + 1] for at in range(len(stream))])
    assert bytes(pieces.given) == bytes(whole.given)
    assert (pieces.error, str(pieces.failure)) == (whole.error, str(whole.failure))


def test_a_fault_of_the_framing_before_the_first_word_can_be_asked_again() -> None:
    failed = given([bytes(12)]).failure
    assert isinstance(failed, BackendError)
    assert failed.kind in (Kind.OVERLOADED, Kind.MALFORMED)


def test_a_fault_of_the_framing_behind_words_is_told_in_the_stream() -> None:
    broken = given([told("plain_text").backend_reply[:1200], bytes(12)])
    assert law.events(bytes(broken.given))[-1]["type"] == "error"


def test_signatures_pass_unsealed() -> None:
    assert b'"signature":"EqMB+sig=="' in given([told("thinking_and_call").backend_reply]).given


def test_what_was_counted_is_known() -> None:
    usage = given([told("plain_text").backend_reply]).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (12, 7)
