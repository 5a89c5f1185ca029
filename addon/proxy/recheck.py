"""Recorded flows through today's translator, offline: ``mitmdump -nr FILE -s rewrite.py --set detour_recheck=true``.

mitmproxy shows each flow that it reads to its addons; we look at those that went to a backend, and say in a line each
what would come out differently today. Nothing is sent, and no key is needed. What a prompt says never reaches the log:
places are told, not words. Where anything is different, the program ends with the exit code 1.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader

from addon import __version__
from addon.protocol.errors import DetourError
from addon.proxy import record, transfer
from addon.proxy.control import Control
from addon.proxy.intake import Incoming
from addon.proxy.retranslation import NotComparable, Recorded, Sent, retranslate
from addon.routing.settings import Settings

logger = logging.getLogger(__name__)

OPTION = "detour_recheck"
REQUEST_ID = "req_"
HERE = "127.0.0.1"  # whoever was served then: it is nobody's secret that is spent


class Recheck:
    """See the module. It does nothing where the option is not set."""

    def __init__(self, control: Control) -> None:
        """``control`` holds what is in force."""
        self._control = control
        self.same = self.changed = self.skipped = 0

    def load(self, loader: Loader) -> None:
        """Add the option."""
        loader.add_option(OPTION, bool, False, "Run recorded flows through today's translator, and send nothing.")

    def note(self, flow: http.HTTPFlow) -> None:
        """A flow was read from a file; one that has just been made is none of ours."""
        if not getattr(ctx.options, OPTION) or flow.live or record.KEY not in flow.metadata:
            return
        told = f"recheck {flow.id[:8]} {record.of(flow).get('route')}{_version(flow)}"
        try:
            recorded = _recorded(flow)
            found = retranslate(recorded, self._control.settings or Settings())
        except NotComparable as reason:
            self.skipped += 1
            logger.info("%s: not compared: %s", told, reason)
        except Exception as error:  # noqa: BLE001 - a bug that one flow shows must not hide the others
            self.changed += 1
            logger.warning("%s: CHANGED: today's translator fails: %s: %s", told, type(error).__name__, _words(error))
        else:
            if found:
                self.changed += 1
                logger.warning("%s: CHANGED: %s", told, "; ".join(found))
            else:
                self.same += 1
                part = "" if recorded.reply is not None else ", as far as the request goes"
                logger.info("%s: the same%s", told, part)

    def done(self) -> None:
        """Sum up, and make the exit code say it; mitmdump's own is always 0."""
        if not getattr(ctx.options, OPTION):
            return
        logger.info(
            "recheck: %d flows: %d the same, %d changed, %d not compared",
            self.same + self.changed + self.skipped, self.same, self.changed, self.skipped,
        )  # fmt: skip
        task = asyncio.current_task()
        if self.changed and task is not None:
            task.add_done_callback(leave)  # when every other addon is done too


def leave(_: object) -> None:
    """End the program with the exit code 1."""
    sys.exit(1)


def _version(flow: http.HTTPFlow) -> str:
    version = record.of(flow).get("version", "of an older version")
    return "" if version == __version__ else f" ({version})"


def _words(error: Exception) -> str:
    """Our own words; those of others may quote what a prompt says."""
    return error.message if isinstance(error, DetourError) else "see what it is with a transcript of the flow"


def _recorded(flow: http.HTTPFlow) -> Recorded:
    """Read what the flow keeps. Raises: NotComparable."""
    kept = record.of(flow)
    if "original" not in kept:
        raise NotComparable("nothing of it was translated")
    try:
        original: Mapping[str, Any] = kept["original"]
        request = record.original(flow)
        asked = _asked(flow, request)
        at_home = _place(request) == _place(flow.request)
        sent = Sent(
            flow.request.method,
            flow.request.url,
            {name.lower(): value for name, value in flow.request.headers.items()},
            flow.request.raw_content or b"",
        )
        route = str(kept["route"])
        changes = bool(kept.get("changes"))
        if not isinstance(original["body"], bytes) or flow.request.raw_content is None:
            raise NotComparable("its bodies are not kept")
        reply, status, headers = _reply(flow, kept) or (None, HTTPStatus.OK, {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotComparable(f"it is kept in another way, by another version ({type(error).__name__})") from None
    return Recorded(
        id=_id(flow),
        asked=asked,
        route=route,
        sent=sent,
        at_home=at_home,
        changes=changes,
        reply=reply,
        status=status,
        headers=headers,
        given=(flow.response.get_content(strict=False) or b"") if flow.response is not None else b"",
    )


def _asked(flow: http.HTTPFlow, request: http.Request) -> Incoming:
    """The client's request as it came in then."""
    now = datetime.fromtimestamp(flow.request.timestamp_start, UTC).astimezone()
    shown = flow.copy()
    shown.request = request
    return replace(transfer.incoming(shown, now), client_host=HERE)


def _place(request: http.Request) -> tuple[transfer.Origin, str]:
    return transfer.origin(request), request.path.partition("?")[0]


def _id(flow: http.HTTPFlow) -> str:
    """The exchange's own id: of a duplicate, that of the first, as its reply has it."""
    given = flow.response.headers.get("request-id", "") if flow.response is not None else ""
    return given.removeprefix(REQUEST_ID) if given.startswith(REQUEST_ID) else transfer.exchange_id(flow)


def _reply(flow: http.HTTPFlow, kept: Mapping[str, Any]) -> tuple[bytes, int, Mapping[str, str]] | None:
    """The backend's whole reply, its status and headers; None where not all is kept of how the client's came about.

    That is so of one that broke off, that was begun before the backend had answered, or that several attempts led to.
    """
    reply, response, head = kept.get("reply"), flow.response, kept.get("head")
    if flow.error is not None or response is None or kept.get("dropped") or not isinstance(reply, bytes):
        return None
    if (response.raw_content or b"").startswith(b"event: error") or len(kept.get("attempts", ())) > 1:
        return None
    if not isinstance(head, list | tuple):  # of an older version
        return (reply, HTTPStatus.OK, {}) if response.status_code == HTTPStatus.OK else None
    status, *headers = head
    return reply, int(status), {str(name): str(value) for name, value in headers}
