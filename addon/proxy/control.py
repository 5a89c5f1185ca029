"""What is in force: the settings as they are written, what is chosen over them, and when they are read anew.

Theory of operation. One state, four ways to change it: mitmproxy's options (``detour_preset``, ``detour_big_model``,
``detour_middle_model``, ``detour_small_model``, ``detour_block``) are the state; commands, REST calls and the state
file set them and nothing else. ``configure`` checks a change and refuses it whole, so that what is in force is always
right. ``settings`` is replaced, never changed: an exchange under way keeps those it began with.

What is known of targets, and which are switched off, is kept beside all that for the run (``health``).

The files are looked at twice a second. Read anew and right, they are in force at once, with one line saying what
changed. Wrong, the old ones stay, and ``fault`` says what is wrong until it is mended.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader
from mitmproxy.log import ALERT

from addon.credentials import makers
from addon.credentials.network import Network
from addon.credentials.purse import Purse
from addon.protocol.errors import ConfigError
from addon.proxy.hiding import Hiding
from addon.routing import targets
from addon.routing.call import Kind
from addon.routing.config import Slot, Tier
from addon.routing.health import Health, Row
from addon.routing.settings import Settings
from addon.settings import inventory, settings_file, state_file
from addon.settings.assembly import Configuration
from addon.settings.settings_file import Reading, Unread
from addon.settings.switch import BLOCK_OPTION, MODEL_OPTIONS, PRESET_OPTION, Switch, lasting, merged, still

logger = logging.getLogger(__name__)

LOOK_S = 0.5  # between two looks at the files: what is saved is in force within a second
FILE_OPTION = "detour_config"
SWITCH_OPTIONS = frozenset((PRESET_OPTION, BLOCK_OPTION, *MODEL_OPTIONS.values()))


class Control:
    """Options, commands, and the settings in force."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read before ``configure``."""
        self.settings: Settings | None = None
        self.fault: str | None = None  # why the files as they are now are not in force
        self.changed: list[Callable[[], None]] = []  # are told when something else is in force
        self._reading: Reading | None = None
        self._switch = Switch()
        self._over: dict[str, str] = {}  # what was configured when the switch was made
        self._given, self._kept = Switch(), Switch()  # for this run alone; for every run, as the state file has it
        self._watch: asyncio.Task[None] | None = None
        self._anew: asyncio.Task[None] | None = None
        self.hiding = Hiding(lambda: self.settings, lambda: self.home, lambda: self.purse.secrets)
        self.purse = Purse(lambda minting: makers.make(minting, _network()), hide=self.hiding.text)
        self.health = Health()  # outlives every reading of the files; its times are those of ``now``
        self.now = now

    # -- life ----------------------------------------------------------------------------------------------------------

    def load(self, loader: Loader) -> None:
        """Add the options."""
        loader.add_option(
            FILE_OPTION, str, "", "The configuration file. Empty: DETOUR_CONFIG, ./detour.yaml, or the user's own."
        )
        loader.add_option(PRESET_OPTION, str, "", "The preset in force. Empty: as configured; none: no preset.")
        for slot, option in MODEL_OPTIONS.items():
            loader.add_option(option, str, "", f"Answers in place of the {slot} model. Empty: as configured.")
        loader.add_option(BLOCK_OPTION, Sequence[str], [], f"Kinds of calls to refuse: {', '.join(Kind)}.")

    def configure(self, updated: set[str]) -> None:
        """Check what changed and put it in force.

        Raises: OptionsError, which keeps the old value. A mistake at the start is logged, upon which mitmproxy ends.
        """
        try:
            if self._reading is None:
                self._start()
            elif FILE_OPTION in updated:
                self._put_in_force(self._read(), self._wanted())
            elif updated & SWITCH_OPTIONS and (wanted := self._wanted()) != self._switch:
                self._put_in_force(self._reading, wanted)
        except ConfigError as error:
            if self._reading is not None:
                raise exceptions.OptionsError(error.message) from None
            logger.error("Detour: %s", error.message)  # noqa: TRY400 - the user's mistake needs no trace of ours

    def running(self) -> None:
        """Show what was kept from the last run, and begin to look at the files."""
        if self._reading is None:
            return
        self._show_switch()
        self._mint()
        self.changed.append(self._mint)
        self._watch = asyncio.get_running_loop().create_task(self._look())

    def done(self) -> None:
        """Stop looking."""
        self.purse.close()
        if self._watch is not None:
            self._watch.cancel()

    # -- what is in force ----------------------------------------------------------------------------------------------

    @property
    def configuration(self) -> Configuration | None:
        """What is written; None where it was wrong from the start."""
        return self._reading.configuration if self._reading is not None else None

    def presets(self) -> Mapping[str, str]:
        """Every preset by name, with what it is about."""
        return self._reading.configuration.presets if self._reading is not None else {}

    @property
    def file(self) -> Path | None:
        """The configuration file; None where there is none."""
        return self._reading.file if self._reading is not None else None

    @property
    def is_looking(self) -> bool:
        """Whether the files are looked at: from the moment at which mitmproxy runs."""
        return self._watch is not None

    @property
    def switch(self) -> Switch:
        """What is chosen while running."""
        return self._switch

    @property
    def home(self) -> Path:
        """Where Detour keeps what it writes; also where the settings are wrong."""
        return settings_file.home_folder(self.settings or Settings(home=os.environ.get("DETOUR_HOME")))

    def rows(self) -> list[inventory.Row]:
        """Everything in force, with its origin."""
        if self.settings is None or self._reading is None:
            return []
        return list(inventory.rows(self._reading.configuration, self.settings, self._switch))

    def _start(self) -> None:
        reading = self._read()
        home = settings_file.home_folder(reading.configuration.base)
        kept, over = state_file.read(home)
        kept, _ = still(kept, over, reading.configuration.configured)
        self._kept = kept
        self._given = given = self._wanted()  # on the command line, or in mitmproxy's own configuration
        if not given.is_empty:
            kept = Switch(given.preset or kept.preset, {**kept.models, **given.models}, given.blocked or kept.blocked)
        try:
            self._put_in_force(reading, kept, keep=False)
        except ConfigError as error:
            if kept == given:
                raise
            self._put_in_force(reading, given, keep=False)
            logger.warning("Detour: what was chosen in the last run is dropped: %s", error.message)
        for line in (self.settings or Settings()).warnings:
            logger.warning("Detour: %s", line)

    def _read(self) -> Reading:
        return settings_file.read(Path.cwd(), ctx.options.detour_config or None)

    def _wanted(self) -> Switch:
        """Read the options. Raises: ConfigError."""
        unknown = [kind for kind in ctx.options.detour_block if kind not in list(Kind)]
        if unknown:
            raise ConfigError(f"{BLOCK_OPTION}: there is no kind {unknown[0]!r}; there are {', '.join(Kind)}")
        models = {
            slot: model for slot, option in MODEL_OPTIONS.items() if (model := getattr(ctx.options, option).strip())
        }
        return Switch(ctx.options.detour_preset.strip(), models, tuple(Kind(kind) for kind in ctx.options.detour_block))

    def _put_in_force(self, reading: Reading, switch: Switch, *, keep: bool = True) -> None:
        """Raises: ConfigError, and then all is as before."""
        settings = reading.configuration.settings(switch)
        _check_mints(settings)
        before = self.rows() if keep else []
        is_switched = switch != self._switch
        if is_switched or not keep:
            configured = reading.configuration.configured
            self._over = {name: configured.get(name, "") for name in ("preset", *Slot) if _goes_over(switch, name)}
        if reading is not self._reading:
            self.fault = None  # a switch alone mends no file
        self._reading, self._switch, self.settings = reading, switch, settings
        if keep:
            if said := inventory.difference(before, self.rows()):
                self._say(f"in force: {said}")
            if is_switched and self._watch is not None:
                self._keep()
        for tell in self.changed:
            tell()

    def _mint(self) -> None:
        """Begin to make the credentials that the chosen targets need, before they are asked."""
        self.purse.want(minting for _, minting in makers.wanted(self.settings or Settings()))

    def _keep(self) -> None:
        """Keep what is chosen for the next run, but for what was given for this one."""
        kept = lasting(self._switch, self._given, self._kept)
        if kept != self._kept:
            there, _ = state_file.read(self.home)  # another Detour may have kept something since
            kept = merged(there, self._kept, kept)
            configured = self._reading.configuration.configured if self._reading is not None else {}
            over = {name: configured.get(name, "") for name in ("preset", *Slot) if _goes_over(kept, name)}
            state_file.write(self.home, kept, over)
            self._kept = kept

    def _show_switch(self) -> None:
        """Make the options say what is in force."""
        wanted = {
            PRESET_OPTION: self._switch.preset,
            BLOCK_OPTION: [str(kind) for kind in self._switch.blocked],
            **{option: self._switch.models.get(slot, "") for slot, option in MODEL_OPTIONS.items()},
        }
        ctx.options.update(**{name: value for name, value in wanted.items() if getattr(ctx.options, name) != value})

    # -- reading anew --------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._reading is not None and not self._reading.is_current:
                try:
                    await self._read_anew()
                except Exception:
                    logger.exception("Detour: the settings could not be read anew")

    async def _read_anew(self) -> None:
        """Put the files as they are now in force, where they are right."""
        old = self._reading
        assert old is not None  # noqa: S101 - `_look` has looked
        reading: Reading | None = None
        was_wrong, before = self.fault is not None, self.rows()
        try:
            reading = await asyncio.to_thread(self._read)
            if self._reading is not old:
                return  # another file was chosen meanwhile
            _check_presence(old, reading)
            switch, dropped = still(self._switch, self._over, reading.configuration.configured)
            self._put_in_force(reading, switch)
        except ConfigError as error:
            if self._reading is not old:
                return
            seen = error if isinstance(error, Unread) else reading or old
            # until one of the files changes again, those that the wrong ones name with them
            self._reading = replace(old, stamps=seen.stamps)
            if self.fault != error.message:
                self.fault = error.message
                logger.error("Detour: the settings are not read anew: %s", error.message)  # noqa: TRY400 - the user's
                self._alert("Detour: the settings are wrong, the old ones stay in force; press E")
            return
        if was_wrong or self.rows() == before:
            changed = [path.name for path in reading.stamps if reading.stamps[path] != old.stamps.get(path)]
            self._say(f"read anew{' and right again' if was_wrong else ''}: {', '.join(changed) or 'everything'}")
        if dropped:
            self._say(f"configured anew, so no longer chosen while running: {', '.join(dropped)}")
        with suppress(exceptions.OptionsError):
            self._show_switch()

    def _say(self, message: str) -> None:
        logger.info("Detour: %s", message)
        self._alert(f"Detour: {message}")

    def _alert(self, message: str) -> None:
        if ctx.master.addons.get("consoleaddon") is not None:  # its log is out of sight
            logger.log(ALERT, "%s", message)

    def choose(self, **options: object) -> None:
        """Set options, all or none. Raises: ConfigError."""
        try:
            ctx.options.update(**options)
        except exceptions.OptionsError as error:
            raise ConfigError(str(error)) from None

    def read_anew(self) -> None:
        """Read the settings now, whether or not a file changed. Raises: ConfigError where they were never right."""
        if self._reading is None:
            raise ConfigError("the settings are wrong, the proxy's log says how")
        self._anew = asyncio.get_running_loop().create_task(self._read_anew())

    def targets(self) -> Sequence[Row]:
        """Every configured target, and how it is."""
        return targets.rows(self.settings or Settings(), self.health, self.now())

    def switch_target(self, text: str, *, on: bool) -> None:
        """Let a target answer, or not while there is another, until the proxy ends. Raises: ConfigError."""
        if self.settings is None:
            raise ConfigError("the settings are wrong, the proxy's log says how")
        name = targets.named(text, self.settings, self.health, self.now())
        if self.health.switch_on(name) if on else self.health.switch_off(name):
            self._say(f"{name} is {'up' if on else 'switched off'}, by hand")

    def summary(self) -> str:
        """Who answers, in one line; also the console's status line."""
        return _summary(self.settings or Settings(), self._switch)


