"""How one backend departs from its wire format, as data: the fields a provider's row may set.

docs/adding-a-backend.md says for each field how to find out what a backend wants.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ReasoningStyle(StrEnum):
    """Where the wish for thinking goes in a chat-completions body (docs/protocol.md, "Reasoning")."""

    NONE = "none"  # no such knob
    EFFORT = "effort"  # {"reasoning_effort": "low"}
    OPENROUTER = "openrouter"  # {"reasoning": {"effort": "low"}}
    TOGGLE = "toggle"  # {"thinking": {"type": "enabled"}}
    TOGGLE_AND_EFFORT = "toggle_and_effort"  # both of the above
    ADAPTIVE = "adaptive"  # {"thinking": {"type": "adaptive"}}
    ENABLE_THINKING = "enable_thinking"  # {"enable_thinking": true}
    TEMPLATE = "template"  # {"chat_template_kwargs": {"enable_thinking": true}}
    TOGETHER = "together"  # {"reasoning": {"enabled": true}, "reasoning_effort": "low"}
    REASONING = "reasoning"  # {"reasoning": {"effort": "low"}}
    NOVA = "nova"  # {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
    CLAUDE = "claude"  # {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    LEVEL = "level"  # of Gemini's own format: {"thinkingConfig": {"thinkingLevel": "LOW"}}
    BUDGET = "budget"  # the same of Gemini 2.5: {"thinkingConfig": {"thinkingBudget": 2048}}


class Echo(StrEnum):
    """In what form a backend wants its thinking back on the turns that it thought."""

    REASONING_CONTENT = "reasoning_content"  # text, in a field of that name
    REASONING = "reasoning"  # the same under another name
    REASONING_DETAILS = "reasoning_details"  # OpenRouter's list, unchanged: it holds encrypted parts and signatures
    THINKING_BLOCKS = "thinking_blocks"  # litellm's: Anthropic's signed blocks beside the text; to the same model only
    THINKING_PARTS = "thinking_parts"  # Mistral: parts of the content
    THINK_TAGS = "think_tags"  # <think> at the head of the content
    CALL_SIGNATURES = "call_signatures"  # Gemini's signatures, each on the call that it came with


class SystemTurns(StrEnum):
    """Where a ``role: system`` turn in the middle of a conversation may stand."""

    ANYWHERE = "anywhere"
    FIRST_ONLY = "first_only"  # chat templates that refuse it later: it is folded into the user's turn


class SchemaStyle(StrEnum):
    """What of JSON Schema the arguments of a tool may use."""

    FULL = "full"
    MFJS = "mfjs"  # Moonshot's own subset
    MISTRAL = "mistral"  # no $id, no additionalProperties
    GEMINI = "gemini"  # the keywords of Gemini's Schema type, which its compatible endpoint inherits
    GEMINI_JSON = "gemini_json"  # those that Gemini heeds where it takes JSON Schema itself


class DocumentPart(StrEnum):
    """How a PDF is said."""

    FILE = "file"  # {"type": "file", "file": {"filename", "file_data": "data:..."}}
    DOCUMENT_URL = "document_url"  # Mistral: {"type": "document_url", "document_url": "data:..."}


class SearchStyle(StrEnum):
    """How a backend is asked to search the web itself (docs/web-search.md)."""

    NONE = "none"  # it surely cannot, though Anthropic's format, which it speaks, has a tool for it
    NATIVE = "native"  # Anthropic's own tool, which a backend of that format knows
    OPTIONS = "options"  # OpenAI's search models: {"web_search_options": {}}
    OPENROUTER = "openrouter"  # a tool {"type": "openrouter:web_search", "parameters": {...}}
    ALWAYS = "always"  # Perplexity: it searches in any case
    ENABLE_SEARCH = "enable_search"  # DashScope: {"enable_search": true, "search_options": {...}}
    ENABLE_SEARCH_AGENT = "enable_search_agent"  # the same, by the only strategy that qwen3-max takes
    ZAI = "zai"  # a tool {"type": "web_search", "web_search": {...}}
    BIGMODEL = "bigmodel"  # the same with an engine of another name
    GROQ = "groq"  # a tool {"type": "browser_search"}
    GOOGLE = "google"  # of Gemini's own format: a tool {"googleSearch": {}}, and no function beside it
    GOOGLE_BESIDE = "google_beside"  # the same of Gemini 3, which takes functions beside it
    TOOL = "tool"  # the Responses API's: a tool {"type": "web_search"}


class Takes(StrEnum):
    """What a backend of Anthropic's own format takes of it; each is a row of ``anthropic.fields``."""

    ALL = "all"  # Anthropic's own servers
    FOUNDRY = "foundry"  # Claude on Microsoft's cloud
    VERTEX = "vertex"  # on Google's
    BEDROCK = "bedrock"  # on Amazon's, by InvokeModel
    MANTLE = "mantle"  # on Amazon's, by its own /v1/messages
    GATEWAY = "gateway"  # somebody who passes it on to many sorts of models
    VENDOR = "vendor"  # a vendor's own models
    BUDGET = "budget"  # the same: it thinks by a number of tokens, and knows no adaptive thinking
    ADAPTIVE = "adaptive"  # the same: it thinks adaptively or not at all (MiniMax)
    LOW_HIGH_MAX = "low_high_max"  # as ``budget``, with an effort of these words (DeepSeek)
    SERVER = "server"  # a server on the user's own machine (llama.cpp, LM Studio)
    VLLM = "vllm"  # the same, and it can be held to a schema
    PLAIN = "plain"  # the same without a schema or an effort: it thinks by a number of tokens (SGLang)


