"""A scripted Bedrock on loopback: Converse and InvokeModel, as strict as botocore's model of them, and framed.

A script is that of `fakes`: an `answer(...)` is said in the format of the address that was asked, streamed or whole.
The credential is a bearer key, or a signature (Signature Version 4) that is computed again over what arrived.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests import amazon
from tests.end_to_end.bedrock_strictness import FRAMED, violations
from tests.end_to_end.fakes import FakeBackend, Received
from tests.end_to_end.replies import Answer, Json, Raw, Reply, pieces

ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/([a-z0-9-]+)/bedrock/aws4_request, SignedHeaders=([a-z0-9;-]+), .*"
)
STOPS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
PADDING = "abcdefghijklmnop"


def exception(status: int, name: str, message: str) -> Raw:
    """An HTTP error as Bedrock writes it."""
    headers = (("content-type", "application/json"), ("x-amzn-errortype", f"{name}:http://internal.amazon.com/"))
    return Raw((json.dumps({"message": message}).encode(),), status, headers)


THROTTLED = exception(429, "ThrottlingException", "Too many requests, please wait before trying again.")


@dataclass(frozen=True, slots=True)
class Framed:
    """A stream in the text form of `amazon`."""

    text: str
    cut: bool = False

    def render(self, request: Json) -> Raw:
        """The bytes, a piece for each frame."""
        lines = self.text.strip().splitlines()
        return Raw(tuple(amazon.framed(line) for line in lines), headers=(("content-type", FRAMED),), cut=self.cut)


class FakeBedrock(FakeBackend):
    """See the module."""

    @property
    @override
    def base_url(self) -> str:
        """What a user would put into AWS_ENDPOINT_URL_BEDROCK_RUNTIME."""
        return f"http://127.0.0.1:{self.port}"

    @override
    def objections(self, request: Received) -> list[str]:
        """What Bedrock would refuse."""
        headers = dict(request.headers)
        if headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
            if why := wrongly_signed(request):
                return [why]
            headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-")}
            headers["authorization"] = f"Bearer {self.key}"
        return violations(headers, request.path, request.body, key=self.key)

    @override
    def refusal(self, message: str, code: str) -> Raw:
        return exception(400, "ValidationException", f"{code}: {message}")

    @override
    def rendered(self, reply: Reply, request: Received) -> Raw:
        if not isinstance(reply, Answer):
            return reply.render(request.body)
        streamed = "stream" in request.path
        events = converse(reply) if "/converse" in request.path else claude(reply)
        if not streamed:
            whole = whole_converse(reply) if "/converse" in request.path else whole_claude(reply)
            return Raw((json.dumps(whole).encode(),), headers=(("content-type", "application/json"),))
        frames = tuple(amazon.event(name, json.dumps(event).encode()) for name, event in events)
        cut = reply.cut_after_chunks
        return Raw(frames[:cut], headers=(("content-type", FRAMED),), cut=cut is not None)


def wrongly_signed(request: Received) -> str:
    """What is wrong with a signature, over what arrived; empty where nothing is."""
    found = SIGNED.fullmatch(request.headers["authorization"])
    if not found or found[1] != ACCESS_KEY or found[2] != REGION:
        return f"header authorization: {request.headers['authorization']!r:.100}"
    names = found[3].split(";")
    if not {"host", "x-amz-date"} <= set(names):
        return f"header authorization: signs {names} only"
    signed = {name: request.headers[name] for name in names if name != "host"}
    asked = AWSRequest("POST", f"http://{request.headers['host']}{request.path}", data=request.raw, headers=signed)
    asked.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "bedrock", REGION)
    signature = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    return "" if request.headers["authorization"].endswith(f"Signature={signature}") else "the signature does not match"


def _usage(answer: Answer) -> Mapping[str, int]:
    usage = answer.usage
    return {
        "inputTokens": usage.prompt - usage.cached,
        "outputTokens": usage.completion,
        "totalTokens": usage.prompt + usage.completion,
        "cacheReadInputTokens": usage.cached,
    }


def _stop(answer: Answer) -> str:
    return STOPS.get(answer.finish_reason, answer.finish_reason)


def converse(answer: Answer) -> list[tuple[str, Json]]:
    """The events of a stream by Converse."""
    events: list[tuple[str, Json]] = [("messageStart", {"p": PADDING, "role": "assistant"})]
    index = 0

    def block(*deltas: Json, start: Json | None = None) -> None:
        nonlocal index
        at = {"contentBlockIndex": index, "p": PADDING}
        if start is not None:
            events.append(("contentBlockStart", {"start": start, **at}))
        events.extend(("contentBlockDelta", {"delta": delta, **at}) for delta in deltas)
        events.append(("contentBlockStop", at))
        index += 1

    if answer.reasoning:
        block(
            *({"reasoningContent": {"text": piece}} for piece in pieces(answer.reasoning)),
            {"reasoningContent": {"signature": "c2ln"}},
        )
    if answer.text:
        block(*({"text": piece} for piece in pieces(answer.text)))
    for call in answer.calls:
        start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
        block(*({"toolUse": {"input": piece}} for piece in pieces(call.arguments)), start=start)
    events.append(("messageStop", {"p": PADDING, "stopReason": _stop(answer)}))
    events.append(("metadata", {"metrics": {"latencyMs": 9}, "p": PADDING, "usage": _usage(answer)}))
    return events


def whole_converse(answer: Answer) -> Json:
    """The same in one piece."""
    content: list[Json] = []
    if answer.reasoning:
        content.append({"reasoningContent": {"reasoningText": {"text": answer.reasoning, "signature": "c2ln"}}})
    content += [{"text": answer.text}] if answer.text else []
    content += [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": json.loads(call.arguments)}}
        for call in answer.calls
    ]
    message = {"role": "assistant", "content": content}
    return {
        "output": {"message": message},
        "stopReason": _stop(answer),
        "usage": _usage(answer),
        "metrics": {"latencyMs": 9},
    }


def _message(answer: Answer, content: list[Json], stop: str | None) -> Json:
    usage = answer.usage
    counts = {
        "input_tokens": usage.prompt - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion if stop else 1,
    }
    return {
        "model": "claude-opus-4-6", "id": "msg_bdrk_1", "type": "message", "role": "assistant", "content": content,
        "stop_reason": stop, "stop_sequence": None, "usage": counts,
    }  # fmt: skip


def _blocks(answer: Answer) -> list[tuple[Json, list[Json]]]:
    """Each block as it begins, and its deltas."""
    blocks: list[tuple[Json, list[Json]]] = []
    if answer.reasoning:
        deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(answer.reasoning)]
        signed = {"type": "signature_delta", "signature": "EqMBsigned"}
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]))
    if answer.text:
        blocks.append(
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": each} for each in pieces(answer.text)])
        )
    for call in answer.calls:
        start = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        parts: list[Json] = [{"type": "input_json_delta", "partial_json": each} for each in pieces(call.arguments)]
        blocks.append((start, parts))
    return blocks


def claude(answer: Answer) -> list[tuple[str, Json]]:
    """The chunks of a stream by InvokeModel: Anthropic's events."""
    events: list[Json] = [{"type": "message_start", "message": _message(answer, [], None)}]
    for index, (start, deltas) in enumerate(_blocks(answer)):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": _stop(answer), "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": answer.usage.completion}})
    metrics = {"inputTokenCount": answer.usage.prompt, "outputTokenCount": answer.usage.completion}
    events.append({"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics})
    return [("chunk", event) for event in events]


def whole_claude(answer: Answer) -> Json:
    """The same in one piece."""
    content: list[Json] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": "EqMBsigned"})
    content += [{"type": "text", "text": answer.text}] if answer.text else []
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        for call in answer.calls
    ]
    return _message(answer, content, _stop(answer))


def said(request: Received) -> str:
    """All that was said in a request, as one text to search in."""
    told: Any = [request.body.get("system"), request.body["messages"]]
    return json.dumps(told, ensure_ascii=False)
