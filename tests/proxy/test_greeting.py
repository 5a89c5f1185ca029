"""What is said at the start: where the doors are, in lines to copy, and who answers."""

from pathlib import Path

import pytest

from addon.proxy import greeting
from addon.proxy.greeting import Listener
from addon.settings import assembly
from addon.settings.document import Document
from tests.proxy.live import KEY

CONFDIR = Path("/home/me/.mitmproxy")
NOTHING = assembly.parse({})
ROUTED = assembly.parse({"BIG_MODEL": "gpt-5.5", "SMALL_MODEL": "vllm/qwen", "OPENAI_API_KEY": KEY})
UNTOUCHED = [
    "Detour: no model is set, everything passes to Anthropic untouched: inspection only.",
    "    Set BIG_MODEL, MIDDLE_MODEL or SMALL_MODEL (provider/model) to choose who answers.",
]
CERTIFICATE = "CA certificate: /home/me/.mitmproxy/mitmproxy-ca-cert.pem"
PROXY_LINE = "    HTTPS_PROXY=http://{} NODE_EXTRA_CA_CERTS=/home/me/.mitmproxy/mitmproxy-ca-cert.pem claude"
PROMPTS = "Every prompt, in the browser: http://{}/_detour/ (`detour read` lets you in)"

DOORS = [
    ([], []),
    (
        [Listener(False, "127.0.0.1", 8080)],
        [
            "Door one, HTTPS_PROXY: 127.0.0.1:8080",
            PROXY_LINE.format("127.0.0.1:8080"),
            PROMPTS.format("127.0.0.1:8080"),
        ],
    ),
    (
        [Listener(True, "::1", 8082)],
        [
            "Door two, base URL: [::1]:8082",
            "    ANTHROPIC_BASE_URL=http://[::1]:8082 claude",
            PROMPTS.format("[::1]:8082"),
        ],
    ),
    (
        [Listener(False, "127.0.0.1", 80), Listener(False, "::1", 80), Listener(True, "10.0.0.7", 82)],
        [
            "Door one, HTTPS_PROXY: 127.0.0.1:80, [::1]:80",
            PROXY_LINE.format("127.0.0.1:80"),
            "Door two, base URL: 10.0.0.7:82",
            "    ANTHROPIC_BASE_URL=http://10.0.0.7:82 claude",
            PROMPTS.format("127.0.0.1:80"),
        ],
    ),
    (
        [Listener(False, "0.0.0.0", 8080), Listener(False, "::", 8080)],
        [
            "Door one, HTTPS_PROXY: 127.0.0.1:8080, [::1]:8080",
            PROXY_LINE.format("127.0.0.1:8080"),
            PROMPTS.format("127.0.0.1:8080"),
            "Other machines can reach these doors: Detour answers them 403 unless detour_clients lists them.",
        ],
    ),
]


@pytest.mark.parametrize(("listeners", "lines"), DOORS)
def test_each_open_door_has_a_line_to_copy(listeners: list[Listener], lines: list[str]) -> None:
    assert list(greeting.lines(NOTHING, listeners, CONFDIR)) == [*UNTOUCHED, *lines, CERTIFICATE]


def test_each_tier_says_who_answers_and_no_key() -> None:
    told = list(greeting.lines(ROUTED, [], CONFDIR))
    assert told == [
        "Detour: opus → openai/gpt-5.5 at https://api.openai.com/v1 (BIG_MODEL, key OPENAI_API_KEY)",
        "Detour: sonnet → openai/gpt-5.5 at https://api.openai.com/v1 (BIG_MODEL, key OPENAI_API_KEY)",
        "Detour: haiku → vllm/qwen at http://localhost:8000/v1 (SMALL_MODEL)",
        CERTIFICATE,
    ]
    assert KEY not in "".join(told)