@dataclass(frozen=True, slots=True)
class Profile:
    """The defaults are what a plain OpenAI-compatible server takes."""

    max_tokens_field: str = "max_tokens"
    default_max_tokens: int = 8_192  # where the model's own limit is unknown; fits beside a prompt in a 32k window
    system_role: str = "system"  # "user", of Gemini's own format: Gemma knows no other
    system_turns: SystemTurns = SystemTurns.ANYWHERE
    reasoning: ReasoningStyle = ReasoningStyle.NONE
    efforts: tuple[str, ...] = ("low", "medium", "high")  # ascending; what the knob takes
    effort_off: str | None = None  # the word for "do not think", where there is one
    budget_field: str | None = None  # beside the knob: how many tokens of thought
    reasoning_echo: Echo | None = None  # how thinking is sent back on assistant turns
    echo_always: bool = False  # the field stands on every assistant turn, empty where nothing is known
    repeats_reasoning: bool = False  # a delta of reasoning may come twice, word for word (xAI)
    reasoning_uncounted: bool = False  # completion_tokens leaves reasoning out
    tells_cost: bool = False  # usage.cost is what a reply cost, in dollars
    sampling: bool = True  # temperature and top_p are taken
    stop_limit: int = 4
    parallel_switch: bool = True  # parallel_tool_calls is taken
    required_choice: str | None = "required"  # word for "call some tool"; None: refused
    named_choice: bool = True
    tool_schema: SchemaStyle = SchemaStyle.FULL
    text_calls: bool = False  # the model writes its calls as text, which is read as calls
    think_tags: bool = False  # the model thinks inside <think> in its text, which is read as thinking
    think_opened: bool = False  # the same, and the chat template writes <think>: a reply begins inside the thinking
    stream_usage: bool = True  # stream_options is taken
    json_schema: bool = True  # response_format json_schema is taken
    form_beside_tools: bool = True  # response_format is taken beside tools
    form_streams: bool = True  # response_format is taken of a stream
    json_object: bool = True  # else response_format json_object; without either the schema is told in words alone
    images: bool = True
    image_urls: bool = True  # by address too, not as bytes only
    documents: bool = False  # PDFs are taken
    document_part: DocumentPart = DocumentPart.FILE
    reply_beside_window: bool = False  # the window holds the prompt alone; the reply has a limit of its own
    cuts_silently: bool = False  # what does not fit into the window is left out without a word
    search: SearchStyle | None = None  # its own search of the web; None: it has none, or nobody knows
    cache_key: str | None = None  # field that keeps a session's requests near its prompt cache
    call_id_limit: int | None = None  # longest tool call id
    call_id_length: int | None = None  # tool call ids are letters and digits, exactly so many
    takes: Takes = Takes.VENDOR  # of Anthropic's own format, where it speaks that
    rich_results: bool = False  # Converse: a tool's result holds media, and the model is told that it is an error
    cache_points: int = 0  # Converse: how many marks a request may have up to which the prompt is cached
    claude: bool = False  # Claude itself: it signs its thinking as Anthropic does, on whatever cloud
    gemini_three: bool = False  # of Gemini's own format: ids of calls, media in results, no call without a signature
    vertex: bool = False  # of Gemini's own format: models lie under their publisher, and what its tools did stays there
    always: Mapping[str, Any] = field(default_factory=dict)  # fields of every request's body
