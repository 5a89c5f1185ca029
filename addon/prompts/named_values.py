r"""Secrets that only their name gives away: ``API_KEY=...``, ``"password": "..."``, ``Authorization: ...``. Pure.

Works on the bytes of a text, or of JSON with texts in it, in which a quote is ``\"`` and a line break ``\n``, or
``\\\"`` and ``\\n`` where JSON stands in JSON. A quoted value ends at a quote with as many backslashes as the one it
began with.

What is a value and what is code is a guess: ``token = next(tokens)``, ``"max_tokens": 32000``, ``password: string`` and
``api_key=os.environ["KEY"]`` are none. The more a place looks like a file of settings, and the more a value looks like
chance, the sooner it is one. Each word is looked for with ``find`` before a regular expression is tried, no expression
goes back over what it took, and none looks further than LONGEST.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from addon.prompts.key_shapes import changes_case, is_like_chance, is_mixed

LONGEST = 1_024  # bytes of a value
LONGEST_NAME = 40
CURL_REACH = 400  # bytes between "curl" and its -u
SHORT = 8  # bytes of a key, or of a piece of one
SURELY_MIXED = 12  # of a piece that might be code
SURELY = 20  # after Bearer, whatever it looks like
SHORTEST_PASSWORD = 3  # where an address holds one
FEW = 6  # different bytes

GAP = rb"(?:[ \t]|\\+t){0,8}+"
WIDE_GAP = rb"(?:\s|\\+[nrt]){0,40}+"
QUOTE = rb"\\*+[\"'`]"
# what may follow the word and still be the same name: secret_key, SECRET_KEY_BASE, secretAccessKey, password2
REST = (
    rb"(?:[_-]?(?:access|key|token|secret|base64|b64|base|value|hash|production|prod|development|dev|live|test|staging"
    rb"|string|\d{1,2}(?![0-9A-Za-z]))){0,4}+(?![A-Za-z0-9_-])"
)
# "name": "API_KEY", "value": "..."; or a sign; or nothing but a space, after a flag
SIGN = (
    rb"(?:(?P<pair>,?" + WIDE_GAP + rb"(?:- )?(?:" + QUOTE + rb")?value(?:" + QUOTE + rb")?" + GAP + rb":)"
    rb"|" + GAP + rb"(?P<sign>=>|:=|::?=?|=(?!=)|>|,(?=" + GAP + QUOTE + rb"))|(?P<flag>[ ](?=[^ =-])))"
)
TYPE = rb"(?:\w{1,16}+[ ]?=[ ]?(?=[\"'`\\]))?+(?:[bfru]{1,2}(?=[\"'`\\]))?+"  # password: str = b"..."
SCHEME = rb"(?P<scheme>(?:Bearer|Basic|Token|Api-?Key|Digest|Negotiate|Key)(?:[ ]|%20|\+){1,3}+)?+"
TO_THE_VALUE = re.compile(
    REST + rb"(?P<closing>" + QUOTE + rb")?+\]?+" + SIGN + GAP + TYPE + rb"(?P<opening>" + QUOTE + rb")?+" + SCHEME,
    re.IGNORECASE,
)
UNQUOTED = re.compile(rb"(?:[^\s\"'`\\<]|<(?!/))++")
SEPARATOR = re.compile(rb"[;,&](?=$|amp;|[\w .-]{1,30}=)")
ENDINGS = b";,)]}.:"  # of sentences and lists, not of values
FLAG = re.compile(rb"(?:^|[\s\"'`=])--?[a-z0-9-]*$")
TAG = re.compile(rb"<[\w:.-]*$")

PLACEHOLDER = re.compile(
    rb"[$<{%*]|\.\.|\[redacted:|your|my[-_]|x{3,}|.*(?:example|placeholder|redacted|change.?me|dummy|\.\.\.|\*\*\*)"
    rb"|(?:process|os|import\.meta|config|settings|self|this|env|args|ctx|req|request|options|secrets|vars)\."
    rb"|(?:null|none|nil|true|false|undefined|string|str|bytes|number|any|required|optional|hidden|password)$",
    re.IGNORECASE,
)
PLACE = re.compile(rb"(?:[a-z][a-z0-9+.-]{0,20}:)?//|(?:~|\.{1,2})/|(?:/[a-z][\w.@-]{0,40}){2,}$|[A-Za-z]:\\")
CODE = re.compile(rb"[()\[\]{}]|->|::|==|!=|&&|\|\||\?\.|\+\+")
DOTTED = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$")
NAME_OF_A_TYPE = re.compile(
    rb"(?:u?int|utf|base|sha|md|oauth|float|ed|rs|hs|es|aes|ipv|http|v|h|p)[_-]?\d{1,4}", re.IGNORECASE
)
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
SECRET_WORD = re.compile(rb"passw|token|secret|key|auth|cred", re.IGNORECASE)
SYMBOL = re.compile(rb"[!@#$%^&*+=~?]")
LETTER = re.compile(rb"[A-Za-z]")
DIGIT = re.compile(rb"\d")
NAME_AND_VERSION = re.compile(rb"[a-z]+\d?(?:[-./_][a-z0-9]+)+$")
CONSTANT = re.compile(rb"[A-Z_]+$")

# what makes a key a secret
KEYS = (
    b"api", b"access", b"private", b"secret", b"signing", b"encryption", b"master", b"account", b"service",
    b"subscription", b"auth", b"license", b"client", b"shared", b"storage", b"admin", b"deploy", b"application",
    b"app", b"consumer", b"functions", b"ssh", b"gpg", b"jwt", b"session", b"webhook", b"root", b"user", b"server",
    b"tunnel",
)  # fmt: skip
# tokens that are counted, part of a text, or cursors
NO_TOKENS = (
    b"next", b"page", b"max", b"min", b"eos", b"bos", b"pad", b"unk", b"stop", b"sep", b"mask", b"cls", b"num", b"per",
    b"first", b"last", b"prompt", b"input", b"output", b"total", b"continuation", b"cursor", b"sync", b"special",
    b"new", b"cache", b"cached", b"reasoning",
)  # fmt: skip
BETWEEN = b"_- "

type Span = tuple[int, int]
NAME_BEFORE = re.compile(rb"(?:(?<=\\[nrt])|(?<![\w\\]))\w*$")


@dataclass(frozen=True, slots=True)
class Name:
    """A word that names secrets. ``before`` looks at what stands before it; ``least`` bytes make a value."""

    kind: str
    word: re.Pattern[bytes]
    before: Callable[[bytes], bool]
    least: int = 8
    weak: bool = False  # the value may be something that people think of
    loud: bool = False  # only in capitals
    bare: bool = False  # a word that means other things too


def _always(before: bytes) -> bool:
    return True


def _starts(before: bytes) -> bool:
    """Not inside a word: compass, bypass."""
    return not before[-1:].isalpha() or before.endswith((b"db", b"\\n", b"\\t"))


NAMES: Mapping[bytes, tuple[Name, ...]] = MappingProxyType(
    {
        b"pass": (
            Name("password", re.compile(rb"pass(?:w(?:or)?d|phrase|wort|code)"), _always, 6, weak=True),
            Name("password", re.compile(rb"pass"), _starts, 6, weak=True, bare=True),
        ),
        b"pwd": (Name("password", re.compile(rb"pwd"), _starts, 6, weak=True),),
        b"secret": (Name("secret", re.compile(rb"secret"), _always),),
        b"token": (
            Name("token", re.compile(rb"token"), lambda before: not before.rstrip(BETWEEN).endswith(NO_TOKENS)),
        ),
        b"key": (
            Name("key", re.compile(rb"key"), lambda before: before.rstrip(BETWEEN).endswith(KEYS)),
            Name("key", re.compile(rb"key"), lambda before: before.endswith((b"_", b"-")), 16, loud=True),
        ),
        b"auth": (
            Name("authorization", re.compile(rb"authorization"), _always),
            Name("authorization", re.compile(rb"auth"), _starts, 12, bare=True),
        ),
        b"credential": (Name("credential", re.compile(rb"credentials?"), _always, 12),),
    }
)


def find(text: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each, in no order; they may overlap."""
    low = text.lower()
    ends = _Ends(text)
    for hint, names in NAMES.items():
        for at in positions(low, hint):
            for name in names:
                word = name.word.match(low, at)
                found = TO_THE_VALUE.match(text, word.end()) if word else None
                if found and name.before(low[max(0, at - LONGEST_NAME) : at]):
                    if span := _value(text, at, name, found, ends):
                        yield *span, name.kind
                    break
    for hint, form in FORMS.items():
        for start, end in form(text, low, positions(low, hint)):
            yield start, end, KINDS[hint]


