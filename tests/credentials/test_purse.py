"""Credentials are made once for all who wait, anew before they expire, and not for nobody. No thread, and no clock."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from addon.credentials import lifetime
from addon.credentials import purse as module
from addon.credentials.made import Made, Token, Unmade
from addon.credentials.purse import AGAIN_S, MINT_LIMIT_S, MOST_SECRETS, RENEWED_AGAIN_S, Purse
from addon.routing.backend import Mint, Minting

SECRET = "sk-secret"
GOOGLE, AWS = Minting(Mint.GOOGLE, "scope"), Minting(Mint.AWS, "bedrock")


class World:
    """A clock that is set, makers that wait to be let go, and what they make."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.lasts: float | None = 3600.0
        self.fault: Exception | None = None
        self.made = 0
        self.waiting: list[Callable[[], None]] = []
        self.purse = Purse(
            self._make, lambda: self.now, self.waiting.append, lambda text: text.replace(SECRET, "[hidden]")
        )

    def _make(self, minting: Minting) -> Made:
        if self.fault is not None:
            raise self.fault
        self.made += 1
        return Token(f"token-{self.made}", "a test", None if self.lasts is None else self.now + self.lasts)

    async def finish(self) -> None:
        """Let what waits be made."""
        for work in self.waiting:
            work()
        self.waiting.clear()
        await asyncio.sleep(0)

    def looked(self, minting: Minting = GOOGLE) -> str | None:
        made = self.purse.look(minting)
        return made.secrets[0] if made is not None else None

    def fault_told(self) -> str:
        with pytest.raises(Unmade) as caught:
            self.looked()
        return caught.value.message


@pytest.fixture(name="world")
async def _world() -> World:
    return World()


async def test_all_who_wait_get_what_is_made_once(world: World) -> None:
    assert [world.looked() for _ in range(3)] == [None] * 3
    assert len(world.waiting) == 1
    await world.finish()
    assert [world.looked() for _ in range(3)] == ["token-1"] * 3
    assert not world.waiting


async def test_what_became_of_it_is_told_in_the_log_and_never_what_it_is(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for lasts, fault in ((3600.0, None), (None, None), (None, Unmade("say sk-secret"))):
        world.lasts, world.fault = lasts, fault
        minting = replace(GOOGLE, scope=f"{lasts} {fault}")
        world.purse.want([minting])
        await world.finish()
    told = "Detour: (gcloud auth application-default print-access-token): "
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"{told}made of a test, expires in 60 min"),
        ("INFO", f"{told}made of a test, does not expire"),
        ("WARNING", f"{told}say [hidden]"),
    ]


async def test_each_credential_is_made_by_itself(world: World) -> None:
    assert (world.looked(GOOGLE), world.looked(AWS)) == (None, None)
    await world.finish()
    assert (world.looked(GOOGLE), world.looked(AWS)) == ("token-1", "token-2")


async def test_what_will_be_needed_is_made_before_it_is(world: World) -> None:
    world.purse.want([GOOGLE])
    world.purse.want([GOOGLE])
    assert len(world.waiting) == 1
    await world.finish()
    world.purse.want([GOOGLE])
    assert (world.looked(), world.waiting) == ("token-1", [])


async def test_it_is_made_anew_while_the_old_one_serves_on(world: World) -> None:
    world.looked()
    await world.finish()
    world.now += 3600 - 300 - 1
    assert (world.looked(), len(world.waiting)) == ("token-1", 0)
    world.now += 1
    assert [world.looked() for _ in range(2)] == ["token-1"] * 2
    assert len(world.waiting) == 1
    await world.finish()
    assert world.looked() == "token-2"


async def test_what_has_expired_is_waited_for(world: World) -> None:
    world.looked()
    await world.finish()
    world.now += 3600 - 10
    assert world.looked() is None
    await world.finish()
    assert world.looked() == "token-2"


async def test_what_does_not_expire_is_made_once(world: World) -> None:
    world.lasts = None
    world.looked()
    await world.finish()
    world.now += 1e9
    assert (world.looked(), world.waiting) == ("token-1", [])


async def test_what_was_used_is_made_anew_by_the_clock_and_what_was_not_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "LAST_S", 0.0)
    world.lasts = 0.1
    world.looked()
    await world.finish()
    await asyncio.sleep(0.15)
    assert not world.waiting  # nobody asked for it since
    world.now += 1
    world.looked()
    await world.finish()
    assert world.looked() is not None
    await asyncio.sleep(0.15)
    assert len(world.waiting) == 1


