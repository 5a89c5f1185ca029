"""How one backend departs from its wire format, as data: the fields a provider's row may set."""

from dataclasses import dataclass
from enum import StrEnum


class ReasoningStyle(StrEnum):
    """Where the wish for thinking goes in a chat-completions body (docs/protocol.md, "Reasoning")."""

    NONE = "none"  # no such knob
    EFFORT = "effort"  # {"reasoning_effort": "low"}
    OPENROUTER = "openrouter"  # {"reasoning": {"effort": "low"}}
    TOGGLE = "toggle"  # {"thinking": {"type": "enabled"}}
    TOGGLE_AND_EFFORT = "toggle_and_effort"  # both of the above
    ENABLE_THINKING = "enable_thinking"  # {"enable_thinking": true}
    TEMPLATE = "template"  # {"chat_template_kwargs": {"enable_thinking": true}}


class SystemTurns(StrEnum):
    """Where a ``role: system`` turn in the middle of a conversation may stand."""

    ANYWHERE = "anywhere"
    FIRST_ONLY = "first_only"  # chat templates that refuse it later: it is folded into the user's turn


@dataclass(frozen=True, slots=True)
class Profile:
    """The defaults are what a plain OpenAI-compatible server takes."""

    max_tokens_field: str = "max_tokens"
    default_max_tokens: int = 8_192  # where the model's own limit is unknown; fits beside a prompt in a 32k window
    system_role: str = "system"
    system_turns: SystemTurns = SystemTurns.ANYWHERE
    reasoning: ReasoningStyle = ReasoningStyle.NONE
    efforts: tuple[str, ...] = ("low", "medium", "high")  # ascending; what the knob takes
    effort_off: str | None = None  # the word for "do not think", where there is one
    reasoning_echo: str | None = None  # field in which thinking must be sent back on assistant turns
    sampling: bool = True  # temperature and top_p are taken
    stop_limit: int = 4
    parallel_switch: bool = True  # parallel_tool_calls is taken
    required_choice: str | None = "required"  # word for "call some tool"; None: refused
    named_choice: bool = True
    stream_usage: bool = True  # stream_options is taken
    json_schema: bool = True  # response_format json_schema is taken, else json_object
    images: bool = True
    documents: bool = False  # {"type": "file"} parts are taken
    call_id_limit: int | None = None  # longest tool call id
    call_id_length: int | None = None  # tool call ids are letters and digits, exactly so many
