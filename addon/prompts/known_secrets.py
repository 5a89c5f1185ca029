"""What Detour's own rules find in a body: keys by their shape, values by their name, private keys. Pure.

It runs for every exchange, in mitmproxy's process, and Python's expressions hold its lock. So everything is looked for
with ``find`` first. A text is not searched for each of some ninety beginnings of keys: its long words are (one
``translate`` and one search for a literal), and of those the ones that are no ordinary words.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from addon.prompts import named_values
from addon.prompts.key_shapes import ANYWHERE, PARTS, SHAPES, SHORTEST, SHORTEST_WITH_PARTS, Shape, is_like_chance
from addon.prompts.named_values import positions

# a text as long words: letters, digits and what stands in the middle of keys
WORDS = bytes(120 if chr(byte) in "_-." or (byte < 128 and chr(byte).isalnum()) else 32 for byte in range(256))
LONG = re.compile(b"x" * SHORTEST + b"x*+")
DIGITS = b"0123456789"

# pictures and documents: nothing in them is a key, and they are the longest of all
BLOBS = (b'"data":"', b'"data": "', b";base64,")
SHORTEST_BLOB = 2_048

PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:"
    rb"(?P<body>(?:\\+[nrt\"]|[A-Za-z0-9+/=:,.()'\s]|-(?!---))*+)-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    rb"|(?:(?:\\+[nrt]|\s)*+[A-Za-z0-9+/=]{16,}+)++(?:(?:\\+[nrt]|\s)++[A-Za-z0-9+/=]++(?=[\"\\]|\Z))?+)"  # cut off
)
KEY_LINE = re.compile(rb"[A-Za-z0-9+/=]{16}")
BEGIN = b"-----BEGIN "
LOOKED_AT = 512  # bytes of a key
LONGEST_BEGIN = 60

type Span = tuple[int, int]
type Found = tuple[int, int, str]  # start, end and kind


def find(text: bytes) -> Iterator[Found]:
    """Yield all, in no order; they may overlap."""
    for since, until, words in _parts(text):
        part = text if until - since == len(text) else text[since:until]
        for start, end, kind in (*_shapes(part, words), *named_values.find(part), *_private_keys(part)):
            yield since + start, since + end, kind


def _parts(text: bytes) -> Iterator[tuple[int, int, list[Span]]]:
    """Yield the parts of a body that are no pictures, each with its long words."""
    words = _long_words(text)
    length = sum(end - start for start, end in words)
    blobs = sorted(_blobs(text)) if length > max(SHORTEST_BLOB, len(text) // 4) else []
    if not blobs:
        yield 0, len(text), words
        return
    since = 0
    for start, end in (*blobs, (len(text), len(text))):
        if start >= since:
            yield since, start, _long_words(text[since:start])
            since = end


def _long_words(text: bytes) -> list[Span]:
    return [found.span() for found in LONG.finditer(text.translate(WORDS))]


def _blobs(text: bytes) -> Iterator[Span]:
    for hint in BLOBS:
        for at in positions(text, hint):
            start = at + len(hint)
            end = text.find(b'"', start)
            if end - start >= SHORTEST_BLOB and text.find(b" ", start, end) < 0 and text.find(b"\\", start, end) < 0:
                yield start, end


def _shapes(text: bytes, words: list[Span]) -> Iterator[Found]:
    """Yield keys by their shape, looked for in the words that are no ordinary ones."""
    # with the byte before, which a hint may begin with
    odd = [(since, word) for start, end in words if _is_odd(word := text[(since := start - (start > 0)) : end])]
    joined = b" ".join([word for _, word in odd])
    begins = list(accumulate((len(word) + 1 for _, word in odd), initial=0))
    for shape in SHAPES:
        if shape.hint in joined:
            indexes = ((at, bisect_right(begins, at) - 1) for at in positions(joined, shape.hint))
            yield from _keys(shape, text, (odd[index][0] + at - begins[index] for at, index in indexes))
    for shape in ANYWHERE:
        yield from _keys(shape, text, positions(text, shape.hint))
    for since, word in odd:
        if len(word) >= SHORTEST_WITH_PARTS and b"." in word:
            for kind, pattern in PARTS.items():
                if found := pattern.search(text, since, since + len(word)):
                    yield *found.span(), kind


def _keys(shape: Shape, text: bytes, places: Iterator[int]) -> Iterator[Found]:
    """Yield the keys at those of the places that are in no key before."""
    end = 0
    for at in places:
        if at < end:
            continue
        if shape.before:
            found = shape.pattern.search(text, max(0, at - shape.before), at + SHORTEST_WITH_PARTS)
        else:
            found = shape.pattern.match(text, at)
        if found:
            end = found.end()
            if is_like_chance(found[0][len(shape.hint) : LOOKED_AT], strict=shape.strict):
                yield *found.span(), shape.kind


def _is_odd(word: bytes) -> bool:
    """Whether it has two digits, or capitals and small letters, as every key has."""
    return len(word) - len(word.translate(None, DIGITS)) > 1 or not (word.islower() or word.isupper())


def _private_keys(text: bytes) -> Iterator[Found]:
    for at in positions(text, b"PRIVATE KEY"):
        begin = text.rfind(BEGIN, max(0, at - LONGEST_BEGIN), at)
        found = PRIVATE_KEY.match(text, begin) if begin >= 0 else None
        if found and (found["body"] is None or KEY_LINE.search(found["body"])):
            yield *found.span(), "private-key"