def positions(text: bytes, hint: bytes) -> Iterator[int]:
    """Yield where a hint stands."""
    at = text.find(hint)
    while at >= 0:
        yield at
        at = text.find(hint, at + 1)


class _Ends:
    """Where words without quotes end; one that many names stand in is measured once."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._known = (0, 0)

    def end(self, start: int) -> int:
        """Return where the word that ``start`` is in ends; ``start`` where there is none."""
        since, until = self._known
        if not since <= start < until:
            found = UNQUOTED.match(self._text, start)
            self._known = (start, found.end() if found else start)
        return self._known[1]


def _value(text: bytes, at: int, name: Name, found: re.Match[bytes], ends: _Ends) -> Span | None:
    """Return where the value stands of the name at ``at``, from which ``found`` leads to it; None: it is no secret."""
    quote, sign, start = found["opening"], found["sign"], found.end()
    before = text[max(0, at - LONGEST_NAME) : at]
    own = NAME_BEFORE.search(before)
    loud = text[at : found.start()].isupper() and own is not None and own[0] == own[0].upper()
    if (
        (name.loud and not loud)
        or (found["closing"] and not quote and not found["pair"])  # a number in JSON, or code
        or (sign == b"," and (name.bare or not (found["closing"] and quote)))
        or (sign == b">" and not TAG.search(before))
        or (found["flag"] and not FLAG.search(before.lower()))
    ):
        return None
    span = _quoted(text, start, quote) if quote else _unquoted(text, start, ends)
    if span is None:
        return None
    settings = bool(loud and not quote and (found["pair"] or text[start - 1 : start] == b"="))
    value = text[span[0] : span[1]]
    certain = bool(quote or settings or found["scheme"])
    return span if _is_secret(value, name, certain=certain, settings=settings, scheme=found["scheme"]) else None


def _quoted(text: bytes, start: int, opening: bytes) -> Span | None:
    quote, depth = opening[-1:], len(opening) - 1
    limit = start + LONGEST
    at = text.find(quote, start, limit)
    while at >= 0:
        end = at
        while end > start and text[end - 1 : end] == b"\\":
            end -= 1
        if at - end <= depth:
            value = text[start:end]
            broken = SPACE.search(value) or (quote != b'"' and BARE.search(value))
            return None if broken else (start, end)
        at = text.find(quote, at + 1, limit)
    return None


SPACE = re.compile(rb"\s|\\+[nrt]")
BARE = re.compile(rb"(?<!\\)\"")  # the end of the JSON string that all of this stands in


def _unquoted(text: bytes, start: int, ends: _Ends) -> Span | None:
    end = ends.end(start)
    if end - start > LONGEST:
        return None
    value = text[start:end]
    if cut := SEPARATOR.search(value):
        value = value[: cut.start()]
    value = value.rstrip(ENDINGS)
    return start, start + len(value)


def _is_secret(value: bytes, name: Name, *, certain: bool, settings: bool, scheme: bytes | None) -> bool:
    """Guess. ``certain``: a value and no code; ``settings``: as in a file of environment variables."""
    if len(value) < name.least or PLACEHOLDER.match(value) or PLACE.match(value):
        return False
    if not certain and (CODE.search(value.rstrip(b"=")) or DOTTED.match(value)):
        return False
    if scheme and name.kind == "authorization":
        return len(value) >= SURELY or DIGIT.search(value) is not None or changes_case(value)
    if name.bare and NAME_AND_VERSION.match(value):
        return False
    if name.weak:
        return _is_password(value, certain=certain, settings=settings)
    return _is_key(value, SHORT if certain else SURELY_MIXED)


def _is_password(value: bytes, *, certain: bool, settings: bool) -> bool:
    if settings:
        return not CONSTANT.match(value) and not CODE.search(value)
    digits = DIGIT.search(NAME_OF_A_TYPE.sub(b"", value)) is not None
    if certain:
        return b"{" not in value and (digits or SYMBOL.search(value.rstrip(b"!?.")) is not None)
    return digits and len(value) >= SHORT and LETTER.search(value) is not None and not SECRET_WORD.search(value)


def _is_key(value: bytes, least: int) -> bool:
    """Whether a piece of so many bytes looks like chance."""
    if UUID.match(value):
        return True
    if b"{" in value or len(set(value)) < FEW:
        return False
    pieces = [piece for piece in re.split(rb"[^A-Za-z0-9]", value) if len(piece) >= least]
    return any(is_mixed(piece) or changes_case(piece) for piece in pieces)


def _matches(form: re.Pattern[bytes], low: bytes, places: Iterator[int]) -> Iterator[re.Match[bytes]]:
    """Yield what the form finds at those of the places that are in nothing found before."""
    end = 0
    for at in places:
        if at >= end and (found := form.match(low, at)):
            end = found.end()
            yield found


def _bearer(text: bytes, low: bytes, places: Iterator[int]) -> Iterator[Span]:
    for found in _matches(BEARER, low, places):
        if not PLACEHOLDER.match(text, *found.span(1)) and _is_key(text[slice(*found.span(1))], SHORT):
            yield found.span(1)


BEARER = re.compile(rb"bearer(?:[ ]|%20|\\+t){1,3}+([\w.~+/=-]{12,1024}+)")


def _cookie(text: bytes, low: bytes, places: Iterator[int]) -> Iterator[Span]:
    for found in _matches(COOKIE, low, places):
        if is_like_chance(text[slice(*found.span(1))], strict=False):
            yield found.span(1)


COOKIE = re.compile(rb"cookie:[ ]?+([\w.-]{1,80}+=[^\"'`\\\r\n]{8,1024}+)")


def _signature(text: bytes, low: bytes, places: Iterator[int]) -> Iterator[Span]:
    yield from (found.span(1) for found in _matches(SIGNATURE, low, places))


SIGNATURE = re.compile(rb"(?:(?<=[?&;])|(?<=u0026)|(?<=-))sig(?:nature)?=([\w%+/=-]{16,1024}+)")


def _user_info(text: bytes, low: bytes, places: Iterator[int]) -> Iterator[Span]:
    """Find the password of ``scheme://user:password@host``; it may hold an @ itself."""
    for at in places:
        found = AUTHORITY.match(text, at)
        user, colon, rest = found[1].partition(b":") if found else (b"", b"", b"")
        password, sign, host = rest.rpartition(b"@")
        known = PLACEHOLDER.match(password) or ORDINARY.match(password) or PORT.match(password)
        if found and colon and sign and host and b"@" not in user and len(password) >= SHORTEST_PASSWORD and not known:
            start = found.start(1) + len(user) + 1
            yield start, start + len(password)


