"""Our own signature for thinking blocks: says which model the thinking came from.

Anthropic signs thinking so that it can trust it later; the client echoes whatever signature it was given. Ours carries
the origin, so that a later request can tell its own model's thinking from another's. Format: a fixed prefix and the
base64url of a JSON object with the key ``origin``; a reader ignores keys it does not know.
"""

import base64
import binascii

import orjson

PREFIX = "detour1."


def seal(origin: str) -> str:
    """Return the signature for thinking by ``origin`` (``provider/model``)."""
    return PREFIX + base64.urlsafe_b64encode(orjson.dumps({"origin": origin})).decode()


def origin(signature: object) -> str | None:
    """Return who thought, or None when the signature is not ours (or was damaged)."""
    if not isinstance(signature, str) or not signature.startswith(PREFIX):
        return None
    try:
        token = orjson.loads(base64.urlsafe_b64decode(signature.removeprefix(PREFIX)))
    except (binascii.Error, ValueError):
        return None
    found = token.get("origin") if isinstance(token, dict) else None
    return found if isinstance(found, str) else None
