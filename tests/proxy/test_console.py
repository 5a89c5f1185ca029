"""Our keys and our line in a console that is drawn without a terminal; tests/end_to_end/test_console.py has one."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from mitmproxy import contentviews
from mitmproxy.options import Options
from mitmproxy.tools.console import defaultkeys, signals
from mitmproxy.tools.console.keymap import Keymap, KeymapConfig
from mitmproxy.tools.console.master import ConsoleMaster
from mitmproxy.tools.console.window import Screen, Window

from addon.proxy import console, views
from addon.proxy.console import ConsoleExtras, fit

STATUS = "preset glm | opus → zai/glm-5.3 | last: subagent → ollama/qwen3:4b"
pytestmark = pytest.mark.filterwarnings(  # mitmproxy 12.2 reads every command with pyparsing's old names
    "ignore:.* deprecated:DeprecationWarning"
)
KEYS_OF_A_SEARCH = {"/", "n", "N"}  # taken by mitmproxy's widget of a flow, before its key map is asked


class Commands:
    """The commands that the keys call, as the addon has them; each notes that it was called."""

    def __init__(self, master: ConsoleMaster) -> None:
        self.called: list[str] = []
        for name in (
            "models",
            "presets",
            "kinds",
            "blocked",
            "switch",
            "preset",
            "block",
            "unblock",
            "routes",
            "reload",
        ):
            master.commands.add(f"detour.{name}", getattr(self, name))

    def models(self) -> Sequence[str]:
        return ["zai/glm-5.3", "anthropic"]

    def presets(self) -> Sequence[str]:
        return ["none", "glm"]

    def kinds(self) -> Sequence[str]:
        return ["main", "subagent"]

    def blocked(self) -> Sequence[str]:
        return ["main", "all"]

    def switch(self, model: str, tier: str) -> None:
        self.called.append(f"switch {model} {tier}")

    def preset(self, name: str) -> None:
        self.called.append(f"preset {name}")

    def block(self, kind: str) -> None:
        self.called.append(f"block {kind}")

    def unblock(self, kind: str) -> None:
        self.called.append(f"unblock {kind}")

    def routes(self) -> Sequence[str]:
        self.called.append("routes")
        return ["opus → zai/glm-5.3"]

    def reload(self) -> None:
        self.called.append("reload")


@pytest.fixture
async def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleMaster:
    """A console as it is when addons are told that it runs."""
    for signal in (contentviews.registry.on_change, *vars(signals).values()):
        if hasattr(signal, "receivers"):
            monkeypatch.setattr(signal, "receivers", [])  # the windows of earlier tests would draw themselves too
    views.register(str)
    master = ConsoleMaster(Options(confdir=str(tmp_path)))
    master.ui = Screen()
    master.window = Window(master)
    master.window.refresh()
    return master


def _window(master: ConsoleMaster) -> Window:
    assert master.window is not None
    return master.window


def _drawn(master: ConsoleMaster, columns: int = 100, rows: int = 30) -> list[str]:
    return [row.decode() for row in _window(master).render((columns, rows), focus=True).text]


def _line(master: ConsoleMaster, columns: int = 100) -> str:
    (line,) = (row for row in _drawn(master, columns) if row.startswith("[det"))
    return line.rstrip()


def _bindings(keymap: Keymap) -> set[tuple[str, str, str]]:
    return {(context, key, found.command) for context, keys in keymap.keys.items() for key, found in keys.items()}


def _command(master: ConsoleMaster, context: str, key: str) -> str | None:
    found = master.keymap.get(context, key)
    return found.command if found else None


# -- the keys ----------------------------------------------------------------------------------------------------------


async def test_the_keys_are_free_in_mitmproxys_own_key_map(master: ConsoleMaster) -> None:
    own = Keymap(master)
    defaultkeys.map(own)
    keys = console.read(console.KEYS)
    assert len(keys) > 10
    assert [key for key in keys if own.get(key.context, key.key) or own.get("global", key.key)] == []
    assert {key.key for key in keys} & KEYS_OF_A_SEARCH == set()


async def test_a_key_is_bound_once(master: ConsoleMaster) -> None:
    keys = [(key.context, key.key) for key in console.read(console.KEYS)]
    assert len(keys) == len(set(keys))


async def test_the_file_is_one_that_mitmproxy_loads_itself(master: ConsoleMaster) -> None:
    before = _bindings(master.keymap)
    master.commands.call_strings("console.keymap.load", [str(console.KEYS)])
    loaded = _bindings(master.keymap) - before
    assert loaded == {(key.context, key.key, key.command) for key in console.read(console.KEYS)}


async def test_every_key_calls_commands_that_exist(master: ConsoleMaster) -> None:
    Commands(master)
    known = set(master.commands.commands)
    for key in console.read(console.KEYS):
        words = key.command.split()
        assert words[0] in known
        assert {word for word in words if word.startswith(("detour.", "console."))} <= known


async def test_every_view_that_a_key_shows_is_ours(master: ConsoleMaster) -> None:
    modes = master.commands.call("console.flowview.mode.options")
    shown = [key for key in console.read(console.KEYS) if key.command.startswith("console.flowview.mode.set ")]
    assert {key.context for key in shown} == {"flowview"}
    names = {key.command.removeprefix("console.flowview.mode.set ").strip('"') for key in shown}
    assert names == {"prompt", "sent", "backend reply", "changes"}
    assert names <= set(modes)


async def test_the_help_lists_the_keys_with_what_they_do(master: ConsoleMaster) -> None:
    ConsoleExtras(lambda: STATUS).install()
    master.switch_view("help")
    drawn = "\n".join(_drawn(master, 100, 120))
    everywhere = [key for key in console.read(console.KEYS) if key.context == "global"]
    assert everywhere
    for key in everywhere:
        assert f"{key.key} " in drawn
        assert drawn.count(key.text) == 2, "among the common keys, at the top, and among the global ones"


async def test_a_key_does_what_it_says(master: ConsoleMaster) -> None:
    called = Commands(master).called
    ConsoleExtras(lambda: STATUS).install()
    for context, key in (("flowlist", "R"), ("options", "ctrl r"), ("flowlist", "u")):
        assert master.keymap.handle(context, key) is None
    assert called == ["routes", "reload"]
    _window(master).keypress((100, 30), "2")
    assert called == ["routes", "reload", "preset glm"]


# -- the user's own keys -----------------------------------------------------------------------------------------------

OURS = 'console.choose.cmd "Let answer" detour.models console.command detour.switch {choice}'
CHANGES = "console.flowview.mode.set changes"
YOURS = "console.view.options"


@pytest.mark.parametrize("user_first", [True, False])
@pytest.mark.parametrize(
    ("file", "context", "key", "bound"),
    [
        (f"- {{key: s, cmd: {YOURS}}}", "global", "s", YOURS),
        (f"- {{key: s, cmd: {YOURS}}}", "commonkey", "s", None),
        (f"- {{key: s, cmd: {YOURS}, ctx: [flowlist]}}", "global", "s", OURS),
        (f"- {{key: s, cmd: {YOURS}, ctx: [flowlist]}}", "flowlist", "s", YOURS),
        (f"- {{key: c, cmd: {YOURS}, ctx: [flowview]}}", "flowview", "c", YOURS),
        (f"- {{key: c, cmd: {YOURS}}}", "flowview", "c", None),
        (f"- {{key: c, cmd: {YOURS}}}", "global", "c", YOURS),
        (f"- {{key: s, cmd: '{OURS}'}}", "global", "s", OURS),
        (f"- {{key: Z, cmd: {YOURS}}}", "flowview", "c", CHANGES),
        ("", "global", "s", OURS),
    ],
)
async def test_the_users_key_wins_whoever_is_asked_first(
    master: ConsoleMaster, tmp_path: Path, file: str, context: str, key: str, bound: str | None, *, user_first: bool
) -> None:
    (tmp_path / KeymapConfig.defaultFile).write_text(file)
    readers: list[Callable[[], object]] = [
        master.addons.get("keymapconfig").running,
        ConsoleExtras(lambda: STATUS).install,
    ]
    for read in readers if user_first else reversed(readers):
        read()
    assert _command(master, context, key) == bound


@pytest.mark.parametrize("file", [b"- {key: s}", b"- s", b"s", b"- {", b"\xff"])
async def test_a_file_that_mitmproxy_cannot_read_binds_nothing(
    master: ConsoleMaster, tmp_path: Path, file: bytes
) -> None:
    (tmp_path / KeymapConfig.defaultFile).write_bytes(file)
    assert ConsoleExtras(lambda: STATUS).install() is None
    assert _command(master, "global", "s") == OURS


async def test_a_key_bound_in_the_running_console_stays(master: ConsoleMaster) -> None:
    master.commands.call_strings("console.key.bind", ["global", "s", YOURS])
    ConsoleExtras(lambda: STATUS).install()
    assert (_command(master, "global", "s") or "").strip() == YOURS


async def test_a_key_that_stays_the_users_is_told_once(
    master: ConsoleMaster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, console.__name__)
    (tmp_path / KeymapConfig.defaultFile).write_text(f"- {{key: s, cmd: {YOURS}}}\n- {{key: u, cmd: detour.reload}}")
    ConsoleExtras(lambda: STATUS).install()
    assert [record.getMessage() for record in caplog.records] == [
        f"Detour: the key s stays yours, bound to {YOURS!r}; bind another to {OURS!r} in keys.yaml",
        "Detour: the key u stays yours, bound to 'detour.reload'; bind another to "
        "'console.choose.cmd \"Use preset\" detour.presets detour.preset {choice}' in keys.yaml",
    ]


async def test_a_key_that_the_user_bound_as_we_do_is_not_told(
    master: ConsoleMaster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, console.__name__)
    (tmp_path / KeymapConfig.defaultFile).write_text(f"- {{key: s, cmd: '{OURS}'}}")
    ConsoleExtras(lambda: STATUS).install()
    assert caplog.records == []


# -- the line ----------------------------------------------------------------------------------------------------------


async def test_the_line_stands_above_mitmproxys_own(master: ConsoleMaster) -> None:
    own = _drawn(master)[-3:]
    assert ConsoleExtras(lambda: STATUS).install() is None
    drawn = _drawn(master)
    assert drawn[-4].rstrip() == f"[detour: {STATUS}]"
    assert drawn[-3:] == own


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (100, f"[detour: {STATUS}]"),
        (60, "[detour: preset glm | opus → z…/glm-5.3 | last: su…qwen3:4b]"),
        (40, "[detour: preset glm | opus → z…/glm-5.3]"),
        (5, "[deto"),
    ],
)
async def test_the_line_is_one_row_at_any_width(master: ConsoleMaster, columns: int, shown: str) -> None:
    ConsoleExtras(lambda: STATUS).install()
    assert _line(master, columns) == shown


async def test_the_line_follows_what_is_in_force(master: ConsoleMaster) -> None:
    said = ["preset glm"]
    extras = ConsoleExtras(lambda: said[-1])
    extras.install()
    assert _line(master) == "[detour: preset glm]"
    extras.refresh()
    said.append("preset kimi")
    assert _line(master) == "[detour: preset glm]", "it is asked when told to"
    extras.refresh()
    assert _line(master) == "[detour: preset kimi]"


def test_there_is_nothing_to_refresh_before_it_is_installed() -> None:
    asked: list[str] = []
    ConsoleExtras(lambda: asked.append("asked") or "").refresh()  # type: ignore[func-returns-value]  # a short spy
    assert asked == []


async def test_a_status_that_fails_is_logged_and_ends_nothing(
    master: ConsoleMaster, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    extras = ConsoleExtras(lambda: said[0])
    assert extras.install() is None
    assert _line(master) == f"[detour: {console.UNKNOWN}]"
    said.append("preset glm")
    extras.refresh()
    assert _line(master) == "[detour: preset glm]"
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_a_click_on_the_line_leaves_the_keys_where_they_were(master: ConsoleMaster) -> None:
    ConsoleExtras(lambda: STATUS).install()
    window = _window(master)
    row = next(index for index, text in enumerate(_drawn(master)) if text.startswith("[detour"))
    window.mouse_event((100, 30), "mouse press", 1, 3, row, True)
    assert window.focus_position == "body"


async def test_a_prompt_takes_keys_below_the_line(master: ConsoleMaster) -> None:
    Commands(master)
    ConsoleExtras(lambda: STATUS).install()
    window = _window(master)
    for key in "s1all":
        window.keypress((100, 30), key)
    assert ": detour.switch zai/glm-5.3 all" in "\n".join(_drawn(master))
    window.keypress((100, 30), "esc")
    assert window.focus_position == "body"


# -- leaving, and other mitmproxies ------------------------------------------------------------------------------------


async def test_the_console_is_given_back_as_it_was(master: ConsoleMaster) -> None:
    bindings, footer = _bindings(master.keymap), _window(master).footer
    extras = ConsoleExtras(lambda: STATUS)
    for _ in range(2):  # a reload of the script
        extras.install()
        assert _line(master) == f"[detour: {STATUS}]"
        extras.uninstall()
        assert (_bindings(master.keymap), _window(master).footer) == (bindings, footer)


async def test_what_was_bound_to_our_keys_since_stays(master: ConsoleMaster) -> None:
    extras = ConsoleExtras(lambda: STATUS)
    extras.install()
    master.keymap.add("u", YOURS, ["global"])
    master.keymap.remove("c", ["flowview"])
    extras.uninstall()
    assert (_command(master, "global", "u"), _command(master, "flowview", "c")) == (YOURS, None)


async def test_without_a_window_there_are_the_keys_and_a_word_about_it(master: ConsoleMaster) -> None:
    master.window = None
    extras = ConsoleExtras(lambda: STATUS)
    assert extras.install() == "its footer: LookupError('it has no window')"
    extras.refresh()
    assert _command(master, "global", "s") == OURS
    extras.uninstall()
    assert _command(master, "global", "s") is None


async def test_without_a_key_map_there_is_the_line_and_a_word_about_it(master: ConsoleMaster) -> None:
    del master.keymap.keys
    assert "its key map: AttributeError(" in (ConsoleExtras(lambda: STATUS).install() or "")


async def test_a_footer_of_another_kind_is_left_alone(master: ConsoleMaster) -> None:
    window = _window(master)
    window.footer = footer = window.body  # as tall as there is room: it cannot stand below a line
    missing = ConsoleExtras(lambda: STATUS).install()
    assert missing is not None
    assert missing.startswith("its footer: ")
    assert window.footer is footer


# -- fitting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("", 10, ""),
        ("short", 5, "short"),
        ("a longer text", 7, "a l…ext"),
        ("a longer text", 6, "a l…xt"),
        ("a longer text", 1, "…"),
        ("a longer text", 0, "…"),
        ("one | a much longer second", 20, "one | a much …second"),
        ("first is long | second is long | third is long", 42, "first … long | second… long | third … long"),
        ("first is long | second is long | third is long", 41, "first is long | second is long"),
        ("first is long | second is long | third is long", 29, "first is long | second…s long"),
        ("line\nbreak \x1b[31mred", 80, "line?break ?[31mred"),
    ],
)
def test_a_text_is_shortened_where_it_is_longest(text: str, width: int, shown: str) -> None:
    assert fit(text, width) == shown


@pytest.mark.parametrize("width", range(1, len(STATUS) + 2))
def test_a_text_fits_and_the_first_part_stays_in_sight(width: int) -> None:
    shown = fit(STATUS, width)
    assert len(shown) <= width
    assert shown[0] in "p…"
