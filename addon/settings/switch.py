"""What was chosen while running, over what is configured: a value, and how it is kept between runs.

One state for the options, the commands, the REST surface and the state file. The last word wins: a choice is dropped
when what it was chosen over is configured anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from addon.routing.call import Kind
from addon.routing.config import Slot

NO_PRESET = "none"  # as a preset's name: none, though one is configured
AS_CONFIGURED = "configured"  # in place of a name: what the files say
ALL = "all"  # as a slot's name, and a kind's: every one
# mitmproxy's options that hold the state
MODEL_OPTIONS = {slot: f"detour_{slot}_model" for slot in Slot}
PRESET_OPTION, BLOCK_OPTION = "detour_preset", "detour_block"


@dataclass(frozen=True, slots=True)
class Switch:
    """An empty text means: as it is configured."""

    preset: str = ""
    models: Mapping[Slot, str] = field(default_factory=dict)
    blocked: tuple[Kind, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it is configured."""
        return not (self.preset or self.models or self.blocked)

    def choose(self, model: str, slots: tuple[Slot, ...]) -> "Switch":
        """Return the switch with ``model`` in these slots; an empty one gives them back."""
        models = {slot: name for slot, name in self.models.items() if slot not in slots}
        return replace(self, models=models | (dict.fromkeys(slots, model) if model else {}))


def still(switch: Switch, over: Mapping[str, str], now: Mapping[str, str]) -> tuple[Switch, tuple[str, ...]]:
    """Return the switch without what is configured anew, and the names of that.

    ``over`` and ``now`` are what is configured, by ``preset`` and slot, when it was made and at present.
    """
    newer = {name for name in over if over[name] != now.get(name, "")}
    dropped = tuple(name for name in ("preset", *Slot) if name in newer and (_chosen(switch, name)))
    models = {slot: model for slot, model in switch.models.items() if slot not in newer}
    return replace(switch, preset="" if "preset" in newer else switch.preset, models=models), dropped


def _chosen(switch: Switch, name: str) -> str:
    return switch.preset if name == "preset" else switch.models.get(Slot(name), "")


def lasting(switch: Switch, given: Switch, kept: Switch) -> Switch:
    """Return what is kept for the next run: what was ``given`` for this run alone leaves there what was ``kept``.

    What was chosen over it since is no longer what was given.
    """
    models = {
        slot: kept.models.get(slot, "") if given.models.get(slot) == model else model
        for slot in Slot
        if (model := switch.models.get(slot, "")) or kept.models.get(slot)
    }
    return Switch(
        kept.preset if given.preset and switch.preset == given.preset else switch.preset,
        {slot: model for slot, model in models.items() if model},
        kept.blocked if given.blocked and switch.blocked == given.blocked else switch.blocked,
    )


def merged(there: Switch, before: Switch, now: Switch) -> Switch:
    """Return what is kept ``there``, with what changed from ``before`` to ``now``."""
    changed = {slot for slot in Slot if before.models.get(slot) != now.models.get(slot)}
    models = {slot: (now if slot in changed else there).models.get(slot, "") for slot in Slot}
    return Switch(
        now.preset if now.preset != before.preset else there.preset,
        {slot: model for slot, model in models.items() if model},
        now.blocked if now.blocked != before.blocked else there.blocked,
    )


def dump(switch: Switch, over: Mapping[str, str]) -> dict[str, Any]:
    """Render for the state file; ``over`` is what it was chosen over."""
    chosen = {str(slot): model for slot, model in switch.models.items()}
    return {
        "preset": switch.preset,
        "models": chosen,
        "blocked": [str(kind) for kind in switch.blocked],
        "over": dict(over),
    }


def load(kept: Any) -> tuple[Switch, dict[str, str]]:
    """Read what ``dump`` wrote; what is not of its shape is left out."""
    kept = kept if isinstance(kept, dict) else {}
    preset, models = kept.get("preset"), kept.get("models")
    blocked, over = kept.get("blocked"), kept.get("over")
    switch = Switch(
        preset if isinstance(preset, str) else "",
        {slot: name for slot in Slot if (name := _texts(models).get(slot))},
        tuple(kind for kind in Kind if isinstance(blocked, list) and kind in blocked),
    )
    return switch, _texts(over)


def _texts(value: Any) -> dict[str, str]:
    found = value if isinstance(value, dict) else {}
    return {name: text for name, text in found.items() if isinstance(name, str) and isinstance(text, str)}
