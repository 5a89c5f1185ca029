"""Chat-completions as Vertex AI has it: the same words at a path of its own, for the models of every vendor.

Source: Google Cloud documentation, "Vertex AI, OpenAI compatibility": the model is ``vendor/name``.
"""

from dataclasses import replace
from typing import override

from addon.dialects import Encoded, Target
from addon.dialects.openai_chat.dialect import PATH, OpenAIChat
from addon.protocol.messages import Request

OPENAPI = "/endpoints/openapi"
GOOGLE = "google/"  # the vendor of a model that names none


class VertexChat(OpenAIChat):
    """See :class:`addon.dialects.Dialect`."""

    @override
    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        model = target.model if "/" in target.model else GOOGLE + target.model
        return OpenAIChat.encode(self, request, body, replace(target, model=model))

    @override
    def address(self, target: Target) -> str:
        """Return where the request goes: under the project's address, which may be written down to the path."""
        return target.base_url.removesuffix(OPENAPI) + OPENAPI + PATH


DIALECT = VertexChat()
