"""What a prompt takes of a model's window, what it leaves for the reply, and whether all of it was read. Pure.

Backends refuse a request whose prompt and ``max_tokens`` exceed the window together, and Claude Code asks for as much
as Claude can write: with 32,000 tokens and more, a window of 131,072 would be full at a half or two thirds of it.
Source: docs/protocol.md, "Context".
"""

from addon.dialects import ReplyContext, Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.overflows import overflow
from addon.protocol import tokens
from addon.protocol.deltas import StopReason, Usage
from addon.protocol.errors import BackendError
from addon.protocol.messages import Request

# up to which a prompt is measured by its bytes alone, pictures as if they were text: 230 kB
QUICK_TOKENS = 64_000
# what the estimate may be too small by: it counts JSON's own signs too, which makes up for most of what it misses
MARGIN_TOKENS, MARGIN_SHARE = 1_000, 20
# left to the reply even where nothing seems to be left: the backend knows better, and says so
SMALLEST_REPLY_TOKENS = 4_096
# the estimate is at most a quarter too large (docs/protocol.md, "Tokens"), and less than twice too small or too large
CERTAIN, CUT = 1.25, 0.5
NEARLY_ALL = 0.99  # of the window: who then has no room for a word has not read the prompt's end (Xiaomi MiMo)


def input_tokens(request: Request, size: int, target: Target) -> int:
    """Return an estimate for a prompt of ``size`` bytes on the wire; a quick one where it is far from any limit."""
    quick, window = tokens.estimate_text(size), target.max_input_tokens
    if not target.profile.cuts_silently and quick < (min(QUICK_TOKENS, window // 2) if window else QUICK_TOKENS):
        return quick
    return tokens.estimate(request.system, request.messages, request.tools)


def reply_room(prompt: int, target: Target) -> int | None:
    """Return how many tokens the reply may have beside such a prompt; None where the window is no limit to it."""
    window = target.max_input_tokens
    if window is None or target.profile.reply_beside_window:
        return None
    return max(SMALLEST_REPLY_TOKENS, window - prompt - prompt // MARGIN_SHARE - MARGIN_TOKENS)


def check(prompt: int, target: Target) -> None:
    """Refuse what a backend would cut without a word. Raises: BackendError.

    Only where the user said how large the window is, and where the estimate cannot be wrong by as much.
    """
    window = target.max_input_tokens
    if target.profile.cuts_silently and target.window_is_set and window and prompt > window * CERTAIN:
        raise overflow(prompt, window, ReplyContext(target, "", input_estimate=prompt))


def reported(count: int, target: Target) -> int:
    """Return what the client is told of a count of tokens: as if the window were as large as the user says it shall be.

    Claude Code cannot be told of a window under 100,000 tokens; told more than there is, it compacts in time.
    """
    if target.report_window is None or target.max_input_tokens is None:
        return count
    return -(-count * target.report_window // target.max_input_tokens)


def wordless(reason: StopReason, usage: Usage | None, context: ReplyContext) -> BackendError | None:
    """Return the error that a reply without a word amounts to, which had its end before its beginning."""
    window, read = context.target.max_input_tokens, _read(usage)
    if reason is StopReason.MAX_TOKENS and window and read >= NEARLY_ALL * window:
        return overflow(read if read > window else None, window, context)
    return None


def cut(usage: Usage | None, context: ReplyContext) -> list[Loss]:
    """Return the loss of a prompt of which a part was not read, by what the backend counted."""
    target, read = context.target, _read(usage)
    window, sent = target.max_input_tokens, context.input_estimate
    if not target.profile.cuts_silently or not read:
        return []
    if window and read > window:
        told = f"{target.name} counted {read:,} tokens, more than its window of {window:,}"
    elif read < sent * CUT:
        told = f"{target.name} counted {read:,} tokens where about {sent:,} were sent"
    else:
        return []
    return [loss(Lost.SILENT_OVERFLOW, "messages", told)]


def _read(usage: Usage | None) -> int:
    """What the backend counted of the prompt, cached or not."""
    return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens if usage else 0
