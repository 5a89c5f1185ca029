r"""Takes credentials out of what is kept: headers, addresses and bodies. Pure, but for the key of the marks.

In the place of each stands ``[redacted:KIND:8 hex digits]``. The digits are a keyed digest of what was there, so that
the same secret has the same mark wherever it stands, and nobody can try secrets against a mark without the key.

Three kinds of rule: what the keys of each vendor look like (``key_shapes``), what only a name gives away
(``named_values``), and what the user knows: patterns and the configured keys themselves. Rules work on bytes as they
are, so that everything else stays as it was, byte for byte; JSON stays JSON, with a mark for a piece of a string. A
mark is never redacted again. A secret that a stream cuts into pieces is found too (``cut_secrets``).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from addon.prompts import cut_secrets, key_shapes, known_secrets, own_patterns
from addon.prompts.named_values import positions
from addon.routing.config import Pattern

if TYPE_CHECKING:  # the process that writes the log needs no settings, which take longer to import than all of this
    from addon.routing.settings import Settings

MARK = re.compile(rb"\[redacted:([a-z0-9-]{1,40}):([0-9a-f]{8})\]")
# letters, digits, - and _ as JSON may write them and nobody does, but for who hides something
ESCAPE = b"\\u00"
ESCAPED = re.compile(rb"\\++u00(2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])")
MOST_ROUNDS = 4  # taking one out may show another; two rounds have been enough for anything seen

# headers whose values are kept, by name and by how the name begins
KEPT_HEADERS = frozenset((
    "accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "age", "allow", "alt-svc",
    "cache-control", "cf-ray", "connection", "content-disposition", "content-encoding", "content-language",
    "content-length", "content-range", "content-type", "date", "etag", "expect", "expires", "host", "keep-alive",
    "last-modified", "link", "location", "openai-model", "openai-processing-ms", "openai-version", "origin", "pragma",
    "priority", "referer", "request-id", "retry-after", "retry-after-ms", "server", "server-timing",
    "strict-transport-security", "te", "trailer", "traceparent", "transfer-encoding", "upgrade",
    "upgrade-insecure-requests", "user-agent", "vary", "via", "x-app", "x-cloud-trace-context",
    "x-content-type-options", "x-correlation-id", "x-request-id", "x-request-time", "x-robots-tag", "x-should-retry",
    "x-trace-id", "x-xss-protection",
))  # fmt: skip
KEPT_BEGINNINGS = (
    "access-control-", "anthropic-", "ratelimit", "sec-ch-", "sec-fetch-", "x-accel-", "x-amzn-requestid", "x-cc-",
    "x-claude-", "x-detour-", "x-envoy-", "x-ratelimit-", "x-stainless-",
)  # fmt: skip
# but for one whose name has such a word: "tokens" are counted
SECRET_WORDS = frozenset((
    "apikey", "auth", "authorization", "authtoken", "cookie", "credential", "jwt", "key", "passwd", "password",
    "secret", "signature", "token",
))  # fmt: skip
ADDRESSES = frozenset(("link", "location", "origin", "referer"))
SCHEME = re.compile(r"(?:(?:Bearer|Basic|Token|Api-?Key|Digest|Negotiate|Key|AWS4-HMAC-SHA256) +)?", re.IGNORECASE)
VARIABLE = re.compile(r"\$\w+|\$\{\w+\}")  # Detour's own name for a key
HEADER_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "authorization": "authorization",
        "proxy-authorization": "authorization",
        "x-api-key": "key",
        "api-key": "key",
        "x-goog-api-key": "key",
        "cookie": "cookie",
        "set-cookie": "cookie",
    }
)
# parameters of an address whose values are never kept
SECRET_PARAMETERS = re.compile(
    r"(?P<before>[?&;#](?:[\w.-]*(?:key|token|secret|signature|password|passwd|credential|auth|jwt|session)|sig|pwd|pass|code"
    r"|state|assertion|ticket)=)(?P<value>[^&;#\s\"'<>]+)",
    re.IGNORECASE,
)
USER_INFO = re.compile(
    r"(?P<before>^[a-z][a-z0-9+.-]*://|^//|(?<=[\s\"'(])[a-z][a-z0-9+.-]*://)(?P<value>[^/?#\s@]+)(?=@)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Where a secret stands, in bytes."""

    start: int
    end: int
    kind: str


