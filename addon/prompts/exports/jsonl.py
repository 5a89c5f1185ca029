"""The client's requests as JSON lines, and the same requests back.

A line is a request as the client wrote it: the order of its fields, the spelling of its numbers and every escape stay.
Only white space between values goes, and only where it would break the line. With ``replies`` a line is an object:
``id``, ``session``, ``agent``, ``kind`` and ``route`` of the exchange, its ``request`` unchanged, and its ``reply`` as
the whole message that it amounts to, streamed or not; null where there was none, and then ``error`` says why.
"""

import json
import re
from collections.abc import Iterable, Iterator

import orjson

from addon.prompts import answer
from addon.prompts.entry import Entry
from addon.prompts.exports import Export
from addon.prompts.printable import encodable
from addon.protocol.errors import BadRequest, ConfigError
from addon.protocol.messages import parse_json

TOLD = ("id", "session", "agent", "kind", "route")
STRING_OR_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', re.DOTALL)
BEFORE_REQUEST = re.compile(
    r'\s*\{(?:\s*"(?:' + "|".join(TOLD) + r')"\s*:\s*(?:null|"(?:[^"\\]|\\.)*")\s*,)*\s*"request"\s*:\s*'
)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def dump(entries: Iterable[Entry], *, replies: bool = False) -> Export:
    """Write a line for each request; those without one, and bodies that are no JSON, are left out and told."""
    lines: list[bytes] = []
    left_out: list[str] = []
    for entry in entries:
        try:
            request = _request(entry)
        except ConfigError as error:
            left_out.append(error.message)
            continue
        lines.append(_with_reply(entry, request) if replies else request)
    return Export(b"".join(line + b"\n" for line in lines), tuple(left_out))


def load(content: bytes) -> list[bytes]:
    """Return the requests that ``dump`` wrote, byte for byte, from lines of either kind. Raises: ConfigError."""
    return list(_requests(content))


def _request(entry: Entry) -> bytes:
    if entry.request is None:
        raise ConfigError(f"exchange {entry.summary.number}: its request is not kept")
    body = entry.request.body.removeprefix(BYTE_ORDER_MARK)
    try:
        body.decode()
        parse_json(body)
    except (BadRequest, UnicodeDecodeError):
        raise ConfigError(f"exchange {entry.summary.number}: its request is no JSON") from None
    if b"\n" in body or b"\r" in body:
        return STRING_OR_SPACE.sub(lambda found: found[1] or b"", body)
    return body


def _with_reply(entry: Entry, request: bytes) -> bytes:
    told = {name: encodable(text) if (text := getattr(entry.summary, name)) else text for name in TOLD}
    given = answer.of(entry.given) if entry.given is not None else answer.Answer(error="there was no reply")
    after = {"reply": given.message, **({"error": given.error} if given.error else {})}
    return b'%s,"request":%s,%s' % (orjson.dumps(told)[:-1], request, orjson.dumps(after)[1:])


def _requests(content: bytes) -> Iterator[bytes]:
    for number, line in enumerate(content.removeprefix(BYTE_ORDER_MARK).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            parsed = parse_json(line)
        except BadRequest as error:
            raise ConfigError(f"line {number}: {error.message}") from None
        if not isinstance(parsed, dict):
            raise ConfigError(f"line {number}: a request is a JSON object")
        yield _inside(line, parsed) if "request" in parsed and "reply" in parsed else line.strip()


def _inside(line: bytes, parsed: dict[str, object]) -> bytes:
    """Return the request of a line that ``dump`` wrote as it stands there, or as we would write it."""
    text = line.decode()
    found = BEFORE_REQUEST.match(text)
    if found is None:
        return orjson.dumps(parsed["request"])
    _, end = json.JSONDecoder().raw_decode(text, found.end())
    return text[found.end() : end].encode()
