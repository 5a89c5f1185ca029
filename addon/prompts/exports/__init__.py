"""Sessions of the prompt log as files for other programs, and for people. Pure: entries in, bytes out.

One module for each format. What the log gives back is redacted, and its marks stay as they are in every export.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Export:
    """A file's content, and what of the entries is not in it, in a sentence each."""

    content: bytes
    left_out: tuple[str, ...] = ()
