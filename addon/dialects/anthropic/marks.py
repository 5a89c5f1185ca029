"""The marks that ask for a prompt cache: four at most, or Anthropic and DashScope refuse the request.

Claude Code sets no more; hooks and other clients may. The last ones stay: what comes before them is in their cache too.
Source: Messages API reference, "prompt caching"; alibabacloud.com, "context cache".
"""

from addon.protocol.messages import Json

MARK = "cache_control"
AS_WRITTEN = b'"cache_control"'  # inside a text its quotes would be escaped
MOST = 4


def is_many(body: bytes | None) -> bool:
    """Whether a body as the client wrote it may have too many; cheap."""
    return body is None or body.count(AS_WRITTEN) > MOST


def limited(body: Json) -> Json:
    """Return the fields of a body that have to change, without the first marks of too many; empty where none has to."""
    spare = sum(_count(body.get(field)) for field in FIELDS) - MOST
    changed: Json = {}
    for field in FIELDS:
        if spare <= 0:
            break
        held = _count(body.get(field))
        if held:
            changed[field], spare = _without(body[field], spare)
    return changed


FIELDS = ("tools", "system", "messages")  # as they stand in a prompt


def _count(value: object) -> int:
    """How many marks the blocks, tools or turns of a list have, those inside contents too."""
    if not isinstance(value, list):
        return 0
    holders = [each for each in value if isinstance(each, dict)]
    return sum((each.get(MARK) is not None) + _count(each.get("content")) for each in holders)


def _without(value: list[Json], spare: int) -> tuple[list[Json], int]:
    """Return the list without its first ``spare`` marks, and how many are still to be taken off."""
    made = []
    for held in value:
        each = held
        if spare > 0 and isinstance(each, dict):
            if each.get(MARK) is not None:
                each = {name: part for name, part in each.items() if name != MARK}
                spare -= 1
            if spare > 0 and _count(each.get("content")):
                content, spare = _without(each["content"], spare)
                each = {**each, "content": content}
        made.append(each)
    return made, spare