def test_models_that_litellm_answers_are_told() -> None:
    settings = assembly.parse({"BIG_MODEL": "watsonx/llama", "SMALL_MODEL": "litellm/sagemaker/x"})
    told = list(greeting.lines(settings, [], CONFDIR))
    assert told[0] == "Detour: opus → litellm/watsonx/llama (BIG_MODEL)"
    assert told[3] == (
        "Detour: litellm/sagemaker/x, litellm/watsonx/llama: through litellm, a process that starts when it is first "
        "asked"
    )


def test_a_tier_without_a_model_is_said_to_pass() -> None:
    told = list(greeting.lines(assembly.parse({"SMALL_MODEL": "vllm/qwen"}), [], CONFDIR))
    assert told[:2] == ["Detour: opus → Anthropic, untouched", "Detour: sonnet → Anthropic, untouched"]


def test_a_search_endpoint_is_told_where_it_may_be_asked() -> None:
    found = {"SEARXNG_API_BASE": "http://find.example"}
    told = list(greeting.lines(assembly.parse({"BIG_MODEL": "vllm/qwen", **found}), [], CONFDIR))
    line = "Detour: web search, where the model has none → searxng/web (SEARXNG_API_BASE)"
    assert line in told
    assert line not in greeting.lines(assembly.parse(found), [], CONFDIR)


def test_a_path_with_spaces_can_be_copied() -> None:
    told = "\n".join(greeting.lines(NOTHING, [Listener(False, "127.0.0.1", 1)], Path("/home/my self")))
    assert "NODE_EXTRA_CA_CERTS='/home/my self/mitmproxy-ca-cert.pem' claude" in told


def test_each_kind_of_door_has_one_address() -> None:
    listeners = [Listener(False, "", 80), Listener(False, "::1", 80), Listener(True, "::", 82)]
    assert greeting.door_urls(listeners) == {"proxy": "http://127.0.0.1:80", "reverse": "http://[::1]:82"}
    assert greeting.door_urls([]) == {}


def windowed(**models: dict[str, int]) -> list[str]:
    """What is said of compaction where ollama/a answers Opus and ollama/b Sonnet."""
    facts = {f"ollama/{name}": facts for name, facts in models.items()}
    written = Document.model_validate({"big": "ollama/a", "middle": "ollama/b", "models": facts})
    said = greeting.lines(assembly.configure(written, {}, lambda path: "detour.yaml").settings(), [], CONFDIR)
    return [line for line in said if "→" not in line and line != CERTIFICATE]


TAKES = "Detour: ollama/{} takes {} tokens; for Claude Code to compact before it is full (`detour claude` sees to it):"
COMPACTION: list[tuple[dict[str, dict[str, int]], list[str]]] = [
    ({"a": {"window": 2_000_000}, "b": {"window": 1_000_000}}, []),
    (
        {"a": {"window": 131_072}, "b": {"window": 1_000_000}},
        [TAKES.format("a", "131,072"), "    export CLAUDE_CODE_AUTO_COMPACT_WINDOW=131072"],
    ),
    (
        {"a": {"window": 131_072}, "b": {"window": 65_536}},
        [
            TAKES.format("b", "65,536"),
            "    export CLAUDE_CODE_AUTO_COMPACT_WINDOW=100000 CLAUDE_AUTOCOMPACT_PCT_OVERRIDE=54",
        ],
    ),
    (
        {"a": {"window": 1_000_000}},
        ["Detour: nobody knows the window of ollama/b; in detour.yaml, `models: {ollama/b: {window: 131072}}`"],
    ),
    (
        {"a": {"window": 8_192}, "b": {"window": 1_000_000}},
        ["Detour: ollama/a takes 8,192 tokens: Claude Code's own prompt with its tools has 13,000 and more"],
    ),
]


@pytest.mark.parametrize(("models", "lines"), COMPACTION)
def test_the_client_is_to_compact_before_the_smallest_window_is_full(
    models: dict[str, dict[str, int]], lines: list[str]
) -> None:
    assert windowed(**models) == lines
