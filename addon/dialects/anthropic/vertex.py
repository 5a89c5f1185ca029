"""Claude on Google's Vertex AI: Anthropic's format with the model in the address and its version in the body.

The base address ends with the project and the location. Source: the ``anthropic`` package 2.11, ``lib/vertex``;
cloud.google.com, "Claude on Vertex AI, request predictions".
"""

from typing import override
from urllib.parse import quote

from addon.dialects import Encoded, Target, WireRequest
from addon.dialects.anthropic import wire
from addon.dialects.anthropic.dialect import Anthropic, headers
from addon.protocol.messages import Request

FORM = wire.Form(version="vertex-2023-10-16")
MODELS = "/publishers/anthropic/models/"
SAFE = "@:."  # of a model's name, as Google's own client leaves them: claude-haiku-4-5@20251001


class VertexClaude(Anthropic):
    """See :class:`addon.dialects.Dialect`."""

    @override
    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Put the model into the address, and leave out what Google's cloud does not take."""
        written = wire.write(request, body, target, FORM)
        verb = "streamRawPredict" if request.stream else "rawPredict"
        sent = WireRequest(
            f"{target.base_url}{MODELS}{quote(target.model, safe=SAFE)}:{verb}",
            headers(request, written.betas, target),
            written.body,
        )
        return Encoded(sent, written.losses, input_tokens=written.input_tokens)


DIALECT = VertexClaude()
