"""The wish for thought; the knobs of chat-completions are in openai_chat/test_reasoning.py."""

import orjson
import pytest

from addon.dialects import Target
from addon.dialects.effort import Wish, wished
from addon.dialects.losses import Loss, Lost
from addon.dialects.profiles import Profile, ReasoningStyle
from addon.protocol import messages
from addon.protocol.messages import Json

KNOB = Profile(reasoning=ReasoningStyle.EFFORT, efforts=("low", "high"), effort_off="none")
BUDGET = Profile(reasoning=ReasoningStyle.EFFORT, budget_field="budget")
ENABLED: Json = {"thinking": {"type": "enabled", "budget_tokens": 10_000}}
WISHES = [
    (KNOB, {}, None, []),
    (KNOB, {"thinking": {"type": "disabled"}}, Wish(True, "none", None), []),
    (KNOB, {"output_config": {"effort": "medium"}}, Wish(False, "high", None), []),
    (KNOB, {"output_config": {"effort": "utmost"}}, Wish(False, None, None), [Lost.EFFORT_UNKNOWN]),
    (KNOB, ENABLED, Wish(False, "high", None), [Lost.THINKING_BUDGET]),
    (BUDGET, ENABLED, Wish(False, None, 10_000), []),
    (Profile(), ENABLED, None, [Lost.THINKING_BUDGET, Lost.THINKING_KNOB]),
    (Profile(), {"thinking": {"type": "disabled"}}, None, []),
]


@pytest.mark.parametrize(("profile", "fields", "wish", "lost"), WISHES)
def test_thinking_and_effort_are_one_wish(profile: Profile, fields: Json, wish: Wish | None, lost: list[Lost]) -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}], **fields}
    losses: list[Loss] = []
    target = Target("acme", "m", "https://acme.example", profile)
    assert wished(messages.parse(orjson.dumps(body)), target, losses) == wish
    assert [each.sort for each in losses] == lost
