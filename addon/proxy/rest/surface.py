"""The REST surface: what is in force, what can be chosen, what happened, and how to choose. Pure.

Under ``/_detour/`` at both doors; at the reverse one the operations of a known proxy also stand under their bare names,
where its users' scripts look. Through door one, only what is addressed to the door itself is ours: another host's
``/_detour/`` is a stranger's.

Who may do what. Loopback and the networks of ``detour_clients`` may read; a page of another site may nothing, which its
Origin shows. A page that rebinds its own name to this machine needs no Origin to read: at door one the Host gives it
away, at the reverse door mitmproxy has put Anthropic's name there before any addon is asked. So everything that changes
something, and every body of a prompt, needs the token, which lies in a file that only the user can read.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

import orjson
from pydantic import BaseModel, ValidationError

from addon.protocol.errors import JSON_HEADERS, BadRequest, Reply
from addon.proxy.intake import JSON_TYPES, Incoming, admit
from addon.proxy.rest import answers, openapi
from addon.proxy.rest.answers import Surroundings
from addon.proxy.rest.journal import LogType
from addon.proxy.rest.models import BlockBody, SwitchBody, TargetBody, UnblockBody
from addon.proxy.rest.openapi import DEFAULT_LOGS, DOCUMENT, MOST_LOGS, OPERATIONS, PREFIX
from addon.routing.call import Door
from addon.routing.forced import TOKEN_HEADER

MOST_BODY = 65_536  # bytes; the largest sensible body has a few hundred
MOST_FIELDS = 16  # of a query
SHOWN_FAULTS = 3  # of a body
HEADERS = (*JSON_HEADERS, ("cache-control", "no-store"))
BEARER = "bearer "
READER = "read/"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request that may be ours. ``is_for_us``: it is addressed to the door itself."""

    incoming: Incoming
    query: str = ""
    is_for_us: bool = True

    @property
    def is_reverse(self) -> bool:
        """Whether it came in by the reverse door."""
        return self.incoming.door is Door.REVERSE


type Handler = Callable[[RestRequest, Surroundings], BaseModel]


def operation_of(request: RestRequest) -> str | None:
    """Return the operation's name; one that there is not where the path is ours all the same; None: not ours."""
    path = request.incoming.path
    if not request.is_for_us:
        return None
    if f"{path}/".startswith(PREFIX):
        return path[len(PREFIX) :]
    found = OPERATIONS.get(path[1:])
    return path[1:] if request.is_reverse and found is not None and found.at_root else None


def is_page(request: RestRequest) -> bool:
    """Whether it is for the reader: its first page is where the operations begin, all others are under ``read``."""
    name = operation_of(request)
    return name is not None and (name == "" or f"{name}/".startswith(READER))


def refusal(request: RestRequest, around: Surroundings) -> Reply | None:
    """Refuse a page to who may not come in at all; who may read is the reader's own question."""
    try:
        admit(request.incoming, around.networks)
    except BadRequest as error:
        return _error(error)
    return None


def is_slow(request: RestRequest) -> bool:
    """Whether the answer takes milliseconds and changes nothing: then it can be made beside the event loop."""
    return operation_of(request) == "models"


def answer(request: RestRequest, around: Surroundings) -> Reply | None:
    """Answer, or None for what is not ours."""
    name = operation_of(request)
    if name is None:
        return None
    try:
        admit(request.incoming, around.networks)
        return _operate(name, request, around)
    except BadRequest as error:
        return _error(error)


def _operate(name: str, request: RestRequest, around: Surroundings) -> Reply:
    operation, method = OPERATIONS.get(name), request.incoming.method
    if operation is None:
        known = ", ".join(PREFIX + each for each in ("", *OPERATIONS))
        raise BadRequest(f"There is no {PREFIX}{name}; there are {known}", 404, "not_found_error")
    if method not in operation.methods:
        allowed = ", ".join(operation.methods)
        return _error(BadRequest(f"{method} is not allowed, use {allowed}", 405), ("allow", allowed))
    if operation.changes:
        _check_token(request, around)
    if name == DOCUMENT:
        return Reply(200, HEADERS, orjson.dumps(openapi.document(reverse=request.is_reverse)))
    return Reply(operation.status, HEADERS, HANDLERS[name](request, around).model_dump_json().encode())


