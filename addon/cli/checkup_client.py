"""Is the client there, and what do its own settings files do to what Detour tells it."""

import os
import subprocess
from collections.abc import Iterator

from addon.cli.claude import find_client
from addon.cli.finding import Finding, Machine, broken, doubtful, fine
from addon.cli.surroundings import BASE_URL, BYPASSES, EXTRA_CA
from addon.protocol.errors import ConfigError
from addon.routing import compaction
from addon.settings.upstream import EXEMPTION_VARIABLES, PROXY_VARIABLES

ASKING_S = 20.0
# what decides where a client goes, what it asks for and with which key; only the names are ever shown
DECIDING = (
    BASE_URL,
    *PROXY_VARIABLES,
    *EXEMPTION_VARIABLES,
    EXTRA_CA,
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_CERT_STORE",
)


def program(machine: Machine) -> Iterator[Finding]:
    """Where it is, and which."""
    try:
        path = find_client(machine.environment)
    except ConfigError as error:
        what, _, remedy = error.message.partition("; ")
        yield doubtful(what, remedy)
        return
    try:
        said = subprocess.run(
            [path, "--version"],
            env=dict(machine.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASKING_S,
            check=False,
            start_new_session=os.name == "posix",
        ).stdout
        version = said.strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired, UnicodeDecodeError):
        yield broken(f"{path} does not say its version", "install it anew: npm install -g @anthropic-ai/claude-code")
        return
    yield fine(f"{path}, {version}")


def overrides(machine: Machine) -> Iterator[Finding]:
    """What a settings file says wins over the environment."""
    is_silent = True
    for file in machine.files:
        if file.problem:
            is_silent = False
            yield broken(f"{file.path} cannot be read: {file.problem}", "correct it; the client ignores all of it")
        for name in file.env:
            if name in DECIDING:
                is_silent = False
                yield _override(file.managed, name, str(file.path))
            elif name in BYPASSES:
                is_silent = False
                yield broken(f"{name} in {file.path} leads a client past Detour", "take it out, or use `detour claude`")
        if file.has_key_helper:
            yield fine(f"apiKeyHelper in {file.path} gives the client its key")
    if is_silent:
        yield fine("no settings file of the client overrides the environment")


def _override(managed: bool, name: str, path: str) -> Finding:
    remedy = "ask who manages this machine" if managed else "`detour claude` overrules it; for other starts take it out"
    return doubtful(f"{name} in {path} wins over the environment", remedy)


def windows(machine: Machine) -> Iterator[Finding]:
    """Whether a client compacts before the windows of the models that answer it are full."""
    if isinstance(machine.settings, ConfigError):
        return
    for name, known in compaction.leading(machine.settings).items():
        if known is None:
            told = f"models: {{{name}: {{window: TOKENS}}}}"
            yield doubtful(f"nobody knows the window of {name}", f"say `{told}` in detour.yaml")
    advice = compaction.needed(machine.settings)
    if advice is None:
        yield fine("Claude Code compacts before any window that is known is full")
        return
    takes = f"{advice.model} takes {advice.window:,} tokens"
    if advice.is_too_small:
        yield doubtful(f"{takes}, and Claude Code's own prompt 13,000 and more", "choose a larger model, or window")
    elif (at := compaction.fires_at(machine.known)) > advice.at:
        remedy = f"use `detour claude`, or `export {advice.assignments}`"
        yield doubtful(f"{takes}, and a client started without Detour compacts at {at:,}", remedy)
    else:
        yield fine(f"{takes}, and Claude Code compacts at {at:,}")


def bypasses(machine: Machine) -> Iterator[Finding]:
    """What in the environment leads a client past both doors."""
    names = [name for name in BYPASSES if machine.environment.get(name)]
    for name in names:
        yield doubtful(f"{name} leads a client past Detour", f"unset {name}; `detour claude` does so for its client")
    if not names:
        yield fine("nothing in the environment leads a client past Detour")
