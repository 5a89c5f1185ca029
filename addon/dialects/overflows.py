"""The ways in which backends say that something is too long: the prompt, the reply asked for, or both together.

In: an error's words, and what is known of the request. Out: the text that the client acts upon, or None where the error
is about something else. Numbers are told only where they are known, and only where the first is larger: the client
drops as many tokens of the oldest turns as the one number exceeds the other by, one turn at least, three times at
most, and a fifth of the turns each time where there are none. A number that we made up would keep it from compacting.
Sources: vendors' error pages, SDKs and issue trackers, collected in docs/protocol.md, "Errors"; Claude Code 2.1.329.
"""

import re

from addon.dialects import ReplyContext
from addon.dialects.complaints import Told
from addon.protocol.errors import BackendError, Kind

# statuses that may be about a size; those of access, rate and gateways mean what they say, whatever their page quotes
STATUSES = frozenset((200, 400, 413, 422, 500))
# Claude Code answers the text on max_tokens with limit - prompt - 1,000, and gives up where that is less than 3,000
CLIENT_MARGIN_TOKENS, SMALLEST_REPLY_TOKENS = 1_000, 3_000
NEARLY_FULL = 0.9  # of the window: an error without a word is then about the size (Cerebras)

# a text that says "tokens" but means "slow down": never an overflow (Bedrock, OpenAI, Groq)
VETO = re.compile(
    r"^(throttling|service unavailable)|rate limit|too many requests|tokens per min|requests per min|quota|"
    r"too many tokens, please wait",
    re.IGNORECASE,
)

# one request larger than a whole minute's allowance: waiting cannot help (OpenAI, Groq)
BEYOND_MINUTE = re.compile(r"tokens per min.*?limit:? (\d+),? requested:? (\d+)", re.IGNORECASE | re.DOTALL)

# (pattern, group of the prompt's tokens, group of the limit); 0: the text has no such number
OVERFLOW: tuple[tuple[re.Pattern[str], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), tokens, limit)
    for pattern, tokens, limit in (
        (r"prompt is too long: (\d+) tokens > (\d+) maximum", 1, 2),
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
        (r"input length \(?(\d+)\)? exceeds (?:the )?(?:model'?s )?maximum (?:context|input) length (?:of )?\(?(\d+)",
         1, 2),
        (r"input length (\d+) exceeds the maximum allowed input length of ([\d,]+)", 1, 2),
        (r"prompt has ([\d,]+) tokens?, but the configured context size is ([\d,]+)", 1, 2),
        (r"max input tokens: (\d+), request input token count: (\d+)", 2, 1),
        (r"passed (\d+) input tokens.*?(?:context length|model length) (?:is )?(?:only )?(\d+)", 1, 2),
        (r"n_keep: (\d+) ?>= ?n_ctx: (\d+)", 1, 2),
        (r"keep the first (\d+) tokens.*?context length of only (\d+) tokens", 1, 2),
        (r"input too long:? (\d+) input tokens, limit is (\d+)", 1, 2),
        (r"length (\d+)\) is longer than the maximum model length of (\d+)", 1, 2),
        (r"(?:maximum context length|maximum model length) (?:is )?(?:of )?\(?(\d+)", 0, 1),
        (r"passed at least \d+ input tokens.*?(?:context length|model length) (?:is )?(?:only )?(\d+)", 0, 1),
        (r"inputs` tokens \+ `max_new_tokens` must be <= (\d+)", 0, 1),
        (r"exceeds the maximum allowed input length of ([\d,]+)", 0, 1),
        (r"(?:(\d+) tokens [^.]*)?but model only supports up to (\d+)", 1, 2),
        (r"max input tokens: (\d+)|prompt contains at least \d+ input tokens", 0, 1),
        (r"prompt (?:is )?too long|prompt \u8d85\u957f|max_tokens must be at least 1, got -", 0, 0),
        (r"input is too long for requested model|too many (?:input )?tokens|expected maxlength|prompt: length: 1\.\.",
         0, 0),
        (r"context_length_exceeded|exceeds the context window|context window exceeds limit", 0, 0),
        (r"exceed_context_size_error|exceeds the available context size|contextwindowexceedederror", 0, 0),
        (r"reduce the length of the messages|greater than the context length|prompt_too_long", 0, 0),
        (r"longer than the model'?s context length|messages\[\d+\]\.content[^:]*: string too long", 0, 0),
        (r"token limit exceeded|maximum input length is|model_context_window_exceeded|maximum context limit", 0, 0),
        (r"longer than the maximum model length|input token length too long|prompt exceeds max length", 0, 0),
        (r"tokens in request more than max tokens allowed|context exceeds your deployment", 0, 0),
    )
)  # fmt: skip

