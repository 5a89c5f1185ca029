"""Claude on Vertex AI: the model is in the address, the version in the body."""

from dataclasses import replace

import orjson
import pytest

from addon.dialects import Target
from addon.dialects.anthropic import betas, vertex
from addon.dialects.profiles import Takes
from addon.protocol import messages
from tests.stories import target

PLACE = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"
PLAIN = target("azure-claude", "claude-opus-5-5")
CLAUDE = replace(PLAIN, profile=replace(PLAIN.profile, takes=Takes.VERTEX), base_url=PLACE)


def sent(there: Target = CLAUDE, **fields: object) -> tuple[str, dict[str, str], dict[str, object]]:
    body = {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": "a"}], "stream": True, **fields}
    wire = vertex.DIALECT.encode(messages.check(body), orjson.dumps(body), there).wire
    return wire.url, dict(wire.headers), orjson.loads(wire.body)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5@20251001"),
        ("odd;name/x", "odd%3Bname%2Fx"),
    ],
)
def test_the_model_is_in_the_address(model: str, named: str) -> None:
    url, _, _ = sent(replace(CLAUDE, model=model))
    assert url == f"{PLACE}/publishers/anthropic/models/{named}:streamRawPredict"


def test_a_reply_in_one_piece_has_another_verb() -> None:
    url, headers, body = sent(stream=False)
    assert url.endswith(":rawPredict")
    assert (headers["accept"], body["stream"]) == ("application/json", False)


def test_the_body_has_the_version_and_the_header_the_betas_of_its_fields() -> None:
    _, headers, body = sent(context_management={"edits": []}, diagnostics={})
    assert body == {
        "anthropic_version": "vertex-2023-10-16",
        "messages": [{"role": "user", "content": "a"}],
        "stream": True,
        "context_management": {"edits": []},
    }
    assert headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "anthropic-beta": betas.CONTEXT_MANAGEMENT,
    }


def test_replies_pass_as_they_come() -> None:
    assert not vertex.DIALECT.translates
    assert vertex.DIALECT.stream_types == ("text/event-stream",)
