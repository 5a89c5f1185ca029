"""Where a model of Bedrock is asked, as botocore writes the same ids."""

from dataclasses import replace

import pytest
from botocore.serialize import create_serializer

from addon.dialects.bedrock import address
from addon.protocol import messages
from tests.end_to_end.bedrock_strictness import service
from tests.stories import target

NOVA = replace(target("bedrock", "us.amazon.nova-pro-v1:0"), base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
IDS = [
    "us.anthropic.claude-sonnet-4-6-v1:0",
    "anthropic.claude-opus-5",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
    "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
    "odd id/with%signs~ä",
]


@pytest.mark.parametrize("model", IDS)
@pytest.mark.parametrize("forced", ["", "converse/", "invoke/"])
def test_an_id_stands_in_the_path_as_botocore_writes_it(model: str, forced: str) -> None:
    made = create_serializer("rest-json").serialize_to_request(
        {"modelId": model, "messages": []}, service().operation_model("Converse")
    )
    assert address.url(replace(NOVA, model=forced + model), "converse") == NOVA.base_url + made["url_path"]


@pytest.mark.parametrize(
    ("stream", "accept"), [(True, "application/vnd.amazon.eventstream"), (False, "application/json")]
)
def test_headers_say_whether_a_stream_is_wanted(stream: bool, accept: str) -> None:
    request = messages.check({"model": "m", "messages": [{"role": "user", "content": "a"}], "stream": stream})
    there = replace(NOVA, headers=(("x-amzn-bedrock-trace", "enabled"),))
    assert address.headers(request, there) == (
        ("content-type", "application/json"),
        ("accept", accept),
        ("accept-encoding", "identity"),
        ("x-amzn-bedrock-trace", "enabled"),
    )
