"""A request as pieces, so that what was said before is stored once. Pure.

Theory. Claude Code sends its whole conversation with every turn. A body is cut where a message, a block, a tool or a
picture begins and where a cache mark stands; pieces lie side by side and joined they are the body, whatever it is. The
marks at which it is cut hold bare quotes, which JSON has nowhere inside of a text, so no text is ever cut (but for the
bytes of a picture or document, behind which a piece begins). Where the same text stands in another body, the same
pieces come out.

The next turn of a conversation begins as the last one did, and often ends so too (the system prompt and the tools stand
behind the messages). ``reused`` finds how many pieces of the last body the new one begins and ends with; it compares
memory, and reads no JSON.
"""

from bisect import bisect_left, bisect_right

# What a piece begins with, in the wire formats that we read or write. A kind of block is told by its first letters; no
# type of JSON Schema begins so.
KINDS = ("t", "image", "input", "output", "document", "f", "m", "r")
BEGINNINGS = tuple(
    text.encode()
    for text in (
        *(f'{{"{name}":"' for name in ("role", "name")),
        *(f'{{"type":"{kind}' for kind in KINDS),
        *(f'{{"{name}' for name in ("function", "tool")),
        *(f'"{name}":[' for name in ("system", "tools", "messages", "input", "contents")),
    )
)
SPACED = tuple(text.replace(b'":', b'": ') for text in BEGINNINGS)
HEAD = 64  # bytes from which it is told whether blanks stand behind the colons
MARK, ENDING = b',"cache_control":', b'}],"'
MEDIA = (b'"data":"', b'"data": "', b";base64,")
MEDIA_BYTES = 1024  # shorter ones are texts like any other


def cut(body: bytes, start: int = 0, end: int | None = None) -> list[int]:
    """Return where the pieces of ``body[start:end]`` begin, ascending; ``start`` is the first."""
    end = len(body) if end is None else end
    if start >= end:
        return []
    found = {start}
    for text in SPACED if b'": ' in body[:HEAD] else BEGINNINGS:
        place = body.find(text, start, end)
        while place >= 0:
            found.add(place)
            place = body.find(text, place + len(text), end)
    found.update(place + 1 for place in _places(body, ENDING, start, end))  # what follows a list is no part of its last
    for place in _places(body, MARK, start, end):
        found |= {place, body.find(b"}", place, end) + 1 or place}
    for text in MEDIA:
        for place in _places(body, text, start, end):
            begun = place + len(text)
            close = body.find(b'"', begun, end)
            if close - begun >= MEDIA_BYTES and body.find(b"\\", begun, close) < 0:  # else it is a text
                found |= {begun, close}
    return sorted(each for each in found if each < end)


def _places(body: bytes, text: bytes, start: int, end: int) -> list[int]:
    found, place = [], body.find(text, start, end)
    while place >= 0:
        found.append(place)
        place = body.find(text, place + len(text), end)
    return found


def reused(last: bytes, cuts: list[int], body: bytes) -> tuple[int, int]:
    """How many pieces of ``last``, which begin at ``cuts``, ``body`` begins with, and with how many it ends."""
    same = common_prefix(last, body)
    # a body that goes on behind all of the last one: that was cut off, perhaps within a credential
    first = len(cuts) if same == len(last) == len(body) else max(0, bisect_right(cuts, same) - 1)
    begun = cuts[first] if first < len(cuts) else len(last)
    behind = common_suffix(last, body, min(len(last), len(body)) - begun)
    tail = len(cuts) - bisect_left(cuts, len(last) - behind)
    return first, tail


def common_prefix(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(one: bytes, other: bytes, most: int) -> int:
    """How many bytes both end with, at most ``most``."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one.endswith(other[len(other) - middle : len(other) - low], 0, len(one) - low):
            low = middle
        else:
            high = middle - 1
    return low
