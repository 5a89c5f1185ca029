"""The registry of dialects, and the names by which users know a target."""

import pytest

from addon import dialects
from addon.dialects import Target
from addon.dialects.profiles import Profile

TRANSLATES = {
    "anthropic": False,
    "vertex_claude": False,
    "bedrock_claude": False,
    "openai_chat": True,
    "vertex_chat": True,
    "openai_responses": True,
    "gemini": True,
    "bedrock_converse": True,
    "searxng": True,
    "brave": True,
}


@pytest.mark.parametrize(("name", "translates"), TRANSLATES.items())
def test_a_dialect_is_loaded_by_its_name(name: str, translates: bool) -> None:
    assert dialects.load(name).translates is translates
    assert dialects.load(name) is dialects.load(name)


def test_every_dialect_is_tested_here() -> None:
    assert set(dialects.MODULES) == set(TRANSLATES)


@pytest.mark.parametrize("name", ["", "faults", "os", "openai_chat "])
def test_anything_else_is_no_dialect(name: str) -> None:
    with pytest.raises(KeyError):
        dialects.load(name)


def test_a_target_is_named_as_users_write_it() -> None:
    assert Target("openrouter", "z-ai/glm-5.3", "https://openrouter.ai", Profile()).name == "openrouter/z-ai/glm-5.3"
