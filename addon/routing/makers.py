"""Whose a model's name is: who makes the models that are called so, and where they are asked. Pure.

One row for each family of names. The providers of a row are asked for it in this order: the first is its home, the
others are the maker's too, at another address or with another key. Source: the makers' own lists of models.
"""

import re

MAKERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"claude-", ("anthropic",)),
    (r"gemini-", ("gemini", "vertex")),
    (r"gpt-(?!oss)|chatgpt-|o[1-9]\b|codex-|computer-use-", ("openai",)),
    (r"deepseek-", ("deepseek",)),
    (r"glm-", ("zai", "bigmodel")),
    (r"kimi-|moonshot-", ("moonshot", "moonshot-cn")),
    (r"qwen|qwq|qvq", ("dashscope", "dashscope-cn")),
    (r"grok-", ("xai",)),
    (r"(open-)?(mi|mini|magi)(s|x)tral-|(labs-)?devstral-|codestral-|pixtral-", ("mistral",)),
    (r"minimax-", ("minimax", "minimax-cn")),
    (r"command-|c4ai-", ("cohere",)),
    (r"sonar", ("perplexity",)),
    (r"muse-", ("meta",)),
    (r"mimo-", ("xiaomi",)),
    (r"doubao-", ("volcengine",)),
    (r"hunyuan-", ("tencent",)),
    (r"swe-", ("cognition",)),
)
_FAMILIES = tuple((re.compile(pattern, re.IGNORECASE), homes) for pattern, homes in MAKERS)


def homes_of(model: str) -> tuple[str, ...]:
    """Return the providers of whoever makes models called so; empty where nobody is known to."""
    return next((homes for pattern, homes in _FAMILIES if pattern.match(model)), ())


def home_of(model: str) -> str | None:
    """Return the home of a model, whatever stands before its name: ``x-ai/grok-4.7`` is xai's."""
    return next(iter(homes_of(model.rpartition("/")[2])), None)
