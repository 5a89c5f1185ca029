"""Servers on the user's own machine."""

from dataclasses import replace

from addon.dialects.profiles import Echo, Profile, ReasoningStyle, SchemaStyle, SystemTurns, Takes
from addon.routing.backend import NATIVE, NO_SEARCH, Backend, by_model

LOCAL = Profile(system_turns=SystemTurns.FIRST_ONLY)  # chat templates that raise on a later system turn
# what litellm takes for all of its providers (docs/litellm.md): what a provider has not, it leaves out in silence, so
# that nothing is asked of it that most have not
LITELLM = Profile(
    system_turns=SystemTurns.FIRST_ONLY,
    reasoning=ReasoningStyle.EFFORT,
    reasoning_echo=Echo.THINKING_BLOCKS,
    json_schema=False,
    json_object=False,
)
# of providers that litellm says more to; the names are its own
LITELLMS = by_model(
    (r"^(anthropic|azure_ai|bedrock|vertex_ai)/.*claude", {"documents": True}),
    (r"^(gemini|vertex_ai)/.*gemini", {"documents": True, "tool_schema": SchemaStyle.GEMINI}),
    (r"^(openai|azure)/(gpt-[4-9](?!-oss)|o\d)", {"documents": True, "json_schema": True, "call_id_limit": 40}),
)

ROWS = (
    Backend(
        "ollama",
        "http://localhost:11434/v1",
        needs_key=False,
        profile=replace(LOCAL, reasoning=ReasoningStyle.EFFORT, cuts_silently=True),
    ),
    Backend(
        "ollama-anthropic",
        "http://localhost:11434",
        NATIVE,
        needs_key=False,
        keys=("OLLAMA_API_KEY",),
        profile=replace(NO_SEARCH, cuts_silently=True),
    ),
    Backend("vllm", "http://localhost:8000/v1", needs_key=False, profile=LOCAL),
    Backend(
        "vllm-anthropic",
        "http://localhost:8000",
        NATIVE,
        needs_key=False,
        keys=("VLLM_API_KEY",),
        profile=replace(NO_SEARCH, takes=Takes.VLLM),
    ),
    Backend("sglang", "http://localhost:30000/v1", needs_key=False, profile=LOCAL),
    Backend(
        "sglang-anthropic",
        "http://localhost:30000",
        NATIVE,
        needs_key=False,
        keys=("SGLANG_API_KEY",),
        profile=replace(NO_SEARCH, takes=Takes.PLAIN),
    ),
    Backend("llamacpp", None, needs_key=False, profile=LOCAL),  # its own default, port 8080, is our door one's
    Backend(
        "llamacpp-anthropic",
        None,
        NATIVE,
        needs_key=False,
        keys=("LLAMACPP_ANTHROPIC_API_KEY", "LLAMACPP_API_KEY"),
        profile=replace(NO_SEARCH, takes=Takes.SERVER),
    ),
    Backend("lmstudio", "http://localhost:1234/v1", needs_key=False, profile=LOCAL),
    Backend(
        "lmstudio-anthropic",
        "http://localhost:1234",
        NATIVE,
        needs_key=False,
        keys=("LMSTUDIO_API_KEY",),
        profile=replace(NO_SEARCH, takes=Takes.SERVER),
    ),
    Backend("localai", None, needs_key=False, profile=LOCAL),  # its own default is port 8080 too
    Backend(
        "litellm-proxy",
        "http://localhost:4000/v1",
        needs_key=False,
        keys=("LITELLM_API_KEY",),
        bases=("LITELLM_API_BASE",),
        profile=Profile(reasoning_echo=Echo.THINKING_BLOCKS),
    ),
    Backend(
        "litellm",
        "http://litellm.localhost/v1",  # stands for the process that the proxy starts; such a name leads nowhere else
        auth=("x-detour-api-key", ""),
        keys=("DETOUR_LITELLM_API_KEY",),
        bases=("DETOUR_LITELLM_API_BASE",),
        needs_key=False,
        by_process=True,
        profile=LITELLM,
        by_model=LITELLMS,
    ),
    Backend(
        "litellm-proxy-anthropic",
        "http://localhost:4000",
        NATIVE,
        needs_key=False,
        keys=("LITELLM_API_KEY",),
        profile=Profile(takes=Takes.GATEWAY),
    ),
)
