"""PDFs that a translation waits for, read beside mitmproxy's event loop: a large one takes seconds.

The thread works on values alone. The translation itself stays on the event loop, and is done again with what was read.
"""

import asyncio
import logging

from addon.dialects import documents
from addon.dialects.documents import Reading, Unread


class Reader:
    """Reads each PDF once, however many wait for it: agents at work side by side send the same."""

    def __init__(self) -> None:
        """Silence pypdf: it quotes what it cannot read, and that is of a prompt."""
        logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
        self._running: dict[bytes, asyncio.Task[Reading]] = {}

    async def read(self, unread: Unread) -> Reading:
        """Wait for it. A thread cannot be stopped: it ends also when nobody waits any more."""
        task = self._running.get(unread.key)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(documents.read, unread.encoded))
            self._running[unread.key] = task
            task.add_done_callback(lambda _: self._running.pop(unread.key, None))
        return await asyncio.shield(task)
