"""Secrets that a stream cuts into pieces."""

import json

from addon.prompts import cut_secrets


def events(*deltas: dict[str, object]) -> bytes:
    return b"".join(b"event: x\ndata: %s\n\n" % json.dumps(delta).encode() for delta in deltas)


def texts(data: bytes) -> list[bytes]:
    return [cut_secrets.whole(data, fragments) for fragments in cut_secrets.streams(data)]


def test_pieces_are_put_together_for_each_field_and_number() -> None:
    data = events(
        {"index": 0, "delta": {"type": "text_delta", "text": "ab\n"}},
        {"index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"x":'}},
        {"index": 0, "delta": {"type": "text_delta", "text": ""}},
        {"index": 0, "delta": {"type": "text_delta", "text": "cd"}},
        {"index": 1, "delta": {"type": "input_json_delta", "partial_json": " 1}"}},
        {"index": 2, "delta": {"type": "thinking_delta", "thinking": "alone"}},
    )
    assert texts(data) == [b"ab\\ncd", b'{\\"x\\": 1}']


def test_chunks_of_chat_completions_are_put_together_for_each_call() -> None:
    def chunk(index: int, arguments: str) -> dict[str, object]:
        calls = [{"index": index, "function": {"arguments": arguments}}]
        return {"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}

    assert texts(events(chunk(0, "a"), chunk(1, "x"), chunk(0, "b"), chunk(1, "y"))) == [b"ab", b"xy"]


def test_there_are_no_pieces_in_what_is_no_stream() -> None:
    assert texts(b'{"text":"a","text":"b"}') == []
    assert texts(b"") == []


def test_a_mark_stands_in_the_first_piece_and_the_others_lose_what_is_under_it() -> None:
    fragments = [(10, 14), (20, 22), (30, 36)]  # 4 + 2 + 6 bytes of the whole
    assert list(cut_secrets.edits(fragments, [(2, 8, b"M")])) == [(12, 14, b"M"), (20, 22, b""), (30, 32, b"")]
    assert list(cut_secrets.edits(fragments, [(4, 6, b"M"), (6, 7, b"N")])) == [(20, 22, b"M"), (30, 31, b"N")]


def test_the_place_of_something_cut_is_from_its_first_piece_to_its_last() -> None:
    assert cut_secrets.place([(10, 14), (20, 22), (30, 36)], 2, 8) == (12, 32)
