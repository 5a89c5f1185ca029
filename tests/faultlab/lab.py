"""Plays rows of the table to a real mitmdump with the addon.

Rows of one setting share a mitmdump, and all share a backend. A row is over when its flow has ended; then another
request goes over the client's connection, which must be answered well.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx

from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.faultlab.backend import BESIDE, HOME, KEY, WELL, Backend, Played
from tests.faultlab.client import Got, ask, begin_to_ask, connect
from tests.faultlab.faults import FAULTS
from tests.faultlab.judge import Shown, unended
from tests.faultlab.places import AUTHORITY, Place, serving
from tests.faultlab.script import Fault, Moment, Tempo, as_written
from tests.faultlab.settings import KEY_NAME, SETTINGS, detour_yaml

LEAVING_S = 0.2  # in which the backend of a client that has left must be let go
SETTLING_S = 0.2  # for what has no event
END_LIMIT_S = 5  # for a flow to end after its client has its reply


class Lab:
    """A backend, and the mitmdumps that rows have asked for so far."""

    def __init__(self, folder: Path, places: Mapping[str, Place], backend: Backend, stack: ExitStack) -> None:
        self._folder = folder
        self._places = places
        self._backend = backend
        self._stack = stack
        self._tempo: Tempo = as_written
        self._proxies: dict[tuple[str, int], Proxy] = {}

    async def play(self, faults: Iterable[Fault], tempo: Tempo = as_written) -> AsyncIterator[tuple[Fault, Shown]]:
        """Play rows, several at once but never two in one mitmdump: a log is the log of one row."""
        self._tempo = tempo
        waiting: dict[str, deque[Fault]] = {}
        for fault in faults:
            waiting.setdefault(fault.setting, deque()).append(fault)
        lanes = [(rows, lane) for setting, rows in waiting.items() for lane in range(SETTINGS[setting].lanes)]
        for rows, lane in lanes:
            self._start(rows[0].setting, lane)
            for other in range(1, max(row.instances for row in rows)):
                self._start(rows[0].setting, other)
        shown: asyncio.Queue[tuple[Fault, Shown]] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            for rows, lane in lanes:
                group.create_task(self._play(rows, lane, shown))
            for _ in range(sum(map(len, waiting.values()))):
                yield await shown.get()

    def begin(self, fault: Fault) -> tuple[Proxy, Played]:
        """Get ready for somebody else's client."""
        self._start(fault.setting, 0)
        return self._proxies[fault.setting, 0], self._backend.play(fault.name, fault.plays)

    async def _play(self, rows: deque[Fault], lane: int, shown: asyncio.Queue[tuple[Fault, Shown]]) -> None:
        while rows:
            fault = rows.popleft()
            await shown.put((fault, await self._run(fault, lane)))

    def _start(self, setting: str, number: int) -> None:
        """Start a mitmdump of that setting, if there is none; those of one setting share a DETOUR_HOME."""
        if (setting, number) in self._proxies:
            return
        told, home, folder = SETTINGS[setting], self._home(setting), self._folder / f"{setting} {number}"
        if not home.exists():
            told.prepare(home)
        folder.mkdir()
        rows = [fault for fault in FAULTS if fault.setting == setting]
        (folder / "detour.yaml").write_text(json.dumps(detour_yaml(told, self._places, rows)))
        environment = {KEY_NAME: KEY, "DETOUR_CONFIG": str(folder / "detour.yaml"), "DETOUR_HOME": str(home)}
        if told.goes_home:
            environment |= {"DETOUR_UPSTREAM": self._places[HOME].proxy, "NO_PROXY": "127.0.0.1,localhost"}
        options = ("--set", f"ssl_verify_upstream_trusted_ca={self._folder / AUTHORITY}")
        script = ("-s", str(Path(__file__).with_name("inside.py")))
        started = running(folder, {**environment, **told.environment}, *options, *script, seal=False)
        self._proxies[setting, number] = self._stack.enter_context(started)

    def _home(self, setting: str) -> Path:
        return self._folder / f"{setting} home" / "detour"

    async def _run(self, fault: Fault, lane: int) -> Shown:
        proxy = self._proxies[fault.setting, lane]
        other = self._proxies[fault.setting, 1] if fault.instances > 1 else proxy
        proxy.new_log()
        played = self._backend.play(fault.name, tuple(map(self._tempo, fault.plays)))
        shown, started = Shown(), time.monotonic()
        async with connect(proxy, fault.client) as client:
            if HOME in fault.targets:
                await self._warm(proxy, fault.setting)
            if fault.after:
                await ask(client, fault.after, stream=True, got=Got())
                await asyncio.sleep(SETTLING_S if fault.after != WELL else 0)
            if fault.leaves is None:
                await self._stay(fault, client, shown)
                shown.elapsed_s = time.monotonic() - started
                shown.log = await self._settle(proxy)
                async with connect(other, fault.client) as second:
                    shown.after = await ask(client if other is proxy else second, WELL, stream=True, got=Got())
            else:
                await self._leave(fault, proxy, client, played)
                shown.elapsed_s = time.monotonic() - started
                shown.left_open = len(played.open)
        shown.log += await self._settle(proxy)
        if SETTINGS[fault.setting].lanes == 1:
            shown.log = proxy.log  # what goes wrong at the start is said then
        if fault.reads:
            shown.log += (self._home(fault.setting) / fault.reads).read_text(encoding="utf-8")
        shown.asked, shown.objections = played.asked, [*played.objections, *self._backend.strays]
        assert proxy.process.poll() is None, proxy.log
        return shown

    async def _warm(self, proxy: Proxy, setting: str) -> None:
        """Forget that a target of other rows has failed in them; all others belong to one row each."""
        file = self._home(setting) / "token"
        await asyncio.to_thread(wait_until, file.exists, END_LIMIT_S, lambda: f"no {file}")
        token = file.read_text(encoding="utf-8").strip()
        async with httpx.AsyncClient(base_url=proxy.reverse_url, trust_env=False) as client:
            done = await client.post("/_detour/enable", json={"target": HOME}, headers={"x-detour-token": token})
            done.raise_for_status()

    async def _stay(self, fault: Fault, client: httpx.AsyncClient, shown: Shown) -> None:
        """Ask, and wait for what comes."""
        beside = asyncio.create_task(ask(client, BESIDE, stream=True, got=Got())) if fault.beside else None
        shown.got = await ask(client, fault.name, stream=fault.stream, got=Got())
        shown.beside = await beside if beside else None

    async def _leave(self, fault: Fault, proxy: Proxy, client: httpx.AsyncClient, played: Played) -> None:
        """Ask, and leave at the row's moment."""
        if fault.leaves is Moment.SENDING:
            await begin_to_ask(proxy, fault.name)
        else:
            got = Got()
            asking = asyncio.create_task(ask(client, fault.name, stream=fault.stream, got=got))
            moments = {Moment.ASKED: played.arrived, Moment.BEGUN: got.begun, Moment.WAITING: played.done}
            if fault.leaves in moments:
                try:
                    await asyncio.wait_for(moments[fault.leaves].wait(), END_LIMIT_S)
                except TimeoutError:
                    played.objections.append(f"nobody leaves: the moment did not come within {END_LIMIT_S} s")
            if fault.leaves is not Moment.BEGUN:
                await asyncio.sleep(SETTLING_S)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            await client.aclose()
        await asyncio.sleep(LEAVING_S)
        async with connect(proxy, "http/1.1") as other:  # what is answered now was asked after the leaving
            await other.get("/api/hello")
        await asyncio.sleep(fault.lingers_s)

    async def _settle(self, proxy: Proxy) -> str:
        """Wait until every flow has ended; return what was logged."""
        log = proxy.new_log()
        deadline = time.monotonic() + END_LIMIT_S
        while unended(log) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            log += proxy.new_log()
        return log


@asynccontextmanager
async def laboratory(folder: Path) -> AsyncIterator[Lab]:
    """A lab in a folder of its own."""
    backend = Backend()
    async with AsyncExitStack() as stack:
        places = await stack.enter_async_context(serving(backend, folder))
        yield Lab(folder, places, backend, stack.enter_context(ExitStack()))
