"""What may be lost between a client and a backend: the table of losses, and the table of refusals.

A loss is told, counted and shown, and the request goes on without the thing. A refusal ends the request: its content
cannot be said to the backend, and an answer given without it would be an answer to something else. Every loss and every
refusal of every dialect is a row here; docs/losses.md is made from the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from addon.protocol.errors import Unsupported

MOST_SHOWN = 200  # characters of a detail; the longest of ours, the unsaid parts of a schema, are about as long
CHOOSE_ANOTHER = "Choose a model that takes it (BIG_MODEL, MIDDLE_MODEL, SMALL_MODEL), or start over without it."
FIND_EYES = "Name a model that does for requests with pictures (a route with `image:`), or start over without it."


class Lost(StrEnum):
    """Sorts of losses; counted under these names."""

    ANTHROPICS_OWN = "anthropics_own"
    UNKNOWN_FIELD = "unknown_field"
    SAFEGUARDS = "safeguards"
    FOREIGN_THINKING = "foreign_thinking"
    ENCRYPTED_THINKING = "encrypted_thinking"
    THINKING_OFF = "thinking_off"
    THINKING_BUDGET = "thinking_budget"
    THINKING_KNOB = "thinking_knob"
    THINKING_FORM = "thinking_form"
    EFFORT_UNKNOWN = "effort_unknown"
    OUTPUT_LIMIT = "output_limit"
    TRIAL_LIMIT = "trial_limit"
    STOP_SEQUENCES = "stop_sequences"
    SAMPLING = "sampling"
    TOOL_CHOICE = "tool_choice"
    TOOL_CHOICE_EMPTY = "tool_choice_empty"
    PARALLEL_SWITCH = "parallel_switch"
    TOOL_SCHEMA = "tool_schema"
    TOOL_FIELD = "tool_field"
    TOOL_CHANGE = "tool_change"
    SERVER_TOOL = "server_tool"
    SEARCH_OPTION = "search_option"
    SEARCH_LIMIT = "search_limit"
    SERVER_TOOL_BLOCK = "server_tool_block"
    CITATIONS = "citations"
    ORPHANED_RESULT = "orphaned_result"
    MISSING_RESULT = "missing_result"
    PREFILL = "prefill"
    DOCUMENT_AS_TEXT = "document_as_text"
    DOCUMENT_FIELD = "document_field"
    SCHEMA_IN_WORDS = "schema_in_words"
    SCHEMA_UNCHECKED = "schema_unchecked"
    REPLY_PART = "reply_part"
    REPLY_STATE = "reply_state"
    REPLY_BEHIND_CUT_CALL = "reply_behind_cut_call"
    SILENT_OVERFLOW = "silent_overflow"


@dataclass(frozen=True, slots=True)
class Sort:
    """One row. ``says`` is filled with the details of the case; ``because`` is for the page of losses.

    ``routine`` marks what is left out of every request because it has a meaning for Anthropic only, or what nobody
    misses; it is shown in the view of changes, and counted nowhere.
    """

    says: str
    because: str
    routine: bool = False


LOSSES: Mapping[Lost, Sort] = MappingProxyType({
    Lost.ANTHROPICS_OWN: Sort("{}", "It has a meaning for Anthropic's own server only.", routine=True),
    Lost.UNKNOWN_FIELD: Sort(
        "{} knows no such field", "Fields are translated by name; one that nobody named yet stays behind."
    ),
    Lost.SAFEGUARDS: Sort(
        "nobody else checks tool calls for auto mode: Claude Code asks, refuses, or judges by Sonnet's model",
        "A verdict on safety is never made up.",
    ),
    Lost.FOREIGN_THINKING: Sort(
        "thinking of {} left out",
        "A model is shown its own thinking only, and only where it wants it back.",
        routine=True,
    ),
    Lost.ENCRYPTED_THINKING: Sort(
        "Anthropic's encrypted thinking left out", "Nobody but Anthropic can read it.", routine=True
    ),
    Lost.THINKING_OFF: Sort(
        "off for this call: its open tool calls were made by another model",
        "Anthropic wants a turn whose calls are open to begin with its own thinking, where thinking has a budget.",
    ),
    Lost.THINKING_BUDGET: Sort(
        '{} became the effort "{}"', "The backend's knob has words, not tokens.", routine=True
    ),
    Lost.THINKING_KNOB: Sort("{} has no knob for it", "The model thinks as much as it always does.", routine=True),
    Lost.THINKING_FORM: Sort("{} became {}", "The model thinks when it is told to, or when it likes.", routine=True),
    Lost.EFFORT_UNKNOWN: Sort('the effort "{}" is unknown; the model chooses', "A word newer than this version."),
    Lost.OUTPUT_LIMIT: Sort(
        "{} became {}, {}",
        "Claude Code asks for as much as Claude can write; a larger number is refused.",
        routine=True,
    ),
    Lost.TRIAL_LIMIT: Sort(
        "{} became {}: a model thinks first", "Claude Code tries a model with one token.", routine=True
    ),
    Lost.STOP_SEQUENCES: Sort("{} takes {} of the {}", "The backend limits their number."),
    Lost.SAMPLING: Sort("{} takes no {}", "The backend refuses the field, or ignores it."),
    Lost.TOOL_CHOICE: Sort('{} has no tool choice "{}"; the model chooses', "The backend lacks that form."),
    Lost.TOOL_CHOICE_EMPTY: Sort("there is no tool to choose", "A choice among no tools is refused."),
    Lost.PARALLEL_SWITCH: Sort("{} has no such switch", "The model may make several calls at once all the same."),
    Lost.TOOL_SCHEMA: Sort("{}", "The backend takes a part of JSON Schema only; the client checks its calls itself."),
    Lost.TOOL_FIELD: Sort("a tool's field without a counterpart", "It is described by name, words and schema alone."),
    Lost.TOOL_CHANGE: Sort(
        "{}: the tools themselves are sent as they are now", "Backends know no change of tools in mid-conversation."
    ),
    Lost.SERVER_TOOL: Sort(
        'the tool "{}" runs on Anthropic\'s servers; the model is not told of it', "See the table of typed tools."
    ),
    Lost.SEARCH_OPTION: Sort("{}", "The search that answers has no such option."),
    Lost.SEARCH_LIMIT: Sort("{} searches as often as it likes", "Its own search has no such limit.", routine=True),
    Lost.SERVER_TOOL_BLOCK: Sort(
        "{} of an earlier turn became plain text", "What Anthropic's servers did is told in words."
    ),
    Lost.CITATIONS: Sort(
        "the pages that a text of an earlier turn cites", "The text is told; what was found stands there.", routine=True
    ),
    Lost.ORPHANED_RESULT: Sort(
        "the result of a call that the conversation does not hold became plain text",
        "After a compaction or an abort; backends refuse a result without its call.",
    ),
    Lost.MISSING_RESULT: Sort(
        "the call {} has no result; said so to the model", "After an abort; backends refuse a call without its result."
    ),
    Lost.PREFILL: Sort(
        "the model answers these words; it does not continue them", "Backends cannot continue a turn of the model's."
    ),
    Lost.DOCUMENT_AS_TEXT: Sort(
        "the text of this PDF was sent in its place; pictures in it are not seen",
        "The backend takes no documents. The model is told that it reads extracted text.",
    ),
    Lost.DOCUMENT_FIELD: Sort("a document's field without a counterpart: {}", "A document is its name and its bytes."),
    Lost.SCHEMA_IN_WORDS: Sort(
        "{}; the schema was told in words, and the answer is checked against it",
        "The backend cannot be held to a schema.",
    ),
    Lost.SCHEMA_UNCHECKED: Sort(
        "{} takes no schema; it was told in words",
        "The reply of a backend of Anthropic's own format passes as it comes: nobody checks it.",
    ),
    Lost.REPLY_PART: Sort(
        "has no place in a Messages reply", "The backend said something that Anthropic has no word for."
    ),
    Lost.REPLY_STATE: Sort(
        "came behind the last words, where the client keeps nothing",
        "A backend's own state travels in thinking, and the client takes a reply's last block for its answer.",
        routine=True,
    ),
    Lost.REPLY_BEHIND_CUT_CALL: Sort(
        "came behind a tool call that was cut at a limit", "The client drops the cut call and resumes from there."
    ),
    Lost.SILENT_OVERFLOW: Sort(
        "{}: it left out a part of the prompt without a word",
        "Some backends cut what does not fit into their window (Ollama's is 4,096 tokens until OLLAMA_CONTEXT_LENGTH "
        "says otherwise), and some templates show a model no tools.",
    ),
})  # fmt: skip


class Refused(StrEnum):
    """Sorts of refusals."""

    IMAGE = "image"
    IMAGE_TYPE = "image_type"
    IMAGE_SOURCE = "image_source"
    DOCUMENT = "document"
    DOCUMENT_TYPE = "document_type"
    DOCUMENT_WITHOUT_TEXT = "document_without_text"
    BLOCK = "block"
    TYPED_TOOL = "typed_tool"
    SEARCH_ONLY = "search_only"
    OUTPUT_FORMAT = "output_format"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row. ``says`` is filled with the details of the case; ``way_out`` is what the user can do."""

    says: str
    way_out: str
    because: str


