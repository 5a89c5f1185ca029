"""The values of a configuration: what shows of a credential, what a mistaken name may have meant."""

import pytest

from addon.routing.config import PASS, Answer, Choice, Credential, Tier, Timeouts, is_claude, nearest
from addon.settings.assembly import parse

KEY = "sk-config-secret"


def test_a_credential_shows_its_name_and_never_itself() -> None:
    credential = Credential("authorization", "Bearer ", "OPENAI_API_KEY", KEY)
    assert credential.value == f"Bearer {KEY}"
    assert credential.mask == "Bearer $OPENAI_API_KEY"
    assert KEY not in repr(credential)


@pytest.mark.parametrize(
    ("key", "shown"), [("sk-0123456789abcdef", "bad key $VLLM_API_KEY"), ("ollama", "bad key ollama")]
)
def test_a_quoted_key_is_hidden_unless_it_is_a_word(key: str, shown: str) -> None:
    credential = Credential("authorization", "Bearer ", "VLLM_API_KEY", key)
    assert credential.hide(f"bad key {key}") == shown


def test_no_key_hides_nothing() -> None:
    credential = Credential("x-api-key", "", "K", None)
    assert (credential.value, credential.hide("text")) == (None, "text")


def test_a_choice_is_written_as_users_write_it() -> None:
    assert Choice("openai", "x").name == "openai/x"
    assert [str(tier) for tier in Tier] == ["opus", "sonnet", "haiku"]


@pytest.mark.parametrize(("name", "said"), [("gogle", "Did you mean google"), ("zzzzz", "Known: anthropic, ")])
def test_a_mistaken_provider_is_answered_with_the_nearest(name: str, said: str) -> None:
    assert said in nearest(name)


@pytest.mark.parametrize(
    ("choice", "passes", "name"),
    [
        (PASS, True, "anthropic"),
        (Choice("anthropic", ""), True, "anthropic"),
        (Choice("anthropic", "claude-x"), False, "anthropic/claude-x"),
        (Choice("ollama", ""), False, "ollama"),  # what a star left without a model is no leave to pass
    ],
)
def test_only_one_choice_passes(choice: Choice, passes: bool, name: str) -> None:
    assert (choice.passes, choice.name) == (passes, name)
    assert Answer((choice, Choice("a", "b")), "r").passes is passes


def test_timeouts_are_changed_field_by_field() -> None:
    timeouts = Timeouts(first_byte_s=5.0)
    assert timeouts.changed({"idle_s": None, "total_s": 60.0}) == Timeouts(10.0, 5.0, None, 60.0)
    assert timeouts.changed({}) is timeouts


def test_an_answer_names_all_its_choices() -> None:
    assert Answer((Choice("a", "x"), PASS), "r").name == "a/x, then anthropic"


LACKS = [
    ("ollama", {}, None),
    ("openai", {"OPENAI_API_KEY": "k"}, None),
    ("openai", {}, "there is no key for openai: set OPENAI_API_KEY."),
    ("gemini", {}, "there is no key for gemini: set GOOGLE_API_KEY or GEMINI_API_KEY."),
    ("azure", {"AZURE_API_KEY": "k"}, "azure has no address: set AZURE_RESOURCE_NAME."),
    ("vertex", {}, "vertex has no address: set GOOGLE_CLOUD_PROJECT."),
    (
        "gcp-claude",
        {},
        "gcp-claude has no address: set ANTHROPIC_GOOGLE_CLOUD_PROJECT and ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID.",
    ),
    ("vertex", {"VERTEX_PROJECT_ID": "p"}, None),
    (  # what is made goes to no other address unasked
        "vertex",
        {"VERTEX_API_BASE": "http://a"},
        "there is no key for vertex: set VERTEX_API_KEY or GOOGLE_VERTEX_API_KEY or VERTEX_ACCESS_TOKEN, or write "
        "`credential: {mint: google}` beside its address.",
    ),
    (
        "bedrock",
        {"BEDROCK_API_BASE": "http://a"},
        "there is no key for bedrock: set AWS_BEARER_TOKEN_BEDROCK, or write "
        "`credential: {mint: aws, service: bedrock}` beside its address.",
    ),
]


@pytest.mark.parametrize(("provider", "values", "lack"), LACKS)
def test_an_endpoint_says_what_keeps_it_from_being_used(
    provider: str, values: dict[str, str], lack: str | None
) -> None:
    assert parse(values).endpoints[provider].lack == lack


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-opus-5-5", True),
        ("claude-fast", False),
        ("opus", False),
        ("my-opus", False),
        ("claude-via-haiku", True),
    ],
)
def test_claudes_own_names_have_a_tier(name: str, expected: bool) -> None:
    assert is_claude(name) is expected
