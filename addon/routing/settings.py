"""What is in force: who answers each tier, the rules that are asked before, the providers, and how names are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from addon.protocol.errors import ConfigError
from addon.routing import bare_names, catalog
from addon.routing.backends import ALIASES
from addon.routing.call import Call
from addon.routing.config import (
    ANTHROPIC,
    CLAUDE,
    LIMITS,
    LITELLM,
    LOGGING,
    PASS,
    RECORDING,
    RETRY,
    STREAMING,
    TIMEOUTS,
    Answer,
    Choice,
    Endpoint,
    Limits,
    Logging,
    Pattern,
    Recording,
    Retry,
    Streaming,
    Tier,
    Timeouts,
    nearest,
    quoted,
    tier_of,
)
from addon.routing.facts import UNKNOWN, ModelFacts
from addon.routing.litellm_providers import PROVIDERS
from addon.routing.rules import Rule
from addon.routing.shadow import Budget

# how the models of the two providers begin that 1rgs/claude-code-proxy tells apart by name
FAMILIES: Mapping[str, str] = MappingProxyType({"gemini-": "gemini", "gpt-": "openai", "o3": "openai", "o4": "openai"})


@dataclass(frozen=True, slots=True)
class Decider:
    """The user's own function, asked before the rules. ``name`` is ``path/to/file.py:function``.

    It runs in the proxy's event loop: while it does, every exchange waits.
    """

    name: str
    decide: Callable[[Call], object]


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """Everything that decides who answers. ``tiers`` lacks those for which nobody is named: they pass to Anthropic."""

    tiers: Mapping[Tier, Answer] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    aliases: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    facts: Mapping[str, ModelFacts] = field(default_factory=dict)  # the user's own, by provider/model
    decider: Decider | None = None
    searcher: Answer | None = None  # the search endpoint for models that do not search themselves
    preset: str | None = None
    preferred: str = "openai"
    prefers: bool = False  # whether somebody said whose bare names are
    home: str | None = None
    warnings: tuple[str, ...] = ()
    limits: Limits = LIMITS
    logging: Logging = LOGGING
    recording: Recording = RECORDING
    timeouts: Timeouts = TIMEOUTS  # of every provider that has none of its own
    retry: Retry = RETRY
    streaming: Streaming = STREAMING
    shadow_budget: Budget | None = None  # None: no rule has a shadow
    redact: tuple[Pattern, ...] = ()  # what is never kept beside what Detour knows itself
    # what route.py has put together of these settings: it goes when they go
    remembered: dict[Choice, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def leaves_anthropic(self) -> bool:
        """Whether any request may be answered elsewhere without naming a model itself."""
        answers = (*self.tiers.values(), *(rule.answer for rule in self.rules if rule.answer is not None))
        return self.decider is not None or any(not answer.passes for answer in answers)

    @property
    def judges(self) -> bool:
        """Whether a call may be anything but passed on untouched, so that one that cannot be read must not pass."""
        return self.leaves_anthropic or any(rule.block is not None or rule.changes for rule in self.rules)

    @property
    def other(self) -> Answer | None:
        """Who answers for names of no tier."""
        return self.tiers.get(Tier.OPUS)

    def endpoint(self, name: str) -> Endpoint | None:
        """Return the provider of that name or alias, in any case; None when there is none."""
        lower = name.lower()
        return self.endpoints.get(lower) or self.endpoints.get(ALIASES.get(lower, lower))

    def known(self, choice: Choice) -> ModelFacts:
        """Return what is known of a model: the user's own word over the catalogue's."""
        row = self.endpoints[choice.provider].backend
        return self.facts.get(choice.name, UNKNOWN).over(catalog.lookup(row.like or row.name, choice.model))

    def choices(self, text: str) -> tuple[Choice, ...]:
        """Read a model as users write it. Raises: ConfigError that says what is allowed.

        It is ``provider/model``, an alias, a bare model, or ``anthropic``. A provider that our table does not know, and
        litellm does, is asked through litellm.
        """
        if text in self.aliases:
            return self.aliases[text]
        if not text.strip():
            raise ConfigError("no model is named.")
        if text.lower() == ANTHROPIC:
            return (PASS,)
        provider, slash, model = text.partition("/")
        if not slash:
            return (self._bare(text),)
        endpoint = self.endpoint(provider)
        if endpoint is None and model and self.is_litellms(provider):
            return (Choice(LITELLM, f"{provider.lower()}/{model}"),)
        if endpoint is None:
            raise ConfigError(
                f"there is no provider {quoted(provider)}. {self.nearest(provider)} "
                "Write provider/model, or a model's name alone."
            )
        if not model:
            raise ConfigError("the model is missing after the slash.")
        return (Choice(endpoint.backend.name, model),)

    def is_litellms(self, name: str) -> bool:
        """Whether a provider that our table does not know is one of litellm's."""
        return name.lower() in PROVIDERS and LITELLM in self.endpoints

    def named_alone(self, model: str) -> Choice | None:
        """Return who is asked for a model that a client names without a provider; None: it is a name like any other.

        It is one only where its provider is known to have it and can be asked. Claude's own names are none.
        """
        if model.startswith(CLAUDE.removesuffix("-")) or tier_of(model) is not None or "*" in model:
            return None
        try:
            choice = self._bare(model)
        except ConfigError:
            return None
        endpoint = self.endpoints.get(choice.provider)
        is_asked = endpoint is not None and bare_names.is_ready(endpoint) and bare_names.has(choice, self.endpoints)
        return choice if is_asked else None

    def _bare(self, model: str) -> Choice:
        """Whose a model is that is written alone: the preferred provider's, where somebody named it or its address."""
        preferred = self.endpoints.get(self.preferred)
        elsewhere = preferred is not None and preferred.base_url != preferred.backend.base_url
        if self.prefers or elsewhere or "*" in model:
            return Choice(self._family(model), model)
        return bare_names.resolve(model, self.endpoints)

    def _family(self, model: str) -> str:
        """The provider of a bare name: the preferred one, unless the name is plainly another's, whose key is there."""
        if self.preferred not in FAMILIES.values():
            return self.preferred
        for start, provider in FAMILIES.items():
            known = self.endpoints.get(provider)
            if (
                model.startswith(start)
                and provider != self.preferred
                and known is not None
                and known.credential.is_sent
            ):
                preferred = self.endpoints.get(self.preferred)
                elsewhere = preferred is not None and preferred.base_url != preferred.backend.base_url
                return self.preferred if elsewhere else provider  # a gateway may have models of every family
        return self.preferred

    def nearest(self, name: str) -> str:
        """Say which providers a mistaken name may mean."""
        return nearest(name, self.endpoints)
