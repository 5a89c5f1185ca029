"""What a backend's error means: wording of every vendor in, our kinds out.

In: an HTTP status, lower-case headers and a body; or an error object found inside a stream. Out: a BackendError whose
message the client understands. Order: what is too long (``overflows``), then the table of signs, then the status.
Sources: vendors' error pages and SDKs, collected in docs/protocol.md, "Errors"; client wording: Claude Code 2.1.329.
"""

import re
from collections.abc import Mapping

import orjson

from addon.dialects import ReplyContext, overflows
from addon.dialects.complaints import MAX_SHOWN, Told, page, read, retry_after
from addon.dialects.losses import FIND_EYES
from addon.protocol.errors import BackendError, Kind

MAX_READ = 2_000  # characters of a message that are searched: some servers quote the whole request behind their words
MAX_NAME = 100  # of a code or a type

# A model that takes no pictures. Some say so with a status that the client repeats (llama.cpp, Ollama, vLLM: 500), or
# with that of an unknown model (OpenRouter and Xiaomi: 404).
NO_EYES = re.compile(
    r"image_url is only supported by certain models"  # OpenAI: browser-use/web-ui#274
    r"|unknown variant `image_url`"  # DeepSeek: rikkahub/rikkahub#1433
    r"|is not a multimodal model|at most 0 image"  # vLLM: vllm-project/vllm#19144
    r"|unsupported content part type: .{0,2}image_url"  # llama.cpp: ggml-org/llama.cpp#12947
    # llama.cpp#15377; Mistral, "is not enabled for this model"; xAI; gateways
    r"|(?:image|vision|multimodal)(?: inputs?| content)? (?:is|are) not (?:supported|enabled)"
    # LM Studio: lmstudio-bug-tracker#908; Ollama: ollama/ollama#17301
    r"|does(?: not|n't) support (?:image|vision|multimodal)"
    r"|missing data required for image input"  # Ollama: valentinfrlch/ha-llmvision#691
    r"|vision model is not loaded"  # LM Studio: lmstudio-ai/lms#53
    r"|no endpoints found that support image"  # OpenRouter: NousResearch/hermes-agent#23411
    r"|messages\.content\.type.{0,20}\[['\"]text['\"]\]"  # GLM, code 1210: BigPizzaV3/CodexPlusPlus#1760
    r"|not supported for vision"  # GitHub Copilot: egoist/chatwise-releases#1173
    r"|only '?text'? content type is supported"  # mlx-lm
    r"|image_url'? is not supported"  # Infini-AI
    r"|unexpected item type in content",  # DashScope: NousResearch/hermes-agent#57948
    re.IGNORECASE,
)

# Reasoning of an earlier turn that the backend does not take back: of another account, another model, or too old. The
# client knows Anthropic's words for it, leaves out all thinking of earlier turns and asks again at once.
# OpenAI: invalid_encrypted_content; Gemini: "Function call is missing a thought_signature", "Corrupted thought
# signature"; Bedrock: "This model doesn't support the reasoningContent.reasoningText.signature field"
STALE = re.compile(
    r"invalid_encrypted_content|encrypted content .{0,80}could not be (?:verified|decrypted)|thought[ _]signature"
    r"|invalid [`'\"]?signature|reasoningtext\.signature",
    re.IGNORECASE,
)
REPAIR = "messages: Invalid `signature` in `thinking` block"  # on which the client does so