def _check_presence(old: Reading, reading: Reading) -> None:
    """Refuse to go on without the file: one that is gone or emptied by a save must not send anything elsewhere."""
    is_gone = old.file is not None and reading.file != old.file and not old.file.exists()
    is_emptied = reading.file == old.file and reading.is_empty and not old.is_empty
    if is_gone or is_emptied:
        what = f"{old.file} is {'gone' if is_gone else 'empty'}"
        raise ConfigError(f"{what}; what it said stays in force until it is back, or until a restart")


def _check_mints(settings: Settings) -> None:
    """Refuse a target whose credential nobody here can make. Raises: ConfigError."""
    for name, minting in makers.wanted(settings):
        if lack := makers.lack(minting):
            raise ConfigError(f"{name} is chosen, and its credential cannot be made: {lack}")


def _network() -> Network:
    return Network.of(os.environ, ctx.options.ssl_verify_upstream_trusted_ca)


def _goes_over(switch: Switch, name: str) -> bool:
    """Whether something is chosen over what is configured under ``name``."""
    return bool(switch.preset) if name == "preset" else Slot(name) in switch.models


def _summary(settings: Settings, switch: Switch) -> str:
    """Tiers that have the same answer are told in one."""
    answers: dict[str, list[str]] = {}
    for tier in Tier:
        if (answer := settings.tiers.get(tier)) is not None:
            answers.setdefault(answer.name, []).append(str(tier))
    parts = [f"preset {settings.preset}"] if settings.preset else []
    parts += [f"{'+'.join(tiers)} → {name}" for name, tiers in answers.items()] or ["everything → anthropic"]
    parts += [f"blocked: {', '.join(switch.blocked)}"] if switch.blocked else []
    return " | ".join(parts)
