"""Fields of a Messages request that mean something to Anthropic's server only, and the name of a session."""

import hashlib
import re
from collections.abc import Mapping

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.protocol.messages import Request

# what every dialect says, or watches for in the reply
SAID = frozenset(
    (
        "model", "messages", "system", "tools", "tool_choice", "max_tokens", "stream", "stop_sequences", "temperature",
        "top_p", "thinking", "output_config",
    )
)  # fmt: skip
# fields with a meaning for Anthropic only -> why they stay behind
ROUTINE: Mapping[str, str] = {
    "metadata": "Anthropic's pseudonymous user id",
    "context_management": "edits of the context that Anthropic's server makes",
    "diagnostics": "Anthropic's cache diagnosis",
    "fallbacks": "the models that Anthropic's server falls back to",
    "speed": "Anthropic's fast mode",
    "service_tier": "Anthropic's service tier",
}

SESSION = re.compile(r'"session_id"\s*:\s*"([0-9a-fA-F-]{8,64})"')
SESSION_LENGTH = 32  # OpenAI takes 64 characters


def left_behind(request: Request, target: Target) -> list[Loss]:
    """Return the losses of the fields that no dialect says."""
    return [_lost(field, target) for field in request.body if field not in SAID]


def session_name(request: Request) -> str | None:
    """Name the session without saying which: the client tells its id in ``metadata.user_id``, a JSON text."""
    metadata = request.body.get("metadata")
    told = metadata.get("user_id") if isinstance(metadata, dict) else None
    found = SESSION.search(told) if isinstance(told, str) else None
    return hashlib.sha256(found[1].encode()).hexdigest()[:SESSION_LENGTH] if found else None


def _lost(field: str, target: Target) -> Loss:
    if field in ROUTINE:
        return loss(Lost.ANTHROPICS_OWN, field, ROUTINE[field])
    return loss(Lost.SAFEGUARDS, field) if field == "safeguards" else loss(Lost.UNKNOWN_FIELD, field, target.name)
