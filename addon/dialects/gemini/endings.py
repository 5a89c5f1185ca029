"""Why a reply of Gemini's ended, and what an error of Google's is, as tables.

Sources: google-genai 3.6, ``types.FinishReason`` and ``types.BlockedReason``; Google API design guide, "error model".
"""

from collections.abc import Mapping
from types import MappingProxyType

from addon.dialects.faults import REPAIR
from addon.protocol.deltas import StopReason
from addon.protocol.errors import BackendError, Kind, MalformedReply

# finishReason -> why it stopped; the calls seen may overrule END_TURN
FINISH: Mapping[str, StopReason] = MappingProxyType(
    {
        "STOP": StopReason.END_TURN,
        "MAX_TOKENS": StopReason.MAX_TOKENS,
        "CONTINUATION": StopReason.MAX_TOKENS,  # Gemini 4, of a long reply: the client lets it resume
        **dict.fromkeys(
            (
                "SAFETY",
                "RECITATION",
                "LANGUAGE",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
                "IMAGE_OTHER",
                "MODEL_ARMOR",
                "ESCALATION",
            ),
            StopReason.REFUSAL,
        ),
    }
)
# the others -> what went wrong; of MALFORMED, SERVER and OVERLOADED another try may do
FAULTS: Mapping[str, Kind] = MappingProxyType(
    {
        "MALFORMED_FUNCTION_CALL": Kind.MALFORMED,
        "UNEXPECTED_TOOL_CALL": Kind.MALFORMED,
        "MALFORMED_RESPONSE": Kind.MALFORMED,
        "OTHER": Kind.SERVER,
        "TOO_MANY_TOOL_CALLS": Kind.REFUSED,
        "NO_IMAGE": Kind.REFUSED,
        "PUP_LIMITED_DISABLED": Kind.PERMISSION,
        "MISSING_THOUGHT_SIGNATURE": Kind.REPAIRABLE,
    }
)
UNSAID = frozenset(("", "FINISH_REASON_UNSPECIFIED"))  # it has not stopped
UNBLOCKED = frozenset(("", "BLOCKED_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED"))

# status of an error, where it bears no code -> the code it stands for
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "ALREADY_EXISTS": 409,
        "ABORTED": 409,
        "RESOURCE_EXHAUSTED": 429,
        "CANCELLED": 499,
        "INTERNAL": 500,
        "UNKNOWN": 500,
        "DATA_LOSS": 500,
        "UNIMPLEMENTED": 501,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }
)


def fault(reason: str, message: str, who: str) -> BackendError:
    """Return what a reply deserves that ended with a reason that is none of ``FINISH``."""
    kind = FAULTS.get(reason)
    if kind is None:
        return MalformedReply(f'{who} ended its reply with the unknown finish reason "{reason}"')
    told = f'{who} ended its reply with "{reason}"{f": {message}" if message else ""}'
    return BackendError(kind, f"{REPAIR} ({told})" if kind is Kind.REPAIRABLE else told)
