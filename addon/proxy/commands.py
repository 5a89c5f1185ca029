"""Our mitmproxy commands, for the console's prompt, mitmweb's command bar and keys. All but one set options, no more.

What they change is said in the log, and in the console's bar: a result would be a page there that has to be left.
"""

from collections.abc import Callable, Sequence
from typing import cast, override

from mitmproxy import command, ctx, exceptions, types
from mitmproxy.flow import Flow

from addon.protocol.errors import ConfigError
from addon.proxy import replays
from addon.proxy.control import Control
from addon.proxy.intake import offered
from addon.proxy.rest.tally import Tally
from addon.proxy.shadows import Shadows
from addon.routing.call import Kind
from addon.routing.config import Slot
from addon.routing.settings import Settings
from addon.routing.targets import told
from addon.settings.switch import ALL, AS_CONFIGURED, MODEL_OPTIONS, NO_PRESET


def _command[F](path: str) -> Callable[[F], F]:
    return cast(Callable[[F], F], command.command(path))  # mitmproxy's own says nothing of types


def _choice[F](argument: str, values: str) -> Callable[[F], F]:
    return cast(Callable[[F], F], command.argument(argument, type=types.Choice(values)))


class ModelName(str):
    """A model as users write it; the configured ones complete it, and any other is taken too."""


class TargetName(str):
    """A target as users write it; those that are configured complete it."""


class ReplayName(str):
    """A model that a request is sent to again; those that are configured complete it, and any other is taken too."""


class _Completed(types._StrType):
    """A text that the list of another command completes."""

    def __init__(self, typ: type[str], display: str, listing: str) -> None:
        self.typ, self.display, self._listing = typ, display, listing

    @override
    def completion(self, manager: command.CommandManager, t: type, s: str) -> Sequence[str]:
        return cast(Sequence[str], manager.call_strings(self._listing, []))


COMPLETED = (
    (ModelName, "model", "detour.models"),
    (TargetName, "target", "detour.target_names"),
    (ReplayName, "provider/model", "detour.replay_names"),
)


class Commands:
    """See the module."""

    def __init__(self, control: Control, tally: Tally, shadows: Shadows) -> None:
        """``control`` holds what is in force, ``tally`` what was lost."""
        self._shadows = shadows
        self._control = control
        self._tally = tally
        for typ, display, listing in COMPLETED:
            types.CommandTypes.typemap[typ] = _Completed(
                typ, display, listing
            )  # mitmproxy's own: a closed list, or any text

    @_command("detour.switch")
    @_choice("slot", "detour.slots")
    def switch_model(self, model: ModelName, slot: str = Slot.BIG) -> None:
        """Let MODEL (provider/model, an alias, anthropic) answer from the next request on; "configured" gives it back.

        SLOT is big (Opus, Sonnet and other names), middle (Sonnet), small (Haiku) or all.
        """
        slots = tuple(Slot) if slot == ALL else (Slot(slot),)
        name = "" if model == AS_CONFIGURED else model
        self._chosen(**{MODEL_OPTIONS[each]: name for each in slots})

    @_command("detour.preset")
    @_choice("name", "detour.presets")
    def choose_preset(self, name: str) -> None:
        """Put a preset in force; "configured" gives it back, "none" is without any. Models chosen before give way."""
        models: dict[str, object] = dict.fromkeys(MODEL_OPTIONS.values(), "")
        self._chosen(**models, detour_preset="" if name == AS_CONFIGURED else name)

    @_command("detour.block")
    @_choice("kind", "detour.kinds")
    def block(self, kind: str) -> None:
        """Refuse calls of this kind."""
        self._chosen(detour_block=sorted({*ctx.options.detour_block, kind}))

    @_command("detour.unblock")
    @_choice("kind", "detour.blocked")
    def unblock(self, kind: str) -> None:
        """Let calls of this kind, or of all, pass again."""
        self._chosen(detour_block=[each for each in ctx.options.detour_block if kind not in (each, ALL)])

    @_command("detour.reload")
    def reload(self) -> None:
        """Read the settings anew, whether or not a file changed; the log says what came of it."""
        try:
            self._control.read_anew()
        except ConfigError as error:
            raise exceptions.CommandError(error.message) from None

    @_command("detour.routes")
    def routes(self) -> Sequence[str]:
        """Show everything in force: who answers, by which rule, and where that stands."""
        rows = [f"{row.name}: {row.value}   ({row.origin})" for row in self._control.rows()]
        return rows or ["the settings are wrong, the proxy's log says how"]  # the console cannot show nothing

    @_command("detour.targets")
    def targets(self) -> Sequence[str]:
        """Show every target that may answer: whether it is up, cools down after a failure, or is switched off."""
        return [told(row) for row in self._control.targets()] or ["no target is configured"]

    @_command("detour.disable")
    def disable(self, target: TargetName) -> None:
        """Let nothing go to TARGET while there is another, until it is enabled or the proxy ends."""
        self._switched(target, on=False)

    @_command("detour.enable")
    def enable(self, target: TargetName) -> None:
        """Let TARGET answer again, also one that cools down."""
        self._switched(target, on=True)

    @_command("detour.losses")
    def losses(self) -> Sequence[str]:
        """Show what could not be said to backends since the start, counted; docs/losses.md tells the sorts."""
        rows = [
            f"{row.calls:>6,} {'refused' if row.refused else 'lost'} {row.sort} {row.model}: {row.example}"
            for row in self._tally.rows()
            if not row.routine
        ]
        return rows or ["nothing was lost"]

    @_command("detour.replay")
    def replay(self, flow: Flow, *models: ReplayName) -> None:
        """Send the client's request of this flow again, to each of the models (provider/model), past all rules."""
        try:
            replays.start(flow, models, self._control.settings)
        except ConfigError as error:
            raise exceptions.CommandError(error.message) from None

    @_command("detour.shadows")
    def shadows(self) -> Sequence[str]:
        """Show what shadows may take in a day, what they took, and how many were dropped."""
        return self._shadows.rows()

    @_command("detour.presets")
    def presets(self) -> Sequence[str]:
        """List the presets."""
        return [*self._control.presets(), NO_PRESET, AS_CONFIGURED]

    @_command("detour.models")
    def models(self) -> Sequence[str]:
        """List the models that are configured."""
        return [*offered(self._control.settings or Settings()), "anthropic", AS_CONFIGURED]

    @_command("detour.replay_names")
    def replay_names(self) -> Sequence[str]:
        """List the models that a request can be sent to again."""
        return list(offered(self._control.settings or Settings()))

    @_command("detour.slots")
    def slots(self) -> Sequence[str]:
        """List what a model can be chosen for."""
        return [*Slot, ALL]

    @_command("detour.kinds")
    def kinds(self) -> Sequence[str]:
        """List the kinds of calls."""
        return list(Kind)

    @_command("detour.blocked")
    def blocked(self) -> Sequence[str]:
        """List what is blocked while running."""
        return [*ctx.options.detour_block, ALL]

    @_command("detour.target_names")
    def target_names(self) -> Sequence[str]:
        """List the targets that may answer."""
        return [row.name for row in self._control.targets()]

    def _switched(self, target: str, *, on: bool) -> None:
        try:
            self._control.switch_target(target, on=on)
        except ConfigError as error:
            raise exceptions.CommandError(error.message) from None

    def _chosen(self, **options: object) -> None:
        try:
            self._control.choose(**options)
        except ConfigError as error:
            raise exceptions.CommandError(error.message) from None
