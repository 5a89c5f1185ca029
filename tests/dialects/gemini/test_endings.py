"""Every way in which Google says that a reply ended, or failed, means something here."""

import pytest
from google.genai.types import BlockedReason, FinishReason

from addon.dialects.gemini import endings
from addon.protocol.errors import KINDS, PASSING, Kind


def test_every_finish_reason_of_googles_types_has_one_meaning() -> None:
    known = [*endings.FINISH, *endings.FAULTS, *filter(None, endings.UNSAID)]
    assert sorted(known) == sorted(reason.value for reason in FinishReason)


def test_every_reason_for_a_blocked_prompt_is_a_refusal_but_the_one_that_is_none() -> None:
    assert {reason.value for reason in BlockedReason} & endings.UNBLOCKED == {"BLOCKED_REASON_UNSPECIFIED"}


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "OTHER"])
def test_what_another_try_may_mend_is_tried_again(reason: str) -> None:
    assert endings.fault(reason, "", "g/m").kind in PASSING


@pytest.mark.parametrize("reason", ["TOO_MANY_TOOL_CALLS", "NO_IMAGE", "PUP_LIMITED_DISABLED"])
def test_what_no_try_mends_is_told_once(reason: str) -> None:
    error = endings.fault(reason, "", "g/m")
    assert error.kind not in PASSING
    assert KINDS[error.kind][0] in (403, 424)


def test_a_signature_that_is_missing_makes_the_client_leave_out_its_thinking() -> None:
    error = endings.fault("MISSING_THOUGHT_SIGNATURE", "", "g/m")
    assert (error.kind, error.status) == (Kind.REPAIRABLE, 400)
    assert error.message == (
        'messages: Invalid `signature` in `thinking` block (g/m ended its reply with "MISSING_THOUGHT_SIGNATURE")'
    )


def test_a_fault_is_told_with_googles_own_words() -> None:
    assert endings.fault("OTHER", "Why.", "g/m").message == 'g/m ended its reply with "OTHER": Why.'
    assert endings.fault("NEW", "", "g/m").message == 'g/m ended its reply with the unknown finish reason "NEW"'
