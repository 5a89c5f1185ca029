"""Tools as every dialect offers them; how chat-completions says each is in openai_chat/test_tools.py."""

import orjson
import pytest

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost
from addon.dialects.profiles import Profile
from addon.dialects.tools import Tool, ToolNames, chosen, offered
from addon.protocol import messages
from addon.protocol.errors import BadRequest
from addon.protocol.messages import Json, Request

TARGET = Target("acme", "m", "https://acme.example", Profile())
SCHEMA: Json = {"type": "object", "properties": {"a": {}}}


def asked(**fields: object) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}], **fields}
    return messages.parse(orjson.dumps(body))


def test_a_tool_is_its_name_on_the_wire_its_words_and_its_schema() -> None:
    names = ToolNames()
    tools = [{"name": "mcp:x", "description": "D.", "input_schema": SCHEMA}, {"name": "Bare", "input_schema": SCHEMA}]
    found = offered(asked(tools=tools), TARGET, names, {}, None, [])
    assert [tool.description for tool in found] == ["D.", ""]
    assert [names.shortened.get(tool.name, tool.name) for tool in found] == ["mcp:x", "Bare"]
    assert found[1] == Tool("Bare", "", SCHEMA)


def test_tools_that_the_client_loaded_stand_last_in_the_order_of_loading() -> None:
    tools = [{"name": name, "input_schema": SCHEMA, "defer_loading": name != "c"} for name in "abc"]
    found = offered(asked(tools=tools), TARGET, ToolNames(), {"b": 1, "a": 2}, None, [])
    assert [tool.name for tool in found] == ["c", "b", "a"]


def test_a_field_that_nobody_knows_is_lost() -> None:
    losses: list[Loss] = []
    offered(asked(tools=[{"name": "a", "input_schema": SCHEMA, "odd": 1}]), TARGET, ToolNames(), {}, None, losses)
    assert [(each.sort, each.path) for each in losses] == [(Lost.TOOL_FIELD, "tools.0.odd")]


def test_the_tool_that_is_chosen_must_be_on_offer() -> None:
    names, tools = ToolNames(), [Tool("a", "", None)]
    assert chosen(asked(tool_choice={"type": "tool", "name": "a"}), names, tools) == "a"
    for choice, words in (({"type": "tool", "name": "b"}, "Tool 'b' not found"), ({"type": "tool"}, "Field required")):
        with pytest.raises(BadRequest, match=words):
            chosen(asked(tool_choice=choice), names, tools)
