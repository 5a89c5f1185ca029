"""What a translation on the event loop runs in."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from addon.dialects import documents
from addon.dialects.documents import Reading


@contextmanager
def undisturbed(readings: dict[bytes, Reading]) -> Iterator[None]:
    """Translate without the garbage collector, and with the PDFs that were read for it.

    A request is a large tree that is gone before it would be walked.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with documents.at_hand(readings):
            yield
    finally:
        if was_enabled:
            gc.enable()
