"""A control without mitmproxy: what is written, and what is chosen over it, for the pure part of the REST surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from addon.protocol.errors import BadRequest, ConfigError
from addon.proxy.rest import models
from addon.proxy.rest.answers import Ask, Surroundings
from addon.proxy.rest.journal import Journal
from addon.proxy.rest.tally import Tally
from addon.routing import targets
from addon.routing.call import Kind
from addon.routing.facts import UNKNOWN, ModelFacts, Price
from addon.routing.health import Health
from addon.routing.health import Row as TargetRow
from addon.routing.settings import Settings
from addon.settings import assembly, inventory
from addon.settings.assembly import Configuration
from addon.settings.document import Document
from addon.settings.inventory import Row
from addon.settings.switch import BLOCK_OPTION, MODEL_OPTIONS, PRESET_OPTION, Switch
from tests.proxy.live import KEY

TOKEN = "a-token-of-24-bytes"
TOKEN_FILE = "/home/me/detour/token"
FACTS = {("openai", "gpt-test"): ModelFacts(400_000, 128_000, Price(1.25, 10.0, 0.125))}
WRITTEN: dict[str, Any] = {
    "models": {
        "fast": "ollama/qwen3:4b",
        "careful": ["deepseek/deepseek-chat", "openai/gpt-test"],
        "ollama/known": {"window": 8_192, "output": 1_024, "price": {"input": 0}},
        "lost": "deepseek/deepseek-chat",
        "home": "anthropic",
    },
    "routes": [{"name": "cheap", "when": {"kind": "subagent"}, "to": "fast"}],
    "presets": {"mine": {"about": "my own", "big": "fast"}, "plain": {"big": "openai/gpt-test"}},
}
VALUES = {"OPENAI_API_KEY": KEY, "BIG_MODEL": "openai/gpt-test", "SMALL_MODEL": "ollama/known"}


def written(document: dict[str, Any] = WRITTEN, **values: str) -> Configuration:
    """What is written in a file and an environment."""
    place = "detour.yaml, {}".format
    return assembly.configure(
        Document.model_validate(document), {**VALUES, **values}, lambda path: place(".".join(map(str, path)))
    )


@dataclass
class HeldControl:
    """As ``Control``, but the options are the switch itself."""

    configuration: Configuration | None = field(default_factory=written)
    fault: str | None = None
    switch: Switch = field(default_factory=Switch)
    file: object | None = "/home/me/detour.yaml"
    readings: int = 0
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.settings: Settings | None = self.configuration.settings() if self.configuration else None

    def rows(self) -> list[Row]:
        assert self.configuration
        assert self.settings
        return list(inventory.rows(self.configuration, self.settings, self.switch))

    def targets(self) -> tuple[TargetRow, ...]:
        return targets.rows(self.settings or Settings(), self.health, 0.0)

    def switch_target(self, text: str, *, on: bool) -> None:
        assert self.settings
        name = targets.named(text, self.settings, self.health, 0.0)
        self.health.switch_on(name) if on else self.health.switch_off(name)

    def summary(self) -> str:
        assert self.settings
        return " | ".join(f"{tier} → {answer.name}" for tier, answer in self.settings.tiers.items())

    def choose(self, **options: Any) -> None:
        models = {slot: options.get(name, self.switch.models.get(slot, "")) for slot, name in MODEL_OPTIONS.items()}
        wanted = Switch(
            options.get(PRESET_OPTION, self.switch.preset),
            {slot: model.strip() for slot, model in models.items() if model.strip()},
            tuple(Kind(kind) for kind in options.get(BLOCK_OPTION, self.switch.blocked)),
        )
        if self.configuration is None:
            raise ConfigError("nothing is configured")
        self.settings = self.configuration.settings(wanted)
        self.switch = wanted

    def read_anew(self) -> None:
        self.readings += 1


@dataclass
class HeldConversations:
    """As ``Conversations``, but a conversation of two messages is all the log there is. ``asked`` is what was."""

    asked: list[object] = field(default_factory=list)
    on: bool = True

    def newest(self, session: str | None, limit: int) -> models.Conversation:
        self.asked = ["newest", session, limit]
        told = models.Message(timestamp=None, role="user", content="Hello", model_used=None, exchange=None)
        return models.Conversation(session=session, messages=[told], total_count=2)

    def status(self) -> models.Recorded:
        self.asked = ["status"]
        return models.Recorded(
            recording_enabled=self.on, record="full", file_path="/home/me/detour/prompts.sqlite", buffer_size=0,
            total_recent_conversations=1, exchanges=1, messages=2, bytes=4_096, lost=0, fault=None,
        )  # fmt: skip

    def switch(self, *, on: bool, file_path: str = "") -> models.Recorded:
        self.on = on
        made = self.status().model_copy(update={"message": "switched"})
        self.asked = ["switch", on, file_path]
        return made

    def next(self, given: Mapping[str, object], session: str | None) -> Ask:
        self.asked = ["next", dict(given), session]
        if session == "nobody":
            raise BadRequest("There is no session 'nobody' in the log", 404, "not_found_error")
        return Ask(b'{"model": "m"}', (("anthropic-version", "2023-06-01"),), "beta=true")

    def exported(self, session: str | None) -> models.Exported:
        self.asked = ["exported", session]
        return models.Exported(session=session, request={"model": "m"}, messages=[{"role": "user", "content": "Hello"}])

    def bring(self, wanted: models.ImportBody) -> models.Imported:
        self.asked = ["bring", wanted.session, len(wanted.messages)]
        return models.Imported(message="brought", session="s", exchange="req_1", total_count=len(wanted.messages))

    def empty(self) -> models.Emptied:
        self.asked = ["empty"]
        return models.Emptied(message="Deleted.", exchanges=1, conversations=1, bytes=0)


def surroundings(control: HeldControl | None = None, **more: Any) -> Surroundings:
    """Everything an answer is made of."""
    made = Surroundings(
        control=control or HeldControl(),
        journal=Journal(),
        tally=Tally(),
        token=TOKEN,
        token_file=TOKEN_FILE,
        facts=lambda provider, model: FACTS.get((provider, model), UNKNOWN),
        conversations=HeldConversations,
        uptime_s=7,
        doors={"reverse": "http://127.0.0.1:8082"},
    )
    return replace(made, **more)
