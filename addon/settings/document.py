"""The shape of ``detour.yaml``: pydantic models that forbid unknown keys, and the JSON Schema made from them.

Only the shape: what a name refers to is checked in ``assembly``. Every field's description is what an editor shows.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from addon.dialects.profiles import ReasoningStyle, SystemTurns
from addon.routing.call import Door, Kind
from addon.routing.config import Tier

DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+)ms)?")
UNIT_S = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
SCENARIOS = ("default", "background", "think", "long_context", "web_search", "image")
REFUSED_BODY = frozenset(("model", "messages", "stream", "stream_options", "system", "tools", "contents", "input"))


def _seconds(value: Any) -> Any:
    """Read ``10s``, ``5m``, ``1h30m``, ``250ms``, a number of seconds, or ``none``."""
    if isinstance(value, str) and value.strip():
        if value.strip().lower() == "none":
            return None
        found = DURATION.fullmatch(value.replace(" ", ""))
        if found is None:
            raise ValueError("write a time such as 10s, 5m, 1h30m, or none")
        return sum(float(amount) * UNIT_S[unit] for unit, amount in found.groupdict().items() if amount)
    return value


Duration = Annotated[
    float | None,
    BeforeValidator(_seconds, json_schema_input_type=str | float | None),
    Field(gt=0, examples=["10s", "5m", "1h30m", "none"]),
]
Name = Annotated[str, Field(min_length=1)]
ModelName = Annotated[str, Field(min_length=1, description="provider/model, an alias, a bare name, or anthropic")]
Target = ModelName | Annotated[list[ModelName], Field(min_length=1)]
Globs = Name | Annotated[list[Name], Field(min_length=1)]


def _body(value: Any) -> Any:
    if isinstance(value, dict) and (refused := sorted(REFUSED_BODY & value.keys())):
        raise ValueError(f"{refused[0]} is what Detour itself writes; it cannot be set here")
    return value


Body = Annotated[dict[str, Any], BeforeValidator(_body), Field(description="Put into the backend's request as it is.")]


class Part(BaseModel):
    """Forbids what it does not know: a misspelt key must not be a silent one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, protected_namespaces=())


