"""Three strict backends with a key each, and the settings that name them: who was asked, and with whose key, shows."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.end_to_end.fakes import FakeBackend, serving

NAMES = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Trio:
    """The three; a request with another's key is a fault."""

    one: FakeBackend
    two: FakeBackend
    three: FakeBackend

    @property
    def all(self) -> tuple[FakeBackend, ...]:
        """Each of them."""
        return self.one, self.two, self.three

    @property
    def environment(self) -> dict[str, str]:
        """Their keys, under the names that the settings use."""
        return {f"{name.upper()}_KEY": fake.key for name, fake in zip(NAMES, self.all, strict=True)}

    @property
    def settings(self) -> str:
        """The beginning of a ``detour.yaml``."""
        rows = [
            f"  {name}: {{address: '{fake.base_url}', credential: '${{{name.upper()}_KEY}}'}}"
            for name, fake in zip(NAMES, self.all, strict=True)
        ]
        return "\n".join(["backends:", *rows, ""])

    @property
    def asked(self) -> list[list[str]]:
        """The models that each was asked for, in order."""
        return [[request.body["model"] for request in fake.received] for fake in self.all]

    def verify(self) -> None:
        """Raise when one was asked what it should not have been, or not asked what it should."""
        for fake in self.all:
            fake.verify()


@contextmanager
def three_serving() -> Iterator[Trio]:
    """Serve until the block ends."""
    with ExitStack() as stack:
        yield Trio(*(stack.enter_context(serving(FakeBackend(key=f"sk-test-key-of-{name}"))) for name in NAMES))
