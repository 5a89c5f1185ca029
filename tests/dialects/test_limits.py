"""How long a reply may be, what it stops at, how it is drawn."""

from dataclasses import replace

import orjson
import pytest

from addon.dialects import Target, limits
from addon.dialects.losses import Loss, Lost
from addon.dialects.profiles import Profile, ReasoningStyle
from addon.protocol import messages
from addon.protocol.messages import Request

PLAIN = Target("acme", "m", "https://acme.example", Profile(default_max_tokens=1_000, stop_limit=1))
THINKS = replace(PLAIN, profile=Profile(reasoning=ReasoningStyle.EFFORT))


def asked(**fields: object) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}], **fields}
    return messages.parse(orjson.dumps(body))


LIMITS = [
    (PLAIN, 500, 500, []),
    (PLAIN, 5_000, 1_000, [Lost.OUTPUT_LIMIT]),
    (replace(PLAIN, max_output_tokens=2_000), 5_000, 2_000, [Lost.OUTPUT_LIMIT]),
    (PLAIN, 1, 1, []),
    (THINKS, 1, limits.TRIAL_TOKENS, [Lost.TRIAL_LIMIT]),
]


@pytest.mark.parametrize(("target", "wanted", "given", "lost"), LIMITS)
def test_a_reply_is_as_long_as_was_asked_for_and_the_target_can(
    target: Target, wanted: int, given: int, lost: list[Lost]
) -> None:
    losses: list[Loss] = []
    assert limits.reply_tokens(asked(max_tokens=wanted), target, losses) == given
    assert [each.sort for each in losses] == lost


def test_only_the_last_limit_is_told() -> None:
    losses: list[Loss] = []
    request = asked(max_tokens=5_000)
    limits.reply_tokens(request, PLAIN, losses)
    [told] = limits.shortened(tuple(losses), request, 700, replace(PLAIN, max_input_tokens=4_096))
    assert told.sort is Lost.OUTPUT_LIMIT
    assert "700" in told.what


def test_stop_sequences_beyond_the_limit_are_lost() -> None:
    losses: list[Loss] = []
    assert limits.stops(asked(stop_sequences=["a", "b"]), PLAIN, losses) == ["a"]
    assert [each.sort for each in losses] == [Lost.STOP_SEQUENCES]
    assert limits.stops(asked(), PLAIN, losses) == []


def test_sampling_is_said_or_lost() -> None:
    losses: list[Loss] = []
    request = asked(temperature=0.5, top_p=None)
    assert limits.sampling(request, PLAIN, losses) == {"temperature": 0.5}
    assert losses == []
    assert limits.sampling(request, replace(PLAIN, profile=Profile(sampling=False)), losses) == {}
    assert [each.path for each in losses] == ["temperature"]
