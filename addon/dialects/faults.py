"""What a backend's error means: wording of every vendor in, our kinds out.

In: an HTTP status, lower-case headers and a body; or an error object found inside a stream. Out: a BackendError whose
message the client understands. Order: too large for the minute's allowance, vetoes, the reply's part too large,
overflow, then the table of signs, then the status.
Sources: vendors' error pages and SDKs, collected in docs/protocol.md, "Errors"; client wording: Claude Code 2.1.329.
"""

import re
from collections.abc import Mapping

import orjson

from addon.dialects import ReplyContext
from addon.dialects.complaints import MAX_SHOWN, Told, page, read, retry_after
from addon.dialects.losses import FIND_EYES
from addon.protocol.errors import BackendError, Kind

MAX_READ = 2_000  # characters of a message that are searched: some servers quote the whole request behind their words
MAX_NAME = 100  # of a code or a type
NEARLY_FULL = 0.9  # of the window: an error without a word is then about the size (Cerebras)
# Claude Code answers the text on max_tokens with limit - prompt - 1,000: below this it is better told to compact
SMALLEST_REPLY_TOKENS = 4_000

# a text that says "tokens" but means "slow down": never an overflow (Bedrock, OpenAI, Groq)
VETO = re.compile(
    r"^(throttling|service unavailable)|rate limit|too many requests|tokens per min|requests per min|quota",
    re.IGNORECASE,
)

# one request larger than a whole minute's allowance: waiting cannot help (OpenAI, Groq)
BEYOND_MINUTE = re.compile(r"tokens per min.*?limit:? (\d+),? requested:? (\d+)", re.IGNORECASE | re.DOTALL)

# (pattern, group of the prompt's tokens, group of the limit); 0: the text has no such number
OVERFLOW: tuple[tuple[re.Pattern[str], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), tokens, limit)
    for pattern, tokens, limit in (
        (r"prompt is too long(?:: (\d+) tokens > (\d+) maximum)?", 1, 2),
        (r"maximum context length (?:is|of) (\d+) tokens.*?(?:requested(?: about)?|resulted in) (\d+)", 2, 1),
        (r"maximum context length (?:is|of) (\d+) tokens.*?requested a total of (\d+)", 2, 1),
        (r"input tokens exceed the configured limit of (\d+) tokens.*?resulted in (\d+)", 2, 1),
        (r"input token count(?: \((\d+)\))? exceeds the maximum number of tokens allowed \(?(\d+)", 1, 2),
        (r"maximum prompt length is (\d+) but the request contains (\d+)", 2, 1),
        (r"prompt contains (\d+) tokens.*?too large for model with (\d+) maximum context length", 1, 2),
        (r"input \((\d+) tokens\) is longer than the model.?s context length \((\d+) tokens\)", 1, 2),
        (r"exceeded model token limit: (\d+) \(requested: (\d+)\)", 2, 1),
        (r"range of input length should be \[\d+, (\d+)\]", 0, 1),
        (r"current length is (\d+) while limit is (\d+)", 1, 2),
        (r"prompt token count of (\d+) exceeds the limit of (\d+)", 1, 2),
        (r"request \((\d+) tokens\) exceeds the available context size \((\d+) tokens\)", 1, 2),
        (r"input length \((\d+)\) exceeds model'?s maximum context length \((\d+)\)", 1, 2),
        (r"passed (?:at least )?(\d+) input tokens.*?(?:context length|model length) (?:is )?(?:only )?(\d+)", 1, 2),
        (r"prompt contains at least (\d+) input tokens", 1, 0),
        (r"n_keep: (\d+) ?>= ?n_ctx: (\d+)", 1, 2),
        (r"keep the first (\d+) tokens.*?context length of only (\d+) tokens", 1, 2),
        (r"input too long:? (\d+) input tokens, limit is (\d+)", 1, 2),
        (r"(?:maximum context length|maximum model length) (?:is )?(?:of )?(\d+)", 0, 1),
        (r"inputs` tokens \+ `max_new_tokens` must be <= (\d+)(?:\. given: (\d+))?", 2, 1),
        (r"exceeds the maximum allowed input length of ([\d,]+)", 0, 1),
        (r"but model only supports up to (\d+)", 0, 1),
        (r"max_tokens must be at least 1, got -", 0, 0),
        (r"input is too long for requested model|too many input tokens|expected maxlength|prompt: length: 1\.\.", 0, 0),
        (r"context_length_exceeded|exceeds the context window|context window exceeds limit", 0, 0),
        (r"exceed_context_size_error|exceeds the available context size|contextwindowexceedederror", 0, 0),
        (r"reduce the length of the messages|greater than the context length|prompt_too_long", 0, 0),
        (r"prompt too long; exceeded (?:max )?context length|longer than the model'?s context length", 0, 0),
        (r"token limit exceeded|maximum input length is|model_context_window_exceeded|maximum context limit", 0, 0),
        (r"longer than the maximum model length|input token length too long|prompt exceeds max length", 0, 0),
        (r"tokens in request more than max tokens allowed|context exceeds your deployment", 0, 0),
    )
)

