"""A request, field by field: what went in, what goes out, and what was lost on the way."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.profiles import ReasoningStyle
from tests.translating import ASKED, PLAIN, Json, Told, aimed, bare, lost, routine, translated


def test_a_request_without_anything() -> None:
    assert translated() == (bare(), [], {})


def test_the_system_prompt_comes_first() -> None:
    prompt = [{"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": "You help."}]
    body, losses, _ = translated(system=prompt)
    assert (body["messages"], losses) == ([{"role": "system", "content": "You help."}, ASKED], [])


STREAM = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("asked", "target", "expected"),
    [
        (True, PLAIN, STREAM),
        (False, PLAIN, {}),
        (None, PLAIN, {}),
        (True, aimed(stream_usage=False), {"stream": True}),
    ],
)
def test_a_stream_is_asked_for_with_its_usage(asked: bool | None, target: Target, expected: Json) -> None:
    assert translated(target, stream=asked) == (bare(**expected), [], {})


UNLIMITED = replace(PLAIN, max_output_tokens=None)
TRIAL_CLAMPED = "1024 became 1000, the model's limit"
CLAMPED = "128000 became 1000, the model's limit"
CLAMPED_UNKNOWN = "128000 became 8192, the default where a model's limit is unknown"


@pytest.mark.parametrize(
    ("target", "asked", "expected", "losses"),
    [
        (PLAIN, 10, {"max_tokens": 10}, []),
        (PLAIN, 1, {"max_tokens": 1}, []),
        (PLAIN, 1000, {"max_tokens": 1000}, []),
        (PLAIN, 128_000, {"max_tokens": 1000}, routine("max_tokens", CLAMPED)),
        (UNLIMITED, 128_000, {"max_tokens": 8192}, routine("max_tokens", CLAMPED_UNKNOWN)),
        (UNLIMITED, None, {"max_tokens": 8192}, []),
        (PLAIN, 0, {"max_tokens": 1000}, []),
        (PLAIN, -1, {"max_tokens": 1000}, []),
        (PLAIN, "many", {"max_tokens": 1000}, []),
        (PLAIN, True, {"max_tokens": 1000}, []),
        (aimed(max_tokens_field="max_completion_tokens"), 10, {"max_completion_tokens": 10}, []),
        (
            aimed(reasoning=ReasoningStyle.EFFORT),  # the client's trial of a model that was chosen by name
            1,
            {"max_tokens": 1000},
            [*routine("max_tokens", "1 became 1024: a model thinks first"), *routine("max_tokens", TRIAL_CLAMPED)],
        ),
    ],
)
def test_the_reply_is_limited_to_what_the_model_can(
    target: Target, asked: Any, expected: Json, losses: list[Told]
) -> None:
    assert translated(target, max_tokens=asked) == ({"messages": [ASKED], **expected}, losses, {})


@pytest.mark.parametrize(
    ("limit", "asked", "expected", "losses"),
    [
        (4, ["a"], {"stop": ["a"]}, []),
        (1, ["a"], {"stop": ["a"]}, []),
        (4, [], {}, []),
        (4, None, {}, []),
        (2, ["a", "b", "c"], {"stop": ["a", "b"]}, lost("stop_sequences", "vllm/qwen takes 2 of the 3")),
        (0, ["a"], {}, lost("stop_sequences", "vllm/qwen takes 0 of the 1")),
    ],
)
def test_stop_sequences_up_to_what_the_target_takes(limit: int, asked: Any, expected: Json, losses: list[Told]) -> None:
    assert translated(aimed(stop_limit=limit), stop_sequences=asked) == (bare(**expected), losses, {})


def test_sampling_where_the_target_takes_it() -> None:
    assert translated(temperature=0, top_p=0.5) == (bare(temperature=0, top_p=0.5), [], {})
    dropped = [*lost("temperature", "vllm/qwen takes no temperature"), *lost("top_p", "vllm/qwen takes no top_p")]
    assert translated(aimed(sampling=False), temperature=0, top_p=0.5) == (bare(), dropped, {})


def test_fields_with_a_meaning_for_anthropic_only_stay_behind() -> None:
    body, losses, _ = translated(
        metadata={"user_id": "{}"}, context_management={}, diagnostics={}, speed="fast", service_tier="a"
    )
    assert body == bare()
    assert [path for path, _, _ in losses] == [
        "metadata", "context_management", "diagnostics", "speed", "service_tier",
    ]  # fmt: skip
    assert all(is_routine for _, _, is_routine in losses)


def test_checks_that_nobody_makes_are_missed_aloud() -> None:
    body, [(path, what, is_routine)], _ = translated(safeguards=[{"type": "dangerous_tool_use"}])
    assert body == bare()
    assert (path, is_routine) == ("safeguards", False)
    assert "nobody else checks" in what


def test_fields_of_every_request_are_sent_and_replace_nothing() -> None:
    target = aimed(always={"tool_stream": True, "max_tokens": 5})
    assert translated(target) == (bare(tool_stream=True), [], {})


def metadata(session: object) -> Json:
    return {"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": session})}}


def test_a_session_is_kept_near_its_cache_without_being_named() -> None:
    session = "0a8b6c1e-0000-4000-8000-123456789abc"
    key = hashlib.sha256(session.encode()).hexdigest()[:32]
    body, _, _ = translated(aimed(cache_key="prompt_cache_key"), **metadata(session))
    assert body == bare(prompt_cache_key=key)
    assert translated(**metadata(session))[0] == bare()


@pytest.mark.parametrize("odd", [{}, {"metadata": None}, {"metadata": {"user_id": 5}}, metadata("a b"), metadata(None)])
def test_without_a_session_there_is_no_key(odd: Json) -> None:
    assert translated(aimed(cache_key="prompt_cache_key"), **odd)[0] == bare()


def test_a_field_that_nobody_knows_is_reported() -> None:
    assert translated(top_k=5) == (bare(), lost("top_k", "vllm/qwen knows no such field"), {})


# -- tools
