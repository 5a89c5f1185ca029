"""Google's models: at AI Studio, and on Vertex AI."""

from types import MappingProxyType

from addon.dialects.profiles import Echo, Profile, ReasoningStyle, SchemaStyle
from addon.routing.backend import Backend

GEMINI = Profile(
    reasoning=ReasoningStyle.EFFORT,
    parallel_switch=False,
    tool_schema=SchemaStyle.GEMINI,
    form_beside_tools=False,  # "Function calling with a response mime type: 'application/json' is unsupported"
    reply_beside_window=True,
    default_max_tokens=65_536,
    reasoning_echo=Echo.CALL_SIGNATURES,  # Gemini 3 answers 400 to a call of the current turn without its signature
)

ROWS = (
    Backend(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        bases=("GEMINI_API_BASE", "GEMINI_BASE_URL", "GOOGLE_API_BASE"),
        profile=GEMINI,
    ),
    Backend(
        "vertex",
        "https://{VERTEX_LOCATION}-aiplatform.googleapis.com/v1/projects/{VERTEX_PROJECT_ID}"
        "/locations/{VERTEX_LOCATION}/endpoints/openapi",
        keys=("VERTEX_ACCESS_TOKEN",),
        place=MappingProxyType({"VERTEX_PROJECT_ID": None, "VERTEX_LOCATION": "us-central1"}),
        key_command="gcloud auth application-default print-access-token",
        model_prefix="google/",
        profile=GEMINI,
    ),
)
