"""From the text of ``detour.yaml``, or of a litellm configuration, to a Document. Pure.

What is wrong is told with its line, the key and what is allowed, and never with a value that could be a key.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from addon.protocol.errors import ConfigError
from addon.settings import document, litellm_list, litellm_names, yaml_text
from addon.settings.document import Document
from addon.settings.providers import Path, Place

CLIENT_GIVES_UP_S = 180  # at the proxy door, 300 at the other; docs/protocol.md, "Silence"
MOST_TOLD = 5  # mistakes at once
# pydantic's type of a mistake -> the shape that is missed; where several are possible, all are told
SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "a text",
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
    }
)
# those that are told in other words
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "missing": "it is missing",
        "string_pattern_mismatch": "it is empty",
        "string_too_short": "it is empty",
        "too_short": "it is empty",
    }
)


def parse(text: str, name: str) -> tuple[Document, Place, tuple[str, ...]]:
    """Return the document, where each of its values stands, and what of it has no effect. Raises: ConfigError."""
    written = yaml_text.read(text, name)
    data: Mapping[str, Any] = written.data
    origins: Mapping[Path, Path] = {}
    unused: list[str] = []

    def place(path: Path) -> str:
        known = next((path[:count] for count in range(len(path), 0, -1) if path[:count] in origins), ())
        return f"{name}, line {written.line((*origins.get(known, ()), *path[len(known) :]))}"

    if data.get(litellm_names.MODEL_LIST) is not None:
        try:
            converted = litellm_list.convert(data)
        except litellm_list.Mistake as error:
            raise ConfigError(f"{place(error.path)}: {error.message}") from None
        unused = [f"{place(path)}: {'.'.join(map(str, path))} has no effect: {why}" for path, why in converted.ignored]
        data, origins = _merged(data, converted)
    try:
        found = Document.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, data, place))) from None
    return found, place, (*unused, *_in_vain(found, place))


def _merged(
    data: Mapping[str, Any], converted: litellm_list.Converted
) -> tuple[Mapping[str, Any], Mapping[Path, Path]]:
    """Put what a litellm list amounts to behind what the document says itself; also return what was made of what."""
    own = {key: value for key, value in data.items() if key not in litellm_names.SECTIONS}
    origins: dict[Path, Path] = {}
    names = {index: name for index, route in enumerate(converted.routes) if (name := _plain_name(route))}
    aliases = {name: converted.routes[index]["to"] for index, name in names.items()}
    known: dict[Path, Path] = dict(converted.origins)
    known |= {("models", name): known["routes", index] for index, name in names.items()}
    parts = {"backends": converted.backends, "models": {**converted.models, **aliases}, **converted.for_all}
    for section, made in parts.items():
        written = own.get(section) or {}
        if isinstance(written, Mapping):  # else it is told that it is none
            own[section] = {**made, **written}
            origins |= {(section, key): known[section, key] for key in made if key not in written}
            origins |= {(section,): known[section,]} if not written and (section,) in known else {}
    routes = own.get("routes") or []
    if isinstance(routes, Mapping):
        scenarios = sorted(routes, key=lambda name: (*document.SCENARIOS, name).index(name))
        origins |= {("routes", index): ("routes",) for index in range(len(scenarios))}
        routes = [{name: routes[name]} for name in scenarios]
    if isinstance(routes, list):
        rest = [index for index in range(len(converted.routes)) if index not in names]
        own["routes"] = [*routes, *(converted.routes[index] for index in rest)]
        origins |= {
            ("routes", len(routes) + count): converted.origins["routes", index] for count, index in enumerate(rest)
        }
    return own, origins


def _plain_name(route: Mapping[str, Any]) -> str | None:
    """Return the name that a route of a litellm list is for, where it can be an alias; None for one with wildcards."""
    name = str(route["when"]["model"])
    return None if any(sign in name for sign in "*?[") or name in route["to"] else name


def _in_vain(found: Document, place: Place) -> Iterator[str]:
    for name in ("grace", "ping"):
        span = getattr(found.streaming, name)
        if isinstance(span, int | float) and span >= CLIENT_GIVES_UP_S:
            limit = f"Claude Code gives up a silent stream after {CLIENT_GIVES_UP_S} s"
            yield f"{place(('streaming', name))}: streaming.{name} is {span:g} s, and {limit}"


def _told(error: ValidationError, data: Any, place: Place) -> Iterator[str]:
    """Say the deepest mistakes: where a value may have several shapes, that is the one it was meant to have."""
    found: dict[Path, list[Mapping[str, Any]]] = {}
    for each in error.errors(include_url=False, include_input=False):
        found.setdefault(_path(each, data), []).append(each)
    deepest = [
        path for path in found if not any(other[: len(path)] == path and len(other) > len(path) for other in found)
    ]
    for path in deepest[:MOST_TOLD]:
        yield f"{place(path)}: {_shown(path)}{_words(found[path], path)}"
    if len(deepest) > MOST_TOLD:
        yield f"and {len(deepest) - MOST_TOLD} more"


def _shown(path: Path) -> str:
    """The key of a mistake; one that is as long as a secret may be a misplaced one."""
    steps = [step if len(step) <= yaml_text.LONGEST_SHOWN else "..." for step in map(str, path)]
    return f"{'.'.join(steps)}: " if steps else ""


def _path(mistake: Mapping[str, Any], data: Any) -> Path:
    """Leave the names of shapes, which pydantic puts between, out of a location."""
    path: list[int | str] = []
    for part in mistake["loc"]:
        inside: Any = dict(enumerate(data)) if isinstance(data, list) else data if isinstance(data, Mapping) else {}
        if part in inside:
            data = inside[part]
            path.append(part)
    if mistake["type"] == "missing":  # so it is not in the data
        path.append(mistake["loc"][-1])
    return tuple(path)


def _words(mistakes: list[Mapping[str, Any]], path: Path) -> str:
    others = [each for each in mistakes if each["type"] not in SHAPES]
    if not others:
        return f"write {' or '.join(dict.fromkeys(SHAPES[each['type']] for each in mistakes))}"
    return " or ".join(dict.fromkeys(_word(each, path) for each in others))


def _word(mistake: Mapping[str, Any], path: Path) -> str:
    if mistake["type"] == "extra_forbidden":
        keys = _keys(path)
        wanted = str(path[-1])
        if " " in wanted:
            return "there is no such key; a text with a comma in it needs quotes"
        near = [key for key in keys if key.startswith(wanted)] or get_close_matches(wanted, keys, n=1)
        known = f"is {near[0]} meant?" if near else f"but {', '.join(keys)}"
        return f"there is no such key, {known}" if keys else "there is no such key"
    text = WORDS.get(mistake["type"]) or str(mistake["msg"]).removeprefix("Value error, ")
    return text.replace("Input should be ", "it must be ")


def _keys(path: Path) -> list[str]:
    """Return what may stand beside the last step of a path."""
    inside: set[type[BaseModel]] = {Document}
    for step in path[:-1]:
        fields = [field for part in inside for name, field in part.model_fields.items() if step in (name, field.alias)]
        if fields:  # else it is an index, or a name that the user gave
            inside = {part for field in fields for part in _parts(field.annotation)}
    return sorted({field.alias or name for part in inside for name, field in part.model_fields.items()})


def _parts(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in an annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in get_args(kind):
        yield from _parts(inner)
