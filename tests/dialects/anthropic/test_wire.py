"""A body in Anthropic's format, as places differ in it; what is common is tested with the dialect."""

import orjson
import pytest

from addon.dialects.anthropic import betas
from addon.dialects.anthropic.wire import Form, Written, write
from addon.protocol import messages
from tests.stories import target

CLAUDE = target("anthropic", "claude-opus-5-5")
BEDROCK = Form("bedrock-2023-05-31", keeps_stream=False, betas_within=True)
VERTEX = Form("vertex-2023-10-16")
TURNS = b'"messages":[{"role":"user","content":"\\u00fc"}]'
EDITS = b',"context_management":{"edits":[]}'


def written(body: bytes, form: Form, *, spliced: bool = True) -> Written:
    return write(messages.parse(body), body if spliced else None, CLAUDE, form)


CASES = {
    "Vertex": (
        VERTEX,
        b'{"model":"m",' + TURNS + b',"stream":true}',
        b'{"anthropic_version":"vertex-2023-10-16",' + TURNS + b',"stream":true}',
    ),
    "Bedrock": (
        BEDROCK,
        b'{"model":"m",' + TURNS + b',"stream":true}',
        b'{"anthropic_version":"bedrock-2023-05-31",' + TURNS + b"}",
    ),
    "Bedrock, whole": (
        BEDROCK,
        b'{"model":"m","stream":false,' + TURNS + b"}",
        b'{"anthropic_version":"bedrock-2023-05-31",' + TURNS + b"}",
    ),
    "Bedrock, with a beta": (
        BEDROCK,
        b'{"model":"m",' + TURNS + EDITS + b"}",
        b'{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["'
        + betas.CONTEXT_MANAGEMENT.encode()
        + b'"],'
        + TURNS
        + EDITS
        + b"}",
    ),
}


@pytest.mark.parametrize(("form", "body", "expected"), CASES.values(), ids=CASES)
def test_the_model_gives_way_to_the_version_and_the_rest_stays_to_the_byte(
    form: Form, body: bytes, expected: bytes
) -> None:
    assert written(body, form).body == expected
    assert orjson.loads(written(body, form, spliced=False).body) == orjson.loads(expected)


ODD = [
    b'{"model":"m",' + TURNS + b',"metadata":{"stream":true},"stream":true}',
    b'{"model":"m","metadata":{"x":1, "stream":true},' + TURNS + b"}",
    b'{"stream":true,"model":"m",' + TURNS + b"}",
]


@pytest.mark.parametrize("body", ODD)
def test_a_word_that_may_be_another_field_is_not_spliced_away(body: bytes) -> None:
    asked = orjson.loads(body)
    sent = orjson.loads(written(body, BEDROCK).body)
    assert sent.pop("anthropic_version") == "bedrock-2023-05-31"
    assert sent == {name: value for name, value in asked.items() if name not in ("model", "stream")}


def test_betas_stand_in_the_header_or_in_the_body() -> None:
    body = b'{"model":"m",' + TURNS + EDITS + b"}"
    assert written(body, VERTEX).betas == (betas.CONTEXT_MANAGEMENT,)
    assert b"anthropic_beta" not in written(body, VERTEX).body
    assert written(body, BEDROCK).betas == ()
