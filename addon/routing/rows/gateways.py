"""Gateways: one key for the models of many makers."""

import re
from dataclasses import replace
from types import MappingProxyType

from addon.dialects.profiles import Echo, Profile, ReasoningStyle, SearchStyle, Takes
from addon.routing.backend import NATIVE, SEARCHES, Backend, Speech
from addon.routing.rows.claude import CLAUDE

PASSES_ON = replace(SEARCHES, takes=Takes.GATEWAY, documents=True)
GATEWAY = Profile(takes=Takes.GATEWAY, documents=True)
CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1/{CLOUDFLARE_ACCOUNT_ID}/{CLOUDFLARE_GATEWAY_ID}"
CLOUDFLARE_PLACE = MappingProxyType({"CLOUDFLARE_ACCOUNT_ID": None, "CLOUDFLARE_GATEWAY_ID": "default"})
CLOUDFLARE_KEY = ("cf-aig-authorization", "Bearer ")
# without these GitHub refuses a request; the token is the short-lived one that an editor is given for a GitHub token.
# Source: litellm 1.109.1, llms/github_copilot
COPILOT = (
    ("copilot-integration-id", "vscode-chat"),
    ("editor-version", "vscode/1.95.0"),
    ("editor-plugin-version", "copilot-chat/0.26.7"),
)

# its Claude models answer in Anthropic's shape even where they are asked by chat-completions (BerriAI/litellm#29391)
COPILOTS_CLAUDE = Speech(
    re.compile("^claude-"), re.compile(""), NATIVE, profile=replace(GATEWAY, search=SearchStyle.NONE)
)

ROWS = (
    Backend(
        "openrouter",
        "https://openrouter.ai/api/v1",
        profile=Profile(
            reasoning=ReasoningStyle.OPENROUTER,
            efforts=("low", "medium", "high", "xhigh"),
            reasoning_echo=Echo.REASONING_DETAILS,
            documents=True,
            default_max_tokens=16_384,
            search=SearchStyle.OPENROUTER,
            tells_cost=True,
        ),
    ),
    Backend(
        "openrouter-anthropic", "https://openrouter.ai/api", NATIVE, keys=("OPENROUTER_API_KEY",), profile=PASSES_ON
    ),
    Backend("vercel", "https://ai-gateway.vercel.sh/v1", keys=("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY")),
    Backend(
        "vercel-anthropic",
        "https://ai-gateway.vercel.sh",
        NATIVE,
        keys=("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY"),
        profile=PASSES_ON,
    ),
    Backend(
        "cloudflare-gateway",
        f"{CLOUDFLARE}/compat",
        auth=CLOUDFLARE_KEY,
        keys=("CLOUDFLARE_GATEWAY_TOKEN", "CF_AIG_TOKEN"),
        place=CLOUDFLARE_PLACE,
    ),
    Backend(
        "cloudflare-gateway-anthropic",
        f"{CLOUDFLARE}/anthropic",
        NATIVE,
        CLOUDFLARE_KEY,
        keys=("CLOUDFLARE_GATEWAY_TOKEN", "CF_AIG_TOKEN"),
        place=CLOUDFLARE_PLACE,
        profile=CLAUDE,  # it passes requests on to Anthropic
    ),
    Backend(
        "github-copilot",
        "https://api.githubcopilot.com",
        headers=(*COPILOT, ("openai-intent", "conversation-panel"), ("x-github-api-version", "2025-04-01")),
        speeches=(COPILOTS_CLAUDE,),
    ),
    Backend(
        "github-copilot-anthropic",
        "https://api.githubcopilot.com",
        NATIVE,
        keys=("GITHUB_COPILOT_API_KEY",),
        headers=(*COPILOT, ("openai-intent", "messages-proxy"), ("x-github-api-version", "2026-06-01")),
        profile=replace(GATEWAY, search=SearchStyle.NONE),
    ),
    Backend("llmgateway", "https://api.llmgateway.io/v1", keys=("LLMGATEWAY_API_KEY", "LLM_GATEWAY_API_KEY")),
    Backend(
        "llmgateway-anthropic",
        "https://api.llmgateway.io",
        NATIVE,
        keys=("LLMGATEWAY_API_KEY", "LLM_GATEWAY_API_KEY"),
        profile=GATEWAY,
    ),
    Backend("opencode", "https://opencode.ai/inference/openai/v1"),
    Backend(
        "opencode-anthropic",
        "https://opencode.ai/inference/anthropic",
        NATIVE,
        keys=("OPENCODE_API_KEY",),
        profile=GATEWAY,
    ),
    # a subscription; it refuses a request without a session's name
    Backend(
        "opencode-go",
        "https://opencode.ai/inference/go/openai/v1",
        keys=("OPENCODE_GO_API_KEY", "OPENCODE_API_KEY"),
        headers=(("x-opencode-session", "claude-detour"),),
    ),
    Backend(
        "opencode-go-anthropic",
        "https://opencode.ai/inference/go/anthropic",
        NATIVE,
        keys=("OPENCODE_GO_API_KEY", "OPENCODE_API_KEY"),
        headers=(("x-opencode-session", "claude-detour"),),
        profile=GATEWAY,
    ),
    Backend("poe", "https://api.poe.com/v1"),
    Backend("nanogpt", "https://nano-gpt.com/api/v1"),
)
