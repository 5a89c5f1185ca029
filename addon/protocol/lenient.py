"""JSON as JavaScript and Python programs write it, where that is not quite JSON.

JavaScript writes half of a surrogate pair as an escape, which orjson refuses and UTF-8 cannot hold: it becomes U+FFFD.
Python writes NaN and Infinity, for which JSON has no word. This is slow, and asked only when orjson has refused.
"""

import json
import re
from collections.abc import Callable

import orjson

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # json.loads has joined those that make a pair


def loads(text: bytes, constant: Callable[[str], object]) -> object:
    """Parse ``text``; ``constant`` says what NaN, Infinity and -Infinity become. Raises: ValueError, as it may."""
    try:
        written = json.dumps(json.loads(text, parse_constant=constant), ensure_ascii=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return orjson.loads(LONE_SURROGATE.sub("\ufffd", written))
