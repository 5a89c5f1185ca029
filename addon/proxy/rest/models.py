"""What the REST surface takes and gives, as pydantic models: the JSON is checked by them, and OpenAPI is made of them.

No model of a reply has a field that could hold a key.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from addon.routing.call import Kind
from addon.routing.health import State

Count = Annotated[int, Field(ge=0)]


class Shape(BaseModel):
    """Everything here is written with its docstrings, which OpenAPI shows."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True, protected_namespaces=())


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


# what is not given is empty inside; given, it must say something
Given = Annotated[str, Field(min_length=1, pattern=r"\S", json_schema_extra=_without_default)]

# -- what is taken -----------------------------------------------------------------------------------------------------


class SwitchBody(Shape):
    """What shall answer from the next request on; what is not named stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": [name]} for name in ("preset", "big_model", "middle_model", "small_model")],
            "examples": [{"preset": "openrouter"}, {"big_model": "openai/gpt-6.1-sol", "small_model": "anthropic"}],
        }
    )

    preset: Given = ""
    """A preset's name; "none" is without any, "configured" what the files say. Models chosen before give way to it."""
    big_model: Given = ""
    """Answers for Opus and Sonnet: provider/model, an alias, "anthropic", or "configured" for what the files say."""
    middle_model: Given = ""
    """Answers for Sonnet."""
    small_model: Given = ""
    """Answers for Haiku."""
    preserve_conversation: bool = True
    """Taken because scripts send it. The client sends the whole conversation each time, so it goes on either way."""

    @model_validator(mode="after")
    def _says_something(self) -> "SwitchBody":
        if not (self.preset or self.big_model or self.middle_model or self.small_model):
            raise ValueError("give preset, or one of big_model, middle_model and small_model")
        return self


class BlockBody(Shape):
    """Calls of this kind are refused from the next request on."""

    kind: Kind


class UnblockBody(Shape):
    """Calls of this kind, or of all, pass again."""

    kind: Kind | Literal["all"]  # switch.ALL


class TargetBody(Shape):
    """A target that is switched by hand."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"target": "openai/gpt-6.1-sol"}]})

    target: Annotated[str, Field(min_length=1, pattern=r"\S")]
    """provider/model, an alias of one, or "anthropic"."""


class RecordingBody(Shape):
    """Whether conversations are recorded from the next exchange on, until the proxy ends."""

    enabled: bool = True
    file_path: Given = ""
    """The log's file, in DETOUR_HOME or in a folder of `record_folders`; not given: the one in use."""


class ContinueBody(Shape):
    """The next turn of a conversation: `message`, or a request to the Messages API, whose messages are new ones.

    What a request says beside its messages goes over what the last one said; null takes a field out.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "oneOf": [{"required": ["message"]}, {"required": ["messages"]}],
            "examples": [{"message": "And in French?"}],
        },
    )

    message: Given = ""
    messages: Annotated[list[dict[str, Any]], Field(min_length=1, json_schema_extra=_without_default)] = []
    session: Given = ""
    """How the conversation's session begins; not given: the newest."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "ContinueBody":
        if bool(self.message) == bool(self.messages):
            raise ValueError("give message, a text, or messages")
        return self


class Turn(Shape):
    """A message as the Messages API has it."""

    model_config = ConfigDict(extra="allow")

    role: Literal["user", "assistant", "system"]
    content: str | list[dict[str, Any]]


class ImportBody(Shape):
    """A conversation, as it is exported; the messages alone will do."""

    format: Literal["detour-conversation"] = "detour-conversation"  # conversation.FORMAT
    session: Annotated[str, Field(max_length=200)] | None = None
    """Its session; a new one where there is one of that name already."""
    request: dict[str, Any] = {}
    """The last request without its messages: model, max_tokens, system, tools and so on."""
    messages: Annotated[list[Turn], Field(min_length=1)]


# -- what is given -----------------------------------------------------------------------------------------------------


class Models(Shape):
    """Who answers in place of each: provider/model, several in their order, or anthropic."""

    big: str
    middle: str
    small: str


class InForce(Shape):
    """Who answers now. The flat names are those of the proxy whose scripts read them."""

    summary: str
    """All of it in one line."""
    preset: str | None
    models: Models
    big_model: str
    middle_model: str
    small_model: str
    blocked: list[Kind]
    """Kinds of calls that are refused because it was chosen so while running."""
    note: str | None = None


class Rule(Shape):
    """A route of the configuration; the first that matches decides."""

    name: str
    when: str
    then: str
    where: str
    """Where it is written."""


class Setting(Shape):
    """A setting in force."""

    name: str
    value: str
    origin: str


class Config(InForce):
    """All that is in force, and where it comes from. Keys are shown by their settings' names."""

    routes: list[Rule]
    rows: list[Setting]
    file: str | None
    """The configuration file."""
    fault: str | None
    """Why the files as they are now are not in force; the old ones stay."""


class Price(Shape):
    """Dollars for a million tokens."""

    input: Annotated[float, Field(ge=0)] | None = None
    output: Annotated[float, Field(ge=0)] | None = None
    cache_read: Annotated[float, Field(ge=0)] | None = None
    cache_write: Annotated[float, Field(ge=0)] | None = None
    cache_write_hour: Annotated[float, Field(ge=0)] | None = None
    """To stay in the cache for an hour."""
    reasoning: Annotated[float, Field(ge=0)] | None = None
    """null: as other output."""