async def test_nothing_is_made_unasked_once_it_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "LAST_S", 0.0)
    world.lasts = 0.1
    world.looked()
    await world.finish()
    world.looked()
    world.purse.close()
    await asyncio.sleep(0.15)
    assert not world.waiting


async def test_a_failure_is_told_to_all_who_waited_and_then_tried_again(world: World) -> None:
    world.fault = Unmade("log in")
    assert world.looked() is None
    await world.finish()
    assert [world.fault_told() for _ in range(2)] == ["log in"] * 2
    assert not world.waiting
    world.now += AGAIN_S
    world.fault = None
    assert world.looked() is None
    await world.finish()
    assert world.looked() == "token-1"


async def test_a_failure_does_not_take_away_what_still_serves(world: World) -> None:
    world.looked()
    await world.finish()
    world.fault, world.now = Unmade("log in"), world.now + 3400
    world.looked()
    await world.finish()
    assert (world.looked(), world.waiting) == ("token-1", [])
    world.now += RENEWED_AGAIN_S
    assert (world.looked(), len(world.waiting)) == ("token-1", 1)
    await world.finish()
    world.now += 170
    assert world.looked() is None  # over, and tried once more
    await world.finish()
    assert world.fault_told() == "log in"


async def test_what_has_expired_when_it_is_made_is_a_failure_and_not_made_without_end(world: World) -> None:
    world.lasts = 5.0
    assert world.looked() is None
    await world.finish()
    told = "made of a test, it had expired when it was made: set this machine's clock, or sign in anew"
    assert (world.fault_told(), world.waiting, world.purse.secrets) == (told, [], ())


async def test_a_bug_of_a_mint_is_told_and_does_not_hang(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.fault = KeyError("secret-of-the-mint")
    world.looked()
    await world.finish()
    told = world.fault_told()
    assert told.endswith("failed in a way that nobody thought of: KeyError")
    assert "secret-of-the-mint" not in told
    assert "secret-of-the-mint" not in caplog.text


async def test_what_is_refused_is_made_anew_once(world: World) -> None:
    world.looked()
    await world.finish()
    made = world.purse.look(GOOGLE)
    assert made is not None
    world.purse.refuse(GOOGLE, made)
    world.purse.refuse(GOOGLE, made)
    assert (world.looked(), len(world.waiting)) == (None, 1)
    world.purse.refuse(GOOGLE, made)
    await world.finish()
    world.purse.refuse(GOOGLE, made)  # by one that was sent before
    assert world.looked() == "token-2"


async def test_what_takes_too_long_is_given_up_and_taken_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MINT_LIMIT_S", 0.01)
    world.looked()
    await asyncio.sleep(0.05)
    assert world.fault_told() == "it was not made within 0.01 s"
    assert MINT_LIMIT_S > 1
    await world.finish()
    assert world.looked() == "token-1"


async def test_a_failure_that_comes_too_late_is_not_the_next_ones(world: World) -> None:
    world.looked()
    late = world.waiting.pop()
    world.purse._give_up(GOOGLE, world.purse._slots[GOOGLE], 1)
    world.now += AGAIN_S
    assert world.looked() is None
    world.fault = Unmade("late")
    late()
    await asyncio.sleep(0)
    assert world.looked() is None
    world.fault = None
    await world.finish()
    assert world.looked() == "token-1"


async def test_all_that_was_made_stays_hidden(world: World) -> None:
    world.lasts = 20.0
    before = world.purse.secrets
    for _ in range(MOST_SECRETS + 5):
        world.now += 20
        world.looked()
        await world.finish()
    assert before == ()
    assert len(world.purse.secrets) == MOST_SECRETS
    assert world.purse.secrets[-1] == f"token-{MOST_SECRETS + 5}"


async def test_it_is_made_in_a_thread_that_keeps_nobody() -> None:
    threads: list[threading.Thread] = []

    def make(minting: Minting) -> Made:
        threads.append(threading.current_thread())
        return Token("t", "a test")

    purse = Purse(make)
    for _ in range(1_000):
        if purse.look(GOOGLE) is not None:
            break
        await asyncio.sleep(0.001)
    assert [(thread.daemon, thread is threading.main_thread()) for thread in threads] == [(True, False)]
