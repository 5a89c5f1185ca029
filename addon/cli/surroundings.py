"""What a client must know to come through a door: variables for it alone, and the same as exports. Pure.

Sources: code.claude.com/docs/en/network-config and llm-gateway-protocol; docs/protocol.md, "Transport"; each variable
was tried with Claude Code 2.1.329.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from addon.routing.compaction import SHARE, WINDOW, fires_at
from addon.settings.upstream import EXEMPTION_VARIABLES, entries, exempts

ANTHROPIC_HOST = "api.anthropic.com"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
BASE_URL = "ANTHROPIC_BASE_URL"
EXTRA_CA = "NODE_EXTRA_CA_CERTS"
TOKEN = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - a name
NO_TOKEN = "detour-needs-no-key"  # noqa: S105 - it opens nothing
# each makes the client speak to another service than Anthropic's, past both doors
BYPASSES = (
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD",
)

type Changes = Mapping[str, str | None]  # None: taken out


class Shell(StrEnum):
    """How exports are written. ``json``: null takes out; ``settings``: the client's own settings.json."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"
    JSON = "json"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is changed for the client, and what its user should be told of it."""

    changes: Changes
    notes: tuple[str, ...] = ()

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the client."""
        kept = {name: value for name, value in inherited.items() if name not in self.changes}
        return kept | {name: value for name, value in self.changes.items() if value is not None}


def through_proxy(url: str, certificate: str, known: Mapping[str, str]) -> Surroundings:
    """Door one. ``certificate`` is a file with its CA in it; ``known`` is what the client would find without us."""
    notes = list(_bypasses(known))
    if known.get(BASE_URL):
        notes.append(f"{BASE_URL} is taken out: through door one the client must believe that it talks to Anthropic")
    changes: dict[str, str | None] = {
        "HTTPS_PROXY": url,
        "https_proxy": url,  # looked up first
        EXTRA_CA: certificate,
        BASE_URL: None,
        **_always(known),
    }
    for name in EXEMPTION_VARIABLES:
        kept = [entry for entry in entries(known.get(name, "")) if not exempts(entry, ANTHROPIC_HOST, 443)]
        if len(kept) < len(entries(known.get(name, ""))):
            changes[name] = ",".join(kept)
            notes.append(f"{name} exempts {ANTHROPIC_HOST}; that entry is taken out")
    return Surroundings(changes, tuple(notes))


def through_reverse(url: str, known: Mapping[str, str], *, token: bool = False) -> Surroundings:
    """Door two. ``token``: give the client a key that opens nothing, for it does not start without one."""
    exempt = next((known[name] for name in EXEMPTION_VARIABLES if known.get(name)), "")
    missing = [name for name in LOOPBACK_NAMES if not exempts(exempt, name, 443)]
    both = ",".join([*entries(exempt), *missing])  # or a proxy would be asked for a plain http://127.0.0.1
    changes: dict[str, str | None] = {
        BASE_URL: url,
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
        **dict.fromkeys(EXEMPTION_VARIABLES, both),
        **_always(known),
    }
    if token:
        changes[TOKEN] = NO_TOKEN
    return Surroundings(changes, tuple(_bypasses(known)))


def compacting(told: Surroundings, variables: Mapping[str, str], known: Mapping[str, str]) -> Surroundings:
    """Add what makes a client compact in time; where its user has said something about it, that stays."""
    own = [name for name in (WINDOW, SHARE) if known.get(name)]
    if not own:
        return Surroundings({**told.changes, **variables}, told.notes)
    late, wanted = fires_at(known), fires_at(variables)
    if not variables or late <= wanted:
        return told
    stays = f"{' and '.join(own)} of yours stays: Claude Code compacts at {late:,} tokens, and should at {wanted:,}"
    return Surroundings(told.changes, (*told.notes, stays))


def _always(known: Mapping[str, str]) -> dict[str, str | None]:
    return {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", **{name: None for name in BYPASSES if known.get(name)}}


def _bypasses(known: Mapping[str, str]) -> Iterator[str]:
    return (f"{name} is taken out: it leads the client past Detour" for name in BYPASSES if known.get(name))


# -- exports -----------------------------------------------------------------------------------------------------------


def render(changes: Changes, shell: Shell) -> str:
    """Write the changes for a shell to read, or as JSON, with a newline at the end."""
    if shell is Shell.JSON:
        return json.dumps(dict(changes), indent=2, ensure_ascii=False) + "\n"
    if shell is Shell.SETTINGS:  # nothing can be taken out there; an empty value does the same
        return json.dumps({"env": in_settings(changes)}, indent=2, ensure_ascii=False) + "\n"
    write = _SHELLS[shell]
    return "".join(f"{write(name, value)}\n" for name, value in changes.items())


def in_settings(changes: Changes) -> dict[str, str]:
    """Return them as the ``env`` of the client's settings.json says them."""
    return {name: value or "" for name, value in changes.items()}


def guess_shell(environment: Mapping[str, str], *, windows: bool) -> Shell:
    """Return the shell that $SHELL names; one that is not known reads what sh does."""
    name = environment.get("SHELL", "").rpartition("/")[2]
    if name == "fish":
        return Shell.FISH
    if name in {"pwsh", "powershell"} or (windows and not name):
        return Shell.POWERSHELL
    return Shell.SH


def _sh(name: str, value: str | None) -> str:
    return f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str | None) -> str:
    if value is None:
        return f"set -e {name}"
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")  # the only two that fish reads inside '...'
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str | None) -> str:
    if value is None:
        return f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"
    doubled = "".join(letter * 2 if letter in _QUOTES else letter for letter in value)
    return f"$env:{name} = '{doubled}'"


_QUOTES = "'\u2018\u2019\u201a\u201b"  # PowerShell takes the typographic ones for the plain one
_SHELLS: Mapping[Shell, Callable[[str, str | None], str]] = {
    Shell.SH: _sh,
    Shell.FISH: _fish,
    Shell.POWERSHELL: _powershell,
}
