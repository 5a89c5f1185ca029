"""Where a model of Bedrock is asked: its id, or an ARN, as a part of the path; and the headers of a request.

Source: Amazon Bedrock API reference, InvokeModel and Converse; botocore 1.44, which writes every sign of an id but
letters, digits and ``-._~`` as ``%XX``.
"""

import re
from urllib.parse import quote

from addon.dialects import Target, extras
from addon.protocol.amazon_frames import CONTENT_TYPE
from addon.protocol.messages import Request

# how users of litellm force one of the two APIs; what stands behind it is the id
FORCED = re.compile(r"^(?:converse|invoke)/")


def url(target: Target, action: str) -> str:
    """Return the address of ``action``: ``invoke``, ``converse-stream`` and the like."""
    return f"{target.base_url}/model/{quote(model_id(target.model), safe='')}/{action}"


def headers(request: Request, target: Target) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request."""
    own = (
        ("content-type", "application/json"),
        ("accept", CONTENT_TYPE if request.stream else "application/json"),
        ("accept-encoding", "identity"),
    )
    return extras.replace_headers(own, target.headers)


def model_id(model: str) -> str:
    """Return a model's id, or its ARN."""
    return FORCED.sub("", model)
