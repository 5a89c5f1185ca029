"""What Bedrock says went wrong, as a status or within a stream: to the status that it means, and to our kinds.

A name comes in the header ``x-amzn-errortype`` (``ValidationException:http://...``), in the body's ``__type``, or as
the sort of a frame, there with a small first letter; the words come as ``message`` or ``Message``. Sources: botocore
1.44, ``bedrock-runtime``; Amazon Bedrock API reference, "common errors"; AWS general reference, "common error types".
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from addon.dialects import ReplyContext, faults
from addon.dialects.complaints import Told, page
from addon.protocol.amazon_frames import AmazonFrame
from addon.protocol.errors import BackendError

FAULTS = ("exception", "error")  # sorts of frames
NAME_HEADER = "x-amzn-errortype"
BAD_CREDENTIAL = 401  # what Amazon answers with 400 or 403

# name without ``Exception``, in small letters -> the status that it means; others mean the one they came with
STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "accessdenied": 403,
        "conflict": 409,
        "internalserver": 500,
        "modelerror": 500,  # 424, which the client would show and not try again
        "modelnotready": 429,
        "modelstreamerror": 500,
        "modeltimeout": 408,
        "resourcenotfound": 404,
        "servicequotaexceeded": 429,  # 400: "the number of requests exceeds the service quota, resubmit later"
        "serviceunavailable": 503,
        "throttling": 429,
        "validation": 400,
        **dict.fromkeys(
            (
                "expiredtoken",
                "incompletesignature",
                "invalidclienttokenid",
                "invalidsignature",
                "missingauthenticationtoken",
                "notauthorized",
                "signaturedoesnotmatch",
                "unrecognizedclient",
            ),
            BAD_CREDENTIAL,
        ),
    }
)
# the same without a name of its own: of a bearer key, "Authentication failed: Please make sure your API Key is valid."
NOT_AUTHENTICATED = re.compile(r"^authentication failed|api key (?:is not|has) |bearer token", re.IGNORECASE)
PROFILE = re.compile(r"on-demand throughput isn.t supported", re.IGNORECASE)  # how the newest models cannot be asked
PROFILES = "us.ID, eu.ID, apac.ID or global.ID"
FOR_TODAY = re.compile(
    r"tokens per day|requests per day|daily", re.IGNORECASE
)  # "Too many tokens per day, please wait"


def from_reply(status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
    """Classify an HTTP error. ``headers`` has lower-case names."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        return faults.classify(status, headers, page(body), context)
    inner = told.get("Output")  # of an operation that the host does not know
    told = inner if isinstance(inner, dict) else told
    name = headers.get(NAME_HEADER) or told.get("__type") or told.get("code") or ""
    return _classified(_bare(name), told, status, headers, context)


def from_frame(frame: AmazonFrame, context: ReplyContext) -> BackendError:
    """Classify a frame of the sort ``exception`` or ``error``."""
    if frame.sort == "error":
        told: Any = {"message": frame.headers.get(":error-message") or frame.name}
    else:
        try:
            told = orjson.loads(frame.payload)
        except orjson.JSONDecodeError:
            told = None
    return _classified(_bare(frame.name), told if isinstance(told, dict) else {}, 200, {}, context)


def _classified(
    name: str, told: Mapping[str, Any], status: int, headers: Mapping[str, str], context: ReplyContext
) -> BackendError:
    message = next((told[key] for key in ("message", "Message") if isinstance(told.get(key), str)), "") or name
    original = told.get("originalMessage")
    if isinstance(original, str) and original and original not in message:
        message = f"{message}: {original}"
    message = message or "an empty error reply"
    if PROFILE.search(message):
        message = f"{message.rstrip('.')}, with a prefix: {PROFILES}"
    means = STATUSES.get(name.removesuffix("Exception").lower(), status)
    if means == 403 and NOT_AUTHENTICATED.search(message):
        means = BAD_CREDENTIAL
    words = Told(message, name, for_today=bool(FOR_TODAY.search(message)))
    return faults.classify(means, headers, words, context)


def _bare(name: object) -> str:
    """The name without its namespace in front, and the address behind."""
    return str(name).partition(":")[0].rpartition("#")[2].rpartition(".")[2]
