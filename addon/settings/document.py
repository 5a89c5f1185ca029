"""The shape of ``detour.yaml``: pydantic models that forbid unknown keys, and the JSON Schema made from them.

Only the shape: what a name refers to is checked in ``assembly``. Every field's description is what an editor shows.
Three things hold for all of it: a key that is not known is a mistake; a key without a value is one too, where it is not
a whole section; a number, or true, in quotes is a text.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from addon.dialects.profiles import DocumentPart, Echo, ReasoningStyle, SchemaStyle, SearchStyle, SystemTurns, Takes
from addon.routing.call import Door, Kind
from addon.routing.config import Tier
from addon.settings import expressions, litellm_names
from addon.settings.document_limits import Limits, Retention, Retry, Streaming
from addon.settings.document_values import STRICT, Duration, Maybe, Positive, Section

SCENARIOS = ("web_search", "image", "long_context", "background", "think", "default")  # in the order they are asked
REFUSED_BODY = frozenset(("model", "messages", "stream", "stream_options", "system", "tools", "contents", "input"))
SOURCES = ("env", "file", "command", "key", "mint")  # of a credential
OF_AWS = ("service", "region", "profile")
NO_DEEDS = frozenset(("name", "when", "block", *SCENARIOS))  # keys of a rule beside what it changes
MARK_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
FUNCTION = re.compile(r".+\.py:[A-Za-z_]\w*")


def _body(value: Any) -> Any:
    if isinstance(value, dict) and (refused := sorted(REFUSED_BODY & value.keys())):
        raise ValueError(f"{refused[0]} is what Detour itself writes; it cannot be set here")
    return value


def _function(value: str) -> str:
    if not FUNCTION.fullmatch(value):
        raise ValueError("write it as path/to/file.py:name")
    return value


def _mark_name(value: str) -> str:
    if not MARK_NAME.fullmatch(value):
        raise ValueError("its name stands in the mark: write small letters, digits and hyphens, 40 at most")
    return value


Name = Annotated[str, StringConstraints(pattern=r"\S")]
Key = Annotated[str, StringConstraints(min_length=1)]
ModelName = Annotated[
    str,
    StringConstraints(pattern=r"\S", strip_whitespace=True),
    Field(description="provider/model, an alias, a bare name, or anthropic"),
]
Target = ModelName | Annotated[list[ModelName], Field(min_length=1)]
Globs = Name | Annotated[list[Name], Field(min_length=1)]
# enumerations are read from texts, which the strictness about numbers would refuse
TierName = Annotated[Tier, Field(strict=False)]
KindName = Annotated[Kind, Field(strict=False)]
DoorName = Annotated[Door, Field(strict=False)]
Function = Annotated[str, AfterValidator(_function), Field(json_schema_extra={"pattern": f"^{FUNCTION.pattern}$"})]
MarkName = Annotated[str, AfterValidator(_mark_name)]
Expression = Annotated[str, AfterValidator(expressions.check), Field(json_schema_extra={"format": "regex"})]
Expressions = Annotated[
    dict[MarkName, Expression],
    Field(json_schema_extra={"propertyNames": {"pattern": f"^{MARK_NAME.pattern}$"}}),
]
Cost = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Body = Annotated[
    dict[str, Any],
    BeforeValidator(_body),
    Field(json_schema_extra={"propertyNames": {"not": {"enum": sorted(REFUSED_BODY)}}}),
]


class Part(BaseModel):
    """Forbids what it does not know."""

    model_config = STRICT


class Credential(Part):
    """Where a credential comes from: one of env, file, command, key and mint."""

    env: Maybe[Name] = None
    """The environment variable that holds it."""
    file: Maybe[Name] = None
    """A file that holds it, and nothing else; ~ is your home."""
    command: Maybe[Globs] = None
    """A command that prints it, alone or as JSON; a text is run by the shell. It is run anew before that expires."""
    lifetime: Duration = 1_800.0
    """How long what the command printed is good for, where that does not say so itself."""
    key: Maybe[SecretStr] = None
    """The key itself. Better not: this file is read by others too."""
    mint: Maybe[Literal["google", "aws"]] = None
    """Who makes it: Google's application default credentials, or AWS's chain, which signs each request."""
    service: Maybe[Name] = None
    """What AWS's signature is for: bedrock"""
    region: Maybe[Name] = None
    """AWS's region, where the address does not say it."""
    profile: Maybe[Name] = None
    """AWS's profile; without one it is AWS_PROFILE, or the default."""
    bearer: bool = False
    """Whether it is a token for the header Authorization, whatever header the provider's keys go in."""

    @model_validator(mode="after")
    def _one(self) -> "Credential":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of env, file, command, key and mint")
        if self.mint != "aws" and (wrong := [name for name in OF_AWS if getattr(self, name) is not None]):
            raise ValueError(f"{wrong[0]} is for mint: aws alone")
        if self.mint == "aws" and self.service is None:
            raise ValueError("mint: aws needs service, the name that is signed for: bedrock")
        if self.mint is not None and self.bearer:
            raise ValueError("bearer has no effect beside mint, which has a header of its own")
        return self


