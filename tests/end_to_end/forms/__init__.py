"""The wire formats that the scripted backend speaks, each at its own paths.

A form says what its vendor refuses, how an answer looks in it, and what a request says in neutral words; so one script
and one test serve all of them (`test_client_forms.py`). A new one is a module here with a class like the others', a row
in `FORMS`, and a row in that test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tests.end_to_end.replies import Answer, Call, Raw
from tests.end_to_end.strictness import Vendor

type Json = dict[str, Any]
type Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one message of a request says, or one item: whatever the format has."""

    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""  # whose result it is
    media: tuple[str, ...] = ()  # pictures and PDFs, each as a data URI
    sealed: tuple[str, ...] = ()  # reasoning that only the backend can read


class Form(Protocol):
    """One wire format."""

    def serves(self, method: str, path: str) -> bool:
        """Whether a request is for it."""

    def violations(self, headers: Mapping[str, str], path: str, body: object, *, key: str, vendor: Vendor) -> list[str]:
        """What the vendor's server would refuse."""

    def render(self, answer: Answer, path: str, request: Json) -> Raw:
        """The bytes of an answer, streamed or whole as the request wants it."""

    def turns(self, request: Json) -> list[Turn]:
        """What a request says, in its order."""

    def tool_names(self, request: Json) -> list[str]:
        """The functions on offer."""
