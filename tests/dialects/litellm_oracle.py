"""A program that says what litellm makes of requests and replies: a second opinion, never a golden.

    python litellm_oracle.py TASKS RESULTS

TASKS is a JSON file `{"requests": [{"model", "body"}], "whole": [{"model", "reply"}], "streams": [{"model", "reply",
"names"}]}`: a model is litellm's `provider/name`, a body a Messages request, a reply what a backend sent as text, names
are the tools' names by those on the wire. RESULTS becomes `{"requests", "whole", "streams", "reached_for"}`: in the
same order a chat-completions body, the text of a Messages reply (JSON, or events), or `{"fault": text}`; and the
addresses that something here tried to reach.

It is a process of its own, because importing litellm takes seconds and hundreds of megabytes, and its sockets are shut,
because litellm fetches lists and resolves names that nobody asked for. The road is litellm's own without its HTTP
client: the handler of `/v1/messages`, a provider's chat configuration, its stream wrapper, the adapter.
"""

import asyncio
import importlib
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

type Json = dict[str, Any]

KEY = "key"
BASE_URL = "https://backend.invalid/v1"
SHUT = frozenset(("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"))
ADAPTERS = "litellm.llms.anthropic.pass_through.adapters"
FIELDS = (
    "max_tokens", "messages", "metadata", "stop_sequences", "stream", "system", "temperature", "thinking",
    "tool_choice", "tools", "top_k", "top_p",
)  # fmt: skip  # of a request, as litellm's handler names them
LINE_END = re.compile("\r\n|\n|\r")

reached_for: list[str] = []


def shut_sockets() -> None:
    """From here on no Python in this process reaches anybody; what tries is told so, and written down."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in SHUT:
            reached_for.append(f"{event} {arguments[1:] if event == 'socket.connect' else arguments}")
            raise OSError("the sockets are shut")

    sys.addaudithook(refuse)


def main(tasks_path: str, results_path: str) -> None:
    """Do all tasks."""
    logging.disable()  # litellm logs every fault that it meets
    shut_sockets()
    tasks = json.loads(Path(tasks_path).read_text())
    litellm = Litellm()
    results: Json = {
        "requests": [attempt(litellm.request, task["model"], task["body"]) for task in tasks["requests"]],
        "whole": [attempt(litellm.whole, task["model"], task["reply"]) for task in tasks["whole"]],
        "streams": [attempt(litellm.stream, task["model"], task["reply"], task["names"]) for task in tasks["streams"]],
    }
    Path(results_path).write_text(json.dumps({**results, "reached_for": reached_for}))


def attempt(work: Callable[..., object], *task: object) -> object:
    """What litellm makes of it, or what it stumbled over."""
    try:
        return work(*task)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return {"fault": f"{type(error).__name__}: {error}"}


def module(name: str) -> Any:
    """A module that no type checker follows: litellm has a million lines."""
    return importlib.import_module(name)


class Litellm:
    """litellm, imported; see the module."""

    def __init__(self) -> None:
        self.top = module("litellm")
        self.top.suppress_debug_info = True
        self.utils = module("litellm.utils")
        self.types = module("litellm.types.utils")
        self.httpx = module("httpx")
        handler = module(f"{ADAPTERS}.handler").LiteLLMMessagesToCompletionTransformationHandler
        self.prepare = handler._prepare_completion_kwargs
        self.adapter = module(f"{ADAPTERS}.transformation").LiteLLMAnthropicMessagesAdapter()
        self.events = module(f"{ADAPTERS}.streaming_iterator")
        self.log = module("litellm.litellm_core_utils.litellm_logging").Logging
        self.chunks = module("litellm.litellm_core_utils.streaming_handler").CustomStreamWrapper

    def configuration(self, model: str) -> tuple[str, str, Any]:
        """The provider, its name of the model, and how litellm speaks to it."""
        name, provider, _, _ = self.top.get_llm_provider(model=model, api_key=KEY)
        known = self.types.LlmProviders(provider)
        return provider, name, self.utils.ProviderConfigManager.get_provider_chat_config(name, known)

    def request(self, model: str, body: Json) -> Json:
        """The body that litellm would send."""
        provider, name, configuration = self.configuration(model)
        fields = {"max_tokens": None, **{field: body[field] for field in FIELDS if body.get(field) is not None}}
        extra = {field: body[field] for field in ("output_config",) if field in body}
        asked, _ = self.prepare(model=name, **fields, extra_kwargs={**extra, "custom_llm_provider": provider})
        messages = asked.pop("messages")
        rest = {key: value for key, value in asked.items() if key not in ("model", "custom_llm_provider")}
        parameters = self.utils.get_optional_params(
            model=name, custom_llm_provider=provider, messages=messages, drop_params=True, **rest
        )
        call = {"model": name, "messages": messages, "optional_params": parameters, "litellm_params": {}}
        headers = configuration.validate_environment(headers={}, api_key=KEY, api_base=BASE_URL, **call)
        sent: Json = configuration.transform_request(headers=headers, **call)
        extra_body = sent.pop("extra_body", None) or {}
        return {**sent, **extra_body}

    def whole(self, model: str, reply: str) -> str:
        """The Messages reply that litellm makes of a whole one."""
        _, name, configuration = self.configuration(model)
        read = configuration.transform_response(
            model=name, raw_response=self.httpx.Response(200, text=reply, request=self.httpx.Request("POST", BASE_URL)),
            model_response=self.types.ModelResponse(), logging_obj=self.logged(name), request_data={}, messages=[],
            optional_params={}, litellm_params={}, encoding=None, api_key=KEY, json_mode=False,
        )  # fmt: skip
        said = self.adapter.translate_openai_response_to_anthropic(response=read)
        return json.dumps(said, default=lambda value: value.model_dump())

    def stream(self, model: str, reply: str, names: dict[str, str]) -> str:
        """The events that litellm makes of a stream, by the road that its proxy takes."""
        return asyncio.run(self._stream(model, reply, names))

    async def _stream(self, model: str, reply: str, names: dict[str, str]) -> str:
        provider, name, configuration = self.configuration(model)
        parser = configuration.get_model_response_iterator(streaming_response=iter(()), sync_stream=True)

        async def parsed() -> AsyncIterator[Any]:
            for chunk in chunks_of(reply):
                yield parser.chunk_parser(chunk)

        usage = {"include_usage": True}
        chunks = self.chunks(parsed(), name, self.logged(name), provider, stream_options=usage)
        wrapper = self.events.AnthropicStreamWrapper(chunks, model=name, tool_name_mapping=names)
        pieces: list[bytes] = [piece async for piece in self.events.AnthropicSSEStream(wrapper)]
        return b"".join(pieces).decode()

    def logged(self, name: str) -> Any:
        """What litellm writes its log with; it insists."""
        return self.log(
            model=name, messages=[], stream=True, call_type="completion", start_time=datetime.now(UTC),
            litellm_call_id="call", function_id="",
        )  # fmt: skip


def chunks_of(stream: str) -> Iterator[Json]:
    """The chunks of a stream of events; how litellm splits a stream is not what is asked here."""
    data: list[str] = []
    for line in (*LINE_END.split(stream), ""):
        if line.startswith("data:"):
            data.append(line[len("data:") :].removeprefix(" "))
        elif not line and data:
            if (text := "\n".join(data)) != "[DONE]":
                yield json.loads(text)
            data = []


if __name__ == "__main__":
    main(*sys.argv[1:])
