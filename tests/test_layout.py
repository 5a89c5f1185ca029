"""The house keeps its shape: rooms, the direction of imports, purity of the core, names, sizes, the mirror of tests."""

import ast
import functools
import importlib.metadata
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addon"
MODULES = sorted(ADDON.rglob("*.py"))
ROOMS = {"protocol", "dialects", "routing", "settings", "credentials", "prompts", "proxy", "cli"}
FLOOR_MODULES = {"__init__", "rewrite", "sidecar", "stream"}  # the modules that stand in no room

# room or module -> what it may import of ours, beside itself
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "protocol": set(),
    "dialects": {"protocol"},
    "routing": {"dialects", "protocol"},
    "settings": {"routing", "dialects", "protocol"},
    "credentials": {"settings", "routing", "protocol"},
    "prompts": {"routing", "dialects", "protocol"},
    "stream": {"dialects", "protocol"},
    "sidecar": set(),  # a process of its own, with litellm in it
    "proxy": {"stream", "prompts", "credentials", "settings", "routing", "dialects", "protocol"},
    "cli": {"stream", "prompts", "credentials", "settings", "routing", "dialects", "protocol"},
    "rewrite": {"proxy", "stream", "prompts", "credentials", "settings", "routing", "dialects", "protocol"},
}

# modules that touch the world, each with what it touches; every other module is values in, values out
SHELL = {
    "rewrite": "mitmproxy loads it",
    "cli": "a program that starts programs",
    "sidecar": "a process of its own, with litellm in it",
    "proxy": "lives inside mitmproxy",
    "settings/settings_file": "reads files and the environment",
    "settings/litellm_library": "asks which litellm is installed",
    "settings/user_path": "knows the user's home",
    "settings/secret": "reads keys from files and commands",
    "settings/routing_function": "loads a file of the user's",
    "settings/state_file": "keeps what was chosen while running",
    "settings/shadow_file": "keeps what shadows have spent today",
    "settings/private_file": "writes files",
    "settings/mark_secret": "makes and reads a file",
    "settings/instance_file": "says which Detours run, in files",
    "routing/catalog_file": "reads litellm's data file",
    "credentials/makers": "looks for what is installed",
    "credentials/purse": "makes credentials beside the event loop, and keeps them until they expire",
    "credentials/google": "asks Google for tokens",
    "credentials/aws": "reads AWS's files, and asks AWS for credentials",
    "credentials/commands": "runs commands",
    "prompts/log/writer": "writes the prompt log",
    "prompts/log/reading": "reads it",
    "prompts/log/scribe": "a process that writes it",
    "prompts/log/search": "keeps an index beside the log",
    "prompts/log/retention": "lets old exchanges go",
    "prompts/reader/app": "logs its own faults",
    "prompts/reader/shelf": "opens the log's file, for several threads",
    "prompts/reader/histories": "keeps what it found, and stops looking in time",
    "prompts/reader/titles": "keeps what it found, and stops looking in time",
    "prompts/reader/pages/door": "keeps the codes that were used, for several threads",
}
# the parts of a hook's work that need no mitmproxy
PURE_IN_THE_SHELL = (
    "proxy/exchange", "proxy/intake", "proxy/journey", "proxy/pace", "proxy/retranslation", "proxy/routed_exchange",
    "proxy/rest/journal", "proxy/rest/models", "proxy/rest/openapi", "proxy/rest/surface", "proxy/rest/tally",
)  # fmt: skip
WORLD = {
    "asyncio", "fcntl", "glob", "io.FileIO", "io.open", "litellm", "logging", "mitmproxy", "multiprocessing", "os",
    "pathlib", "random", "requests", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess",
    "tempfile", "threading", "time", "uuid", "httpx", "http.client", "http.server", "urllib.request", "concurrent",
}  # fmt: skip
ASKING_THE_WORLD = {"open", "print", "input", "now", "utcnow", "today", "urlopen", "urandom", "getenv"}

MOST_LINES = 500
MOST_LINES_OF_A_FUNCTION = 40
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
ROWS = "routing/rows/"  # a table in parts: routing/test_backends is about all of its rows
NO_MIRROR = {
    "cli/__main__",  # two lines that start cli/app, which has its own
    "proxy/desk",  # shapes alone: http_layer's and attempts' tests are about what they mean
}


