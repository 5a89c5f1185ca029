"""The operations of the REST surface as a table, and the OpenAPI 3.1 document that is made of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from addon import __version__
from addon.proxy.rest import models
from addon.proxy.rest.journal import LogType
from addon.routing.forced import TOKEN_HEADER

PREFIX = "/_detour/"
DOCUMENT = "openapi.json"
MOST_LOGS = 1_000
DEFAULT_LOGS = 100

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What stands under one path. ``reply`` None: this document."""

    method: str  # GET, where HEAD is meant too, or POST
    summary: str
    reply: type[BaseModel] | None
    body: type[BaseModel] | None = None
    status: int = 200
    parameters: tuple[Json, ...] = ()
    at_root: bool = False  # at the reverse door under its bare name too, where the scripts of a known proxy look
    shows_more: bool = False  # with the token

    @property
    def changes(self) -> bool:
        """Whether it changes what Detour does, so that it needs the token."""
        return self.method == "POST"

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be sent."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


LOG_PARAMETERS: tuple[Json, ...] = (
    {
        "name": "log_type",
        "in": "query",
        "description": "error: what failed. request, response: with that body only. route: without any.",
        "schema": {"type": "string", "enum": list(LogType), "default": str(LogType.ALL)},
    },
    {
        "name": "limit",
        "in": "query",
        "description": "How many entries at most, the newest.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LOGS, "default": DEFAULT_LOGS},
    },
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "config": Operation("GET", "All that is in force, and where it comes from.", models.Config, at_root=True),
        "models": Operation("GET", "The models and presets that can be chosen.", models.ModelList, at_root=True),
        "debug_logs": Operation(
            "GET",
            "What happened lately. Bodies, where they are kept, are shown to those who send the token.",
            models.DebugLogs,
            parameters=LOG_PARAMETERS,
            at_root=True,
            shows_more=True,
        ),
        "losses": Operation("GET", "What could not be said to backends since the start, counted.", models.LossList),
        "targets": Operation("GET", "Every target that may answer, and how it is.", models.TargetList),
        "health": Operation("GET", "Whether Detour is well.", models.Health, at_root=True),
        "switch_model": Operation(
            "POST", "Choose who answers from the next request on.", models.InForce, models.SwitchBody, at_root=True
        ),
        "block": Operation("POST", "Refuse calls of a kind.", models.InForce, models.BlockBody),
        "unblock": Operation("POST", "Let calls of a kind pass again.", models.InForce, models.UnblockBody),
        "disable": Operation(
            "POST", "Send nothing to a target while there is another.", models.TargetList, models.TargetBody
        ),
        "enable": Operation("POST", "Let a target answer again.", models.TargetList, models.TargetBody),
        "reload": Operation("POST", "Read the files anew, whether or not they changed.", models.Reading, status=202),
        DOCUMENT: Operation("GET", "This document.", None),
    }
)

ERRORS: Mapping[int, str] = MappingProxyType(
    {
        400: "What was sent is wrong, or cannot be put in force; all is as it was.",
        401: "The token is missing or wrong; the message names the file that holds it.",
        403: "The request comes from a web page, or from another machine.",
        413: "The body is too large.",
        415: "The body is not called JSON.",
        503: "The settings are wrong from the start, or the token cannot be kept.",
    }
)
SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER},
}
TOKEN: list[Json] = [{"bearer": []}, {"header": []}]
SCHEMAS = "#/components/schemas/{model}"


def paths(name: str, operation: Operation, *, reverse: bool) -> Sequence[str]:
    """Where an operation is found at a door."""
    return [PREFIX + name, f"/{name}"] if reverse and operation.at_root else [PREFIX + name]


def document(*, reverse: bool) -> Json:
    """Return the document as it holds at the reverse door, or at the other."""
    made = {operation.reply for operation in OPERATIONS.values() if operation.reply} | {models.Error}
    taken = {operation.body for operation in OPERATIONS.values() if operation.body}
    wanted: list[tuple[Any, Literal["validation", "serialization"]]] = []
    wanted += [(model, "serialization") for model in sorted(made, key=repr)]
    wanted += [(model, "validation") for model in sorted(taken, key=repr)]
    references, schemas = models_json_schema(wanted, ref_template=SCHEMAS)
    schema_of: dict[Any, Json] = {model: reference for (model, _), reference in references.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Detour",
            "version": __version__,
            "description": "Who answers Claude Code, and what happened lately. Served to this machine only.",
        },
        "paths": {
            path: {method.lower(): _operation(path, method, operation, schema_of) for method in operation.methods}
            for name, operation in OPERATIONS.items()
            for path in paths(name, operation, reverse=reverse)
        },
        "components": {"schemas": schemas["$defs"], "securitySchemes": SECURITY},
    }


def _operation(path: str, method: str, operation: Operation, schema_of: Mapping[Any, Json]) -> Json:
    reply = schema_of[operation.reply] if operation.reply else {"type": "object"}
    good = {"description": operation.summary} | ({} if method == "HEAD" else _json(reply))
    bad = {} if method == "HEAD" else _json(schema_of[models.Error])
    responses = {str(operation.status): good}
    responses |= {str(status): {"description": ERRORS[status], **bad} for status in _errors(operation)}
    made: Json = {
        "operationId": f"{method.lower()}{path.replace('/', '_')}",
        "summary": operation.summary,
        "responses": responses,
    }
    if operation.parameters:
        made["parameters"] = list(operation.parameters)
    if operation.body:
        made["requestBody"] = {"required": True, **_json(schema_of[operation.body])}
    if operation.changes or operation.shows_more:
        made["security"] = [*([{}] if operation.shows_more else []), *TOKEN]
    return made


def _errors(operation: Operation) -> list[int]:
    """Which errors may come."""
    found = [403]
    if operation.body:
        found += [400, 413, 415]
    if operation.parameters:
        found.append(400)
    if operation.changes or operation.shows_more:
        found.append(401)
    if operation.reply not in (models.Health, None):
        found.append(503)
    return sorted(found)


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}
