"""Our own signature for thinking blocks: says which model thought, and carries what that model wants back.

Anthropic signs thinking so that it can trust it later; the client echoes whatever signature it was given. Ours carries
the origin, so that a later request can tell its own model's thinking from another's, and the state that the backend
needs to go on from its own reasoning. So the proxy keeps nothing, and a session survives a restart. Format: a fixed
prefix and the base64url of a JSON object with the keys ``origin`` and, where there is any, ``state``; a reader ignores
keys it does not know.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

PREFIX = "detour1."


@dataclass(frozen=True, slots=True)
class Seal:
    """What a signature of ours says."""

    origin: str  # ``provider/model``
    state: Mapping[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """The first part of the origin."""
        return self.origin.partition("/")[0]


def seal(origin: str, state: Mapping[str, Any] | None = None) -> str:
    """Return the signature for thinking by ``origin`` (``provider/model``); ``state`` is JSON."""
    token: dict[str, Any] = {"origin": origin, "state": state} if state else {"origin": origin}
    return PREFIX + base64.urlsafe_b64encode(orjson.dumps(token)).decode()


def unseal(signature: object) -> Seal | None:
    """Return what a signature says, or None when it is not ours (or was damaged)."""
    if not isinstance(signature, str) or not signature.startswith(PREFIX):
        return None
    try:
        token = orjson.loads(base64.urlsafe_b64decode(signature.removeprefix(PREFIX)))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(token, dict) or not isinstance(token.get("origin"), str):
        return None
    state = token.get("state")
    return Seal(token["origin"], state if isinstance(state, dict) else {})
