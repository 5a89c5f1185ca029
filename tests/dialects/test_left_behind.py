"""What stays behind of a request, and what its session is called."""

import orjson

from addon.dialects import Target
from addon.dialects.left_behind import left_behind, session_name
from addon.dialects.losses import Lost
from addon.dialects.profiles import Profile
from addon.protocol import messages
from addon.protocol.messages import Request

TARGET = Target("acme", "m", "https://acme.example", Profile())
SESSION = "0f5101f0-aaaa-bbbb-cccc-121212121212"


def asked(**fields: object) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}], **fields}
    return messages.parse(orjson.dumps(body))


def test_what_nobody_translates_is_told_by_why() -> None:
    request = asked(metadata={}, safeguards={}, odd=1)
    losses = left_behind(request, TARGET)
    assert [(each.sort, each.path) for each in losses] == [
        (Lost.ANTHROPICS_OWN, "metadata"),
        (Lost.SAFEGUARDS, "safeguards"),
        (Lost.UNKNOWN_FIELD, "odd"),
    ]


def test_a_session_has_the_same_name_every_time_which_is_not_its_id() -> None:
    request = asked(metadata={"user_id": f'{{"session_id": "{SESSION}"}}'})
    name = session_name(request)
    assert name == session_name(request)
    assert name
    assert SESSION not in name
    assert session_name(asked()) is None
