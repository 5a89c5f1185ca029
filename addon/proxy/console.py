"""What we add to mitmproxy's console: our keys, listed on ``?``, and a line above its status bar.

Only the console imports this, because it imports urwid. The keys are those of ``keys.yaml`` beside this file. The rest
is mitmproxy's own window: its footer becomes ours, which holds the line and the footer that was there.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, override

import urwid  # type: ignore[import-untyped]  # it says nothing of its types
from mitmproxy import ctx
from mitmproxy.tools.console import signals
from mitmproxy.tools.console.keymap import Keymap, KeymapConfig
from mitmproxy.tools.console.master import ConsoleMaster
from mitmproxy.tools.console.window import Window

logger = logging.getLogger(__name__)

KEYS = Path(__file__).with_name("keys.yaml")
EVERYWHERE = "global"  # the context whose keys work where a view has no use of its own for them
SEPARATOR = " | "
UNKNOWN = "status unknown, the event log says why"
SHORTEST_PART = 12  # a part of the line that is cut down further says nothing


@dataclass(frozen=True, slots=True)
class Key:
    """A key that does something in one of the console's contexts."""

    context: str
    key: str
    command: str
    text: str = ""


class ConsoleExtras:
    """Our keys and our line in a console that runs; ``status`` says what the line shows."""

    def __init__(self, status: Callable[[], str]) -> None:
        """``status``: facts in order of weight with `` | `` between them; asked by ``refresh`` only."""
        self._status = status
        self._bound: list[Key] = []
        self._line: StatusLine | None = None
        self._footer: Any = None

    def install(self) -> str | None:
        """Bind the keys and show the line. Returns what this mitmproxy lacks for it, None when all is there."""
        missing = []
        for part, add in (("its key map", self._bind_keys), ("its footer", self._show_line)):
            try:
                add()
            except Exception as error:  # noqa: BLE001 - whatever differs there, the console goes on without
                missing.append(f"{part}: {error!r}")
        return "; ".join(missing) or None

    def uninstall(self) -> None:
        """Give the console back as it was; another binding of one of our keys stays."""
        for ours in self._bound:
            keymap = _master().keymap
            found = _bound(keymap, ours.context, ours.key)
            if found is not None and found.command == ours.command:
                keymap.remove(ours.key, [ours.context])
        self._bound.clear()
        if self._line is not None:
            _window().footer = self._footer
        self._line = self._footer = None

    def refresh(self) -> None:
        """Ask for the status anew. It is drawn with mitmproxy's next look at its own, within half a second."""
        if self._line is not None:
            self._line.show(self._text())

    def _text(self) -> str:
        try:
            return self._status()
        except Exception:
            logger.exception("Detour: the status line")
            return UNKNOWN

    def _bind_keys(self) -> None:
        keymap = _master().keymap
        refused: dict[str, tuple[Key, Key]] = {}
        users = {(each.context, each.key): each for each in _users_keys()}
        for key in read(KEYS):
            places = ((key.context, key.key), (EVERYWHERE, key.key))
            taken = next((found for place in places if (found := users.get(place) or _bound(keymap, *place))), None)
            if taken is None:
                keymap.add(key.key, key.command, [key.context], key.text)
                self._bound.append(key)
            elif taken.command != key.command:
                refused[key.key] = (taken, key)
        for taken, key in refused.values():
            logger.info(
                "Detour: the key %s stays yours, bound to %r; bind another to %r in %s",
                *(key.key, taken.command, key.command, KeymapConfig.defaultFile),
            )

    def _show_line(self) -> None:
        window = _window()
        footer = window.footer
        line = StatusLine(self._text())
        both = urwid.Pile([("pack", line), ("pack", footer)], focus_item=1)  # prompts stand in the old one
        both.rows((80,))  # raises here, not while the window is drawn, if the footer is no longer of its kind
        window.footer = both
        self._line, self._footer = line, footer


class StatusLine(urwid.Widget):  # type: ignore[misc]  # urwid's class is Any
    """One row, whatever the width."""

    _sizing = frozenset(["flow"])
    _selectable = False

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def show(self, text: str) -> None:
        """Take another text."""
        if text != self.text:
            self.text = text
            self._invalidate()

    @override
    def rows(self, size: tuple[int], focus: bool = False) -> int:
        return 1

    @override
    def render(self, size: tuple[int], focus: bool = False) -> Any:
        (width,) = size
        text = urwid.Text(f"[detour: {fit(self.text, width - len('[detour: ]'))}]", wrap="clip")
        return urwid.AttrMap(text, "heading").render(size)

    @override
    def mouse_event(self, size: tuple[int], event: str, button: int, col: int, row: int, focus: bool) -> bool:
        signals.focus.send(section="body")  # the window has just given the keys to its footer, which would eat them
        return True


def fit(text: str, width: int) -> str:
    """Shorten to ``width`` characters: the longest parts first, in their middle, then the last parts go.

    A control character, which a model's name may bring, shows as a question mark.
    """
    parts = ["".join(each if each.isprintable() else "?" for each in part) for part in text.split(SEPARATOR)]
    while len(parts) > 1 and _length(parts, SHORTEST_PART) > width:
        parts.pop()
    longest = max(map(len, parts))
    while longest > 1 and _length(parts, longest) > width:
        longest -= 1
    return SEPARATOR.join(_cut(part, longest) for part in parts)


def _length(parts: Sequence[str], longest: int) -> int:
    return sum(min(len(part), longest) for part in parts) + len(SEPARATOR) * (len(parts) - 1)


def _cut(part: str, length: int) -> str:
    if len(part) <= length:
        return part
    tail = (length - 1) // 2
    return f"{part[: length - 1 - tail]}…{part[len(part) - tail :]}"


def read(path: Path) -> list[Key]:
    """Read a file of keys as mitmproxy does, each key once for each of its contexts. Raises what mitmproxy raises."""
    entries = KeymapConfig(ctx.master).parse(path.read_text("utf-8"))
    return [
        Key(context, entry["key"], entry["cmd"].strip(), entry.get("help", ""))
        for entry in entries
        for context in entry.get("ctx", [EVERYWHERE])
    ]


def _master() -> ConsoleMaster:
    return cast(ConsoleMaster, ctx.master)


def _window() -> Window:
    window = _master().window
    if window is None:
        raise LookupError("it has no window")
    return window


def _users_keys() -> list[Key]:
    """What the user's file binds, which mitmproxy reads at its start, before or after us."""
    path = Path(ctx.options.confdir).expanduser() / KeymapConfig.defaultFile
    try:
        return read(path) if path.is_file() else []
    except Exception:  # noqa: BLE001 - mitmproxy, which reads it too, says what is wrong with it
        return []


def _bound(keymap: Keymap, context: str, key: str) -> Key | None:
    binding = keymap.get(context, key)
    return None if binding is None else Key(context, key, binding.command.strip())
