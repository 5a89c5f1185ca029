"""Whom a flow is to be answered by, past all rules: said in its metadata, or in headers by somebody with our token.

``flow.metadata["detour_forced"]`` holds plain values, because it is saved with the flow: ``target`` (provider/model),
``origin`` ("replay" or "shadow"), ``of`` (the id of the exchange that it copies, or None). It stays, so that a replay
of a replay asks the same model.

A request that comes in by a door says the same in ``x-detour-target`` and ``x-detour-replay-of``, beside the token in
``x-detour-token``. All three are taken off whatever becomes of it. Without the right token it is refused: passed on by
the rules, its reply would be taken for the other model's, and who may name a model may spend its key.
"""

import hmac
import re
from collections.abc import Callable, Mapping

from mitmproxy import http

from addon.protocol.errors import BadRequest
from addon.routing.forced import OF_HEADER, TARGET_HEADER, TOKEN_HEADER, Forced

KEY = "detour_forced"
OURS = b"x-detour-"
ID = re.compile(r"(?:req_)?([A-Za-z0-9_-]{1,64})")


def force(flow: http.HTTPFlow, forced: Forced) -> None:
    """Name who answers."""
    flow.metadata[KEY] = {"target": forced.target, "origin": forced.origin, "of": forced.of}


def of(flow: http.HTTPFlow) -> Forced | None:
    """Return who is named; None where nobody is."""
    kept = flow.metadata.get(KEY)
    return Forced(kept["target"], kept["origin"], kept["of"]) if isinstance(kept, dict) else None


def provenance(flow: http.HTTPFlow) -> Mapping[str, str | None]:
    """What readers are told of a copy: ``origin`` and ``of``; nothing of the client's own."""
    forced = of(flow)
    return {"origin": forced.origin, "of": forced.of} if forced is not None else {}


def take(flow: http.HTTPFlow, token: Callable[[], str | None], token_file: str) -> None:
    """Take our headers off, and keep on the flow whom they name. Raises: BadRequest 400 or 401."""
    headers = flow.request.headers
    if not any(name[: len(OURS)].lower() == OURS for name, _ in headers.fields):
        return
    given, target, copied = (headers.pop(name, None) for name in (TOKEN_HEADER, TARGET_HEADER, OF_HEADER))
    if target is None:
        return
    known = token()
    if given is None or known is None or not _is_same(given, known):
        what = "is missing" if given is None else "is wrong" if known is not None else "cannot be kept, see the log"
        raise BadRequest(
            f"{TARGET_HEADER}: the token {what}, so nobody was asked: send that of {token_file} as {TOKEN_HEADER}.",
            401,
            "authentication_error",
        )
    found = ID.fullmatch(copied.strip()) if copied is not None else None
    if copied is not None and found is None:
        raise BadRequest(f"{OF_HEADER}: {copied[:100]!r} is no id of an exchange, such as req_0123abcd.")
    force(flow, Forced(target.strip(), of=found[1] if found is not None else None))


def _is_same(given: str, known: str) -> bool:
    return hmac.compare_digest(known.encode(), given.strip().encode("utf-8", "surrogateescape"))
