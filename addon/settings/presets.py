"""The presets that ship: named sets of models and routes, in the shape of ``presets`` in ``detour.yaml``.

A preset never holds an address or a key. Models are those that their vendors sell as of November 2026; the first seven
names are those that users of the known proxies have in their fingers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# it names no model, so that it stands in the way of none that is chosen otherwise
_THINKING = [{"name": "think hard", "when": {"thinking": True}, "effort": "high"}]

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "openai_premium": {
            "about": "OpenAI's largest for Opus, its flagship for Sonnet",
            "big": "openai/gpt-6-astra",
            "middle": "openai/gpt-6.1-sol",
            "small": "openai/gpt-6-luna",
        },
        "gemini_balanced": {
            "about": "Gemini Pro, and Flash for the small calls",
            "big": "gemini/gemini-3.1-pro-preview",
            "small": "gemini/gemini-3.8-flash",
        },
        "anthropic_pure": {
            "about": "everything to Anthropic, untouched",
            "big": "anthropic",
            "small": "anthropic",
        },
        "cross_premium": {
            "about": "OpenAI's largest, Gemini for the small calls",
            "big": "openai/gpt-6-astra",
            "middle": "gemini/gemini-3.1-pro-preview",
            "small": "gemini/gemini-3.8-flash",
        },
        "cross_balanced": {
            "about": "OpenAI's flagship, a light Gemini for the small calls",
            "big": "openai/gpt-6.1-sol",
            "small": "gemini/gemini-3.5-flash-lite",
        },
        "openai_reasoning": {
            "about": "OpenAI with high effort wherever the client thinks",
            "big": "openai/gpt-6.1-sol",
            "small": "openai/gpt-6-luna",
            "routes": _THINKING,
        },
        "cross_speed": {
            "about": "the fast ones: Gemini Flash and OpenAI's smallest",
            "big": "gemini/gemini-3.8-flash",
            "small": "openai/gpt-6-luna",
        },
        "local_ollama": {
            "about": "all on this machine, by Ollama",
            "big": "ollama/qwen3-coder:30b",
            "small": "ollama/qwen3:4b",
        },
        "openrouter": {
            "about": "one key for many vendors",
            "big": "openrouter/z-ai/glm-5.3",
            "small": "openrouter/qwen/qwen3.8-flash",
        },
        "glm": {"about": "Z.ai", "big": "zai/glm-5.3", "small": "zai/glm-5.3-flash"},
        "deepseek": {"about": "DeepSeek", "big": "deepseek/deepseek-v4-pro", "small": "deepseek/deepseek-flash"},
        "kimi": {"about": "Moonshot", "big": "moonshot/kimi-k3", "small": "moonshot/kimi-k2.7-code"},
        "qwen": {"about": "Alibaba's DashScope", "big": "dashscope/qwen3.8-max", "small": "dashscope/qwen3.8-flash"},
    }
)
