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
from addon.proxy.rest.answers import Ask, ConversationPort, Surroundings
from addon.proxy.rest.journal import LogType
from addon.proxy.rest.models import (
    BlockBody,
    ContinueBody,
    ImportBody,
    RecordingBody,
    SwitchBody,
    TargetBody,
    UnblockBody,
)
from addon.proxy.rest.openapi import (
    DEFAULT_LOGS,
    DEFAULT_MESSAGES,
    DOCUMENT,
    MOST_LOGS,
    MOST_MESSAGES,
    OPERATIONS,
    PREFIX,
)
from addon.routing.call import Door
from addon.routing.forced import TOKEN_HEADER

MOST_FIELDS = 16  # of a query
SHOWN_FAULTS = 3  # of a body
HEADERS = (*JSON_HEADERS, ("cache-control", "no-store"))
BEARER = "bearer "
READER = "read/"
ANY = "\0"  # for what a query does not say: nothing is called so


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


type Handler = Callable[[RestRequest, Surroundings], BaseModel | Ask]


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
    """Whether the answer takes milliseconds, and is made beside the event loop, whose values it does not change."""
    name = operation_of(request) or ""
    return name == "models" or name.partition("/")[0] == "conversation"


def answer(request: RestRequest, around: Surroundings) -> Reply | Ask | None:
    """Answer, or say what the model is to be asked; None for what is not ours."""
    name = operation_of(request)
    if name is None:
        return None
    try:
        admit(request.incoming, around.networks)
        return _operate(name, request, around)
    except BadRequest as error:
        return _error(error)


def _operate(name: str, request: RestRequest, around: Surroundings) -> Reply | Ask:
    known, method = OPERATIONS.get(name), request.incoming.method
    if known is None:
        names = ", ".join(PREFIX + each for each in ("", *OPERATIONS))
        raise BadRequest(f"There is no {PREFIX}{name}; there are {names}", 404, "not_found_error")
    operation = known.by(method)
    if operation is None:
        allowed = ", ".join(known.methods)
        return _error(BadRequest(f"{method} is not allowed, use {allowed}", 405), ("allow", allowed))
    if operation.needs_token:
        _check_token(request, around)
    if name == DOCUMENT:
        return Reply(200, HEADERS, orjson.dumps(openapi.document(reverse=request.is_reverse)))
    handlers = HANDLERS if operation is known else DELETERS
    made = handlers[name](request, around)
    return made if isinstance(made, Ask) else Reply(operation.status, HEADERS, made.model_dump_json().encode())


def _error(error: BadRequest, *more: tuple[str, str]) -> Reply:
    challenge = (("www-authenticate", "Bearer"),) if error.status == HTTPStatus.UNAUTHORIZED else ()
    return Reply(error.status, (*HEADERS, *challenge, *more), error.envelope())


# -- the token ---------------------------------------------------------------------------------------------------------


def _given(request: RestRequest) -> list[str]:
    """The tokens that were sent."""
    headers = request.incoming.headers
    found = _bearer(headers.get("authorization", ""))
    return [*found, headers[TOKEN_HEADER]] if TOKEN_HEADER in headers else found


def _bearer(authorization: str) -> list[str]:
    return [authorization[len(BEARER) :]] if authorization.lower().startswith(BEARER) else []


def is_token(authorization: str, token: str | None) -> bool:
    """Whether an authorization is Detour's own token, and not the client's for somebody else."""
    return token is not None and any(_is_same(token, each) for each in _bearer(authorization))


def _is_same(token: str, given: str) -> bool:
    return hmac.compare_digest(token.encode(), given.strip().encode("utf-8", "surrogateescape"))


def _check_token(request: RestRequest, around: Surroundings) -> None:
    """Raises: BadRequest 401, or 503 where nobody can have the token."""
    file, given = around.token_file, _given(request)
    if around.token is None:
        raise BadRequest(f"The token cannot be kept in {file}, the log says why", 503, "api_error")
    token = around.token
    if not any(_is_same(token, each) for each in given):
        what = "is wrong" if given else "is missing"
        how = f"send that of {file} as `authorization: Bearer TOKEN` or `{TOKEN_HEADER}: TOKEN`"
        raise BadRequest(f"The token {what}: {how}", 401, "authentication_error")