class Timeouts(Part):
    """How long a backend may take; a route's go over the backend's, and those over the ones for all."""

    connect: Duration = 10.0
    """Until its connection stands."""
    first_byte: Duration = None
    """From the request to the first byte of the reply."""
    idle: Duration = 300.0
    """Between two pieces of the reply."""
    total: Duration = None
    """For all of it."""


class Profile(Part):
    """How a backend departs from its wire format; what is not set stays as the provider's row has it.

    null, where it is allowed, says that the backend has no such thing.
    """

    max_tokens_field: Maybe[Name] = None
    default_max_tokens: Maybe[Positive] = None
    system_role: Maybe[Literal["system", "developer", "user"]] = None
    system_turns: Maybe[Annotated[SystemTurns, Field(strict=False)]] = None
    reasoning: Maybe[Annotated[ReasoningStyle, Field(strict=False)]] = None
    efforts: Maybe[Annotated[list[Literal["low", "medium", "high", "xhigh", "max"]], Field(min_length=1)]] = None
    effort_off: Name | None = None
    budget_field: Name | None = None
    reasoning_echo: Annotated[Echo, Field(strict=False)] | None = None
    echo_always: Maybe[bool] = None
    repeats_reasoning: Maybe[bool] = None
    reasoning_uncounted: Maybe[bool] = None
    tells_cost: Maybe[bool] = None
    required_choice: Name | None = None
    named_choice: Maybe[bool] = None
    tool_schema: Maybe[Annotated[SchemaStyle, Field(strict=False)]] = None
    text_calls: Maybe[bool] = None
    """The model writes its calls as text, which is read as calls."""
    think_tags: Maybe[bool] = None
    """The model thinks inside <think>, which is read as thinking."""
    think_opened: Maybe[bool] = None
    """The same, and the chat template writes <think> itself: each reply begins inside the thinking."""
    images: Maybe[bool] = None
    image_urls: Maybe[bool] = None
    documents: Maybe[bool] = None
    document_part: Maybe[Annotated[DocumentPart, Field(strict=False)]] = None
    search: Annotated[SearchStyle, Field(strict=False)] | None = None
    cache_key: Name | None = None
    json_schema: Maybe[bool] = None
    json_object: Maybe[bool] = None
    form_beside_tools: Maybe[bool] = None
    form_streams: Maybe[bool] = None
    parallel_switch: Maybe[bool] = None
    sampling: Maybe[bool] = None
    stop_limit: Maybe[Annotated[int, Field(ge=0)]] = None
    stream_usage: Maybe[bool] = None
    reply_beside_window: Maybe[bool] = None
    """The window holds the prompt alone; the reply has a limit of its own."""
    cuts_silently: Maybe[bool] = None
    """What does not fit into the window is left out without a word."""
    call_id_limit: Positive | None = None
    call_id_length: Positive | None = None
    takes: Maybe[Annotated[Takes, Field(strict=False)]] = None
    """What it takes of Anthropic's own format, where it speaks that."""
    rich_results: Maybe[bool] = None
    cache_points: Maybe[Annotated[int, Field(ge=0)]] = None
    claude: Maybe[bool] = None
    """Claude itself, whose signatures Anthropic takes."""
    gemini_three: Maybe[bool] = None
    """Of Gemini's own format: a model of Gemini 3 or later."""
    vertex: Maybe[bool] = None
    """Of Gemini's own format: models lie under their publisher."""
    always: Body = {}
    """Fields of every request's body."""


