"""The defaults of a profile are what a plain server takes."""

import dataclasses

import pytest

from addon.dialects.profiles import Profile, ReasoningStyle, SystemTurns


def test_a_plain_server_is_asked_for_nothing_special() -> None:
    profile = Profile()
    assert (profile.max_tokens_field, profile.system_role, profile.reasoning) == (
        "max_tokens", "system", ReasoningStyle.NONE,
    )  # fmt: skip
    assert profile.system_turns is SystemTurns.ANYWHERE
    assert not profile.documents
    assert profile.reasoning_echo is None


def test_a_profile_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Profile().images = False  # type: ignore[misc]  # that is the point
