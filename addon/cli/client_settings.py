"""The client's own settings files: what they put into its environment, and whether it has an account.

Sources: code.claude.com/docs/en/settings (files and their precedence), tried with Claude Code 2.1.329: the ``env`` of a
settings file wins over the environment, and that of ``--settings`` over every file but the managed one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ASKING_S = 20.0  # it answers in a fifth of a second; its first start on a cold disk takes longer
# any of these is an account, or a key of its own
KEY_VARIABLES = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
)
MANAGED = {
    "darwin": "/Library/Application Support/ClaudeCode/managed-settings.json",
    "win32": r"C:\Program Files\ClaudeCode\managed-settings.json",
}


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """One file. ``problem`` says why the client cannot read it either."""

    path: Path
    managed: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    has_key_helper: bool = False
    problem: str = ""


def read_all(folder: Path, environment: Mapping[str, str], platform: str = sys.platform) -> list[SettingsFile]:
    """Read those that are there, for a session in ``folder``; a later one wins over an earlier one."""
    own = config_folder(environment) / "settings.json"
    project = folder / ".claude"
    managed = Path(MANAGED.get(platform, "/etc/claude-code/managed-settings.json"))
    paths = (own, project / "settings.json", project / "settings.local.json", managed)
    return [_read(path, managed=path is managed) for path in dict.fromkeys(paths) if path.is_file()]


def _read(path: Path, *, managed: bool) -> SettingsFile:
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        return SettingsFile(path, managed, problem=str(error))
    if not isinstance(said, dict):
        return SettingsFile(path, managed, problem="it is no JSON object")
    env = said.get("env")
    kept = {str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {}
    return SettingsFile(path, managed, kept, bool(said.get("apiKeyHelper")))


def merged(files: list[SettingsFile]) -> dict[str, str]:
    """Return what the files put into the client's environment."""
    return {name: value for file in files for name, value in file.env.items()}


def config_folder(environment: Mapping[str, str]) -> Path:
    """Return where the client keeps what is the user's."""
    return Path(environment.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude").expanduser()


def has_account(client: Path, environment: Mapping[str, str], files: list[SettingsFile]) -> bool:
    """Whether the client has a key or a login. Its files are asked first: an old client does not know the question."""
    known = {**environment, **merged(files)}
    if any(known.get(name) for name in KEY_VARIABLES) or any(file.has_key_helper for file in files):
        return True
    return _has_login(environment) or _says_so(client, environment)


def _has_login(environment: Mapping[str, str]) -> bool:
    folder = config_folder(environment)
    if (folder / ".credentials.json").is_file():
        return True
    beside = folder if environment.get("CLAUDE_CONFIG_DIR") else folder.parent
    try:
        said: Any = json.loads((beside / ".claude.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and bool(said.get("oauthAccount") or said.get("primaryApiKey"))


def _says_so(client: Path, environment: Mapping[str, str]) -> bool:
    """Ask it; one that does not answer may have one, in a keychain."""
    try:
        answer = subprocess.run(
            [client, "auth", "status"],
            env={**environment, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASKING_S,
            check=False,
            start_new_session=os.name == "posix",
        )
        return json.loads(answer.stdout).get("loggedIn") is not False
    except (OSError, ValueError, AttributeError, subprocess.TimeoutExpired):
        return True
