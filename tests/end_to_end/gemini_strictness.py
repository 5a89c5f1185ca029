"""What Gemini refuses, as a pure function over one request: by Google's own types, and by the rules in its pages.

`violations` gives every fault. The types of the `google-genai` package judge first: they are pydantic's, and closed at
every level. What they read, written again, must be the very body, for they take words in any case and snake_case too.
Then come the rules that are in no type. It is stricter in one way, on purpose: a header that is not on the allow list
is a fault.
Sources: google-genai 3.6; ai.google.dev, "Function calling", "Thought signatures", "Gemini thinking", "Structured
output"; for what no page says, the error texts quoted below.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from google.genai import types
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from tests.end_to_end.strictness import HEADERS

type Json = dict[str, Any]

STUDIO = re.compile(r"/(v1beta|v1)/models/([^/:]+):(streamGenerateContent\?alt=sse|generateContent)")
VERTEX = re.compile(
    r"/v1(?:beta1)?(?:/projects/[^/]+/locations/[^/]+)?/publishers/google/models/([^/:]+):"
    r"(streamGenerateContent\?alt=sse|generateContent)"
)
OLDER = re.compile(r"gemini-[12]\.|gemma")
STAND_IN = "skip_thought_signature_validator"
MOST_STOPS, MOST_NAME = 5, 64
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# of JSON Schema, what "Structured output" lists; of a tool's arguments no page says more
KEYWORDS = frozenset((
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
    # of Gemini's own Schema, to which a schema is compiled
    "default", "maxLength", "maxProperties", "minLength", "minProperties", "pattern",
))  # fmt: skip
ON_STUDIO_ALONE = ("toolCall", "toolResponse")


class Request(BaseModel):
    """The body of `generateContent`, as the package puts it together from its types."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    tool_config: types.ToolConfig | None = None
    safety_settings: list[types.SafetySetting] | None = None
    generation_config: types.GenerationConfig | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


def violations(headers: Mapping[str, str], path: str, body: object, *, key: str) -> list[str]:
    """Every fault of one request; `headers` with lower-case names."""
    faults = list(_headers(headers, key))
    studio, vertex = STUDIO.fullmatch(path), VERTEX.fullmatch(path)
    if studio is None and vertex is None:
        return [*faults, f"{path}: no such method"]
    model = studio[2] if studio else vertex[1] if vertex else ""
    return [*faults, *of_body(body, model, vertex=vertex is not None)]


def _headers(headers: Mapping[str, str], key: str) -> Iterator[str]:
    credential = "authorization" if "authorization" in headers else "x-goog-api-key"
    for name in headers:
        if name not in HEADERS | {credential}:
            yield f"header {name}: not on the allow list"
    if headers.get(credential, "").removeprefix("Bearer ") != key:
        yield f"header {credential}: not the backend's own key"
    if headers.get("accept-encoding") != "identity":
        yield "header accept-encoding: is not identity"
    if headers.get("content-type") != "application/json":
        yield f"header content-type: {headers.get('content-type')!r}"


def of_body(body: object, model: str, *, vertex: bool = False) -> list[str]:
    """Every fault of a body, for this model."""
    if not isinstance(body, dict):
        return ["$: the body is not a JSON object"]
    faults = list(_typed(body))
    if faults:
        return faults
    newer = OLDER.search(model) is None
    return [*_turns(body["contents"], newer=newer), *_knobs(body, newer=newer, vertex=vertex), *_tools(body)]


