"""A mitmproxy script for the soak: ``GET /probe`` answers with what is alive in the process."""

import asyncio
import gc
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from mitmproxy import ctx, http

PATH = "/probe"
HOLDERS = (dict, set, list, deque, OrderedDict, WeakKeyDictionary)


def request(flow: http.HTTPFlow) -> None:
    """Answer, before any other addon looks at it."""
    if flow.request.path == PATH:
        flow.response = http.Response.make(200, orjson.dumps(alive()), {"content-type": "application/json"})


def alive() -> dict[str, Any]:
    """Tasks by name, connections, and what our addon holds of exchanges under way."""
    gc.collect()  # what is garbage already is no leftover
    view, detour = ctx.master.addons.get("view"), ctx.master.addons.get("detour")
    return {
        "tasks": Counter(named(task) for task in asyncio.all_tasks()),
        "connections": len(ctx.master.addons.get("proxyserver").connections),
        "flows": view.store_count() if view is not None else 0,
        "live": sum(flow.live for flow in view.resolve("@all")) if view is not None else 0,
        "held": dict(held(detour)),
        "is_idle": detour.is_idle,
    }


def named(task: "asyncio.Task[Any]") -> str:
    """What a task is for, without whom it serves."""
    return task.get_name().partition("(")[0].partition("-")[0].strip()


def held(detour: object) -> Iterator[tuple[str, int]]:
    """The sizes of all that the addon holds in containers of its own."""
    for name, value in vars(detour).items():
        if isinstance(value, HOLDERS) and value:
            yield name, len(value)
