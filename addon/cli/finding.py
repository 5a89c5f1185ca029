"""What a check of `detour doctor` is given, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from addon.cli.client_settings import SettingsFile
from addon.cli.doors import CERTIFICATE
from addon.protocol.errors import ConfigError
from addon.routing.config import Endpoint, Tier
from addon.routing.settings import Settings
from addon.settings.instance_file import Door, Instance


class Level(StrEnum):
    """How bad it is. ``warn``: it works, or may not work as meant."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it. Neither ever holds a key."""

    level: Level
    what: str
    remedy: str = ""


def fine(what: str) -> Finding:
    """Return what is as it should be."""
    return Finding(Level.OK, what)


def doubtful(what: str, remedy: str) -> Finding:
    """Return what may not be as it was meant."""
    return Finding(Level.WARN, what, remedy)


def broken(what: str, remedy: str) -> Finding:
    """Return what does not work."""
    return Finding(Level.FAIL, what, remedy)


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at. ``known``: what a client would find in its environment, its settings files counted."""

    folder: Path
    home: Path
    environment: Mapping[str, str]
    files: tuple[SettingsFile, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()
    settings: Settings | ConfigError = field(default_factory=Settings)

    @property
    def certificate(self) -> Path:
        """The CA that a client of door one must trust."""
        if self.instances:
            return Path(self.instances[0].confdir) / CERTIFICATE.name
        return CERTIFICATE.expanduser()

    def door_at(self, port: int | None) -> tuple[Instance, Door] | None:
        """Return whose door is at a port of this machine."""
        for instance in self.instances:
            for door, url in instance.doors.items():
                if url.endswith(f":{port}"):
                    return instance, door
        return None

    @property
    def backends(self) -> dict[str, Endpoint]:
        """The providers that are in use, by name; Anthropic among them where calls pass to it."""
        if isinstance(self.settings, ConfigError):
            return {}
        answers = [*self.settings.tiers.values()]
        answers += [rule.answer for rule in self.settings.rules if rule.answer is not None]
        if self.settings.searcher is not None and self.settings.leaves_anthropic:
            answers.append(self.settings.searcher)
        names = {choice.provider for answer in answers for choice in answer.choices}
        if not set(Tier) <= set(self.settings.tiers):
            names.add("anthropic")
        return {name: self.settings.endpoints[name] for name in sorted(names) if name in self.settings.endpoints}
