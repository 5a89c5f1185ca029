"""Amazon Bedrock: Claude, and everybody else's models."""

import re
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import Profile, ReasoningStyle, SchemaStyle, SearchStyle, SystemTurns, Takes
from addon.routing.backend import Backend, Mint, Minting, by_model, speeches

CONVERSE, CLAUDE = "bedrock_converse", "bedrock_claude"
EVERY_EFFORT = ("low", "medium", "high", "xhigh", "max")
# what holds for all; what a model can besides is said below (Bedrock user guide, "supported models and features")
PLAIN = Profile(
    system_turns=SystemTurns.FIRST_ONLY,
    image_urls=False,  # as bytes, or out of S3
    parallel_switch=False,
    required_choice=None,
    named_choice=False,
    json_schema=False,
    json_object=False,
    call_id_limit=64,
)
CHOOSES: dict[str, Any] = {"required_choice": "any", "named_choice": True, "rich_results": True, "documents": True}
NOVA: dict[str, Any] = {**CHOOSES, "tool_schema": SchemaStyle.MISTRAL, "cache_points": 4}
OF_CLAUDE: dict[str, Any] = {
    **CHOOSES,
    "claude": True,
    "takes": Takes.BEDROCK,
    "search": SearchStyle.NONE,
    "system_turns": SystemTurns.ANYWHERE,
    "reasoning": ReasoningStyle.CLAUDE,
    "efforts": EVERY_EFFORT,
    "cache_points": 4,
    "json_schema": True,
}
MISTRAL: dict[str, Any] = {
    "required_choice": "any",
    "call_id_length": 9,
    "call_id_limit": None,
    "tool_schema": SchemaStyle.MISTRAL,
    "documents": True,
}
# regions whose hosts end otherwise (botocore, ``endpoints.json``)
HOSTS = tuple(
    (re.compile(rf"(//bedrock-runtime\.{region}-[a-z0-9-]+)\.amazonaws\.com"), rf"\1.{suffix}")
    for region, suffix in (
        ("cn", "amazonaws.com.cn"),
        ("us-iso", "c2s.ic.gov"),
        ("us-isob", "sc2s.sgov.gov"),
        ("us-isof", "csp.hci.ic.gov"),
        ("eu-isoe", "cloud.adc-e.uk"),
        ("eusc", "amazonaws.eu"),
    )
)

ROWS = (
    Backend(
        "bedrock",
        "https://bedrock-runtime.{AWS_REGION}.amazonaws.com",
        CONVERSE,
        keys=("AWS_BEARER_TOKEN_BEDROCK",),
        minting=Minting(Mint.AWS, "bedrock"),
        # not ANTHROPIC_BEDROCK_BASE_URL: that is the client's, and may point at our own door
        bases=("BEDROCK_API_BASE", "BEDROCK_BASE_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
        place=MappingProxyType({"AWS_REGION": None}),
        place_names=MappingProxyType({"AWS_REGION": ("AWS_DEFAULT_REGION", "AWS_REGION_NAME")}),
        place_hosts=HOSTS,
        profile=PLAIN,
        # an id has the maker's name, behind the inference profile's: us.anthropic.claude-opus-5; an ARN may have none,
        # and then the user says what it is: invoke/arn:... is Claude, or ``dialect`` and ``profile`` in detour.yaml
        speeches=speeches((r"^converse/", "", CONVERSE), (r"^invoke/|anthropic\.claude", "", CLAUDE)),
        by_model=by_model(
            # the newest refuse a form of the reply, and strict tools
            (r"anthropic\.claude-(opus-4-[78]|opus-5|sonnet-5|fable-5)", {**OF_CLAUDE, "json_schema": False}),
            (r"anthropic\.claude|^invoke/", OF_CLAUDE),
            (r"amazon\.nova-2", {**NOVA, "reasoning": ReasoningStyle.NOVA}),
            (r"amazon\.nova", NOVA),
            (r"openai\.gpt-oss", {"reasoning": ReasoningStyle.EFFORT, "json_schema": True}),
            (r"openai\.gpt-", {"reasoning": ReasoningStyle.REASONING, "efforts": EVERY_EFFORT, "sampling": False}),
            (r"deepseek\.v3\.2", {"reasoning": ReasoningStyle.EFFORT, "json_schema": True}),
            (r"deepseek\.v3", {"reasoning": ReasoningStyle.EFFORT}),
            (r"mistral\.(devstral|magistral|ministral|mistral-large-3)", {**MISTRAL, "json_schema": True}),
            (r"mistral\.", MISTRAL),
            (r"minimax\.|moonshot|nvidia\.nemotron|google\.gemma|zai\.glm|qwen3-(coder-)?next", {"json_schema": True}),
            (r"meta\.llama", {"documents": True}),
        ),
    ),
)
