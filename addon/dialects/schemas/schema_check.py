"""Whether an answer has the form that was asked for, of a backend that was told the form in words.

Theory of operation
-------------------
Text waits until the reply has ended, for text that was sent cannot be taken back; thinking passes at once. Then the one
JSON value is looked for in it: all of the text, or a fenced piece, or an object with words around it. Where it fits the
schema it is the answer, as the model wrote it and without what stood around it. Where it does not, the reply is an
error, told once: the client would not ask otherwise if it asked again.

What is not checked, because the stop reason says that it may not fit: an answer that was cut at a limit, a refusal, one
that ended at a stop sequence. Text beside tool calls is no answer yet.

To import jsonschema takes 0.1 s, so it is imported when it is first needed; no reference of a schema is ever fetched.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

import orjson

from addon.dialects.schemas.json_schemas import rebuilt
from addon.protocol.deltas import Citation, Delta, End, Failure, Finish, StopReason, Text, ToolCall
from addon.protocol.errors import BackendError, BadRequest, Kind

MOST_CHARACTERS = 4 * 1024 * 1024  # of an answer; models write up to 400,000 tokens, of some four characters each
MOST_BRACES = 100  # at which an object may be tried to begin: each try may read to the end
FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
WAY_OUT = "Name a model whose backend can be held to a schema for this call."

type Found = tuple[str, Any]  # a JSON value as it is written, and as it is read
type Check = Callable[[Any], str | None]  # the path of the rule that a value breaks; None: it breaks none


@lru_cache(maxsize=64)
def validator(schema: bytes) -> Check:
    """Return the check for a schema, written as JSON. Raises: BadRequest where it is none."""
    import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415 - 0.1 s; it has no types
    from referencing import Registry  # noqa: PLC0415 - the same

    read = _checkable(orjson.loads(schema))
    try:
        kind = jsonschema.validators.validator_for(read, default=jsonschema.Draft202012Validator)
        kind.check_schema(read, jsonschema.FormatChecker(formats=()))
    except Exception as error:  # noqa: BLE001 - a SchemaError, and whatever an odd `$schema` or depth makes of it
        path = ".".join(map(str, ("output_config.format.schema", *getattr(error, "absolute_path", ()))))
        raise BadRequest(f"{path}: JSON schema is invalid.") from None
    checking = kind(read, registry=Registry())

    def check(value: Any) -> str | None:
        try:
            broken = jsonschema.exceptions.best_match(checking.iter_errors(value))
        except Exception:  # noqa: BLE001 - a reference to nothing, to itself or to no address; a number beyond reckoning
            return "$ref, which leads nowhere"
        return None if broken is None else ".".join(map(str, broken.absolute_schema_path))

    return check


def _checkable(schema: Any) -> Any:
    """Leave out patterns that Python cannot read; those of JSON Schema are JavaScript's."""
    if not isinstance(schema, dict):
        return schema
    made = rebuilt(schema, _checkable)
    if not _compiles(made.get("pattern", "")):
        del made["pattern"]
    named = made.get("patternProperties")
    if isinstance(named, dict):
        made["patternProperties"] = {name: inner for name, inner in named.items() if _compiles(name)}
    return made


def _compiles(pattern: object) -> bool:
    try:
        re.compile(pattern if isinstance(pattern, str) else "")
    except re.error:
        return False
    return True


def candidates(text: str) -> Iterator[Found]:
    """Yield what of a text may be the answer."""
    fenced = FENCED.findall(text)
    for piece in (text, *(fenced if len(fenced) == 1 else ())):
        try:
            yield piece.strip(), orjson.loads(piece)
        except orjson.JSONDecodeError:
            continue
        return
    yield from _objects(text)


def _objects(text: str) -> Iterator[Found]:
    """Yield every object in a text that stands in no other."""
    at = 0
    for _ in range(MOST_BRACES):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, end = READER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield text[at:end], value
        at = end


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


READER = json.JSONDecoder(parse_constant=_no_number)


class FormReader:
    """Reads an answer once more as one of a form; a reader as ``rereading`` has them."""

    __slots__ = ("_check", "_finish", "_held", "_passes", "_size", "_who")

    def __init__(self, schema: bytes, who: str) -> None:
        """``schema`` is JSON that ``validator`` has taken; ``who`` answers, ``provider/model``."""
        self._check = validator(schema)
        self._who = who
        self._held: list[Text | Citation] = []
        self._size = 0
        self._finish: StopReason | None = None
        self._passes = False  # calls were made: what is said beside them is free

    def read(self, delta: Delta) -> list[Delta]:
        """Return what stands for ``delta``."""
        match delta:
            case Text() | Citation() if not self._passes:
                return self._hold(delta)
            case ToolCall() if not self._passes:
                self._passes = True
                return [*self._release(), delta]
            case Finish(reason):
                self._finish = reason
                return [delta]
            case End() if not self._passes:
                return [*self._answer(), delta]
            case Failure():
                self._held.clear()
                return [delta]
            case _:
                return [delta]

    def _hold(self, delta: Text | Citation) -> list[Delta]:
        self._held.append(delta)
        self._size += len(delta.text) if isinstance(delta, Text) else 0
        if self._size <= MOST_CHARACTERS:
            return []
        self._held.clear()
        return [self._failure(f"wrote more than {MOST_CHARACTERS:,} characters")]

    def _release(self) -> list[Delta]:
        held, self._held = self._held, []
        return [*held]

    def _answer(self) -> list[Delta]:
        if self._finish is None:
            return []  # the reply is no reply
        if self._finish is not StopReason.END_TURN:
            return self._release()
        text = "".join(delta.text for delta in self._held if isinstance(delta, Text))
        citations = [delta for delta in self._held if isinstance(delta, Citation)]
        broken: list[str] = []
        fitting: list[str] = []
        for written, value in candidates(text):
            path = self._check(value)
            fitting += [written] if path is None else []
            broken += [path] if path is not None else []
        if len(fitting) == 1:
            return [Text(fitting[0]), *citations]
        if fitting:
            return [self._failure("gave several answers of it")]
        return [self._failure(f"broke the rule {broken[0] or 'false'}" if broken else "answered with no JSON")]

    def _failure(self, what: str) -> Failure:
        told = f"{self._who} was told the schema of its answer in words, and {what}. {WAY_OUT}"
        return Failure(BackendError(Kind.REFUSED, told))
