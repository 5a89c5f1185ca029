"""What is known of a model, as values, and how a row of litellm's data file tells it. Pure.

In: a row as its JSON says it, for which nothing is sure: fields are left out, of another type, or wrong. Out: facts, in
which None means unknown, never zero and never no. Source: litellm's ``model_prices_and_context_window_backup.json``,
whose own ``sample_spec`` says what the fields mean.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

COSTS: Mapping[str, str] = {  # the fields of Price
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_hour": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
}
LONG_PROMPT = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")  # no row has two
MILLION = 1_000_000
FLAGS: Mapping[str, str] = {  # fields of ModelFacts that are true, false or unknown
    "tools": "supports_function_calling",
    "reasoning": "supports_reasoning",
    "always_thinks": "thinking_always_on",
    "forced_call": "supports_forced_tool_use",
    "documents": "supports_pdf_input",
    "search": "supports_web_search",
}
# Makers whose rows say of each of their models that sees that it does; there, and nowhere else, a row that is silent
# speaks of a blind one. Of the 1,069 rows in litellm 1.109 that tell what else a model can and are silent here, 166 and
# more are of models that see (Claude at Perplexity and Vercel, Llama 3.2 Vision at DeepInfra, gpt-5.1-chat at Azure).
# Of these six makers 19 say so, and 42 are silent: each of these is blind. Worth knowing, for zai refuses a picture in
# words that speak of none ("Invalid API parameter"). A new model whose row forgets it is set right with `vision: true`.
COMPLETE_ON_VISION = frozenset(("deepseek", "zai", "minimax", "moonshot", "groq", "cerebras"))
USUAL_EFFORTS = ("low", "medium", "high")  # of a model whose row tells of the others one by one
EFFORTS = ("none", "minimal", *USUAL_EFFORTS, "xhigh", "max")
MODES = ("chat", "responses")  # what a conversation can be held in; responses: there is no chat endpoint


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens; None means unknown, and 0 that it costs nothing.

    ``reasoning`` None: as other output. Of a prompt of more than ``above`` tokens everything costs what ``long`` says.
    """

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_hour: float | None = None  # to stay in the cache for an hour
    reasoning: float | None = None
    above: int | None = None
    long: "Price | None" = None

    def over(self, other: "Price") -> "Price":
        """Return these prices, and the other's where these are unknown."""
        return replace(_over(self, other), above=other.above, long=other.long and _over(self, other.long))

    @property
    def is_free(self) -> bool:
        """Whether nothing of it costs anything."""
        return not (self.input or self.output)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """None means unknown, never zero."""

    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    price: Price | None = None
    vision: bool | None = None
    report_window: int | None = None  # usage is reported as if the window were so large
    profile: Mapping[str, Any] | None = None  # fields of the Profile that the user changed for this model
    tools: bool | None = None  # without them it is no model for Claude Code
    reasoning: bool | None = None
    always_thinks: bool | None = None  # thinking cannot be switched off
    forced_call: bool | None = None  # a tool can be required
    efforts: tuple[str, ...] | None = None  # how much it may be told to think, the least first; (): nothing to tell
    documents: bool | None = None  # reads PDFs
    search: bool | None = None  # searches the web itself
    mode: str | None = None  # one of MODES
    endpoints: tuple[str, ...] | None = None  # paths, as OpenAI names them
    ends: date | None = None  # its maker shuts it down then

    def over(self, other: "ModelFacts") -> "ModelFacts":
        """Return these facts, and the other's where these are unknown."""
        price = self.price.over(other.price) if self.price and other.price else self.price or other.price
        return replace(_over(self, other), price=price)

    def has_ended(self, today: date) -> bool:
        """Whether its maker has shut it down."""
        return self.ends is not None and self.ends <= today


def _over[F: (Price, ModelFacts)](facts: F, other: F) -> F:
    return replace(
        other, **{field.name: value for field in fields(facts) if (value := getattr(facts, field.name)) is not None}
    )


UNKNOWN = ModelFacts()


def read(row: Mapping[str, Any]) -> ModelFacts:
    """Return what a row of the file tells."""
    flags: Mapping[str, Any] = {field: _flag(row.get(name)) for field, name in FLAGS.items()}
    return ModelFacts(
        _tokens(row.get("max_input_tokens")),
        _tokens(row.get("max_output_tokens")),
        _price(row),
        _vision(row),
        **flags,
        efforts=_efforts(row),
        mode=mode if (mode := row.get("mode")) in MODES else None,
        endpoints=_texts(row.get("supported_endpoints")) or None,
        ends=_date(row.get("deprecation_date")),
    )


def _vision(row: Mapping[str, Any]) -> bool | None:
    """Whether the model sees; None where the file does not know. A picture sent in vain is refused by the backend."""
    told = _flag(row.get("supports_vision"))
    if told is not None:
        return told
    return False if row.get("mode") == "chat" and row.get("litellm_provider") in COMPLETE_ON_VISION else None


def _efforts(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The levels that a row lists; else the usual ones, and those that it tells of one by one."""
    if isinstance(levels := row.get("reasoning_effort_levels"), list):
        return tuple(level for level in EFFORTS if level in levels)
    told = {level: row.get(f"supports_{level}_reasoning_effort") for level in EFFORTS}
    if not any(isinstance(flag, bool) for flag in told.values()):
        return None
    return tuple(level for level, flag in told.items() if flag is True or (flag is None and level in USUAL_EFFORTS))


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _price(row: Mapping[str, Any]) -> Price | None:
    """What the file tells for one token; None where it tells nothing."""
    found = _costs(row)
    if not found:
        return None
    for name in row:
        if thousands := LONG_PROMPT.fullmatch(name):
            long = Price(**_costs(row, name.removeprefix(COSTS["input"])))
            return Price(**found, above=int(thousands[1]) * 1000, long=long)
    return Price(**found)


def _costs(row: Mapping[str, Any], suffix: str = "") -> dict[str, Any]:
    found = {field: _dollars(row.get(name + suffix)) for field, name in COSTS.items()}
    return {field: value for field, value in found.items() if value is not None}


def _dollars(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return round(value * MILLION, 6) if is_number else None