class Redactor:
    """Replaces credentials by marks.

    ``secret`` is the key of the marks, ``own`` the user's patterns, ``values`` keys that are known.
    """

    def __init__(self, secret: bytes, own: Sequence[Pattern] = (), values: Sequence[str] = ()) -> None:
        """Nothing is read; ``secret`` may have any length."""
        self._secret = blake2b(secret, digest_size=32).digest()
        self._own = own_patterns.compile_all(own)
        self._values = tuple(dict.fromkeys(form for value in values if is_telling(value) for form in _forms(value)))

    def headers(self, fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return the fields in their order; of those that are not known to be harmless, a mark for the value."""
        return tuple((name, self._header(name.lower(), value)) for name, value in fields)

    def url(self, text: str) -> str:
        """Return an address without user and password, and without the values of parameters that hold secrets."""
        text = USER_INFO.sub(lambda found: found["before"] + self._word("password", found["value"]), text)
        text = SECRET_PARAMETERS.sub(lambda found: found["before"] + self._parameter(found["value"]), text)
        return self.text(text)

    def text(self, text: str) -> str:
        """Return a text of any kind with marks."""
        return self.body(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def body(self, data: bytes) -> bytes:
        """Return a body with marks: JSON, server-sent events, a text, or anything else. Never raises."""
        for _ in range(MOST_ROUNDS):
            edits = self._edits(data)
            if not edits:
                break
            data = _replaced(data, edits)
        return data

    def find(self, data: bytes) -> list[Finding]:
        """Return what would be redacted, in order. One that a stream cut into pieces reaches from first to last."""
        found = [Finding(start, end, kind) for start, end, kind in self._spans(data)]
        for fragments in cut_secrets.streams(data):
            places = [
                Finding(*cut_secrets.place(fragments, start, end), kind)
                for start, end, kind in self._spans(cut_secrets.whole(data, fragments))
            ]
            found += [
                place
                for place in places
                if not any(each.start < place.end and place.start < each.end for each in found)
            ]
        return sorted(found)

    def mark(self, kind: str, secret: bytes) -> bytes:
        """Return what stands for a secret, however it was escaped and the lines of a private key ended."""
        digest = blake2b(_plain(secret), key=self._secret, digest_size=4).hexdigest()
        return b"[redacted:%s:%s]" % (kind.encode(), digest.encode())

    def _header(self, name: str, value: str) -> str:
        is_kept = name.startswith(KEPT_BEGINNINGS) and SECRET_WORDS.isdisjoint(name.split("-"))
        if name in KEPT_HEADERS or is_kept:
            return self.url(value) if name in ADDRESSES else self.text(value)
        scheme = SCHEME.match(value)
        said = value[: scheme.end()] if scheme else ""
        return said + self._word(HEADER_KINDS.get(name, "header"), value[len(said) :])

    def _parameter(self, value: str) -> str:
        return self._word("parameter", value, unquote_to_bytes(value))

    def _word(self, kind: str, word: str, plain: bytes | None = None) -> str:
        """Return the mark for a word that is a secret by where it stands, with the kind that it shows itself."""
        raw = word.encode("utf-8", "surrogatepass")
        if not word or MARK.fullmatch(raw) or VARIABLE.fullmatch(word):
            return word
        found = self._spans(raw)
        if len(found) == 1 and found[0][:2] == (0, len(raw)):
            kind = found[0][2]
        return self.mark(kind, raw if plain is None else plain).decode()

    def _edits(self, data: bytes) -> list[tuple[int, int, bytes]]:
        edits: list[tuple[int, int, bytes]] = []
        for fragments in cut_secrets.streams(data):
            whole = cut_secrets.whole(data, fragments)
            marked = [(start, end, self.mark(kind, whole[start:end])) for start, end, kind in self._spans(whole)]
            edits += cut_secrets.edits(fragments, marked)
        if edits:
            return sorted(edits)
        return [(start, end, self.mark(kind, data[start:end])) for start, end, kind in self._spans(data)]

    def _spans(self, data: bytes) -> list[tuple[int, int, str]]:
        """Find all, the longer where they overlap; nothing that touches a mark."""
        found = self._found(data)
        if ESCAPE in data and ESCAPED.search(data):
            plain, places = _unescaped(data)
            found += [(places(start), places(end), kind) for start, end, kind in self._found(plain)]
        return _without_overlaps(data, found) if found else []

    def _found(self, data: bytes) -> list[tuple[int, int, str]]:
        found = list(known_secrets.find(data))
        found += [
            (at, at + len(value), "configured")
            for value in self._values
            for at in positions(data, value)
            if not _in_escape(data, at)
        ]
        found += own_patterns.find(data, self._own)
        return found


def for_settings(settings: "Settings", secret: bytes, made: tuple[str, ...] = ()) -> Redactor:
    """Return the redactor that knows the user's patterns, every configured key, and what mints have ``made``."""
    return Redactor(secret, settings.redact, (*configured_keys(settings), *made))


def configured_keys(settings: "Settings") -> tuple[str, ...]:
    """Return the keys of all providers that have one, and those that others are made with."""
    credentials = [endpoint.credential for endpoint in settings.endpoints.values()]
    made_with = [value for each in credentials if each.minting is not None for value in each.minting.secrets]
    return (*(each.key for each in credentials if each.key), *dict.fromkeys(made_with))


def is_telling(value: str) -> bool:
    """Whether a configured key may be looked for wherever it stands: not "ollama", "EMPTY" or "not-needed"."""
    raw = value.encode("utf-8", "surrogatepass")
    return len(value) >= 8 and (len(value) >= 20 or key_shapes.is_mixed(raw) or key_shapes.changes_case(raw))


def _forms(value: str) -> Iterator[bytes]:
    """Yield how a key may be written: as it is, in JSON, in JSON inside JSON, in an address."""
    raw = value.encode("utf-8", "surrogatepass")
    yield raw
    once = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    yield once
    yield once.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    yield quote(raw, safe="").encode()


def _unescaped(data: bytes) -> tuple[bytes, Callable[[int], int]]:
    """Return the data with letters and digits for their escapes, and from which place of it to which of the data."""
    pieces, since, behind, moved = [], 0, list[int](), [0]
    for found in ESCAPED.finditer(data):
        pieces += [data[since : found.start()], bytes((int(found[1], 16),))]
        since = found.end()
        behind.append(found.start() - moved[-1] + 1)
        moved.append(moved[-1] + since - found.start() - 1)
    return b"".join((*pieces, data[since:])), lambda place: place + moved[bisect_right(behind, place)]


def _plain(secret: bytes) -> bytes:
    secret = ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), secret)
    if b"PRIVATE KEY" in secret:
        return re.sub(rb"\\+[nrt]|\s", b"", secret)
    return re.sub(rb"\\+(?=[\"/'])", b"", secret)


def _in_escape(data: bytes, at: int) -> bool:
    """Whether a byte is the second of an escape, so that nothing may begin there."""
    count = 0
    while data[at - 1 - count : at - count] == b"\\":
        count += 1
    return count % 2 == 1


def _without_overlaps(data: bytes, found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return them in order; of those that overlap, the one that begins first, and the longest of those."""
    marks = [mark.span() for mark in MARK.finditer(data)] if b"[redacted:" in data else []
    kept: list[tuple[int, int, str]] = []
    end = 0
    for span in sorted(found, key=lambda each: (each[0], -each[1])):
        if span[0] >= end and span[1] > span[0]:
            index = bisect_right(marks, span[:2])  # the first that begins after it; the one before may reach into it
            before, after = marks[index - 1 : index], marks[index : index + 1]
            if not any(start < span[1] and span[0] < stop for start, stop in (*before, *after)):
                kept.append(span)
                end = span[1]
    return kept


def _replaced(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    pieces, since = [], 0
    for start, end, mark in edits:
        pieces += [data[since:start], mark]
        since = end
    return b"".join((*pieces, data[since:]))
