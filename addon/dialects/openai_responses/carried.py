"""What a response wants back with the turn that it was: the state under ``KEY`` in the signature of a thinking block.

A list of entries in the order of the reply. Each is an item as the next request must hold it (``reasoning``, or a
``web_search_call``), or says of the next text of the turn which phase it was of. An entry stands before whatever
follows the block that carries it. One whose encrypted content came too late for that (Azure, which tells it at the end)
says by ``before`` where it belongs: the id of a call, or nothing for the turn's first text.

Only the very model that made it gets it back: another cannot read it, and says so with a 400.
Source: OpenAI, "reasoning models", "encrypted reasoning items"; earendil-works/pi#6409.
"""

from collections.abc import Mapping
from typing import Any

from addon.dialects import Target
from addon.protocol import signature
from addon.protocol.messages import Json

KEY = "output"
ITEM, PHASE, BEFORE = "item", "phase", "before"
REASONING, SEARCH = "reasoning", "web_search_call"  # types of items
PHASES = frozenset(("commentary", "final_answer"))


def reasoning(item: Mapping[str, Any]) -> Json | None:
    """Return a reasoning item as it goes back; None where nothing of it could be used without the backend's storage.

    Words of a summary alone say nothing to the model; those of open models are the reasoning itself.
    """
    content = item.get("content")
    if not item.get("encrypted_content") and not content:
        return None
    told = {name: item.get(name) for name in ("id", "encrypted_content", "content")}
    return {
        "type": REASONING,
        "summary": item.get("summary") or [],
        **{name: value for name, value in told.items() if value},
    }


def search(item: Mapping[str, Any]) -> Json | None:
    """Return a search as it goes back: the pages are no part of it, the model has read them. None where it is none."""
    action = {key: value for key, value in (item.get("action") or {}).items() if key != "sources"}
    if not action or not item.get("id"):
        return None
    return {"type": SEARCH, "id": item["id"], "status": item.get("status") or "completed", "action": action}


class Returned:
    """What of one assistant turn goes back to the target, with its place in the turn."""

    __slots__ = ("_before", "_entries", "searches")

    def __init__(self, target: Target, blocks: list[Json]) -> None:
        """Look through the thinking of the turn."""
        self._entries = [_entries(block, target) if block["type"] == "thinking" else [] for block in blocks]
        self._before: dict[str, list[Json]] = {}  # id of a call, or "" -> items that belong before it
        self.searches = False  # whether the turn's searches go back as they were
        for entries in self._entries:
            for entry in entries:
                if BEFORE in entry:
                    self._before.setdefault(str(entry[BEFORE]), []).append(entry[ITEM])
                self.searches = self.searches or entry.get(ITEM, {}).get("type") == SEARCH

    def at(self, position: int) -> tuple[list[Json], str] | None:
        """Return the items that stand where this block stands, and the phase of the text that follows.

        None where it carries nothing that the target itself has put there.
        """
        entries = self._entries[position]
        phases = [entry[PHASE] for entry in entries if PHASE in entry]
        items = [entry[ITEM] for entry in entries if ITEM in entry and BEFORE not in entry]
        return (items, phases[-1] if phases else "") if entries else None

    def before(self, call_id: str) -> list[Json]:
        """Return the items that belong before a call; before the first text where ``call_id`` is empty."""
        return self._before.pop(call_id, [])


def _entries(block: Json, target: Target) -> list[Json]:
    seal = signature.unseal(block.get("signature"))
    told = seal.state.get(KEY) if seal is not None and seal.origin == target.name else None
    return [entry for entry in told if _is_known(entry)] if isinstance(told, list) else []


def thinker(block: Json) -> str:
    """Whose thinking it is, for people."""
    seal = signature.unseal(block.get("signature"))
    return seal.origin if seal is not None else "an earlier turn"


def _is_known(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    if ITEM not in entry:
        return entry.get(PHASE) in PHASES and BEFORE not in entry
    return isinstance(entry[ITEM], dict) and entry[ITEM].get("type") in (REASONING, SEARCH)