# the prompt is larger than the window by so much (Ollama, vLLM)
EXCESS = re.compile(
    r"exceeded (?:max )?context length by (\d+)|max_tokens must be at least 1, got -(\d+)", re.IGNORECASE
)

# the reply's part alone is too large: (pattern, groups of the prompt's tokens, of the reply's, of the window)
OUTPUT_CAP: tuple[tuple[re.Pattern[str], tuple[int, ...], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), prompt, reply, limit)
    for pattern, prompt, reply, limit in (
        # Anthropic itself, and those who copy it
        (r"input length and `?max_tokens`? exceed context limit: (\d+) \+ (\d+) > (\d+)", (1,), 2, 3),
        # OpenAI, DeepSeek, vLLM until 2025
        (r"context length is (\d+) tokens.*?requested \d+ tokens \((\d+) in the messages,? (?:and )?"
         r"(?:(\d+) in the functions,? (?:and )?)?(\d+) in the completion", (2, 3), 4, 1),
        # OpenRouter
        (r"context length is (\d+) tokens.*?requested about \d+ tokens \((\d+) of text input,? "
         r"(?:(\d+) of tool input,? )?(\d+) in the output", (2, 3), 4, 1),
        # SGLang
        (r"context length of (\d+) tokens.*?(\d+) tokens from the input messages and (\d+) tokens for the completion",
         (2,), 3, 1),
        # vLLM in 2025
        (r"is too large: (\d+)\. this model's maximum context length is (\d+) tokens and your request has (\d+) input",
         (3,), 1, 2),
        (r"passed (\d+) input tokens and requested (\d+) output tokens.*?(?:context|model) length is (?:only )?(\d+)",
         (1,), 2, 3),
        # TGI
        (r"must be <= (\d+)\. given: (\d+) `inputs` tokens and (\d+) `max_new_tokens`", (2,), 3, 1),
    )
)  # fmt: skip

# vLLM since 0.12 counts no further than window - reply + 1, so what it tells of the prompt is that and nothing more:
# (pattern, group of the reply's tokens, of the window)
UNCOUNTED: tuple[tuple[re.Pattern[str], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), reply, limit)
    for pattern, reply, limit in (
        (r"context length is (\d+) tokens.*?requested (\d+) output tokens and your prompt contains", 2, 1),
        (r"passed at least \d+ input tokens and requested (\d+) output tokens.*?length is (?:only )?(\d+)", 1, 2),
    )
)

# the reply asked for is larger than the model ever writes: (pattern, group of the most that it does)
REPLY_LIMIT: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), most)
    for pattern, most in (
        (r"max_tokens is too large: \d+\. this model supports at most (\d+) completion tokens", 1),  # OpenAI
        (r"max_tokens: \d+ > (\d+), which is the maximum", 1),  # Anthropic
        (r"maximum tokens you requested exceeds? the model limit of (\d+)", 1),  # Bedrock
        (r"range of max_tokens (?:is|should be) \[\d+, ?(\d+)\]", 1),  # DeepSeek, DashScope
        (r"supported range is from 1 \(inclusive\) to (\d+) \(exclusive\)", 1),  # Gemini
        (r"max_(?:completion_)?tokens`? must be less than or equal to `?(\d+)", 1),  # Groq
    )
)


