"""A history as a backend of Anthropic's own format may be shown it: with no thinking but its own.

Whoever signs thinking refuses what another signed, with a 400. So each signature says whose it is: Anthropic's stand as
they are, those of translated backends are ours (``protocol.signature``), and those of other native backends are sealed
by ``reply`` on their way to the client and opened here on their way back. Thinking that nobody signed is some
native backend's: those take it from each other.
Source: Messages API reference, "extended thinking"; Anthropic takes its own signatures on every cloud that has Claude.
"""

from addon.dialects import Target, server_blocks
from addon.dialects.losses import Loss, Lost, loss
from addon.protocol import signature
from addon.protocol.messages import Json, Request

NATIVE = "native"  # the key of a signature's state that holds a native backend's own
MARK = signature.PREFIX.encode()
FOREIGN = (MARK, b'"signature":""', b'"signature": ""')
OWN = b'thinking"'  # the end of a block's type
THOUGHTS = {"thinking": "signature", "redacted_thinking": "data"}  # kind of block -> what is signed in it
THINKING_EDIT = "clear_thinking_20251015"  # Anthropic refuses it where thinking is disabled (400, "requires thinking")


def concerns(body: bytes, *, claude: bool) -> bool:
    """Whether a body as the client wrote it may hold what must not go as it is, to Claude or to another; cheap."""
    return any(mark in body for mark in FOREIGN) if claude else OWN in body or MARK in body


def own(request: Request, target: Target) -> tuple[Request, tuple[Loss, ...]]:
    """Return the request with the target's own thinking alone; the very same where nothing changes."""
    losses: list[Loss] = []
    turns: list[Json] = []
    changed = False
    for index, message in enumerate(request.messages):
        content = message["content"]
        kept = content if isinstance(content, str) else _blocks(content, f"messages.{index}.content", target, losses)
        if kept is content:
            turns.append(message)
            continue
        changed = True
        if kept:
            turns.append({**message, "content": kept})
    if not changed:
        return request, ()
    body = {**request.body, "messages": turns}
    if _must_not_think(body, turns):
        losses.append(loss(Lost.THINKING_OFF, "thinking"))
        body["thinking"] = {"type": "disabled"}
        _drop_thinking_edit(body)
    return Request(body, request.model, request.stream, turns, request.betas), tuple(losses)


def _blocks(blocks: list[Json], path: str, target: Target, losses: list[Loss]) -> list[Json]:
    """The blocks that may stand; the very same list where all may."""
    kept: list[Json] = []
    for position, block in enumerate(blocks):
        at = f"{path}.{position}"
        kind = block["type"]
        if kind in THOUGHTS:
            kept += _thought(block, kind, at, target, losses)
        elif kind == "web_search_tool_result" and MARK in repr(block.get("content")).encode():
            kept = [each for each in kept if not _asks(each, block)]
            kept.append({"type": "text", "text": server_blocks.say(block, at, losses)})
        elif kind == "text" and MARK in repr(block.get("citations")).encode():
            losses.append(loss(Lost.CITATIONS, f"{at}.citations"))
            kept.append({key: value for key, value in block.items() if key != "citations"})
        else:
            kept.append(block)
    return blocks if kept == blocks else kept


def _thought(block: Json, kind: str, path: str, target: Target, losses: list[Loss]) -> list[Json]:
    """One block or none."""
    field = THOUGHTS[kind]
    seal = signature.unseal(block.get(field))
    if seal is None:
        signed, ours = bool(block.get(field)), str(block.get(field)).startswith(signature.PREFIX)  # a damaged one
        if target.profile.claude == signed and not ours:  # Anthropic signs all of its own; some others sign nothing
            return [block]
        losses.append(loss(Lost.FOREIGN_THINKING, path, "an earlier turn"))
        return []
    native = seal.state.get(NATIVE)
    if isinstance(native, str) and seal.provider == target.provider:
        return [{**block, field: native}]
    losses.append(loss(Lost.FOREIGN_THINKING, path, seal.origin))
    return []


def _asks(block: Json, found: Json) -> bool:
    """Whether a block is the search that ``found`` answers."""
    return block["type"] == "server_tool_use" and block.get("id") == found.get("tool_use_id")


def _must_not_think(body: Json, turns: list[Json]) -> bool:
    """Whether calls are open that were made without thinking of Anthropic's.

    Where thinking is asked for with a budget, Anthropic refuses such a turn; with adaptive thinking it takes it.
    """
    if (body.get("thinking") or {}).get("type") != "enabled":
        return False
    last = next((turn for turn in reversed(turns) if turn["role"] == "assistant"), None)
    content = last["content"] if last is not None else ""
    return (
        isinstance(content, list)
        and bool(content)
        and content[-1]["type"] == "tool_use"
        and content[0]["type"] not in THOUGHTS
    )


def _drop_thinking_edit(body: Json) -> None:
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if isinstance(management, dict) and isinstance(edits, list):
        rest = [edit for edit in edits if not (isinstance(edit, dict) and edit.get("type") == THINKING_EDIT)]
        body["context_management"] = {**management, "edits": rest}