# (statuses or None for any, pattern in code, type or message, kind); first match wins
SIGNS: tuple[tuple[frozenset[int] | None, re.Pattern[str], Kind], ...] = tuple(
    (frozenset(statuses) if statuses else None, re.compile(pattern, re.IGNORECASE), kind)
    for statuses, pattern, kind in (
        ((200, 400, 404, 415, 422, 500, 501), NO_EYES.pattern, Kind.REFUSED),
        ((200, 400), STALE.pattern, Kind.REPAIRABLE),
        (
            (),
            r"insufficient_quota|billing_hard_limit|billing_not_active|insufficient.balance|credit balance|"
            # z.ai's plans, under the status 429: anomalyco/opencode, provider-error.test.ts
            r"usage limit reached|limit exhausted|package has expired|plan does not (?:yet )?include",
            Kind.MONEY,
        ),
        ((402,), r"", Kind.MONEY),
        ((401,), r"", Kind.CREDENTIAL),
        (
            (400, 403),
            r"invalid.api.key|api.key.not.valid|api_key_invalid|incorrect api key|unrecognizedclient|expiredtoken|"
            r"security token|invalid.authentication|authentication_error|no auth credentials",
            Kind.CREDENTIAL,
        ),
        ((422,), r"subscription_token_invalid", Kind.CREDENTIAL),  # Brave Search
        ((403,), r"", Kind.PERMISSION),
        ((), r"rate_limit|rate limit|too many requests|throttling|resource_exhausted", Kind.RATE_LIMIT),
        ((429,), r"", Kind.RATE_LIMIT),
        ((), r"overloaded|insufficient_system_resource|service unavailable|\bunavailable\b", Kind.OVERLOADED),
        ((503, 529), r"", Kind.OVERLOADED),
        ((408, 504, 524), r"", Kind.TIMEOUT),
        ((499,), r"", Kind.SERVER),  # Google's own server gave up
        ((501,), r"unimplemented", Kind.REFUSED),
        ((409, 425), r"", Kind.SERVER),  # of two requests at once, or one too early: another time it may do
        ((), r"modeltimeout", Kind.TIMEOUT),
        (
            (),
            r"model_not_found|model_not_supported|model.*(?:does not exist|not exist|not found)|unknown model|"
            r"model identifier is invalid|no such model|not a valid model|invalid model",
            Kind.NOT_FOUND,
        ),
        ((404,), r"", Kind.NOT_FOUND),
        ((413,), r"", Kind.TOO_LARGE),
        ((), r"request_too_large", Kind.TOO_LARGE),
        ((), r"authentication_error|invalid_api_key|permission_denied", Kind.CREDENTIAL),
        ((), r"server_error|internal_error|internal server error|network_error|modelerror", Kind.SERVER),
    )
)


def from_reply(status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
    """Classify an HTTP error. ``headers`` has lower-case names."""
    told = None
    try:
        told = read(orjson.loads(body))
    except orjson.JSONDecodeError:
        if overflows.is_wordless(status, body, context):
            return overflows.overflow(None, None, context)
    return classify(status, headers, told or page(body), context)


def from_stream(told: Told, context: ReplyContext) -> BackendError:
    """Classify an error found inside a reply that began well."""
    return classify(told.status or 200, {}, told, context)


def classify(status: int, headers: Mapping[str, str], told: Told, context: ReplyContext) -> BackendError:
    """Turn what a backend told into our error. ``status`` is 200 for one inside a stream that names none."""
    who = context.target.name
    message = told.message[:MAX_READ]
    words = " ".join((told.code[:MAX_NAME], told.type[:MAX_NAME], message))
    if too_large := overflows.recognised(status, told, message, words, context):
        return too_large
    kind = _kind(status, words)
    shown = f"{who}: {told.message[:MAX_SHOWN]}"
    match kind:
        case Kind.CREDENTIAL:
            shown = f"{who} refused the credential in {context.credential_name}: {told.message[:MAX_SHOWN]}"
        case Kind.REPAIRABLE:
            shown = shown if "invalid `signature`" in shown.lower() else f"{REPAIR} ({shown})"
        case Kind.RATE_LIMIT if told.for_today and not told.wait:
            kind = Kind.MONEY  # more may be had for money, and not by waiting
        case Kind.RATE_LIMIT:
            return BackendError(kind, shown, retry_after(headers, told))
        case Kind.REFUSED if NO_EYES.search(words):
            shown = f"{who} sees no pictures, it says: {told.message[:MAX_SHOWN].rstrip('.')}. {FIND_EYES}"
        case _:
            pass
    return BackendError(kind, shown)


def _kind(status: int, words: str) -> Kind:
    for statuses, pattern, kind in SIGNS:
        if (statuses is None or status in statuses) and pattern.search(words):
            return kind
    return Kind.REFUSED if 400 <= status < 500 else Kind.SERVER
