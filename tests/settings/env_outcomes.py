"""Who answers under each documented ``.env`` example of another proxy: the files in ``env_examples``, unchanged."""

from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parent / "env_examples"


@dataclass(frozen=True)
class Answered:
    """Who answers a tier: the model, where it is, and what its key is called."""

    model: str
    address: str
    key: str


OPENAI_AT = "https://api.openai.com/v1"
GEMINI_AT = "https://generativelanguage.googleapis.com/v1beta"
OLLAMA_AT = "http://localhost:11434/v1"
AZURE_AT = "https://your-resource-name.openai.azure.com/openai/deployments/your-deployment-name"


def openai(model: str, address: str = OPENAI_AT, key: str = "OPENAI_API_KEY") -> Answered:
    return Answered(f"openai/{model}", address, key)


def gemini(model: str) -> Answered:
    return Answered(f"gemini/{model}", GEMINI_AT, "GEMINI_API_KEY")


# file -> who answers Opus, Sonnet and Haiku; None: Anthropic, untouched
OUTCOMES: dict[str, tuple[Answered | None, Answered | None, Answered | None]] = {
    "1rgs_example": (openai("gpt-6.1-sol"), openai("gpt-6.1-sol"), openai("gpt-6-luna")),
    "1rgs_example_base_url": (openai("gpt-4.1"), openai("gpt-4.1"), openai("gpt-4.1-mini")),
    "1rgs_example_google": (
        gemini("gemini-2.5-pro-preview-03-25"),
        gemini("gemini-2.5-pro-preview-03-25"),
        gemini("gemini-2.0-flash"),
    ),
    "1rgs_example_ollama": (
        openai("qwen3-coder:30b", OLLAMA_AT),
        openai("qwen3-coder:30b", OLLAMA_AT),
        openai("qwen3:4b", OLLAMA_AT),
    ),
    "1rgs_readme_default": (None, None, None),  # a key alone is no wish to have every request answered elsewhere
    "1rgs_readme_google": (
        gemini("gemini-3.1-pro-preview"),
        gemini("gemini-3.1-pro-preview"),
        gemini("gemini-3.8-flash"),
    ),
    "1rgs_readme_anthropic": (None, None, None),
    "1rgs_readme_models": (openai("gpt-4o"), openai("gpt-4o"), openai("gpt-4o-mini")),
    "1rgs_readme_gemini_by_name": (
        gemini("gemini-2.5-pro-preview-03-25"),
        gemini("gemini-2.5-pro-preview-03-25"),
        openai("gpt-4o-mini"),
    ),
    "fuergaosi233_example": (openai("gpt-4o"), openai("gpt-4o"), openai("gpt-4o-mini")),
    "fuergaosi233_example_azure": (
        openai("gpt-4", AZURE_AT),
        openai("gpt-4", AZURE_AT),
        openai("gpt-35-turbo", AZURE_AT),
    ),
    "fuergaosi233_example_local": (
        openai("llama3.1:70b", OLLAMA_AT),
        openai("llama3.1:70b", OLLAMA_AT),
        openai("llama3.1:8b", OLLAMA_AT),
    ),
    "freecc_readme_openai": (
        Answered("openai-big/gpt-4.1", OPENAI_AT, "BIG_MODEL_API_KEY"),
        Answered("openai-big/gpt-4.1", OPENAI_AT, "BIG_MODEL_API_KEY"),
        Answered("openai-small/gpt-4o-mini", "https://xyz.llm.com/v1", "SMALL_MODEL_API_KEY"),
    ),
    "freecc_readme_vertex": (
        *(
            Answered(
                "vertex/gemini-1.5-pro-preview-0514",
                "https://aiplatform.googleapis.com/v1/projects/your-gcp-project-id/locations/global",
                "(gcloud auth application-default print-access-token)",
            ),
        )
        * 2,
        Answered("openai-small/local-llama-3", "http://localhost:8000/v1", "SMALL_MODEL_API_KEY"),
    ),
    "freecc_readme_global": (
        Answered("xai/grok-4.5", "https://api.x.ai/v1", "XAI_API_KEY"),
        Answered("xai/grok-4.5", "https://api.x.ai/v1", "XAI_API_KEY"),
        openai("gpt-4o-mini"),
    ),
}
