"""litellm's data file of models, row by row: where it lies, which rows it has, and one of them parsed.

litellm itself is never imported here (seconds, 200 MB, network): its package folder is located without executing it,
and rows are picked out of the JSON beside it. Parsing all of its 3 MB would cost 20 MB that the process never gives
back; reading it whole would teach the allocator to keep 3. So it is mapped, looked over once for where its rows begin
(13 ms, and 50 kB kept), and a row is parsed where it stands (0.1 ms).
"""

import importlib.util
import json
import logging
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FILE = "model_prices_and_context_window_backup.json"
SPECIMEN = "sample_spec"  # the key that explains the fields
LONGEST_ROW = 16_384  # bytes; the longest today has 3,000
KEY = re.compile(rb'^ {0,4}("(?:[^"\\]|\\.)+"): \{', re.MULTILINE)  # fields are indented further; one key is not at all


@dataclass(frozen=True, slots=True)
class Index:
    """Where rows begin, by the hash of the key as it is written there, in the order of the hashes."""

    hashes: array[int]
    places: array[int]


@dataclass(frozen=True, slots=True)
class Rows:
    """The file while it is open."""

    content: bytes | mmap
    index: Index

    def find(self, name: str) -> dict[str, Any] | None:
        """Parse the row that stands under ``name``; None when there is none."""
        key = json.dumps(name).encode()
        wanted = hash(key)
        place = bisect_left(self.index.hashes, wanted)
        while place < len(self.index.hashes) and self.index.hashes[place] == wanted:
            start = self.index.places[place]
            if self.content[start : start + len(key)] == key:
                return self._parsed(start + len(key) + len(b": "))
            place += 1
        return None

    def _parsed(self, start: int) -> dict[str, Any] | None:
        try:
            text = self.content[start : start + LONGEST_ROW].decode("utf-8", "replace")
            row, _ = json.JSONDecoder().raw_decode(text)
        except ValueError:
            return None
        return row if isinstance(row, dict) else None

    def names(self) -> Iterator[str]:
        """Yield every key; all of the file is looked over."""
        for found in KEY.finditer(self.content):
            if (key := json.loads(found[1])) != SPECIMEN:
                yield key

    def every(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield every row with its key. All of it is parsed: 22 ms, and 20 MB that stay with the process."""
        parsed = json.loads(self.content[:]) if self.content else {}
        for key, row in parsed.items():
            if key != SPECIMEN and isinstance(row, dict):
                yield key, row


@contextmanager
def opened() -> Iterator[Rows]:
    """Map the file; where there is none there are no rows, and that is said."""
    found = importlib.util.find_spec("litellm")
    folders = found.submodule_search_locations if found else None
    path = Path(next(iter(folders or ()), "")) / FILE
    try:
        with path.open("rb") as file:
            content = mmap(file.fileno(), 0, access=ACCESS_READ)
        stamp = path.stat()
    except (OSError, ValueError) as error:
        logger.warning("Detour: no facts of models (%s); max_tokens is clamped to each provider's default", error)
        yield Rows(b"", Index(array("q"), array("L")))
        return
    with content:
        yield Rows(content, _index(path, stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=1)
def _index(path: Path, written_ns: int, size: int) -> Index:
    """Look the file over once, and again when it has changed."""
    _ = written_ns, size
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        found = sorted((hash(each[1]), each.start(1)) for each in KEY.finditer(content))
    return Index(array("q", (key for key, _ in found)), array("L", (place for _, place in found)))
