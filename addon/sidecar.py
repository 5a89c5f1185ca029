"""litellm in a process of its own: a server of chat-completions on a socket that it was given, for the proxy alone.

``addon/proxy/litellm_process.py`` starts it. It is the only importer of litellm, which takes five seconds and 200 MB.
What it is told stands in one line of JSON on its standard input: ``listener``, the number of the inherited socket, and
``token``, which every request must bear. When that input ends, so does the process, however the proxy ended: it takes
no more connections, and sees those requests to their end whose client is still there.

In: OpenAI's chat-completions body for ``POST /v1/chat/completions``. Its fields are parameters of
``litellm.acompletion``; ``API_KEY`` and ``API_BASE`` say two more, and a header that is not ours goes to the provider.
Out: OpenAI's reply or its events, and what goes wrong as OpenAI's error with litellm's status; behind the head of a
stream as an event. Who goes away cancels the call.
Source: docs.litellm.ai, "completion/input", "completion/stream" and "exception_mapping"; litellm 1.106.
"""

import asyncio
import json
import logging
import os
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from hmac import compare_digest
from typing import Any

import orjson
from aiohttp import web

PATH, HEALTH = "/v1/chat/completions", "/health"
API_KEY, API_BASE = "x-detour-api-key", "x-detour-api-base"
READY = "ready"  # is written to the standard output, once requests are taken
LARGEST = 64 << 20  # bytes of a request: twice Anthropic's own limit
DRAIN_S = 600.0  # for the requests under way once no more are taken; none without a client is waited for

# before litellm is imported: nothing is fetched, nothing is told, and no .env above its folder is read
ENVIRONMENT: Mapping[str, str] = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_TELEMETRY": "False",
    "HF_HUB_OFFLINE": "1",  # a tokenizer of Hugging Face's is fetched for half a minute, for a count that is not used
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# ``modify_params``: what a provider would refuse of a request is mended, as an empty turn is; ``drop_params``: left out
SETTINGS: Mapping[str, Any] = {
    "telemetry": False,
    "suppress_debug_info": True,
    "drop_params": True,
    "modify_params": True,
    "disable_hf_tokenizer_download": True,
    "num_retries": 0,
}
# of each call: the proxy asks again, and says so; no tool is an MCP server's that litellm would ask itself
ALWAYS: Mapping[str, Any] = {"max_retries": 0, "drop_params": True, "_skip_mcp_handler": True}
# Providers for which litellm has no address of their own, and takes OpenAI's: their keys are not for api.openai.com.
# tests/end_to_end/test_litellm_addresses.py asks all of litellm's providers where they go.
AT_OPENAIS = frozenset(("aiohttp_openai", "custom_openai", "hosted_vllm", "litellm_proxy", "lm_studio", "xinference"))
RENAMED = (("ai21/", "ai21_chat/"),)  # the old name asks OpenAI too
LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

OWN_HEADERS = frozenset(
    (
        "host", "connection", "content-length", "content-type", "accept", "accept-encoding", "user-agent",
        "authorization", "transfer-encoding", API_KEY, API_BASE,
    )
)  # fmt: skip
# the names that litellm puts before what the provider said: "litellm.RateLimitError: RateLimitError: XException - ..."
NAMES = re.compile(r"\A(?:litellm\.)?(?:(?:litellm\.)?\w+Error: )+(?:\w+Exception - )?")
SECRETIVE, SHORTEST_SECRET = re.compile("KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL"), 12
TRACE = "\nTraceback (most recent call last):"
TOO_LONG = "context_length_exceeded"
RETRY_AFTER = "retry-after"
# litellm says there once more what stands in the message itself
TWICE = "provider_specific_fields"
OUTSIDE = {"choices": {"__all__": {"delta": {TWICE}, "message": {TWICE}}}}
DONE = b"data: [DONE]\n\n"
STREAM_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}


