"""Which Detour, which certificates, which way out: from what is on this machine to the surroundings of a client."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values

from addon.cli import client_settings
from addon.cli.client_settings import SettingsFile
from addon.cli.doors import CERTIFICATE, Doors
from addon.cli.surroundings import EXTRA_CA, Surroundings, compacting, in_settings, through_proxy, through_reverse
from addon.protocol.errors import ConfigError
from addon.routing import compaction
from addon.routing.config import Tier
from addon.routing.settings import Settings
from addon.settings import instance_file, private_file, settings_file, upstream
from addon.settings.instance_file import Door, Instance
from addon.settings.upstream import PROXY_VARIABLES, VARIABLE

HOME_VARIABLE = "DETOUR_HOME"
NO_UPSTREAM = "none"
CLIENT_CA = "client-ca.pem"
UPSTREAM_CA = "upstream-ca.pem"
AUTHORITY_VARIABLES = (EXTRA_CA, "SSL_CERT_FILE")


def home_folder(folder: Path, environment: Mapping[str, str]) -> Path:
    """Return where Detour keeps what it writes; no other setting is read for it, and no key fetched."""
    named = environment.get(HOME_VARIABLE)
    if named is None and (folder / settings_file.ENV_FILE).is_file():
        named = dotenv_values(folder / settings_file.ENV_FILE).get(HOME_VARIABLE)
    return settings_file.home_folder(Settings(home=named or None))


def answers_all(folder: Path) -> bool:
    """Whether no call goes to Anthropic, as far as the settings of a Detour in ``folder`` say. Raises: ConfigError."""
    tiers = settings_file.read(folder).configuration.settings().tiers
    return all(tier in tiers and not tiers[tier].passes for tier in Tier)


def find_instance(home: Path, door: Door) -> Instance | None:
    """Return the newest Detour with that door open."""
    return next((instance for instance in instance_file.running(home) if door in instance.doors), None)


def usual_instance(folder: Path) -> Instance:
    """Return the Detour that `detour web` would start in ``folder``."""
    doors = Doors()
    addresses: dict[Door, str] = {"proxy": doors.regular_url(), "reverse": doors.reverse_url()}
    advice = None
    with suppress(ConfigError):  # it would not start
        advice = compaction.needed(settings_file.read(folder).configuration.settings())
    return Instance(0, "", addresses, str(CERTIFICATE.expanduser().parent), "", advice.variables if advice else {})


def wire(door: Door, instance: Instance, home: Path, known: Mapping[str, str], *, token: bool = False) -> Surroundings:
    """Return what a client must know to come through a door. ``known``: what it would find without us."""
    url = instance.doors[door]
    if door == "reverse":
        told = through_reverse(url, known, token=token)
    else:
        authority = client_authority(Path(instance.confdir) / CERTIFICATE.name, home, known)
        told = through_proxy(url, str(authority), known)
    return compacting(told, instance.compaction, known)


def client_authority(authority: Path, home: Path, known: Mapping[str, str]) -> Path:
    """Return the file with Detour's CA in it: a bundle where the user has further ones, for a client reads one only."""
    theirs = Path(known.get(EXTRA_CA) or authority)
    own = _text(authority)
    if theirs == authority or not own or not _text(theirs):
        return authority
    return theirs if own in _text(theirs) else bundle(home / CLIENT_CA, (authority, theirs))


def trusted_authorities(home: Path, known: Mapping[str, str]) -> Path | None:
    """Return what Detour believes of servers: a bundle where the user has further authorities, None: mitmproxy's own.

    Where a proxy in front decrypts, its authority is among those that the user gave the client.
    """
    further = further_authorities(known)
    if not further:
        return None
    import certifi

    return bundle(home / UPSTREAM_CA, (Path(certifi.where()), *further))


def further_authorities(known: Mapping[str, str]) -> list[Path]:
    """Return the files with authorities that the user gave the client, those that can be read."""
    return [Path(value) for name in AUTHORITY_VARIABLES if (value := known.get(name)) and _text(Path(value))]


def bundle(path: Path, parts: Sequence[Path]) -> Path:
    """Write the certificates of several files into one. Returns it."""
    text = "\n".join(dict.fromkeys(_text(part).strip() for part in parts)) + "\n"
    private_file.write(path, text)
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def find_upstream(known: Mapping[str, str], wished: str | None, ours: Collection[int]) -> tuple[str, str]:
    """Return the proxy that Detour itself goes through, as it is written, and what to tell of it; empty for none.

    It is the wish, else DETOUR_UPSTREAM, else the one that the client would use; never a door of ours, which are at
    the ports ``ours``. Raises: ConfigError.
    """
    if wished is not None:
        if wished.lower() in {NO_UPSTREAM, ""}:
            return "", ""
        upstream.parse("--upstream", wished)
        return wished, ""
    for name in (VARIABLE, *PROXY_VARIABLES):
        value = known.get(name)
        if not value:
            continue
        try:
            found = upstream.parse(name, value)
        except ConfigError as error:
            raise ConfigError(f"{error.message}, or say --upstream {NO_UPSTREAM}") from None
        if upstream.is_loopback(found.host) and found.port in ours:
            return "", f"{name} leads to a door of Detour, which does not go through itself: it goes out directly"
        return value, f"Detour goes out through {found.url} ({name})"
    return "", ""


def overriding(
    told: Surroundings, files: Sequence[SettingsFile], arguments: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the client's arguments that win over settings files that say otherwise, and what to tell of it."""
    said = in_settings(told.changes)
    other = {name for name, value in client_settings.merged(list(files)).items() if said.get(name, value) != value}
    if not other:
        return [], []
    notes = [
        f"{name} in {file.path} wins over what Detour says; ask who manages this machine"
        for file in files
        for name in sorted(other & set(file.env))
        if file.managed
    ]
    names = ", ".join(sorted(other))
    if any(argument == "--settings" or argument.startswith("--settings=") for argument in arguments):
        return [], [*notes, f"a settings file sets {names}, which wins; with --settings of yours nothing is done to it"]
    env = {name: said[name] for name in sorted(other)}
    return ["--settings", json.dumps({"env": env})], [
        *notes,
        f"{names} of a settings file is overruled for this client",
    ]


def ports(instances: Sequence[Instance]) -> set[int]:
    """Return where their doors are."""
    return {upstream.parse("a door", url).port for each in instances for url in each.doors.values()}
