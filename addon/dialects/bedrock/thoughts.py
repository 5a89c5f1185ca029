"""What a model of Bedrock thought in an earlier turn, said back to it by Converse.

In: a thinking block as the client sends it back. Out: ``reasoningContent`` blocks. What was sealed (a signature, or
reasoning that is encrypted as a whole) travels in the block's own signature (``protocol.signature``); only the very
model that made it gets it back. Source: Amazon Bedrock API reference, ReasoningContentBlock: "include the text and its
signature unmodified".
"""

from addon.dialects import Target
from addon.protocol import signature
from addon.protocol.event_shapes import UNSHOWN
from addon.protocol.messages import Json

# keys of a signature's state: for each block of reasoning that is sealed its seal, and how many characters of it are
# in plain words; Converse calls the first two so
REASONING = "converse"
SIGNATURE, REDACTED, LENGTH = "signature", "redactedContent", "length"


def said_back(block: Json, target: Target) -> list[Json] | str:
    """Return what is said, or whose thinking it is that cannot go back."""
    seal = signature.unseal(block.get("signature"))
    if seal is None or seal.origin != target.name:
        return "an earlier turn" if seal is None else seal.origin
    text = block["thinking"] or str(seal.state.get(UNSHOWN) or "")
    known = seal.state.get(REASONING)
    parts: list[Json] = []
    for piece in known if isinstance(known, list) else ():
        length = piece.get(LENGTH, 0) if isinstance(piece, dict) else None
        if not isinstance(length, int):
            continue
        if isinstance(sealed := piece.get(REDACTED), str):
            parts.append({REDACTED: sealed})
        elif isinstance(sealed := piece.get(SIGNATURE), str):
            parts.append({"reasoningText": {"text": text[:length], SIGNATURE: sealed}})
        else:
            continue
        text = text[length:]
    if text:
        parts.append({"reasoningText": {"text": text}})
    return [{"reasoningContent": part} for part in parts]
