"""mitmproxy script, loaded after the addon under test: says when each flow begins and ends, and breaks the addon.

It breaks it in one place for each name in STAGES, and only for the model of that name; and a decoder for whoever sends
it SABOTAGE. And it seals the lab: no host but this machine is dialled.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from mitmproxy import http
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addon.dialects import Decoder, ReplyContext
from addon.dialects.openai_chat.dialect import OpenAIChat
from addon.protocol.deltas import Delta
from addon.proxy import hooks, record
from addon.proxy.routed_exchange import RoutedExchange
from tests.faultlab.script import SABOTAGE

logger = logging.getLogger(__name__)


HERE = frozenset(("127.0.0.1", "::1", "localhost"))
NOWHERE = ".invalid"  # the top-level domain that nobody has. Source: RFC 2606


class Sabotaged(Exception):
    """What a bug of ours would raise."""


def raises_in(owner: Any, name: str, stage: str, model: Callable[..., str]) -> None:
    """Make a function raise for the model that is called like the stage; `model` finds it among the arguments."""
    original = getattr(owner, name)

    def sabotaged(*arguments: Any, **more: Any) -> Any:
        if stage in model(*arguments, **more):
            raise Sabotaged(stage)
        return original(*arguments, **more)

    setattr(owner, name, sabotaged)


class _Decoder:
    """One that fails when it is told to."""

    def __init__(self, decoder: Decoder, model: str) -> None:
        self._decoder = decoder
        self._model = model

    def feed(self, chunk: bytes) -> Iterable[Delta]:
        if SABOTAGE in chunk:
            raise Sabotaged("feed")
        return self._decoder.feed(chunk)

    def close(self) -> Iterable[Delta]:
        if self._model == "raises_in_close":
            raise Sabotaged("close")
        return self._decoder.close()


_decoder = OpenAIChat.decoder


def decoder(dialect: OpenAIChat, context: ReplyContext) -> Decoder:
    """Return one that can be made to fail."""
    return _Decoder(_decoder(dialect, context), context.target.model)


setattr(OpenAIChat, "decoder", decoder)  # noqa: B010 - a method of the addon's is replaced, on purpose
raises_in(OpenAIChat, "encode", "raises_in_encode", lambda _, request, body, target: target.model)
raises_in(OpenAIChat, "decode_whole", "raises_in_decode_whole", lambda _, body, context: context.target.model)
raises_in(OpenAIChat, "decode_error", "raises_in_decode_error", lambda _, *told: told[-1].target.model)
raises_in(hooks, "decide", "raises_in_decide", lambda incoming, *more: incoming.body.decode())
raises_in(RoutedExchange, "open_stream", "raises_in_open_stream", lambda exchange, *_, **more: exchange.route.name)
raises_in(record, "keep_reply", "raises_in_keep_reply", lambda flow, exchange: exchange.route.name)


class Inside:
    """The witness."""

    def request(self, flow: http.HTTPFlow) -> None:
        """A flow has begun."""
        logger.info("faultlab: %s began", flow.id)

    def response(self, flow: http.HTTPFlow) -> None:
        """A flow has ended."""
        logger.info("faultlab: %s ended with a response", flow.id)

    def error(self, flow: http.HTTPFlow) -> None:
        """A flow has ended otherwise; one whose request never came whole has not begun."""
        logger.info("faultlab: %s ended with an error: %s", flow.id, flow.error and flow.error.msg)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse to dial other hosts; a name that nobody has is looked up in vain."""
        host = data.server.address[0] if data.server.address else ""
        if host not in HERE and not host.endswith(NOWHERE) and data.server.via is None:
            data.server.error = f"faultlab: {host} is not on this machine"


addons = [Inside()]
