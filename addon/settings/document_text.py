"""From the text of ``detour.yaml``, or of a litellm configuration, to a Document. Pure.

What is wrong is told with its line, the key and what is allowed, and never with a value that could be a key.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from addon.protocol.errors import ConfigError
from addon.settings import document, litellm_list, yaml_text
from addon.settings.document import Document
from addon.settings.providers import Path, Place

MOST_TOLD = 5  # mistakes at once
LITELLM = "model_list"
SECTIONS = ("backends", "models")


def parse(text: str, name: str) -> tuple[Document, Place, tuple[str, ...]]:
    """Return the document, where each of its values stands, and what of it has no effect. Raises: ConfigError."""
    written = yaml_text.read(text, name)
    data, unused = dict(written.data), []

    def place(path: Path) -> str:
        return f"{name}, line {written.line(path)}"

    if LITELLM in data:
        try:
            converted = litellm_list.convert(data)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error.message}") from None
        unused = [f"{place(path)}: {'.'.join(map(str, path))} has no effect: {why}" for path, why in converted.ignored]
        data = _merged(data, converted)
    try:
        found = Document.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error, data, place))) from None
    return found, place, (*unused, *_without_effect(found, place))


def _merged(data: Mapping[str, Any], converted: litellm_list.Converted) -> dict[str, Any]:
    """Put what a litellm list amounts to behind what the document says itself."""
    own = {key: value for key, value in data.items() if key in Document.model_fields}
    own["backends"] = {**converted.backends, **(own.get("backends") or {})}
    own["models"] = {**converted.models, **(own.get("models") or {})}
    routes = own.get("routes") or []
    if isinstance(routes, dict):
        routes = [{name: routes[name]} for name in document.SCENARIOS[::-1] if name in routes]
    own["routes"] = [*routes, *converted.routes]
    return own


def _without_effect(found: Document, place: Place) -> Iterable[str]:
    if found.record is not None:
        yield f"{place(('record',))}: record has no effect yet: flows are kept as mitmproxy keeps them"
    for name, backend in found.backends.items():
        if backend.timeouts is not None:
            yield f"{place(('backends', name, 'timeouts'))}: timeouts have no effect yet"


def _told(error: ValidationError, data: Any, place: Place) -> Iterable[str]:
    """Say the deepest mistakes: where a value may have several shapes, that is the one it was meant to have."""
    found: dict[Path, list[str]] = {}
    for each in error.errors(include_url=False, include_input=False):
        path = _path(each["loc"], data)
        found.setdefault(path, []).append(_words(each, path))
    deepest = [
        path for path in found if not any(other[: len(path)] == path and len(other) > len(path) for other in found)
    ]
    for path in deepest[:MOST_TOLD]:
        yield f"{place(path)}: {'.'.join(map(str, path))}: {' or '.join(dict.fromkeys(found[path]))}"
    if len(deepest) > MOST_TOLD:
        yield f"and {len(deepest) - MOST_TOLD} more"


def _path(location: Iterable[int | str], data: Any) -> Path:
    """Leave the names of shapes, which pydantic puts between, out of a location."""
    path: list[int | str] = []
    for part in location:
        inside: Any = dict(enumerate(data)) if isinstance(data, list) else data if isinstance(data, Mapping) else {}
        if part in inside:
            data = inside[part]
            path.append(part)
    return tuple(path)


def _words(each: Any, path: Path) -> str:
    if each["type"] == "extra_forbidden":
        near = get_close_matches(str(path[-1]), KEYS, n=1)
        return "there is no such key" + (f", is {near[0]} meant?" if near else "")
    return str(each["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")


def _keys() -> set[str]:
    parts = [part for part in vars(document).values() if isinstance(part, type) and issubclass(part, BaseModel)]
    return {field.alias or name for part in parts for name, field in part.model_fields.items()}


KEYS = sorted(_keys())