class Model(Shape):
    """A model that is configured, or an alias."""

    name: str
    answers: list[str]
    """What an alias stands for; the model itself otherwise."""
    window: Count | None
    """Input tokens it takes; null: not known."""
    output: Count | None
    """Output tokens it gives at most; null: not known."""
    price: Price | None
    lacks: str | None
    """What keeps it from being used; null: nothing does."""


class Preset(Shape):
    """A named set of models and routes."""

    name: str
    about: str
    active: bool
    lacks: str | None
    """What keeps it from being used; null: nothing does."""


class ModelList(Shape):
    """What can be chosen."""

    models: list[Model]
    presets: list[Preset]


class Body(Shape):
    """The head and the tail of a body."""

    text: str
    left_out: Count
    """Characters that are not shown."""


class Entry(Shape):
    """One exchange that has ended."""

    time: str
    id: str
    """The request-id that the client was given."""
    session: str | None
    kind: str | None
    asked: str | None
    """The model that the client named."""
    answered_by: str | None
    reason: str | None
    """Why it was that one."""
    status: Count
    """0: there was no reply."""
    elapsed_ms: Count
    input_tokens: Count | None
    output_tokens: Count | None
    losses: Count
    """What could not be said to the backend."""
    error: str | None
    request_body: Body | None = None
    response_body: Body | None = None


class DebugLogs(Shape):
    """What happened lately, the newest last."""

    log_type: str
    entries: list[Entry]
    note: str | None = None


class Lost(Shape):
    """One sort of what could not be said, for one model."""

    model: str
    """Empty where the request was refused."""
    sort: str
    calls: Count
    routine: bool
    """It is left out as always; nobody misses it."""
    refused: bool
    """The request was answered with an error in its place."""
    example: str
    """The newest, with its JSON path."""


class LossList(Shape):
    """What could not be said to backends, or to the client, since the start."""

    losses: list[Lost]


class Target(Shape):
    """Who may answer."""

    name: str
    state: State
    """cooling: it failed and is passed over. half_open: the next request tries it. probing: one does. down: by hand."""
    failures: Count
    """In a row."""
    left_s: Count | None
    """Until its state ends by itself."""
    why: str
    """Its last failure."""


class TargetList(Shape):
    """Every configured target, and others that failed. What is switched by hand holds until the proxy ends."""

    targets: list[Target]


class Health(Shape):
    """Whether Detour is well."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_s: Count
    preset: str | None
    summary: str
    fault: str | None
    """What is wrong with the settings; those from before are in force."""
    log_fault: str | None
    """Why exchanges are not in the prompt log at the moment."""
    layer: bool
    """Whether keys are kept off the flows from the start: not so in a mitmproxy that Detour does not know."""
    targets: dict[str, State]
    """Those that are not up, each with its state."""
    doors: dict[str, str]
    """The address of each open door."""


class Message(Shape):
    """A message of a conversation. What the log does not tell is null."""

    timestamp: str | None
    """When it was first sent, or written."""
    role: str
    content: Any
    """As in the Messages API: a text, or a list of blocks."""
    model_used: str | None
    """Who was asked, or answered."""
    exchange: str | None
    """The request-id of that exchange."""


class Conversation(Shape):
    """The newest messages of a conversation, in their order."""

    session: str | None
    messages: list[Message]
    total_count: Count
    """Of all messages."""
    note: str | None = None


class Recorded(Shape):
    """Whether conversations are recorded, and what the log holds. Its names are those of the known fork."""

    recording_enabled: bool
    record: Literal["off", "metadata", "full"]
    """How much of each exchange is recorded while it is."""
    file_path: str
    buffer_size: Count
    """Exchanges that are not written yet."""
    total_recent_conversations: Count
    """Sessions in the log."""
    exchanges: Count
    messages: Count
    """Of the newest conversation."""
    bytes: Count
    """On disk."""
    lost: Count
    """Exchanges that could not be written, since the start."""
    fault: str | None
    """Why the last one could not."""
    message: str | None = None


class Emptied(Shape):
    """What was deleted."""

    message: str
    exchanges: Count
    conversations: Count
    bytes: Count
    """That are free again."""


class Exported(Shape):
    """A conversation, whole; `POST /conversation/import` takes it as it is."""

    format: Literal["detour-conversation"] = "detour-conversation"
    session: str | None
    request: dict[str, Any]
    messages: list[dict[str, Any]]


class Imported(Shape):
    """A conversation that is in the log now, as the newest."""

    message: str
    session: str
    exchange: str
    """Its request-id."""
    total_count: Count


class Said(Shape):
    """What the model answers, as the Messages API has it; with `stream`, as events."""

    model_config = ConfigDict(extra="allow")

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[dict[str, Any]]


class Forgotten(Shape):
    """What happened lately is forgotten."""

    message: str


class Reading(Shape):
    """The files are being read anew."""

    note: str


class Reason(Shape):
    """Why not."""

    type: str
    message: str


class Error(Shape):
    """The shape of every error, Anthropic's own."""

    type: Literal["error"]
    error: Reason
