"""Who answers a copy of an exchange: whoever is named, and nobody else."""

import pytest

from addon.protocol.errors import BackendError, BadRequest, DetourError
from addon.routing.call import Call
from addon.routing.forced import SHADOW, Forced, choose
from addon.routing.settings import Settings
from addon.settings import document_text
from addon.settings.assembly import configure

TEXT = """
big: vllm/big
models: {fast: [openai/missing-key, ollama/qwen3], claude: anthropic}
routes:
  - {when: {tier: haiku}, block: No small models.}
  - {to: vllm/rule, effort: high, timeouts: {total: 9s}}
"""
CALL = Call({"model": "claude-haiku-5-5[1m]", "messages": [], "max_tokens": 1})


def written(**values: str) -> Settings:
    document, place, _ = document_text.parse(TEXT, "detour.yaml")
    return configure(document, values, place).settings()


@pytest.mark.parametrize(
    ("target", "name"),
    [("vllm/q", "vllm/q"), ("LM_Studio/a/b", "lmstudio/a/b"), ("fast", "ollama/qwen3")],
)
def test_a_target_is_past_all_rules_and_has_no_other_behind_it(target: str, name: str) -> None:
    route = choose(CALL, Forced(target, of="abc"), written())
    assert (route.name, route.others, route.asked, route.long_window) == (name, (), "claude-haiku-5-5", True)
    assert not route.changes
    assert route.timeouts.total_s is None
    assert (route.reason, route.copy) == ("the replay names it", "replay of req_abc")
    assert route.title == f"claude-haiku-5-5 → {name} · replay of req_abc"


REFUSED: list[tuple[str, type[DetourError], int, str]] = [
    ("nobody/x", BadRequest, 404, "there is no provider 'nobody'"),
    ("vllm/", BadRequest, 404, "the model is missing"),
    ("", BadRequest, 404, "no model is named"),
    ("openai/x", BackendError, 403, "set OPENAI_API_KEY"),
    ("anthropic", BackendError, 403, "write anthropic/MODEL"),
    ("claude", BackendError, 403, "write anthropic/MODEL"),
    ("anthropic/claude-opus-4-8", BackendError, 403, "goes with no copy: set ANTHROPIC_API_KEY"),
]


@pytest.mark.parametrize(("target", "error", "status", "words"), REFUSED)
def test_a_target_that_cannot_be_asked_says_why(target: str, error: type[DetourError], status: int, words: str) -> None:
    with pytest.raises(error) as caught:
        choose(CALL, Forced(target), written())
    assert caught.value.status == status
    assert words in caught.value.message


def test_anthropic_is_asked_with_a_key_that_is_configured() -> None:
    route = choose(CALL, Forced("anthropic/claude-sonnet-5"), written(ANTHROPIC_API_KEY="sk-ant-configured"))
    assert route.name == "anthropic/claude-sonnet-5"
    assert route.destination is not None
    assert not route.destination.is_home
    assert route.destination.credential.key == "sk-ant-configured"


def test_an_address_of_ones_own_for_anthropic_may_do_without_a_key() -> None:
    route = choose(CALL, Forced("anthropic/x"), written(ANTHROPIC_API_BASE="http://127.0.0.1:9"))
    assert route.name == "anthropic/x"


def test_a_copy_is_told_in_words() -> None:
    assert Forced("a/b", SHADOW, "1").told == "shadow of req_1"
    assert Forced("a/b").told == "replay"


def test_a_name_that_cannot_be_written_is_told_all_the_same() -> None:
    assert choose(Call({"model": "x\ud800"}), Forced("vllm/q"), written()).asked == "x?"