# the reply's part alone is too large: (pattern, groups of the prompt's tokens, of the reply's, of the window)
OUTPUT_CAP: tuple[tuple[re.Pattern[str], tuple[int, ...], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), prompt, reply, limit)
    for pattern, prompt, reply, limit in (
        # Anthropic itself, and those who copy it
        (r"input length and `max_tokens` exceed context limit: (\d+) \+ (\d+) > (\d+)", (1,), 2, 3),
        # OpenAI, DeepSeek, vLLM until 2025
        (r"context length is (\d+) tokens.*?requested \d+ tokens \((\d+) in the messages,? (?:and )?"
         r"(?:(\d+) in the functions,? (?:and )?)?(\d+) in the completion", (2, 3), 4, 1),
        # OpenRouter
        (r"context length is (\d+) tokens.*?requested about \d+ tokens \((\d+) of text input,? "
         r"(?:(\d+) of tool input,? )?(\d+) in the output", (2, 3), 4, 1),
        # SGLang
        (r"context length of (\d+) tokens.*?(\d+) tokens from the input messages and (\d+) tokens for the completion",
         (2,), 3, 1),
        # vLLM since 2025
        (r"is too large: (\d+)\. this model's maximum context length is (\d+) tokens and your request has (\d+) input",
         (3,), 1, 2),
        (r"passed (\d+) input tokens and requested (\d+) output tokens.*?(?:context|model) length is (?:only )?(\d+)",
         (1,), 2, 3),
        # TGI
        (r"must be <= (\d+)\. given: (\d+) `inputs` tokens and (\d+) `max_new_tokens`", (2,), 3, 1),
    )
)  # fmt: skip

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
            r"insufficient_quota|billing_hard_limit|billing_not_active|insufficient.balance|credit balance",
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
        ((), r"modeltimeout", Kind.TIMEOUT),
        (
            (),
            r"model_not_found|model_not_supported|model.*(?:does not exist|not exist|not found)|unknown model|"
            r"model identifier is invalid|no such model|not a valid model|invalid model",
            Kind.NOT_FOUND,
        ),
        ((404,), r"", Kind.NOT_FOUND),
        ((413,), r"", Kind.TOO_LARGE),
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
        window = context.target.max_input_tokens
        if not body.strip() and status in (400, 413) and window and context.input_estimate > NEARLY_FULL * window:
            return overflow(max(context.input_estimate, window + 1), window)
    return classify(status, headers, told or page(body), context)


def from_stream(told: Told, context: ReplyContext) -> BackendError:
    """Classify an error found inside a reply that began well."""
    return classify(told.status or 200, {}, told, context)


def classify(status: int, headers: Mapping[str, str], told: Told, context: ReplyContext) -> BackendError:
    """Turn what a backend told into our error. ``status`` is 200 for one inside a stream that names none."""
    who = context.target.name
    message = told.message[:MAX_READ]
    words = " ".join((told.code[:MAX_NAME], told.type[:MAX_NAME], message))
    if too_large := _too_large(status, told, message, words, context.input_estimate):
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


def _too_large(status: int, told: Told, message: str, words: str, estimate: int) -> BackendError | None:
    """The three ways in which a prompt does not fit; None when the error is about something else."""
    if (found := BEYOND_MINUTE.search(message)) and int(found[2]) > int(found[1]):
        return overflow(int(found[2]), int(found[1]))
    if status not in (200, 400, 413, 422, 500) or VETO.search(message):
        return None  # auth, rate and gateway statuses mean what they say, whatever their page quotes
    for cap, prompt_groups, reply_group, window_group in OUTPUT_CAP:
        if found := cap.search(message):
            prompt = sum(int(found[group] or 0) for group in prompt_groups)
            return _capped(prompt, int(found[reply_group]), int(found[window_group]))
    for pattern, tokens_group, limit_group in OVERFLOW:
        if found := pattern.search(words):
            tokens = told.tokens or _group(found, tokens_group)
            limit = told.limit or _group(found, limit_group)
            return overflow(tokens, limit, estimate)
    return None


def _capped(prompt: int, reply: int, window: int) -> BackendError:
    """The client lowers max_tokens by itself on Anthropic's wording; where no room is left it must compact."""
    if window - prompt < SMALLEST_REPLY_TOKENS:
        return overflow(max(prompt, window + 1), window)
    return BackendError(
        Kind.OUTPUT_CAP,
        f"input length and `max_tokens` exceed context limit: {prompt} + {reply} > {window}, "
        "decrease input length or `max_tokens` and try again",
    )


def overflow(tokens: int | None, limit: int | None, estimate: int = 0) -> BackendError:
    """The one text on which every version of the client compacts; unknown numbers are told from our estimate."""
    if tokens is None:
        tokens = max(estimate, (limit or 0) + 1)
    if limit is None:
        limit = max(1, tokens - 1)
    return BackendError(Kind.OVERFLOW, f"prompt is too long: {tokens} tokens > {limit} maximum")


def _group(found: re.Match[str], group: int) -> int | None:
    digits = found[group] if group else None
    return int(digits.replace(",", "")) if digits else None
