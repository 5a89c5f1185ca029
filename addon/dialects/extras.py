"""What the configuration adds to a backend's requests: fields of the body, and headers.

Extra fields are a JSON Merge Patch (RFC 7396): objects are merged at every level, any other value replaces what stands
there, and null takes a field out, so that a backend can be spared one it refuses.
"""

from collections.abc import Mapping
from typing import Any

from addon.protocol.messages import Json

type Header = tuple[str, str]


def merge(base: Mapping[str, Any], extra: Mapping[str, Any]) -> Json:
    """Lay one patch over another: ``extra`` wins. Nulls stay, because there is nothing yet to take them out of."""
    merged = dict(base)
    for name, value in extra.items():
        under = merged.get(name)
        merged[name] = merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged


def patch(body: Mapping[str, Any], extra: Mapping[str, Any]) -> Json:
    """Return ``body`` with the extra fields; nothing of ``body`` is changed in place."""
    patched = dict(body)
    for name, value in extra.items():
        if value is None:
            patched.pop(name, None)
        elif isinstance(value, Mapping):
            under = patched.get(name)
            patched[name] = patch(under if isinstance(under, Mapping) else {}, value)
        else:
            patched[name] = value
    return patched


def replace_headers(headers: tuple[Header, ...], extra: tuple[Header, ...]) -> tuple[Header, ...]:
    """Return ``headers`` and then ``extra``; one of the same name, in any case, gives way."""
    if not extra:
        return headers
    replaced = {name.lower() for name, _ in extra}
    return (*(header for header in headers if header[0].lower() not in replaced), *extra)
