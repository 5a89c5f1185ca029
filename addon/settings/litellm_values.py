"""Reading litellm's settings: mistakes with their path, and values that refer to others. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from addon.protocol.errors import ConfigError
from addon.settings import litellm_names as names

type Path = tuple[str | int, ...]

LONGEST_SHOWN = 60  # of a name: a misplaced secret is longer


class Mistake(ConfigError):
    """A mistake in the list; ``path`` says where it stands in what ``convert`` was given."""

    def __init__(self, path: Path, what: str) -> None:
        """Begin the message with the path, as ``model_list.0.litellm_params.model: ...``."""
        super().__init__(f"{'.'.join(map(str, path))}: {what}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Converted:
    """Parts of a document. ``origins`` maps a path in them to the path it was made of, for messages on what is made."""

    backends: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    routes: list[dict[str, Any]] = field(default_factory=list)
    for_all: dict[str, dict[str, float]] = field(default_factory=dict)  # sections that hold for every backend
    ignored: list[tuple[Path, str]] = field(default_factory=list)
    origins: dict[Path, Path] = field(default_factory=dict)

    def ignore(self, path: Path, otherwise: str) -> None:
        """Note what has no effect; the reason is that of its name, where the table has one."""
        self.ignored.append((path, names.REASONS.get(str(path[-1]), otherwise)))


@dataclass(slots=True)
class Values:
    """What values may refer to: ``environment_variables``, and ``credential_list`` by name."""

    variables: Mapping[str, str]
    credentials: Mapping[str, tuple[int, Mapping[str, Any]]]
    used: set[str | int] = field(default_factory=set)  # names of variables, indices of credentials

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Values":
        """Read the two sections of ``data``. Raises: Mistake."""
        path: Path = (names.VARIABLES,)
        variables = {}
        for name, value in mapping(data.get(names.VARIABLES), path).items():
            if (text := text_of(value, (*path, str(name)))) is not None:
                variables[str(name)] = text
        path = (names.CREDENTIALS,)
        credentials = {}
        for index, each in enumerate(listed(data.get(names.CREDENTIALS), path)):
            entry = mapping(each, (*path, index))
            name = needed(entry, "credential_name", (*path, index))
            given = mapping(entry.get("credential_values"), (*path, index, "credential_values"))
            credentials[name] = (index, given)
        return cls(variables, credentials)

    def filled(self, value: Any) -> Any:
        """Put ``environment_variables`` in place of references to them, at any depth."""
        match value:
            case dict():
                return {key: self.filled(inner) for key, inner in value.items()}
            case list():
                return [self.filled(inner) for inner in value]
            case str() if (found := names.REFERENCE.fullmatch(value)) and found[1] in self.variables:
                return self.variable(found[1])
            case _:
                return value

    def variable(self, name: str) -> str | None:
        """Return the value of one of ``environment_variables``."""
        if name in self.variables:
            self.used.add(name)
        return self.variables.get(name)

    def credential(self, params: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        """Return what a deployment takes from the credential that it names."""
        name = text_of(params.get("litellm_credential_name"), (*path, "litellm_credential_name"))
        if name is None:
            return {}
        if name not in self.credentials:
            where = (*path, "litellm_credential_name")
            raise Mistake(where, f"there is no credential of that name in {names.CREDENTIALS}")
        index, given = self.credentials[name]
        self.used.add(index)
        return given

    def leftovers(self, made: Converted) -> None:
        """Note what nobody referred to."""
        for name in self.variables:
            if name not in self.used:
                made.ignore((names.VARIABLES, name), "no deployment refers to it")
        for index, _ in self.credentials.values():
            if index not in self.used:
                made.ignore((names.CREDENTIALS, index), "no deployment names it")


def credential_of(text: str, path: Path) -> str | dict[str, str]:
    """Return a credential as documents write it: a reference, or the key in a place that is never shown."""
    reference = written(text, path)
    return {"key": text} if reference is None or reference == text else reference


def written(value: Any, path: Path) -> str | None:
    """Return a text as documents write it: ``${NAME}`` for ``os.environ/NAME``."""
    text = text_of(value, path)
    if text is None or not text.startswith(names.ENVIRON):
        return text
    if (found := names.REFERENCE.fullmatch(text)) is None:
        raise Mistake(path, "write os.environ/NAME, with letters, digits and underscores in the name")
    return f"${{{found[1]}}}"


def text_of(value: Any, path: Path) -> str | None:
    """Return a text; None for none, or an empty one. A whole number is a text that lacks its quotes."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        value = f"{value:d}"
    if value is not None and not isinstance(value, str):
        raise Mistake(path, "a text is needed here")
    return value or None


def needed(given: Mapping[str, Any], key: str, path: Path) -> str:
    """Return a text that must be there."""
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise Mistake((*path, key), "a text is needed here" if value is not None else "it is missing")
    return value


def number(value: Any, path: Path) -> float | None:
    """Return a number from 0; texts are read too, because other YAML readers take 1e-6 for one."""
    if value is None:
        return None
    try:
        number = inf if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = inf
    if not isfinite(number) or number < 0:
        raise Mistake(path, "a number from 0 is needed here")
    return number


def whole(given: Mapping[str, Any], keys: tuple[str, ...], path: Path) -> int | None:
    """Return the first whole number that stands under one of ``keys``; 0 is none."""
    key = next((key for key in keys if given.get(key) is not None), keys[0])
    return int(number(given.get(key), (*path, key)) or 0) or None


def flag(value: Any, path: Path) -> bool | None:
    """Return a switch; None for none."""
    if value is not None and not isinstance(value, bool):
        raise Mistake(path, "true or false is needed here")
    return value


def mapping(value: Any, path: Path) -> Mapping[Any, Any]:
    """Return a mapping; an empty one for none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Mistake(path, "a mapping is needed here: KEY: value")
    return value


def listed(value: Any, path: Path) -> list[Any]:
    """Return a list; an empty one for none."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Mistake(path, "a list is needed here")
    return value


def shown(name: str) -> str:
    """A name as it may be shown: in full where it is short."""
    return repr(name) if len(name) <= LONGEST_SHOWN else "the name"