def recognised(status: int, told: Told, message: str, words: str, context: ReplyContext) -> BackendError | None:
    """Return what the client is told; None when the error is about something else. ``words`` have code and type too."""
    if (found := BEYOND_MINUTE.search(message)) and int(found[2]) > int(found[1]):
        return overflow(int(found[2]), int(found[1]), context)
    if status not in STATUSES or VETO.search(message):
        return None
    for cap, prompt_groups, reply_group, window_group in OUTPUT_CAP:
        if found := cap.search(message):
            prompt = sum(int(found[group] or 0) for group in prompt_groups)
            return _capped(prompt, int(found[reply_group]), int(found[window_group]), context)
    for uncounted, reply_group, window_group in UNCOUNTED:
        if found := uncounted.search(message):
            return _uncounted(int(found[reply_group]), int(found[window_group]), context)
    for limit, most_group in REPLY_LIMIT:
        if found := limit.search(message):
            return _limited(int(found[most_group]), context)
    return _overflowed(told, message, words, context)


def _overflowed(told: Told, message: str, words: str, context: ReplyContext) -> BackendError | None:
    window = context.target.max_input_tokens
    if window and (found := EXCESS.search(message)):
        return overflow(window + int(found[1] or found[2]), window, context)
    for pattern, tokens_group, limit_group in OVERFLOW:
        if found := pattern.search(words):
            tokens = told.tokens or _number(found, tokens_group)
            return overflow(tokens, told.limit or _number(found, limit_group), context)
    return None


def is_wordless(status: int, body: bytes, context: ReplyContext) -> bool:
    """Whether an error without a word is about the size, because the window is nearly full (Cerebras)."""
    window = context.target.max_input_tokens
    is_full = bool(window) and context.input_estimate > NEARLY_FULL * (window or 0)
    return status in (400, 413) and is_full and not body.strip()


def overflow(tokens: int | None, limit: int | None, context: ReplyContext) -> BackendError:
    """Return the one text on which every version of the client compacts, with both numbers where they are known."""
    window, estimate = context.target.max_input_tokens, context.input_estimate
    if limit is None and window and (tokens is None or tokens > window):
        limit = window
    if tokens is None and limit and estimate > limit:
        tokens = estimate
    if tokens and limit and tokens > limit:
        return BackendError(Kind.OVERFLOW, f"prompt is too long: {tokens} tokens > {limit} maximum")
    takes = f", which takes {limit} tokens" if limit else ""
    return BackendError(Kind.OVERFLOW, f"prompt is too long for {context.target.name}{takes}")


def _capped(prompt: int, reply: int, window: int, context: ReplyContext) -> BackendError:
    """The client lowers max_tokens by itself on Anthropic's wording; where no room is left it must compact."""
    if window - prompt < SMALLEST_REPLY_TOKENS + CLIENT_MARGIN_TOKENS:
        return overflow(prompt, window, context)
    return BackendError(
        Kind.OUTPUT_CAP,
        f"input length and `max_tokens` exceed context limit: {prompt} + {reply} > {window}, "
        "decrease input length or `max_tokens` and try again",
    )


def _uncounted(reply: int, window: int, context: ReplyContext) -> BackendError:
    """Let the client ask for what our estimate leaves, or for half as much again and again, until it must compact."""
    prompt = max(context.input_estimate, window - reply // 2)
    if window - prompt < SMALLEST_REPLY_TOKENS + CLIENT_MARGIN_TOKENS:
        return overflow(None, window, context)
    return _capped(prompt, reply, window, context)


def _limited(most: int, context: ReplyContext) -> BackendError | None:
    """Let the client ask for what the model writes at most: it has no other word for that than a window that is full.

    None where the client would not ask for so little.
    """
    if most < SMALLEST_REPLY_TOKENS:
        return None
    prompt = context.input_estimate
    return _capped(prompt, most + CLIENT_MARGIN_TOKENS + 1, prompt + most + CLIENT_MARGIN_TOKENS, context)


def _number(found: re.Match[str], group: int) -> int | None:
    digits = found[group] if group else None
    return int(digits.replace(",", "")) if digits else None
