"""Google's models: at AI Studio, and what Vertex AI has of them and of others."""

import re
from dataclasses import replace
from types import MappingProxyType

from addon.dialects.profiles import Echo, Profile, ReasoningStyle, SchemaStyle, SearchStyle, Takes
from addon.routing.backend import BEARER, CHAT, GCLOUD, Backend, Speech, by_model
from addon.routing.rows.claude import BY_GOOGLE, CLAUDE

GEMINI, VERTEX_CHAT, VERTEX_CLAUDE = "gemini", "vertex_chat", "vertex_claude"
GOOGLE_KEY = ("x-goog-api-key", "")  # never in the query, which is logged

# what the compatible endpoints take, at AI Studio and on Vertex
COMPATIBLE = Profile(
    reasoning=ReasoningStyle.EFFORT,
    parallel_switch=False,
    tool_schema=SchemaStyle.GEMINI,
    form_beside_tools=False,  # "Function calling with a response mime type: 'application/json' is unsupported"
    reply_beside_window=True,
    default_max_tokens=65_536,
    reasoning_echo=Echo.CALL_SIGNATURES,  # Gemini 3 answers 400 to a call of the current turn without its signature
)
ON_VERTEX = replace(CLAUDE, takes=Takes.VERTEX)
OPEN_MODELS = Profile()  # of Vertex's garden
# Gemini 3 in Google's own format, and what is newer
NEWEST = replace(
    COMPATIBLE,
    tool_schema=SchemaStyle.GEMINI_JSON,
    reasoning=ReasoningStyle.LEVEL,
    effort_off="low",
    reasoning_echo=None,  # its signatures go where they came from, whatever the profile says
    stop_limit=5,
    documents=True,
    search=SearchStyle.GOOGLE_BESIDE,
    gemini_three=True,
)
OLDER = {"gemini_three": False, "search": SearchStyle.GOOGLE}
MODELS = by_model(
    (r"gemini-3(?:-|\.0-)pro", {"efforts": ("low", "high")}),
    (
        r"gemini-2\.5",
        {
            **OLDER,
            "reasoning": ReasoningStyle.BUDGET,
            "budget_field": "thinkingBudget",
            "efforts": ("low", "medium", "high", "max"),
        },
    ),
    (r"gemini-[12][.-]", {**OLDER, "reasoning": ReasoningStyle.NONE}),
    (
        r"gemma-",
        {
            **OLDER,
            "reasoning": ReasoningStyle.NONE,
            "system_role": "user",
            "search": None,
            "documents": False,
            "default_max_tokens": 8_192,
        },
    ),
    (r"flash", {"effort_off": "minimal"}),
)
# Vertex has addresses of another form for the whole world, and for the two continents
HOSTS = (
    (re.compile("//global-aiplatform"), "//aiplatform"),
    (re.compile(r"//(us|eu)-aiplatform\."), r"//aiplatform.\1.rep."),
)
ANY, CLAUDES = re.compile(""), re.compile("^claude-")
COMPATIBLE_ADDRESS = re.compile("/openai$|/openapi$")
WITH_VENDOR = re.compile("^(?!google/).+/")

KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")  # the first where both are set, as in Google's own SDK

ROWS = (
    Backend(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        GEMINI,
        GOOGLE_KEY,
        keys=KEYS,
        bases=("GEMINI_API_BASE", "GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL", "GOOGLE_API_BASE"),
        profile=NEWEST,
        by_model=MODELS,
        speeches=(Speech(ANY, COMPATIBLE_ADDRESS, CHAT, BEARER, COMPATIBLE),),
    ),
    Backend(
        "gemini-chat",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        keys=KEYS,
        like="gemini",
        profile=COMPATIBLE,
    ),
    Backend(
        "vertex",
        "https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com/v1/projects/{GOOGLE_CLOUD_PROJECT}"
        "/locations/{GOOGLE_CLOUD_LOCATION}",
        GEMINI,
        GOOGLE_KEY,
        keys=("VERTEX_API_KEY", "GOOGLE_VERTEX_API_KEY"),
        tokens=("VERTEX_ACCESS_TOKEN",),
        minting=BY_GOOGLE,
        bases=("VERTEX_API_BASE", "VERTEX_BASE_URL", "GOOGLE_VERTEX_BASE_URL"),
        place=MappingProxyType({"GOOGLE_CLOUD_PROJECT": None, "GOOGLE_CLOUD_LOCATION": "global"}),
        place_names=MappingProxyType(
            {
                "GOOGLE_CLOUD_PROJECT": ("VERTEX_PROJECT_ID", "VERTEXAI_PROJECT"),
                "GOOGLE_CLOUD_LOCATION": ("VERTEX_LOCATION", "VERTEXAI_LOCATION"),
            }
        ),
        place_hosts=HOSTS,
        key_command=GCLOUD,  # where google-auth is not installed
        keyed_url="https://aiplatform.googleapis.com/v1",
        profile=replace(NEWEST, vertex=True),
        by_model=MODELS,
        speeches=(
            Speech(CLAUDES, ANY, VERTEX_CLAUDE, profile=ON_VERTEX),
            Speech(WITH_VENDOR, ANY, VERTEX_CHAT, profile=OPEN_MODELS),
            Speech(ANY, COMPATIBLE_ADDRESS, VERTEX_CHAT, profile=COMPATIBLE),
        ),
    ),
    # the same Claude by the settings that Claude Code and Anthropic's SDK have for it
    Backend(
        "vertex-claude",
        "https://{CLOUD_ML_REGION}-aiplatform.googleapis.com/v1/projects/{ANTHROPIC_VERTEX_PROJECT_ID}"
        "/locations/{CLOUD_ML_REGION}",
        VERTEX_CLAUDE,
        keys=("ANTHROPIC_VERTEX_AUTH_TOKEN",),
        minting=BY_GOOGLE,
        bases=("ANTHROPIC_VERTEX_API_BASE",),
        place=MappingProxyType({"ANTHROPIC_VERTEX_PROJECT_ID": None, "CLOUD_ML_REGION": "us-east5"}),
        place_names=MappingProxyType({"ANTHROPIC_VERTEX_PROJECT_ID": ("GOOGLE_CLOUD_PROJECT",)}),
        place_hosts=HOSTS,
        like="vertex",
        profile=ON_VERTEX,
    ),
)