class Credential(Part):
    """Where a key comes from: one of the four."""

    env: Name | None = None
    """The environment variable that holds it."""
    file: Name | None = None
    """A file that holds it, and nothing else; ~ is your home."""
    command: Name | Annotated[list[Name], Field(min_length=1)] | None = None
    """A command that prints it; a text is run by the shell."""
    lifetime: Duration = 1_800.0
    """How long what the command printed is good for."""
    key: SecretStr | None = None
    """The key itself. Better not: this file is read by others too."""

    @model_validator(mode="after")
    def _one(self) -> "Credential":
        given = [name for name in ("env", "file", "command", "key") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of env, file, command and key")
        return self


class Timeouts(Part):
    """How long a backend may take."""

    connect: Duration = 10.0
    """Until its connection stands."""
    first_byte: Duration = None
    """From the request to the first byte of the reply."""
    idle: Duration = 300.0
    """Between two pieces of the reply."""
    total: Duration = None
    """For all of it."""


class Profile(Part):
    """How a backend departs from its wire format; what is not set stays as the provider's row has it."""

    max_tokens_field: Name | None = None
    default_max_tokens: Annotated[int, Field(gt=0)] | None = None
    system_role: Literal["system", "developer"] | None = None
    system_turns: SystemTurns | None = None
    reasoning: ReasoningStyle | None = None
    efforts: list[Name] | None = None
    effort_off: Name | None = None
    reasoning_echo: Name | None = None
    images: bool | None = None
    documents: bool | None = None
    json_schema: bool | None = None
    parallel_switch: bool | None = None
    sampling: bool | None = None
    stop_limit: Annotated[int, Field(ge=0)] | None = None
    stream_usage: bool | None = None
    call_id_limit: Annotated[int, Field(gt=0)] | None = None
    call_id_length: Annotated[int, Field(gt=0)] | None = None


class Backend(Part):
    """A provider: a new one, or a known one with something changed."""

    like: Name | None = None
    """The known provider that it is like."""
    dialect: Literal["openai_chat", "anthropic"] | None = None
    """What it speaks: chat-completions, or Anthropic's own format."""
    address: Name | None = None
    """Its address, to which the dialect's path is added: http://gpu-box:8000/v1"""
    credential: Annotated[str, Field(min_length=1)] | Credential | None = None
    """Its key: ${NAME} of the environment, or env, file, command or key."""
    proxy: Name | None = None
    """The proxy on the way to it: http://proxy:3128"""
    timeouts: Timeouts | None = None
    headers: dict[Name, str] = {}
    """Further headers of each request."""
    body: Body = {}
    profile: Profile = Profile()


class Price(Part):
    """Dollars for a million tokens."""

    input: Annotated[float, Field(ge=0)] | None = None
    output: Annotated[float, Field(ge=0)] | None = None
    cache_read: Annotated[float, Field(ge=0)] | None = None
    cache_write: Annotated[float, Field(ge=0)] | None = None


class Facts(Part):
    """What is known of a model."""

    window: Annotated[int, Field(gt=0)] | None = None
    """Input tokens it takes."""
    output: Annotated[int, Field(gt=0)] | None = None
    """Output tokens it gives at most."""
    price: Price | None = None


class When(Part):
    """Conditions, all of which must hold."""

    model: Globs | None = None
    """Globs on the model's name as the client sends it."""
    tier: Tier | list[Tier] | None = None
    kind: Kind | list[Kind] | None = None
    agent: Globs | None = None
    """Globs on the type of the subagent (with hint headers)."""
    door: Door | list[Door] | None = None
    session: Globs | None = None
    thinking: bool | None = None
    effort_at_least: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    tokens_at_least: Annotated[int, Field(gt=0)] | None = None
    """Input tokens, by Detour's estimate."""
    image: bool | None = None
    document: bool | None = None
    tool: Globs | None = None
    """Globs on the names of the tools on offer."""
    header: dict[Name, Globs] | None = None
    """Globs on the client's headers."""
    filter: Name | None = None
    """One of mitmproxy's flow filter expressions."""
    time: Name | None = None
    """Hours and days: 22:00-06:00, mon-fri, mon-fri 09:00-17:00."""
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    """A share of the sessions; a session stays on its side."""


class Replacement(Part):
    """A regular expression and what takes the place of what it finds."""

    pattern: Annotated[str, Field(min_length=1, json_schema_extra={"format": "regex"})]
    with_: Annotated[str, Field(alias="with")]


class System(Part):
    """What changes in the system prompt."""

    append: Name | None = None
    replace: list[Replacement] = []


class Scenario(Part):
    """A scenario's model, and where it begins."""

    to: Target
    tokens: Annotated[int, Field(gt=0)] = 60_000
    """For long_context: how long is long."""


class Route(Part):
    """A rule: conditions, who answers, and what changes. The first that matches wins."""

    name: Name | None = None
    when: When = When()
    to: Target | None = None
    """Who answers: a model, several (the first that can), or anthropic. None: whoever would without this rule."""
    block: Name | None = None
    """Refuse the request with this message."""
    effort: Literal["off", "low", "medium", "high", "xhigh", "max"] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    body: Body = {}
    system: System = System()
    drop_tools: Globs | None = None
    """Globs on the names of tools that the model is not told of."""
    inline_tools: bool = False
    """Give tools that wait to be searched for in full."""
    default: Target | None = None
    """Shorthand for a rule that answers everything else."""
    background: Target | None = None
    """Shorthand: the small calls, those for Haiku."""
    think: Target | None = None
    """Shorthand: calls with thinking on."""
    long_context: Target | Scenario | None = None
    """Shorthand: calls of 60,000 input tokens and more."""
    web_search: Target | None = None
    """Shorthand: calls that search the web."""
    image: Target | None = None
    """Shorthand: calls with a picture in them."""

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Route":
        short = [name for name in SCENARIOS if getattr(self, name) is not None]
        if short and (len(short) > 1 or self.model_fields_set - {*short, "name"}):
            raise ValueError(f"{short[0]} is a shorthand and stands alone; write when and to for more")
        if self.block is not None and self.model_fields_set - {"name", "when", "block"}:
            raise ValueError("a rule that blocks does nothing else")
        if not self.model_fields_set - {"name", "when"}:
            raise ValueError("the rule does nothing: give it to, block, or something to change")
        return self


class Scenarios(Part):
    """Routes by the familiar scenarios."""

    default: Target | None = None
    background: Target | None = None
    think: Target | None = None
    long_context: Target | Scenario | None = None
    web_search: Target | None = None
    image: Target | None = None


class Preset(Part):
    """A named set of models and routes. It never holds an address or a key."""

    about: Name | None = None
    big: Target | None = None
    middle: Target | None = None
    small: Target | None = None
    routes: list[Route] | Scenarios = []


class Limits(Part):
    """What Detour keeps at most."""

    request_bytes: Annotated[int, Field(gt=0)] | None = None
    """Larger requests are refused (32 MiB, which is Anthropic's own limit)."""
    reply_bytes: Annotated[int, Field(gt=0)] | None = None
    """Of a backend's reply, kept beside the flow for reading (16 MiB)."""


class Document(Part):
    """All of ``detour.yaml``."""

    preset: Name | None = None
    """The preset in force."""
    big: Target | None = None
    """Answers for Opus and Sonnet, and for any name of no tier."""
    middle: Target | None = None
    """Answers for Sonnet."""
    small: Target | None = None
    """Answers for Haiku."""
    provider: Name | None = None
    """The provider of models that are written without one."""
    function: Annotated[str, Field(pattern=r"^.+\.py:[A-Za-z_]\w*$")] | None = None
    """path/to/file.py:name of a Python function that is asked before the routes."""
    backends: dict[Name, Backend] = {}
    models: dict[Name, Target | Facts] = {}
    """Aliases (a name for a model, or for several), and facts of models."""
    routes: list[Route] | Scenarios = []
    presets: dict[Name, Preset] = {}
    record: Literal["off", "metadata", "full"] | None = None
    """What is kept of each exchange for reading."""
    limits: Limits = Limits()


def schema() -> Mapping[str, Any]:
    """The JSON Schema of the file, for editors."""
    made = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "detour.yaml"}