def _typed(body: Json) -> Iterator[str]:
    written = orjson.dumps(body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a word that an enumeration does not have is one
            read = Request.model_validate_json(written, by_name=False)
    except ValidationError as error:
        yield from (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return
    except Warning as unknown:
        yield str(unknown)
        return
    again = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if _plain(again) != _plain(body):
        yield f"$: the package writes the same values as {orjson.dumps(again).decode():.600}"


def _plain(value: Any) -> Any:
    """A value in which base64 is written in one alphabet."""
    if isinstance(value, dict):
        return {
            name: inner.replace("+", "-").replace("/", "_") if name in ("data", "thoughtSignature") else _plain(inner)
            for name, inner in value.items()
        }
    return [_plain(each) for each in value] if isinstance(value, list) else value


# -- conversations -----------------------------------------------------------------------------------------------------


def _turns(contents: list[Json], *, newer: bool) -> Iterator[str]:
    roles = [each.get("role") for each in contents]
    if not roles or roles[0] != "user" or roles[-1] != "user":
        yield "$.contents: begin and end with the user"
    asked: list[Json] = []
    for index, content in enumerate(contents):
        path, parts = f"$.contents[{index}]", content.get("parts") or []
        if index and roles[index] == roles[index - 1]:
            yield f"{path}: the role of the one before"
        if not parts:
            yield f"{path}.parts: must include at least one parts field"
        yield from _parts(parts, path, newer=newer)
        answered = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if [(each.get("id"), each["name"]) for each in answered] != [(each.get("id"), each["name"]) for each in asked]:
            yield (
                f"{path}: Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        if any("functionResponse" in part for part in parts[len(answered) :]):
            yield f"{path}: a function response stands behind something else"
        calls = [part for part in parts if "functionCall" in part]
        asked = [part["functionCall"] for part in calls]
        if len({call.get("id") for call in asked}) < len(asked) and newer:
            yield f"{path}: an id comes twice"
        if newer and calls and not any("thoughtSignature" in part for part in calls):
            yield f"{path}: Function call is missing a thought_signature in functionCall parts."


def _parts(parts: list[Json], path: str, *, newer: bool) -> Iterator[str]:
    for number, part in enumerate(parts):
        at = f"{path}.parts[{number}]"
        kinds = [name for name in part if name not in ("thought", "thoughtSignature")]
        if len(kinds) != 1:
            yield f"{at}: {kinds} where one is needed"
        if part.get("text") == "" and "thoughtSignature" not in part:
            yield f"{at}.text: empty"
        for kind in ("functionCall", "functionResponse"):
            yield from _call(part[kind], f"{at}.{kind}", newer=newer) if kind in part else ()
        told = part.get("functionResponse", {"response": {"output": ""}})["response"]
        if told.keys() not in ({"output"}, {"error"}):
            yield f"{at}.functionResponse.response: {sorted(told)}"
        if not newer and part.get("thoughtSignature") == STAND_IN:
            yield f"{at}.thoughtSignature: Corrupted thought signature."


def _call(call: Json, at: str, *, newer: bool) -> Iterator[str]:
    if not NAME.fullmatch(call["name"]):
        yield f"{at}.name: Invalid function name"
    if newer != ("id" in call):
        yield f"{at}.id: {call.get('id')!r} for this model"
    if "id" in call and not CALL_ID.fullmatch(call["id"]):
        yield f"{at}.id: {call['id']!r}"
    if "parts" in call and not newer:
        yield f"{at}.parts: not of this model"


# -- fields ------------------------------------------------------------------------------------------------------------


def _knobs(body: Json, *, newer: bool, vertex: bool) -> Iterator[str]:
    config = body.get("generationConfig", {})
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" in thinking and ("thinkingBudget" in thinking or not newer):
        yield "$.generationConfig.thinkingConfig: a level for this model, or both"
    if "thinkingBudget" in thinking and newer:
        yield "$.generationConfig.thinkingConfig: a budget for this model"
    if not 1 <= config.get("maxOutputTokens", 1) <= 65_536:
        yield "$.generationConfig.maxOutputTokens: supported range is from 1 (inclusive) to 65537 (exclusive)"
    if len(config.get("stopSequences", ())) > MOST_STOPS or "" in config.get("stopSequences", ()):
        yield "$.generationConfig.stopSequences: too many, or an empty one"
    has_form = "responseJsonSchema" in config
    if has_form and (config.get("responseMimeType") != "application/json" or body.get("tools")):
        yield "$.generationConfig: Function calling with a response mime type: 'application/json' is unsupported"
    if has_form:
        yield from _schema(config["responseJsonSchema"], "$.generationConfig.responseJsonSchema")
    if vertex and "includeServerSideToolInvocations" in body.get("toolConfig", {}):
        yield "$.toolConfig.includeServerSideToolInvocations: not on Vertex"
    if vertex and any(name in part for turn in body["contents"] for part in turn["parts"] for name in ON_STUDIO_ALONE):
        yield "$.contents: parts that are not on Vertex"


def _tools(body: Json) -> Iterator[str]:
    tools = body.get("tools", [])
    functions = [each for tool in tools for each in tool.get("functionDeclarations", ())]
    config = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if "tools" in body and (not tools or not all(tool.get("functionDeclarations", 1) for tool in tools)):
        yield "$.tools: empty"
    names = [each["name"] for each in functions]
    if len(set(names)) < len(names):
        yield "$.tools: Duplicate function declaration found"
    if config and not functions:
        yield "$.toolConfig: Function calling config is set without function_declarations."
    if set(config.get("allowedFunctionNames", ())) - {*names} or (
        "allowedFunctionNames" in config and config.get("mode") != "ANY"
    ):
        yield "$.toolConfig.functionCallingConfig.allowedFunctionNames: none on offer, or in another mode than ANY"
    if functions and any("googleSearch" in tool for tool in tools) and config.get("mode") != "VALIDATED":
        yield "$.tools: Google's own beside functions, in another mode than VALIDATED"
    yield from _functions(functions)


def _functions(functions: list[Json]) -> Iterator[str]:
    for index, each in enumerate(functions):
        path = f"$.tools[{index}]"
        if not NAME.fullmatch(each["name"]):
            yield f"{path}.name: Invalid function name"
        if each.get("description") == "":
            yield f"{path}.description: empty"
        schema = each.get("parametersJsonSchema")
        if schema is not None and schema.get("type") != "object":
            yield f"{path}.parametersJsonSchema: parameters schema should be of type OBJECT"
        yield from _schema(schema, f"{path}.parametersJsonSchema") if schema is not None else ()


def _schema(schema: Any, path: str) -> Iterator[str]:
    """What Gemini's pages do not list, at every depth."""
    if not isinstance(schema, dict):
        yield from [] if isinstance(schema, bool) else [f"{path}: {schema!r} is no schema"]
        return
    yield from _node(schema, path)
    for name, inner in schema.get("properties", {}).items():
        yield from _schema(inner, f"{path}.properties.{name}")
    for keyword in ("items", "additionalProperties"):
        yield from _schema(schema.get(keyword, True), f"{path}.{keyword}")
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        for number, inner in enumerate(schema.get(keyword, ())):
            yield from _schema(inner, f"{path}.{keyword}[{number}]")


def _node(schema: Json, path: str) -> Iterator[str]:
    for name in sorted(schema.keys() - KEYWORDS):
        yield f"{path}.{name}: not supported"
    values = schema.get("enum", ["-"])
    if not values or not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in values):
        yield f"{path}.enum: {values!r} are no texts or numbers"
    if "array" in schema.get("type", []) and not {"items", "prefixItems"} & schema.keys():
        yield f"{path}.items: missing field"
    if set(schema.get("required", ())) - schema.get("properties", {}).keys():
        yield f"{path}.required: property is not defined"
