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

import re
from bisect import bisect_left, bisect_right

# where a piece begins: in the wire formats that we write or read, each with and without a blank behind the colon
BEGINS = re.compile(
    rb'\{"role": ?"'
    rb'|\{"name": ?"'
    rb'|\{"type": ?"(?:text|thinking|tool_use|tool_result|image|document|function|function_call|message|input_text'
    rb'|output_text|function_call_output|reasoning)"'
    rb'|\{"functionDeclarations"|\{"functionCall"|\{"functionResponse"|\{"toolSpec"|\{"toolUse"|\{"toolResult"'
    rb'|"(?:system|tools|messages|input|contents)": ?(?=[\["{])'
    rb'|,"cache_control": ?\{[^{}]{0,200}\}'
    rb'|(?P<media>"data": ?"|;base64,)(?=[A-Za-z0-9+/=]{1024})'
)
MARK = b',"cache_control"'


def cut(body: bytes, start: int = 0, end: int | None = None) -> list[int]:
    """Return where the pieces of ``body[start:end]`` begin, ascending; ``start`` is the first."""
    end = len(body) if end is None else end
    found = [start]
    for match in BEGINS.finditer(body, start, end):
        if match["media"]:
            found += [match.end(), body.find(b'"', match.end(), end)]
        elif match[0].startswith(MARK):
            found += [match.start(), match.end()]
        else:
            found.append(match.start())
    return sorted({each for each in found if start <= each < end})


def reused(last: bytes, cuts: list[int], body: bytes) -> tuple[int, int]:
    """How many pieces of ``last``, which begin at ``cuts``, ``body`` begins with, and with how many it ends."""
    same = common_prefix(last, body)
    first = bisect_right(cuts, same) - 1 if same < len(last) else len(cuts)
    begun = cuts[first] if first < len(cuts) else len(last)
    behind = common_suffix(last, body, min(len(last), len(body)) - begun)
    tail = len(cuts) - bisect_left(cuts, len(last) - behind)
    return max(first, 0), tail


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
