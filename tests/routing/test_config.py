"""The values of a configuration: what shows of a credential, what a mistaken name may have meant."""

import pytest

from addon.routing.config import Choice, Credential, Tier, nearest

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


def test_a_choice_is_written_as_users_write_it() -> None:
    assert Choice("openai", "x").name == "openai/x"
    assert [str(tier) for tier in Tier] == ["opus", "sonnet", "haiku"]


@pytest.mark.parametrize(("name", "said"), [("gogle", "Did you mean google"), ("zzzzz", "Known: anthropic, ")])
def test_a_mistaken_provider_is_answered_with_the_nearest(name: str, said: str) -> None:
    assert said in nearest(name)