AUTHORITY = re.compile(rb"://([^\s\"'`\\/?<>]{3,400}+)")
ORDINARY = re.compile(rb"(?:password|passwd|pass|pw|pwd|secret|token)$|\[", re.IGNORECASE)
PORT = re.compile(rb"\d{1,5}$")  # of a proxy whose user follows, or of nobody's password


def _user_flag(text: bytes, low: bytes, places: Iterator[int]) -> Iterator[Span]:
    """Find the password of ``curl -u user:password``."""
    done = 0
    for at in places:
        flag = low.find(b" -", max(at, done), at + CURL_REACH)
        while flag >= 0:
            found = USER_FLAG.match(low, flag)
            if found and not PLACEHOLDER.match(text, *found.span(1)) and not ORDINARY.match(text, *found.span(1)):
                yield found.span(1)
            flag = low.find(b" -", flag + 2, at + CURL_REACH)
        done = at + CURL_REACH


USER_FLAG = re.compile(
    rb" -(?:u|-user|-proxy-user)(?:[ =]|(?=\\*+[\"'])){0,2}+(?:\\*+[\"'])?+"
    rb"[^\s:\"'`\\]{1,100}+:([^\s\"'`\\]{3,200}+)"
)

# what has a form of its own: a hint, and what finds the secrets at the places where it stands
FORMS: Mapping[bytes, Callable[[bytes, bytes, Iterator[int]], Iterator[Span]]] = MappingProxyType(
    {b"bearer": _bearer, b"cookie": _cookie, b"sig": _signature, b"://": _user_info, b"curl": _user_flag}
)
KINDS: Mapping[bytes, str] = MappingProxyType(
    {b"bearer": "authorization", b"cookie": "cookie", b"sig": "signature", b"://": "password", b"curl": "password"}
)