def _error(error: BadRequest, *more: tuple[str, str]) -> Reply:
    challenge = (("www-authenticate", "Bearer"),) if error.status == HTTPStatus.UNAUTHORIZED else ()
    return Reply(error.status, (*HEADERS, *challenge, *more), error.envelope())


# -- the token ---------------------------------------------------------------------------------------------------------


def _given(request: RestRequest) -> list[str]:
    """The tokens that were sent."""
    headers = request.incoming.headers
    bearer = headers.get("authorization", "")
    found = [bearer[len(BEARER) :]] if bearer.lower().startswith(BEARER) else []
    return [*found, headers[TOKEN_HEADER]] if TOKEN_HEADER in headers else found


def _check_token(request: RestRequest, around: Surroundings) -> None:
    """Raises: BadRequest 401, or 503 where nobody can have the token."""
    file, given = around.token_file, _given(request)
    if around.token is None:
        raise BadRequest(f"The token cannot be kept in {file}, the log says why", 503, "api_error")
    token = around.token.encode()
    if not any(hmac.compare_digest(token, each.strip().encode("utf-8", "surrogateescape")) for each in given):
        what = "is wrong" if given else "is missing"
        how = f"send that of {file} as `authorization: Bearer TOKEN` or `{TOKEN_HEADER}: TOKEN`"
        raise BadRequest(f"The token {what}: {how}", 401, "authentication_error")


# -- what comes in -----------------------------------------------------------------------------------------------------


def _taken[Taken: BaseModel](request: RestRequest, model: type[Taken]) -> Taken:
    """Read a body. Raises: BadRequest."""
    content_type = request.incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in JSON_TYPES:
        raise BadRequest(f"content-type: {content_type!r} is not supported, use application/json", 415)
    body = request.incoming.body
    if len(body) > MOST_BODY:
        message = f"The body has {len(body)} bytes, more than {MOST_BODY}."
        raise BadRequest(message, 413, "request_too_large")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:SHOWN_FAULTS]
        told = (f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults)
        raise BadRequest("; ".join(told).replace("Value error, ", "")) from None


def _logs_wanted(query: str) -> tuple[LogType, int]:
    """Read the query of ``debug_logs``. Raises: BadRequest."""
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest(f"the query has more than {MOST_FIELDS} fields") from None
    log_type, limit = (fields.get(name, [standard])[-1] for name, standard in QUERY.items())
    if log_type not in list(LogType):
        raise BadRequest(f"log_type: there is {', '.join(LogType)}")
    number = int(limit) if limit.isascii() and limit.isdigit() and len(limit) <= len(str(MOST_LOGS)) else 0
    if not 1 <= number <= MOST_LOGS:
        raise BadRequest(f"limit: write a number from 1 to {MOST_LOGS}")
    return LogType(log_type), number


QUERY = {"log_type": str(LogType.ALL), "limit": str(DEFAULT_LOGS)}


def _debug_logs(request: RestRequest, around: Surroundings) -> BaseModel:
    log_type, limit = _logs_wanted(request.query)
    if authorized := bool(_given(request)):
        _check_token(request, around)
    return answers.debug_logs(log_type, limit, around, authorized=authorized)


HANDLERS: Mapping[str, Handler] = {
    "config": lambda request, around: answers.config(around),
    "models": lambda request, around: answers.model_list(around),
    "debug_logs": _debug_logs,
    "losses": lambda request, around: answers.losses(around),
    "targets": lambda request, around: answers.target_list(around),
    "health": lambda request, around: answers.health(around),
    "switch_model": lambda request, around: answers.switch(_taken(request, SwitchBody), around),
    "block": lambda request, around: answers.block(_taken(request, BlockBody), around),
    "unblock": lambda request, around: answers.unblock(_taken(request, UnblockBody), around),
    "disable": lambda request, around: answers.switch_target(_taken(request, TargetBody), around, on=False),
    "enable": lambda request, around: answers.switch_target(_taken(request, TargetBody), around, on=True),
    "reload": lambda request, around: answers.reload(around),
}
