"""Old flows leave the list: which, when, and who stays."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.flow import Error, Flow
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketMessage

from addon.protocol.errors import ConfigError
from addon.proxy import eviction, record
from addon.proxy.eviction import EMPTY_FLOW_BYTES, Eviction, weight
from tests.proxy.conftest import Configure
from tests.proxy.live import ask, backend, proxying, raw, streaming


class Console:
    name = "consoleaddon"


@dataclass
class World:
    """A mitmproxy with a list, and the addon under test."""

    context: taddons.context
    view: View
    eviction: Eviction
    made: list[http.HTTPFlow] = field(default_factory=list)

    def end(self, flow: http.HTTPFlow | None = None, size: int = 0) -> http.HTTPFlow:
        """A flow ends, as mitmproxy does it: it is under way until the hooks have run."""
        if flow is None:
            flow = tflow.tflow(resp=True)
            flow.request.raw_content = bytes(size)
            assert flow.response
            flow.response.raw_content = b""
            flow.timestamp_created = len(self.made)
            self.made.append(flow)
        flow.live = True
        self.view.add([flow])
        self.eviction.note(flow)
        flow.live = False
        return flow

    def ends(self, count: int) -> list[http.HTTPFlow]:
        return [self.end() for _ in range(count)]

    @property
    def shown(self) -> list[int]:
        """The flows in the list, by the number with which they were made."""
        return [self.made.index(flow) for flow in self.view]

    def limit(self, **options: object) -> None:
        self.context.configure(self.eviction, **options)


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> Iterator[World]:
    caplog.set_level(logging.INFO, "addon.proxy.eviction")
    view, evicting = View(), Eviction()
    with taddons.context(view, evicting) as context:
        evicting.configure({eviction.FLOWS_OPTION, eviction.BYTES_OPTION})
        evicting.running()
        yield World(context, view, evicting)
        evicting.done()


# -- limits ------------------------------------------------------------------------------------------------------------


def test_above_the_count_the_oldest_leave(world: World) -> None:
    world.limit(detour_keep_flows=3)
    world.ends(5)
    assert world.shown == [2, 3, 4]


def test_above_the_size_the_oldest_leave_once_the_heavy_one_is_weighed(world: World) -> None:
    world.limit(detour_keep_bytes=str(3 * (EMPTY_FLOW_BYTES + 1_000)))
    for size in (1_000, 1_000, 1_000, 2_000):
        world.end(size=size)
    assert world.shown == [0, 1, 2, 3]
    world.end()
    assert world.shown == [2, 3, 4]


def test_without_limits_all_stay(world: World) -> None:
    world.limit(detour_keep_flows=0, detour_keep_bytes="")
    world.ends(eviction.KEEP_FLOWS + 10)
    assert len(world.view) == eviction.KEEP_FLOWS + 10


def test_by_default_there_are_limits(world: World) -> None:
    world.ends(eviction.KEEP_FLOWS + 10)
    assert len(world.view) == eviction.KEEP_FLOWS
    heavy = [world.end(size=10_000_000) for _ in range(10)]
    assert list(world.view) == heavy[-6:]  # five, and the newest, which nobody has weighed


def test_a_lower_limit_holds_from_the_next_flow_on(world: World) -> None:
    world.ends(6)
    world.limit(detour_keep_flows=2)
    world.end()
    assert world.shown == [5, 6]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("detour_keep_flows", -1, "detour_keep_flows is -1"),
        ("detour_keep_bytes", "many", "detour_keep_bytes is 'many'"),
        ("detour_keep_bytes", "-1m", "write a size like 200m"),
    ],
)
def test_a_limit_that_is_none_is_refused(world: World, option: str, value: object, words: str) -> None:
    world.context.options.update(**{option: value})
    with pytest.raises(ConfigError, match=words):
        world.eviction.configure({option})


# -- who stays ---------------------------------------------------------------------------------------------------------


def _mark(flow: http.HTTPFlow, marked: bool) -> None:
    flow.marked = ":star:" if marked else ""


def _live(flow: http.HTTPFlow, live: bool) -> None:
    flow.live = live


def _stop(flow: http.HTTPFlow, stopped: bool) -> None:
    flow.intercepted = stopped


def _queue(flow: http.HTTPFlow, queued: bool) -> None:
    flow.is_replay = "request"
    flow.response = None if queued else http.Response.make()


@pytest.mark.parametrize("hold", [_mark, _live, _stop, _queue])
def test_what_somebody_needs_stays_beside_the_others_until_it_is_let_go(world: World, hold: Any) -> None:
    world.limit(detour_keep_flows=2)
    held = world.end()
    hold(held, True)
    world.ends(5)
    assert world.shown == [0, 4, 5]
    hold(held, False)
    world.end()
    assert world.shown == [5, 6]


def test_what_is_in_the_consoles_focus_stays(world: World) -> None:
    world.eviction.done()
    world.context.master.addons.add(Console())
    world.eviction.running()
    assert "get_by_id" not in vars(world.view)  # it is mitmweb that asks by it
    world.limit(detour_keep_flows=2)
    first, _, third, *_ = world.ends(3)
    world.view.focus.flow = third
    world.ends(4)
    assert world.view.focus.flow is third
    assert world.shown == [2, 5, 6]
    assert first not in world.view


def test_mitmwebs_focus_which_nobody_sees_keeps_nothing(world: World) -> None:
    world.limit(detour_keep_flows=2)
    world.ends(4)
    assert world.shown == [2, 3]
    assert world.view.focus.flow in world.view


def test_what_a_page_of_mitmweb_shows_stays_until_others_are_looked_at(world: World) -> None:
    world.limit(detour_keep_flows=4)
    *opened, _ = world.ends(5)
    for flow in (*opened, *opened):
        assert world.view.get_by_id(flow.id) is (flow if flow in world.view else None)
    world.ends(4)
    assert world.shown == [1, 2, 3, 5, 6, 7, 8]
    for flow in world.made[5:]:
        world.view.get_by_id(flow.id)
    world.ends(4)
    assert world.shown == [*range(5, 13)]


def test_flows_from_a_file_and_copies_stay(world: World) -> None:
    world.limit(detour_keep_flows=2)
    loaded = tflow.tflow(resp=True)
    loaded.live = False
    world.view.add([loaded])
    world.eviction.note(loaded)
    world.end()
    world.view.duplicate([world.made[0]])
    world.ends(4)
    assert len(world.view) == 4
    assert loaded in world.view


def test_a_killed_flow_leaves_too(world: World) -> None:
    world.limit(detour_keep_flows=2)
    killed = tflow.tflow()
    killed.error, killed.live = Error(Error.KILLED_MESSAGE), False
    world.view.add([killed])
    world.eviction.note(killed)
    world.ends(2)
    assert killed not in world.view


def test_a_replayed_flow_is_the_newest_again(world: World) -> None:
    world.limit(detour_keep_flows=2)
    first, _ = world.ends(2)
    world.end(first)
    world.end()
    assert world.shown == [0, 2]


# -- what others do to the list ----------------------------------------------------------------------------------------


def test_a_flow_that_is_removed_by_hand_counts_no_more(world: World) -> None:
    world.limit(detour_keep_flows=3)
    _, second, _ = world.ends(3)
    world.view.remove([second])
    world.end()
    assert world.shown == [0, 2, 3]
    newest = world.end()
    world.view.remove([newest])
    world.end()
    assert world.shown == [2, 3, 5]


def test_a_list_that_is_cleared_counts_from_nothing(world: World) -> None:
    world.limit(detour_keep_flows=3)
    kept, *_ = world.ends(3)
    _mark(kept, True)
    world.end()
    world.view.clear_not_marked()
    world.ends(2)
    assert world.shown == [0, 4, 5]
    world.view.clear()
    world.ends(3)
    assert world.shown == [6, 7, 8]


def test_what_went_without_a_word_is_no_trouble(world: World) -> None:
    world.limit(detour_keep_flows=2)
    held, second = world.ends(2)
    _mark(held, True)
    world.ends(1)
    for flow in (held, second):
        del world.view._store[flow.id]
    world.ends(3)
    assert [flow.id in world.view._store for flow in world.made] == [False, False, False, False, True, True]


def test_a_reload_goes_on_with_what_ended_before(world: World) -> None:
    world.limit(detour_keep_flows=3)
    world.ends(3)
    world.eviction.done()
    assert "get_by_id" not in vars(world.view)
    world.eviction = Eviction()
    world.eviction.configure({eviction.FLOWS_OPTION})
    world.eviction.running()
    world.ends(2)
    assert world.shown == [2, 3, 4]


def test_no_flow_costs_a_walk_over_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    found = View.get_by_id

    def look(view: View, flow_id: str) -> Flow | None:
        looks.append(flow_id)
        return found(view, flow_id)

    world.limit(detour_keep_flows=20)
    for flow in world.ends(100)[-15:]:
        _mark(flow, True)
    monkeypatch.setattr(View, "get_by_id", look)
    world.ends(500)
    assert len(world.view) == 35
    assert len(looks) <= 500 * 3 + 15 * 2  # the newest, one that was set aside, one that leaves; those set aside


def test_mitmdump_has_no_list() -> None:
    evicting = Eviction()
    with taddons.context(evicting):
        evicting.running()
        evicting.note(tflow.tflow(live=True))
        evicting.done()
    assert not evicting._books.ended


# -- what is said ------------------------------------------------------------------------------------------------------


def test_one_line_says_that_the_list_is_full_and_few_follow(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "TOLD_EVERY", 10)
    world.limit(detour_keep_flows=2, detour_keep_bytes="")
    world.ends(2)
    assert caplog.messages == []
    world.ends(10)
    first, second = caplog.messages
    assert "full (2 flows, any size)" in first
    assert "--set detour_keep_flows=N and detour_keep_bytes=SIZE keep more" in first
    assert second == "Detour: 10 flows have left the list by now, 360k since this was last said"


def test_the_line_names_the_size_too(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.limit(detour_keep_flows=0, detour_keep_bytes=" 50K ")
    world.ends(3)
    assert "full (all flows, 50.0k)" in caplog.text


# -- weight ------------------------------------------------------------------------------------------------------------


def test_a_body_that_is_kept_twice_counts_once() -> None:
    flow, body, sent = tflow.tflow(resp=True), bytes(1_000), bytes(2_000)
    assert flow.response
    flow.request.raw_content, flow.response.raw_content = sent, bytes(100)
    flow.metadata[record.KEY] = {"original": {"body": body}, "reply": bytes(50)}
    assert weight(flow) == EMPTY_FLOW_BYTES + 3_150
    flow._backup = flow.get_state()
    assert weight(flow) == EMPTY_FLOW_BYTES + 3_150
    flow.request.raw_content = bytes(10)
    assert weight(flow) == EMPTY_FLOW_BYTES + 3_160
    flow.metadata[record.KEY] = {"route": "no body"}
    assert weight(flow) == EMPTY_FLOW_BYTES + 2_110


def test_other_flows_weigh_what_they_carry() -> None:
    flow = tflow.twebsocketflow(messages=False)
    assert flow.websocket
    flow.request.raw_content = None
    flow.websocket.messages = [WebSocketMessage(2, True, bytes(size)) for size in (10, 20)]
    assert flow.response
    assert weight(flow) == EMPTY_FLOW_BYTES + 30 + len(flow.response.raw_content or b"")
    assert weight(tflow.tdnsflow()) == EMPTY_FLOW_BYTES


# -- in the proxy ------------------------------------------------------------------------------------------------------


async def test_each_flow_that_ends_is_noted_however_it_does(confdir: Path, configure: Configure) -> None:
    view = View()
    async with backend(raw(b""), streaming()) as fake:
        configure(fake.url)
        async with (
            proxying(confdir, view, modes=(f"reverse:{fake.url}",), detour_keep_flows=1) as proxy,
            proxy.client() as client,
        ):
            statuses = [(await client.get("/broken")).status_code, (await client.get("/passed")).status_code]
            statuses += [(await client.post("/v1/messages", json=ask())).status_code for _ in range(2)]
            await proxy.settled()
            assert [flow.request.path for flow in view] == ["/v1/chat/completions"]
    assert statuses == [502, 200, 200, 200]