class Backend(Part):
    """A provider: a new one, or a known one with something changed."""

    like: Maybe[Name] = None
    """The known provider that it is like."""
    dialect: Maybe[
        Literal["openai_chat", "openai_responses", "anthropic", "bedrock_claude", "bedrock_converse", "gemini"]
    ] = None
    """What it speaks: chat-completions, or a cloud's or a vendor's own format."""
    address: Maybe[Name] = None
    """Its address, to which the dialect's path is added: http://gpu-box:8000/v1"""
    credential: Annotated[Maybe[Name | Credential], Field(repr=False)] = None
    """Its key: ${NAME} of the environment, or env, file, command, key or mint."""
    proxy: Maybe[Name] = None
    """The proxy on the way to it: http://proxy:3128"""
    timeouts: Section[Timeouts] = Timeouts()
    """How long it may take."""
    headers: Annotated[Section[dict[Key, str]], Field(repr=False)] = {}
    """Further headers of each request."""
    body: Section[Body] = {}
    """Laid over the backend's request, as JSON Merge Patch: null takes a field out."""
    profile: Section[Profile] = Profile()


class Price(Part):
    """Dollars for a million tokens."""

    input: Maybe[Cost] = None
    output: Maybe[Cost] = None
    cache_read: Maybe[Cost] = None
    cache_write: Maybe[Cost] = None
    cache_write_hour: Maybe[Cost] = None
    """To stay in the cache for an hour."""
    reasoning: Maybe[Cost] = None
    """Of reasoning tokens, where they cost other than output."""


class Facts(Part):
    """What is known of a model."""

    window: Maybe[Positive] = None
    """Input tokens it takes."""
    output: Maybe[Positive] = None
    """Output tokens it gives at most."""
    price: Maybe[Price] = None
    vision: Maybe[bool] = None
    """Whether it sees pictures."""
    tools: Maybe[bool] = None
    """Whether it calls tools: Claude Code needs that."""
    reasoning: Maybe[bool] = None
    """Whether it thinks; with false it is never told how much."""
    ended: Maybe[bool] = None
    """Whether its maker has shut it down, where what is known of that is wrong."""
    report_window: Maybe[Positive] = None
    """Usage is told to Claude Code as if its window were so large, so that it compacts in time without being told."""
    profile: Section[Profile] = Profile()
    """How this model departs from its backend's profile."""