class Bridge:
    """Requests to litellm, one ``acompletion`` each."""

    def __init__(self, litellm: Any, token: str) -> None:
        """``litellm`` is the module."""
        self._litellm = litellm
        self._bearer = f"Bearer {token}".encode()

    def application(self) -> web.Application:
        """Return what ``aiohttp`` serves."""
        made = web.Application(client_max_size=LARGEST)
        made.add_routes([web.post(PATH, self.complete), web.get(HEALTH, self.health)])
        return made

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Say that it is there, to whoever may ask."""
        return web.json_response({"status": "ok"}) if self._may(request) else _unasked()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        if not self._may(request):
            return _unasked()
        try:
            arguments = _arguments(orjson.loads(await request.read()), request.headers)
        except (ValueError, TypeError) as error:
            return web.json_response(_error(f"The body is no request: {error}", "invalid_request_error"), status=400)
        try:
            self._check(arguments)
            reply = await self._litellm.acompletion(**arguments)
            if not arguments.get("stream"):
                return web.Response(body=_json(reply), content_type="application/json")
        except Exception as error:  # noqa: BLE001 - litellm's own, the vendors' libraries' and bugs of either
            return _failed(error)
        try:
            return await _stream(request, _pieces(reply, is_mock="mock_response" in arguments))
        finally:
            await _close(reply)

    def _check(self, arguments: Mapping[str, Any]) -> None:
        """Raises: Homeless for a provider whose key would go to OpenAI."""
        provider = str(arguments.get("model")).partition("/")[0].lower()
        if provider in AT_OPENAIS and not arguments.get("api_base"):
            *_, address = self._litellm.get_llm_provider(model=arguments["model"])
            if address is None:
                raise Homeless(provider)

    def _may(self, request: web.Request) -> bool:
        return compare_digest(request.headers.get("authorization", "").encode(), self._bearer)


class Homeless(Exception):
    """A provider without an address."""

    status_code = 400

    def __init__(self, provider: str) -> None:
        """Say what to do."""
        super().__init__(
            f"litellm has no address for {provider}, and would send its key to api.openai.com: give one, as `address` "
            f"in detour.yaml, or in {provider.upper()}_API_BASE."
        )


class Unfinished(Exception):
    """A provider ended its stream without a word why; litellm would say "stop"."""

    status_code = 502


async def _pieces(reply: Any, *, is_mock: bool) -> AsyncIterator[bytes]:
    """Yield the events of a stream. Raises: whatever litellm does; Unfinished.

    ``is_mock``: all of it is invented.
    """
    async for chunk in reply:
        if chunk.choices and chunk.choices[0].finish_reason and not is_mock and _is_invented(reply):
            raise Unfinished("The provider ended its reply without a finish reason.")
        yield _event(_json(chunk))


def _is_invented(reply: Any) -> bool:
    """Whether a finish reason is litellm's own: its wrapper keeps what the provider said."""
    missing = ""
    told = [getattr(reply, f"{name}_finish_reason", missing) for name in ("received", "intermittent")]
    return told == [None, None]


async def _stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Write the events; what fails before the first has its status."""
    try:
        piece = await anext(pieces)
    except StopAsyncIteration:
        piece = b""
    except Exception as error:  # noqa: BLE001 - see `complete`
        return _failed(error)
    made = web.StreamResponse(headers=STREAM_HEADERS)
    await made.prepare(request)
    try:
        while piece:
            await made.write(piece)
            piece = await anext(pieces)
    except StopAsyncIteration:
        pass
    except ConnectionError:
        return made  # the client has left
    except Exception as error:  # noqa: BLE001 - see `complete`
        await made.write(_event(orjson.dumps(_told(error))))
        return made
    await made.write(DONE)
    return made


async def _close(reply: Any) -> None:
    """Let go of the provider's connection, also where the client has left."""
    for part in (reply, getattr(reply, "completion_stream", None)):
        if (close := getattr(part, "aclose", None)) is not None:
            with suppress(Exception):
                await close()


