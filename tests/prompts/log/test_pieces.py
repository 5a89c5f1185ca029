"""A request as pieces."""

from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.log import pieces

REQUESTS = sorted((Path(__file__).parents[2] / "transcripts").rglob("*_request.json"))
PICTURE = "iVBORw0KGgo" * 200


def parted(body: bytes) -> list[bytes]:
    cuts = [*pieces.cut(body), len(body)]
    return [body[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: "/".join(path.parts[-3:]))
def test_the_pieces_of_a_request_are_its_body(path: Path) -> None:
    body = orjson.dumps(orjson.loads(path.read_bytes()))
    assert b"".join(parted(body)) == body
    assert len(parted(body)) > 1


@given(st.binary())
def test_the_pieces_of_anything_are_its_body(body: bytes) -> None:
    assert b"".join(parted(body)) == body


def test_messages_tools_and_system_blocks_are_pieces() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"'
        b',"cache_control":{"type":"ephemeral"}}]}],"system":[{"type":"text","text":"be kind"}],"tools":['
        b'{"name":"Bash","input_schema":{"type":"object"}},{"name":"Read"}]}'
    )
    assert parted(body) == [
        b'{"model":"m",',
        b'"messages":[',
        b'{"role":"user","content":[',
        b'{"type":"text","text":"hi"',
        b',"cache_control":{"type":"ephemeral"}',
        b"}]}",
        b"],",
        b'"system":[',
        b'{"type":"text","text":"be kind"}',
        b"],",
        b'"tools":[',
        b'{"name":"Bash","input_schema":{"type":"object"}},',
        b'{"name":"Read"}]}',
    ]


def test_a_text_is_never_cut() -> None:
    told = '{"role":"user"},"cache_control":{"type":"ephemeral"}{"name":"x"} {"type":"text"'
    body = orjson.dumps({"messages": [{"role": "user", "content": told}]})
    assert parted(body)[-1] == b'{"role":"user","content":' + orjson.dumps(told) + b"}]}"


@pytest.mark.parametrize("form", ['{"type":"base64","data":"%s"}', '{"url":"data:image/png;base64,%s"}'])
def test_a_picture_is_a_piece_of_its_own_in_every_format(form: str) -> None:
    assert PICTURE.encode() in parted((form % PICTURE).encode())


def test_a_long_text_beside_data_is_no_picture() -> None:
    text = "x" * pieces.MEDIA_BYTES + ' db_password="hunter2"'
    body = orjson.dumps({"messages": [{"role": "user", "content": [{"type": "tool_use", "input": {"data": text}}]}]})
    assert parted(body)[-1].startswith(b'{"type":"tool_use","input":{"data":"xxx')


LAST = orjson.dumps(
    {
        "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}],
        "tools": [{"name": "Bash"}, {"name": "Read"}],
    }
)


@pytest.mark.parametrize(
    ("body", "begins", "ends"),
    [
        (LAST, 8, 0),
        (LAST.replace(b"}],", b'},{"role":"user","content":"three"}],'), 4, 4),
        (LAST.replace(b"two", b"twice"), 3, 4),
        (LAST.replace(b"Read", b"Write"), 7, 0),
        (LAST.replace(b"{", b"[", 1), 0, 7),
        (b"", 0, 0),
        (LAST + b" ", 7, 0),
    ],
)
def test_the_next_turn_reuses_what_it_begins_and_ends_with(body: bytes, begins: int, ends: int) -> None:
    cuts = pieces.cut(LAST)
    assert len(cuts) == 8
    assert pieces.reused(LAST, cuts, body) == (begins, ends)


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 60))
def test_common_beginnings_and_ends_are_as_long_as_they_are(one: bytes, other: bytes, most: int) -> None:
    same = pieces.common_prefix(one, other)
    assert one[:same] == other[:same]
    assert one[same : same + 1] != other[same : same + 1] or same == min(len(one), len(other))
    most = min(most, len(one), len(other))
    same = pieces.common_suffix(one, other, most)
    assert one[len(one) - same :] == other[len(other) - same :]
    assert same == most or one[-same - 1] != other[-same - 1]


@given(st.lists(st.sampled_from([b'{"role":"a"', b'{"name":"b"', b"xx", b"}"])), st.data())
def test_what_is_reused_is_the_same(parts: list[bytes], data: st.DataObject) -> None:
    last = b"".join(parts)
    body = b"".join(data.draw(st.lists(st.sampled_from([*parts, b"new"]) if parts else st.just(b"new"))))
    cuts = pieces.cut(last)
    begins, ends = pieces.reused(last, cuts, body)
    assert begins + ends <= len(cuts)
    edges = [*cuts, len(last)]
    assert body.startswith(last[: edges[begins]])
    assert body.endswith(last[edges[len(cuts) - ends] :])
    assert edges[begins] + len(last) - edges[len(cuts) - ends] <= len(body)
