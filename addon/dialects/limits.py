"""How long a reply may be, and what it stops at, within what the target takes."""

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.messages import Request

# Claude Code tries a model that the user names with max_tokens 1, and OpenAI's reasoning models refuse with a 400 what
# ends before their first word; docs/protocol.md, "Choosing a model"
TRIAL, TRIAL_TOKENS = 1, 1_024


def reply_tokens(request: Request, target: Target, losses: list[Loss]) -> int:
    """Return the most tokens that the reply may have."""
    profile = target.profile
    wanted = request.body.get("max_tokens")
    most = target.max_output_tokens or profile.default_max_tokens
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        wanted = most
    if wanted == TRIAL and profile.reasoning is not ReasoningStyle.NONE:
        losses.append(loss(Lost.TRIAL_LIMIT, "max_tokens", TRIAL, TRIAL_TOKENS))
        wanted = TRIAL_TOKENS
    if wanted > most:
        known = "the model's limit" if target.max_output_tokens else "the default where a model's limit is unknown"
        losses.append(loss(Lost.OUTPUT_LIMIT, "max_tokens", wanted, most, known))
    return min(wanted, most)


def shortened(losses: tuple[Loss, ...], request: Request, room: int, target: Target) -> tuple[Loss, ...]:
    """Tell that the reply has only ``room`` tokens beside its prompt (``window.reply_room``), and of no other limit."""
    others = (each for each in losses if each.sort is not Lost.OUTPUT_LIMIT)
    left = f"what such a prompt leaves of a window of {target.max_input_tokens}"
    return (*others, loss(Lost.OUTPUT_LIMIT, "max_tokens", request.body.get("max_tokens"), room, left))


def stops(request: Request, target: Target, losses: list[Loss]) -> list[str]:
    """Return the stop sequences that the target takes."""
    wanted: list[str] = request.body.get("stop_sequences") or []
    limit = target.profile.stop_limit
    if len(wanted) > limit:
        losses.append(loss(Lost.STOP_SEQUENCES, "stop_sequences", target.name, limit, len(wanted)))
    return wanted[:limit]


def sampling(request: Request, target: Target, losses: list[Loss]) -> dict[str, float]:
    """Return ``temperature`` and ``top_p`` as the client sets them, where the target takes them."""
    told = {field: request.body[field] for field in ("temperature", "top_p") if request.body.get(field) is not None}
    if target.profile.sampling:
        return told
    losses += [loss(Lost.SAMPLING, field, target.name, field) for field in told]
    return {}
