"""A script for mitmproxy: our views, keys and status line over one flow and commands that only say they were called."""

import logging
from collections.abc import Callable, Sequence

import orjson
from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.log import ALERT
from mitmproxy.test import tflow

from addon.proxy import views
from addon.proxy.console import ConsoleExtras

logger = logging.getLogger(__name__)


def prompt() -> http.HTTPFlow:
    """A request of Claude Code's that passed."""
    flow = tflow.tflow(resp=True)
    words = "The client's words"
    body = {"model": "claude-opus-4-8", "max_tokens": 10, "messages": [{"role": "user", "content": words}]}
    flow.request.url = "https://api.anthropic.com/v1/messages"
    flow.request.headers.clear()
    flow.request.headers["content-type"] = "application/json"
    flow.request.content = orjson.dumps(body)
    return flow


class Stub:
    """What the addon is to the console."""

    name = "detour_stub"

    def __init__(self) -> None:
        self.preset = "glm"
        self.extras = ConsoleExtras(
            lambda: f"preset {self.preset} | opus → zai/glm-5.3 | last: subagent → ollama/qwen3:4b"
        )

    def load(self, loader: Loader) -> None:
        views.register()
        commands: dict[str, Callable[..., object]] = {
            "detour.switch": self.switch,
            "detour.models": self.models,
            "detour.preset": self.use,
            "detour.presets": self.presets,
            "detour.kinds": self.kinds,
            "detour.blocked": self.kinds,
            "detour.block": self.block,
            "detour.unblock": self.unblock,
            "detour.routes": self.routes,
            "detour.reload": self.reload,
        }
        for name, function in commands.items():
            ctx.master.commands.add(name, function)

    def running(self) -> None:
        missing = self.extras.install()
        logger.info("missing: %s", missing)
        view = ctx.master.addons.get("view")
        if len(view) == 0:  # the script is not reloaded
            view.add([prompt()])

    def done(self) -> None:
        self.extras.uninstall()

    def switch(self, model: str, slot: str) -> None:
        logger.log(ALERT, "%s answers %s", model, slot)

    def models(self) -> Sequence[str]:
        return ["zai/glm-5.3", "ollama/qwen3:4b"]

    def use(self, name: str) -> None:
        self.preset = name
        self.extras.refresh()

    def presets(self) -> Sequence[str]:
        return ["none", "kimi"]

    def kinds(self) -> Sequence[str]:
        return ["title", "websearch"]

    def block(self, kind: str) -> None:
        logger.log(ALERT, "%s is blocked", kind)

    def unblock(self, kind: str) -> None:
        logger.log(ALERT, "%s passes again", kind)

    def routes(self) -> Sequence[str]:
        return ["cheap subagents: ollama/qwen3:4b"]

    def reload(self) -> None:
        logger.log(ALERT, "the settings are read anew")


addons = [Stub()]