# -- what comes in -----------------------------------------------------------------------------------------------------


def _taken[Taken: BaseModel](request: RestRequest, model: type[Taken]) -> Taken:
    """Read a body. Raises: BadRequest."""
    content_type = request.incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in JSON_TYPES:
        raise BadRequest(f"content-type: {content_type!r} is not supported, use application/json", 415)
    body, most = request.incoming.body, OPERATIONS[operation_of(request) or ""].most_body
    if len(body) > most:
        message = f"The body has {len(body)} bytes, more than {most}."
        raise BadRequest(message, 413, "request_too_large")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:SHOWN_FAULTS]
        told = (f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults)
        raise BadRequest("; ".join(told).replace("Value error, ", "")) from None


def _fields(query: str, **standard: str) -> list[str]:
    """Return the values of a query, or the usual ones; of a field that is given twice, the last. Raises: BadRequest."""
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest(f"the query has more than {MOST_FIELDS} fields") from None
    return [fields.get(name, [usual])[-1] for name, usual in standard.items()]


def _limit(text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise BadRequest(f"limit: write a number from 1 to {most}")
    return number


def _debug_logs(request: RestRequest, around: Surroundings) -> BaseModel:
    log_type, limit = _fields(request.query, log_type=str(LogType.ALL), limit=str(DEFAULT_LOGS))
    if log_type not in list(LogType):
        raise BadRequest(f"log_type: there is {', '.join(LogType)}")
    wanted = LogType(log_type), _limit(limit, MOST_LOGS)
    if authorized := bool(_given(request)):
        _check_token(request, around)
    return answers.debug_logs(*wanted, around, authorized=authorized)


def _log(around: Surroundings) -> ConversationPort:
    _ = around.settings
    return around.conversations()


def _conversation(request: RestRequest, around: Surroundings) -> BaseModel:
    limit, session = _fields(request.query, limit=str(DEFAULT_MESSAGES), session=ANY)
    return _log(around).newest(_given_as("session", session), _limit(limit, MOST_MESSAGES))


def _given_as(name: str, text: str) -> str | None:
    """Return what a query says; None: nothing. Raises: BadRequest where it says so in so many words."""
    if not text:
        raise BadRequest(f"{name}: say which, or leave it out")
    return None if text == ANY else text


def _export(request: RestRequest, around: Surroundings) -> BaseModel:
    (session,) = _fields(request.query, session=ANY)
    return _log(around).exported(_given_as("session", session))


def _enable(request: RestRequest, around: Surroundings) -> BaseModel:
    """Take a body, or a path in the query, or neither."""
    log = _log(around)
    (path,) = _fields(request.query, file_path=ANY)
    named = _given_as("file_path", path)
    wanted = _taken(request, RecordingBody) if request.incoming.body else RecordingBody()
    return log.switch(on=wanted.enabled, file_path=wanted.file_path or named or "")


def _continue(request: RestRequest, around: Surroundings) -> Ask:
    log = _log(around)
    wanted = _taken(request, ContinueBody)
    return log.next(wanted.model_dump(exclude_unset=True, exclude={"session"}), wanted.session or None)


def _import(request: RestRequest, around: Surroundings) -> BaseModel:
    log = _log(around)
    return log.bring(_taken(request, ImportBody))


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
    "conversation": _conversation,
    "conversation/status": lambda request, around: _log(around).status(),
    "conversation/enable": _enable,
    "conversation/disable": lambda request, around: _log(around).switch(on=False),
    "conversation/continue": _continue,
    "conversation/export": _export,
    "conversation/import": _import,
}
DELETERS: Mapping[str, Handler] = {
    "debug_logs": lambda request, around: answers.forget_logs(around),
    "conversation": lambda request, around: _log(around).empty(),
}