def name_of(path: Path) -> str:
    """`room/module`, or `module` for one that stands in no room."""
    return str(path.relative_to(ADDON).with_suffix(""))


def room_of(path: Path) -> str:
    return name_of(path).split("/")[0]


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in a module, `a.b` for `from a import b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_pure(path: Path) -> bool:
    name = name_of(path)
    return name in PURE_IN_THE_SHELL or not {room_of(path), name} & set(SHELL)


def named(modules: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("module", modules, ids=map(name_of, modules))


def test_the_rooms_are_those_that_are_drawn() -> None:
    assert {path.name for path in ADDON.iterdir() if (path / "__init__.py").exists()} == ROOMS
    assert {path.stem for path in ADDON.glob("*.py")} == FLOOR_MODULES
    assert set(MAY_IMPORT) == ROOMS | FLOOR_MODULES


@named(MODULES)
def test_imports_point_one_way(module: Path) -> None:
    rooms = {name.split(".")[1] for name in imports(module) if name.startswith("addon.")}
    assert rooms - MAY_IMPORT[room_of(module)] - {room_of(module), "__version__"} == set()


def test_no_module_waits_for_itself() -> None:
    known = {f"addon.{name_of(path)}".replace("/", ".").removesuffix(".__init__"): path for path in MODULES}
    graph = {
        name: {target for found in imports(path) for target in (found, found.rpartition(".")[0]) if target in known}
        for name, path in known.items()
    }
    assert list(TopologicalSorter(graph).static_order()), "a cycle raises"


@named([path for path in MODULES if is_pure(path)])
def test_the_core_does_not_touch_the_world(module: Path) -> None:
    for name in imports(module):
        parts = name.split(".")
        assert not {".".join(parts[:count]) for count in range(1, len(parts) + 1)} & WORLD, f"imports {name}"
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert called not in ASKING_THE_WORLD, f"line {node.lineno} calls {called}"
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), "waits"


@named([path for path in MODULES if name_of(path) != "sidecar"])
def test_litellm_is_imported_by_its_own_process_alone(module: Path) -> None:
    assert [name for name in imports(module) if name.split(".")[0] == "litellm"] == []


@functools.cache
def installed() -> frozenset[str]:
    """The top-level names of every installed package."""
    return frozenset(importlib.metadata.packages_distributions())


@pytest.mark.parametrize("name", sorted(ROOMS | FLOOR_MODULES - {"__init__"}))
def test_nothing_directly_in_addon_hides_another_module(name: str) -> None:
    assert name not in sys.stdlib_module_names
    assert name not in installed()


@named(MODULES)
def test_a_module_has_a_noun_for_a_name_and_says_what_it_is(module: Path) -> None:
    assert not BANNED_NAMES & set(name_of(module).split("/"))
    assert ast.get_docstring(tree(module))


@named(MODULES)
def test_a_module_and_its_functions_fit_into_a_head(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MOST_LINES
    long = {
        function.name: lines
        for function in functions(module)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def has_something_to_test(path: Path) -> bool:
    if name_of(path).startswith(ROWS):
        return False
    return name_of(path) not in NO_MIRROR and (path.stem != "__init__" or any(functions(path)))


@named([path for path in MODULES if has_something_to_test(path)])
def test_a_module_has_the_test_file_that_mirrors_it(module: Path) -> None:
    stem = "init" if module.stem == "__init__" else module.stem
    assert (ROOT / "tests" / module.relative_to(ADDON).with_name(f"test_{stem}.py")).exists()


def test_every_test_file_mirrors_a_module() -> None:
    for folder in ROOMS:
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            place = path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_"))
            assert path.stem in ("test_init", *OWN_TESTS) or (ADDON / place).exists()


# test files of a room that hold what several of its modules do together
OWN_TESTS = (
    "test_transcripts",
    "test_credentials",
    "test_minting",
    "test_endings",
    "test_framed_replies",
    "test_races",
    "test_storm",
    "test_setup",
    "test_table",
    "test_vendor_types",
    "test_native_vendors",
    "test_prefix",
    "test_types",
    "test_litellm_oracle",
)