def _arguments(body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of ``acompletion``."""
    own = {name.lower(): value for name, value in headers.items()}
    others = {name: value for name, value in own.items() if name not in OWN_HEADERS}
    arguments = {**ALWAYS, **body}
    for old, new in RENAMED:
        if str(body.get("model")).startswith(old):
            arguments["model"] = new + body["model"].removeprefix(old)
    if others:
        arguments["extra_headers"] = {**others, **(body.get("extra_headers") or {})}
    for name, header in (("api_key", API_KEY), ("api_base", API_BASE)):
        if header in own:
            arguments[name] = own[header]
    return arguments


def _json(reply: Any) -> bytes:
    told: str = reply.model_dump_json(exclude_none=True)
    if TWICE in told:
        told = reply.model_dump_json(exclude_none=True, exclude=OUTSIDE)
    return told.encode()


def _event(data: bytes) -> bytes:
    return b"data: %s\n\n" % data


def _unasked() -> web.Response:
    return web.json_response(
        _error("This server is for the proxy that started it.", "authentication_error"), status=401
    )


def _failed(error: Exception) -> web.Response:
    """Return a failure before the first word. A provider's wish to be left alone for a while is handed on."""
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) and 400 <= status <= 599 else 500
    found = getattr(getattr(error, "response", None), "headers", None) or {}
    given = getattr(error, "litellm_response_headers", None) or {}
    wait = given.get(RETRY_AFTER) or found.get(RETRY_AFTER) or found.get(f"llm_provider-{RETRY_AFTER}")
    return web.json_response(_told(error), status=status, headers={RETRY_AFTER: str(wait)} if wait else {})


def _told(error: Exception) -> dict[str, Any]:
    kind = type(error).__name__
    status = getattr(error, "status_code", None)
    code = TOO_LONG if kind == "ContextWindowExceededError" else str(status) if status else None
    message = _hidden(str(getattr(error, "message", None) or str(error) or kind), os.environ)
    return _error(_words(NAMES.sub("", message, count=1)) or message, kind, code)


def _hidden(text: str, environment: Mapping[str, str]) -> str:
    """Put the variable's name where a provider's error quotes a key that litellm found in the environment."""
    for name, value in environment.items():
        if len(value) >= SHORTEST_SECRET and value in text and SECRETIVE.search(name):
            text = text.replace(value, f"${name}")
    return text


def _words(text: str) -> str:
    """Return what a provider's error says, where the whole of it was told, perhaps as Python writes bytes."""
    text = text.partition(TRACE)[0]
    try:
        told = json.loads(text.removeprefix("b'").removesuffix("'"))
        found = told["error"]["message"] if isinstance(told["error"], dict) else told["error"]
    except (ValueError, TypeError, KeyError):
        return text
    return found if isinstance(found, str) else text


def _error(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def load() -> Any:
    """Import litellm so that it is quiet, and touches nothing but its own files."""
    os.environ.update(ENVIRONMENT)
    import litellm  # noqa: PLC0415 - five seconds, and only this process pays them

    for name, value in SETTINGS.items():
        setattr(litellm, name, value)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
    return litellm


async def serve(litellm: Any, listener: socket.socket, token: str, over: asyncio.Event) -> None:
    """Take requests until it is ``over``, and see those to their end that are under way."""
    runner = web.AppRunner(
        Bridge(litellm, token).application(), access_log=None, handler_cancellation=True, shutdown_timeout=DRAIN_S
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    _say(READY)
    await over.wait()
    await runner.cleanup()


def _say(word: str) -> None:
    os.write(_STDOUT, f"{word}\n".encode())


_STDOUT = 1


class Lifeline:
    """The standard input: as long as it is open, the proxy lives."""

    def __init__(self) -> None:
        """Nothing is watched yet."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None

    def hold(self) -> None:
        """Watch it from now on, in a thread: an import holds the loop up."""
        threading.Thread(target=self._watch, daemon=True).start()

    def soften(self, loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
        """From now on there may be requests under way."""
        self._over, self._loop = over, loop

    def _watch(self) -> None:
        while os.read(0, 4096):
            continue
        if self._loop is None or self._over is None:
            os._exit(0)
        with suppress(RuntimeError):  # the loop is closed: it is over already
            self._loop.call_soon_threadsafe(self._over.set)


def main() -> None:
    """Do what the first line says."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    global _STDOUT  # noqa: PLW0603 - what libraries print is not what we say
    _STDOUT = os.dup(1)
    os.dup2(2, 1)
    line = b""
    while not line.endswith(b"\n"):
        if not (read := os.read(0, 1)):
            return
        line += read
    told = json.loads(line)
    lifeline = Lifeline()
    lifeline.hold()
    litellm = load()

    async def run() -> None:
        over = asyncio.Event()
        lifeline.soften(asyncio.get_running_loop(), over)
        await serve(litellm, socket.socket(fileno=told["listener"]), told["token"], over)

    asyncio.run(run())


if __name__ == "__main__":
    main()
