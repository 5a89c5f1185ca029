"""The shapes are Anthropic's; what they hold in a stream is tested with the writer."""

import anthropic
import pytest
from pydantic import TypeAdapter

from addon.protocol import event_shapes, signature
from addon.protocol.deltas import Source
from addon.protocol.signature import Seal

PAGE = Source("https://a.example/1", "A page", "Its words.", "2 days ago")


def test_the_official_client_takes_each() -> None:
    TypeAdapter(anthropic.types.Message).validate_python(event_shapes.message("msg_1", "m", 7))
    TypeAdapter(anthropic.types.WebSearchResultBlock).validate_python(event_shapes.found(PAGE, "searxng/web"))
    TypeAdapter(anthropic.types.CitationsWebSearchResultLocation).validate_python(
        event_shapes.citation(PAGE, "searxng/web")
    )


@pytest.mark.parametrize(("text", "state"), [("Its words.", {"text": "Its words."}), ("", {})])
def test_what_is_quoted_of_a_page_is_sealed(text: str, state: dict[str, str]) -> None:
    sealed = event_shapes.found(Source("https://a.example", "A", text), "searxng/web")["encrypted_content"]
    assert signature.unseal(sealed) == Seal("searxng/web", state)
