"""One request as a shell command: the client's own, or the one that was sent to the backend. Pure.

The body goes through the standard input from ``printf``, which every shell has built in, so neither its size nor what
is in it matters to a shell, and it arrives byte for byte. A key is never in it: its place holds a variable, and the
shell refuses to go on where that is not set. Source: POSIX.1-2024, Shell Command Language, 2.2.2 and 2.6.2.
"""

import base64
import re
import shlex
from collections.abc import Iterator

from addon.prompts.entry import Entry, Headers, Request
from addon.protocol.errors import ConfigError
from addon.routing.backends import ALIASES, BACKENDS
from addon.routing.call import CREDENTIAL_HEADERS

# what curl says itself, or what was true of that connection alone
LEFT_OUT = frozenset(
    (
        "host",
        "content-length",
        "connection",
        "accept-encoding",
        "transfer-encoding",
        "expect",
        "te",
        "trailer",
        "upgrade",
    )
) | {"proxy-connection", "keep-alive"}
BEARER = "Bearer "
CREDENTIALS = CREDENTIAL_HEADERS | {row.auth[0].lower() for row in BACKENDS.values()} | {"api-key", "x-goog-api-key"}
KEY, TOKEN = "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"
MASK = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)$")  # how Detour writes a key: the variable that holds it
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
STREAM = re.compile(rb'"stream"\s*:\s*true')
URL = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)
LINTER = b"# shellcheck shell=bash disable=SC2016\n"  # what stands in single quotes is meant as it stands
WIDTH = 76  # of the lines of a body that no text can hold


def command(entry: Entry, *, sent: bool = False) -> bytes:
    """Return the command. ``sent``: of what went to the backend. Raises: ConfigError."""
    request = _request(entry, sent=sent)
    body = request.body
    lines = [_address(request.url), *(_word("-H", each) for each in _headers(request))]
    lines += [b'-H "%s"' % each for each in _credential(entry, request.headers, sent=sent)]
    if request.method != ("POST" if body else "GET"):
        lines.append(_word("-X", request.method))
    if STREAM.search(body):
        lines.append(b"--no-buffer")
    if body:
        lines.append(b"--data-binary @-")
    return LINTER + _from(body) + b" \\\n  ".join(lines) + b"\n"


def _request(entry: Entry, *, sent: bool) -> Request:
    if entry.request is None:
        raise ConfigError(f"exchange {entry.summary.number}: its request is not kept")
    if not sent:
        return entry.request
    if entry.sent is None:
        raise ConfigError(
            f"exchange {entry.summary.number}: nothing else was sent than the client's own request; leave out --sent"
        )
    return entry.sent


def _address(url: str) -> bytes:
    """Return the program with its address, which it must not read as an option, a file or a pattern."""
    if not URL.fullmatch(url):
        raise ConfigError(f"{url!r} is no web address")
    return _word("curl --globoff" if set("[]{}") & set(url) else "curl", url)


def _from(body: bytes) -> bytes:
    """Return what writes the body, up to the pipe."""
    if not body:
        return b""
    if b"\0" in body:  # no shell can hold it
        encoded = base64.b64encode(body)
        lines = b"\n".join(encoded[place : place + WIDTH] for place in range(0, len(encoded), WIDTH))
        return b"printf '%%s' '%s' | base64 -d | " % lines
    return b"printf '%%s' '%s' | " % body.replace(b"'", b"'\\''")


def _headers(request: Request) -> Iterator[str]:
    named = {name.lower() for name, _ in request.headers}
    for name, value in request.headers:
        if name.lower() not in LEFT_OUT | CREDENTIALS and NAME.fullmatch(name.encode()):
            plain = " ".join(value.split())
            yield f"{name}: {plain}" if plain else f"{name};"
    if request.body and "content-type" not in named:
        yield "content-type: application/json"


def _credential(entry: Entry, headers: Headers, *, sent: bool) -> Iterator[bytes]:
    """Return the header with the variable in it; nothing where the backend asks for none."""
    given = {name.lower(): value for name, value in headers if name.lower() in CREDENTIALS - {"cookie"}}
    if not sent:
        is_token = "authorization" in given and "x-api-key" not in given
        yield _variable("authorization", BEARER, TOKEN) if is_token else _variable("x-api-key", "", KEY)
        return
    provider = (entry.summary.route or "").partition("/")[0].lower()
    row = BACKENDS.get(ALIASES.get(provider, provider))
    header, prefix = row.auth if row is not None else ("authorization", BEARER)
    header, value = next(iter(given.items()), (header, ""))
    if not value and row is not None and not row.needs_key:
        return
    mask = MASK.search(value)
    name = row.key_names[0] if row is not None else re.sub("[^A-Z0-9]", "_", f"{provider.upper()}_API_KEY")
    yield _variable(header, BEARER if value.startswith(BEARER) else "" if value else prefix, mask[1] if mask else name)


def _variable(header: str, prefix: str, name: str) -> bytes:
    """Return a header as it stands in double quotes; its parts are names of ours, or of the letters of such."""
    return f"{header}: {prefix}${{{name}:?}}".encode()


def _word(option: str, value: str) -> bytes:
    return f"{option} {shlex.quote(value)}".encode("utf-8", "surrogateescape")