REFUSALS: Mapping[Refused, Refusal] = MappingProxyType({
    Refused.IMAGE: Refusal(
        "{} sees no pictures",
        f"{FIND_EYES} If this one does, say `vision: true` of it under `models:`.",
        "A model that did not see the picture must not be asked about it.",
    ),
    Refused.IMAGE_TYPE: Refusal(
        "{} cannot be given a picture of the type {}",
        "Make it a PNG, JPEG, GIF or WebP, or start over without it.",
        "Backends take what Anthropic takes.",
    ),
    Refused.IMAGE_SOURCE: Refusal(
        "{} cannot be given a picture by {}",
        CHOOSE_ANOTHER,
        "Some backends take pictures as bytes only, and nobody but Anthropic has what was uploaded there.",
    ),
    Refused.DOCUMENT: Refusal(
        "{} cannot be given a document by {}", CHOOSE_ANOTHER, "Nobody but Anthropic has what was uploaded there."
    ),
    Refused.DOCUMENT_TYPE: Refusal(
        "{} cannot be given a document of the type {}",
        "Make it a PDF or a text, or start over without it.",
        "A document is a PDF or a text; what else there may be is unknown.",
    ),
    Refused.DOCUMENT_WITHOUT_TEXT: Refusal(
        "{} takes no documents, and {}",
        CHOOSE_ANOTHER,
        "The text of a PDF is sent to models that take no documents; a scan has none.",
    ),
    Refused.BLOCK: Refusal("{} cannot be given: {}", CHOOSE_ANOTHER, "A block that nobody translates yet."),
    Refused.TYPED_TOOL: Refusal(
        'the tool "{}" is known to Claude models alone',
        "Leave this call on Anthropic, or answer without the tool.",
        "The model would have to know the tool without being told its arguments.",
    ),
    Refused.SEARCH_ONLY: Refusal(
        "{} answers searches of the web, and nothing else",
        "Name it in `search:` or in a route with `web_search:` only.",
        "A search endpoint is no model.",
    ),
    Refused.OUTPUT_FORMAT: Refusal(
        "this form of structured output is unknown", "Use a JSON schema.", "A form newer than this version."
    ),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loss:
    """Something of the request that the backend was told differently, or not at all; or of the reply.

    ``path`` is a JSON path of the client's request, or ``reply.`` and one of the backend's reply.
    """

    path: str
    sort: Lost
    what: str

    @property
    def routine(self) -> bool:
        """Whether it is left out as always."""
        return LOSSES[self.sort].routine


def loss(sort: Lost, path: str, *details: object) -> Loss:
    """Make a loss of a row of the table."""
    says = LOSSES[sort].says
    return Loss(_named(path), sort, says.format(*map(_named, details)) if details else says)


def refusal(sort: Refused, path: str, *details: object) -> Unsupported:
    """Make the refusal of a row of the table, to be raised."""
    row = REFUSALS[sort]
    return Unsupported(path, row.says.format(*map(_named, details)), row.way_out, sort)


def _named(detail: object) -> str:
    """A detail as a log may show it: most are names; of a text that a client put there it is the beginning."""
    text = str(detail)
    short = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\u2026"
    return short if short.isprintable() else "".join(each if each.isprintable() else " " for each in short)
