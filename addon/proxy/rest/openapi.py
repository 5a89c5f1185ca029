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
MOST_MESSAGES = 1_000
DEFAULT_MESSAGES = 50
MOST_BODY = 65_536  # bytes; the largest sensible body has a few hundred
MOST_CONVERSATION = 32 * 1024 * 1024  # bytes; what Anthropic takes as one request

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What stands under one path. ``reply`` None: this document."""

    method: str  # GET, where HEAD is meant too, POST or DELETE
    summary: str
    reply: type[BaseModel] | None
    body: type[BaseModel] | None = None
    status: int = 200
    parameters: tuple[Json, ...] = ()
    at_root: bool = False  # at the reverse door under its bare name too, where the scripts of a known proxy look
    shows_more: bool = False  # with the token
    shows_prompts: bool = False
    needs_body: bool = True  # where it takes one
    most_body: int = MOST_BODY
    errors: tuple[int, ...] = ()  # beside those that follow from all this
    passes_on: bool = False  # the reply is a model's, and so may an error be
    deletes: "Operation | None" = None  # what DELETE does at the same path

    @property
    def needs_token(self) -> bool:
        """Whether it changes what Detour does, or shows what was said."""
        return self.method != "GET" or self.shows_prompts

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be sent."""
        own = ("GET", "HEAD") if self.method == "GET" else (self.method,)
        return (*own, *(self.deletes.methods if self.deletes else ()))

    def by(self, method: str) -> "Operation | None":
        """Return what a method does; None: it may not be sent."""
        if self.deletes is not None and method == self.deletes.method:
            return self.deletes
        return self if method in self.methods else None


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

SESSION: Json = {
    "name": "session",
    "in": "query",
    "description": "How the conversation's session begins; without it, the newest conversation.",
    "schema": {"type": "string", "minLength": 1},
}
MESSAGES_LIMIT: Json = {
    "name": "limit",
    "in": "query",
    "description": "How many messages at most, the newest.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST_MESSAGES, "default": DEFAULT_MESSAGES},
}
FILE_PATH: Json = {
    "name": "file_path",
    "in": "query",
    "description": "In place of a body, as scripts of the known fork send it.",
    "schema": {"type": "string", "minLength": 1},
}

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
            deletes=Operation("DELETE", "Forget what happened lately.", models.Forgotten, at_root=True),
        ),
        "conversation": Operation(
            "GET",
            "The newest messages of a conversation.",
            models.Conversation,
            parameters=(MESSAGES_LIMIT, SESSION),
            at_root=True,
            shows_prompts=True,
            errors=(404,),
            deletes=Operation("DELETE", "Empty the prompt log.", models.Emptied, at_root=True),
        ),
        "conversation/status": Operation(
            "GET", "Whether conversations are recorded, and what the log holds.", models.Recorded, at_root=True
        ),
        "conversation/enable": Operation(
            "POST",
            "Record conversations, or do not, until the proxy ends.",
            models.Recorded,
            models.RecordingBody,
            parameters=(FILE_PATH,),
            at_root=True,
            needs_body=False,
        ),
        "conversation/disable": Operation(
            "POST", "Record no conversations until the proxy ends.", models.Recorded, at_root=True
        ),
        "conversation/continue": Operation(
            "POST",
            "Ask the model in force, with a conversation of the log in front.",
            models.Said,
            models.ContinueBody,
            at_root=True,
            most_body=MOST_CONVERSATION,
            errors=(404,),
            passes_on=True,
        ),
        "conversation/export": Operation(
            "GET",
            "A conversation, whole.",
            models.Exported,
            parameters=(SESSION,),
            at_root=True,
            shows_prompts=True,
            errors=(404,),
        ),
        "conversation/import": Operation(
            "POST",
            "Put a conversation into the log, as the newest.",
            models.Imported,
            models.ImportBody,
            at_root=True,
            most_body=MOST_CONVERSATION,
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
        404: "There is no such conversation in the log, or no log yet.",
        413: "The body is too large.",
        415: "The body is not called JSON.",
        503: "The settings are wrong from the start; or the token cannot be kept, or the log not read or written.",
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
    every = [found for each in OPERATIONS.values() for found in (each, each.deletes) if found is not None]
    made = {operation.reply for operation in every if operation.reply} | {models.Error}
    taken = {operation.body for operation in every if operation.body}
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
            path: {
                method.lower(): _operation(path, method, operation.by(method) or operation, schema_of)
                for method in operation.methods
            }
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
    if operation.passes_on:
        good["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        responses["default"] = {"description": "What the model, or its provider, says in place of an answer.", **bad}
    made: Json = {
        "operationId": f"{method.lower()}{path.replace('/', '_')}",
        "summary": operation.summary,
        "responses": responses,
    }
    if operation.parameters:
        made["parameters"] = list(operation.parameters)
    if operation.body:
        made["requestBody"] = {"required": operation.needs_body, **_json(schema_of[operation.body])}
    if operation.needs_token or operation.shows_more:
        made["security"] = [*([{}] if operation.shows_more else []), *TOKEN]
    return made


def _errors(operation: Operation) -> list[int]:
    """Which errors may come."""
    found = [403, *operation.errors]
    if operation.body:
        found += [400, 413, 415]
    if operation.parameters:
        found.append(400)
    if operation.needs_token or operation.shows_more:
        found.append(401)
    if operation.reply not in (models.Health, None):
        found.append(503)
    return sorted(set(found))


def _json(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}