class When(Part):
    """Conditions, all of which must hold."""

    model: Maybe[Globs] = None
    """Globs on the model's name as the client sends it."""
    tier: Maybe[TierName | Annotated[list[TierName], Field(min_length=1)]] = None
    kind: Maybe[KindName | Annotated[list[KindName], Field(min_length=1)]] = None
    agent: Maybe[Globs] = None
    """Globs on the type of the subagent (with hint headers)."""
    door: Maybe[DoorName | Annotated[list[DoorName], Field(min_length=1)]] = None
    session: Maybe[Globs] = None
    thinking: Maybe[bool] = None
    effort_at_least: Maybe[Literal["low", "medium", "high", "xhigh", "max"]] = None
    tokens_at_least: Maybe[Positive] = None
    """Input tokens, by Detour's estimate."""
    image: Maybe[bool] = None
    document: Maybe[bool] = None
    tool: Maybe[Globs] = None
    """Globs on the names of the tools on offer."""
    header: Maybe[Annotated[dict[Key, Globs], Field(min_length=1)]] = None
    """Globs on the client's headers."""
    filter: Maybe[Name] = None
    """One of mitmproxy's flow filter expressions."""
    time: Maybe[Name] = None
    """Hours and days: 22:00-06:00, mon-fri, mon-fri 09:00-17:00."""
    probability: Maybe[Annotated[float, Field(ge=0, le=1)]] = None
    """A share of the sessions; a session stays on its side."""


class Replacement(Part):
    """A regular expression and what takes the place of what it finds."""

    pattern: Annotated[str, Field(min_length=1, json_schema_extra={"format": "regex"})]
    """As Python has them."""
    with_: Annotated[str, Field(alias="with")]
    r"""May name what groups found, as \1."""


class System(Part):
    """What changes in the system prompt."""

    append: Maybe[Name] = None
    replace: list[Replacement] = []


class Scenario(Part):
    """A scenario's model, and where it begins."""

    to: Target
    tokens: Positive = 60_000
    """For long_context: how long is long."""


class Shadow(Part):
    """A second model that is asked the same, in the background; the client sees nothing of it."""

    to: ModelName
    share: Annotated[float, Field(gt=0, le=1)]
    """Of the route's requests: 0.1 is every tenth."""


