"""What a mitmdump of the lab is started with: the configuration, and a DETOUR_HOME that may be wanting."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faultlab.backend import ALWAYS, HOME, WELL
from tests.faultlab.places import Place
from tests.faultlab.script import Fault

type Json = dict[str, Any]

KEY_NAME = "FAULTLAB_KEY"
AGAIN = {"retry": {"attempts": 1}}  # twice is the default, and would take the lab twice as long
LOGGED = {"FILE_LOG_LEVEL": "debug", "LOG_REQUEST_BODY": "true", "LOG_RESPONSE_BODY": "true"}
SOON = {"connect": "400ms", "first_byte": "400ms", "idle": "400ms"}
TIMEOUTS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("hasty", "queued", "mute_tls", "no_tls", "proxy_mute", "h2"), SOON),
    "slow": {"first_byte": "1300ms"},
    "limited": {"total": "800ms"},
}


def _usual(home: Path) -> None:
    """Leave it to Detour."""


def _full_disk(home: Path) -> None:
    """There is no room for a log: it is a link to /dev/full, for which no privilege is needed."""
    logs = home / "logs"
    logs.mkdir(parents=True)
    (logs / "detour.log").symlink_to("/dev/full")


def _no_folder(home: Path) -> None:
    """There is a file in the place of the folder for logs."""
    home.mkdir(parents=True)
    (home / "logs").write_text("no folder")


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to start it."""

    configuration: Json = field(default_factory=lambda: {**AGAIN})
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], None] = _usual
    goes_home: bool = False  # Anthropic is there, behind a proxy
    lanes: int = 1  # mitmdumps that play rows side by side: most of a row is waiting


SETTINGS: Mapping[str, Setting] = {
    "patient": Setting(lanes=4),  # a grace of 12 s and a ping after 15 s: no row sees either
    "brisk": Setting({**AGAIN, "streaming": {"grace": "1s", "ping": "300ms"}}, lanes=2),
    "full disk": Setting(environment=LOGGED, prepare=_full_disk),
    "no folder": Setting(environment=LOGGED, prepare=_no_folder),
    "shared folder": Setting(environment=LOGGED),
    "home": Setting(goes_home=True),
}


def detour_yaml(setting: Setting, places: Mapping[str, Place], faults: Iterable[Fault]) -> Json:
    """Every provider, and an alias for each row."""
    backends = {name: _backend(name, place) for name, place in places.items() if name != HOME}
    models: Json = {name: f"lab/{name}" for name in ALWAYS}
    for fault in faults:
        targets = [target if target == HOME else f"{target}/{fault.name}" for target in fault.targets]
        models[fault.name] = targets
        models |= {target: {"window": window} for target, window in zip(targets, fault.windows, strict=False)}
    return {"big": f"lab/{WELL}", "backends": backends, "models": models, **setting.configuration}


def _backend(name: str, place: Place) -> Json:
    speaks_anthropic = name == "native"
    return {
        "dialect": "anthropic" if speaks_anthropic else "openai_chat",
        "address": f"{place.url}/{name}" + ("" if speaks_anthropic else "/v1"),
        "credential": f"${{{KEY_NAME}}}",
        **({"proxy": place.proxy} if place.proxy else {}),
        **({"timeouts": TIMEOUTS[name]} if name in TIMEOUTS else {}),
    }