class ShadowBudget(Part):
    """What shadows may take in a day; without it there are none."""

    requests_per_day: Positive
    dollars_per_day: Maybe[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = None
    """An answer whose price nobody knows counts as a request alone."""


class Route(Part):
    """A rule: conditions, who answers, and what changes. The first that matches wins."""

    name: Maybe[Name] = None
    when: Section[When] = When()
    to: Maybe[Target] = None
    """Who answers: a model, several (the first that can), or anthropic. None: whom the client names, or its tier."""
    block: Maybe[Name] = None
    """Refuse the request with this message."""
    effort: Maybe[Literal["off", "low", "medium", "high", "xhigh", "max"]] = None
    max_tokens: Maybe[Positive] = None
    temperature: Maybe[Annotated[float, Field(ge=0, le=2)]] = None
    body: Section[Body] = {}
    """Laid over the backend's request, as JSON Merge Patch: null takes a field out."""
    system: Section[System] = System()
    drop_tools: Maybe[Globs] = None
    """Globs on the names of tools that the model is not told of."""
    inline_tools: bool = False
    """Give tools that wait to be searched for in full."""
    timeouts: Section[Timeouts] = Timeouts()
    """How long whoever answers may take."""
    shadow: Maybe[Shadow] = None
    """Ask a second model the same, for comparison; needs the budget `shadow` at the top of the file."""
    default: Maybe[Target] = None
    """Shorthand for a rule that answers everything else."""
    background: Maybe[Target] = None
    """Shorthand: the small calls, those for Haiku."""
    think: Maybe[Target] = None
    """Shorthand: calls with thinking on."""
    long_context: Maybe[Target | Scenario] = None
    """Shorthand: calls of 60,000 input tokens and more."""
    web_search: Maybe[Target] = None
    """Shorthand: calls that search the web."""
    image: Maybe[Target] = None
    """Shorthand: calls with a picture in them."""

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Route":
        given = {name for name in self.model_fields_set if getattr(self, name) != type(self).model_fields[name].default}
        given -= {"timeouts"}  # which may say what goes without saying, and mean it
        given |= {"timeouts"} if self.timeouts.model_fields_set else set()
        short = [name for name in SCENARIOS if name in given]
        if short and given - {short[0], "name"}:
            raise ValueError(f"{short[0]} is a shorthand and stands alone; write when and to for more")
        if "block" in given and given - {"name", "when", "block"}:
            raise ValueError("a rule that blocks does nothing else")
        if not given - {"name", "when"}:
            raise ValueError("the rule does nothing: give it to, block, or something to change")
        return self


class Scenarios(Part):
    """Routes by the familiar scenarios."""

    default: Maybe[Target] = None
    background: Maybe[Target] = None
    think: Maybe[Target] = None
    long_context: Maybe[Target | Scenario] = None
    web_search: Maybe[Target] = None
    image: Maybe[Target] = None


class Preset(Part):
    """A named set of models and routes. It never holds an address or a key."""

    about: Maybe[Name] = None
    big: Maybe[Target] = None
    middle: Maybe[Target] = None
    small: Maybe[Target] = None
    routes: Section[list[Route] | Scenarios] = []


class Document(Part):
    """All of ``detour.yaml``."""

    preset: Maybe[Name] = None
    """The preset in force."""
    big: Maybe[Target] = None
    """Answers for Opus and Sonnet, and for any name of no tier."""
    middle: Maybe[Target] = None
    """Answers for Sonnet."""
    small: Maybe[Target] = None
    """Answers for Haiku."""
    provider: Maybe[Name] = None
    """The provider of models that are written without one."""
    search: Maybe[ModelName] = None
    """Who searches the web where the model has no search of its own: searxng, brave, a model that searches, or off."""
    function: Maybe[Function] = None
    """path/to/file.py:name of a Python function that is asked before the routes."""
    backends: Section[dict[Key, Backend]] = {}
    models: Section[dict[Key, Target | Facts]] = {}
    """Aliases (a name for a model, or for several), and facts of models."""
    routes: Section[list[Route] | Scenarios] = []
    presets: Section[dict[Key, Preset]] = {}
    record: Maybe[Literal["off", "metadata", "full"]] = None
    """What the prompt log keeps of each exchange (full). metadata: who answered, tokens, times, and no prompt."""
    record_folders: Section[list[Name]] = []
    """Where, beside DETOUR_HOME, POST /conversation/enable may put a log."""
    retention: Section[Retention] = Retention()
    redact: Section[Expressions] = {}
    """What is never kept: a name, which stands in the mark, and a regular expression; a group in it is the secret."""
    shadow: ShadowBudget | None = None
    """What the shadows of all routes may take in a day."""
    limits: Section[Limits] = Limits()
    timeouts: Section[Timeouts] = Timeouts()
    """How long any backend may take."""
    retry: Section[Retry] = Retry()
    streaming: Section[Streaming] = Streaming()


def schema() -> Mapping[str, Any]:
    """The JSON Schema of the file, for editors."""
    made = Document.model_json_schema(by_alias=True)
    shapes = made["$defs"]
    for shape in (made, *shapes.values()):
        for field in shape.get("properties", {}).values():
            field.pop("default", None)  # nobody writes them out, and the texts tell those that matter
            field.pop("title", None)
    shapes["Credential"]["oneOf"] = [{"required": [name]} for name in SOURCES]
    shapes["Route"]["anyOf"] = [
        *(_only(name, "name") for name in SCENARIOS),
        _only("block", "name", "when"),
        {
            "anyOf": [{"required": [name]} for name in shapes["Route"]["properties"] if name not in NO_DEEDS],
            "not": {"anyOf": [{"required": [name]} for name in (*SCENARIOS, "block")]},
        },
    ]
    sections = {name: {"description": "As in a litellm configuration."} for name in sorted(litellm_names.SECTIONS)}
    made["properties"] |= sections
    made["dependentRequired"] = {name: [litellm_names.MODEL_LIST] for name in sections}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "detour.yaml"}


def _only(name: str, *others: str) -> dict[str, Any]:
    return {"required": [name], "propertyNames": {"enum": [name, *others]}}
