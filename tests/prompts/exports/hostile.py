"""Texts that would run, fetch, forge or break out wherever they are not kept as text."""

import json
from typing import Any

from addon.prompts.entry import Entry
from tests.prompts.entries import SESSION, entry, stream

TEXTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details></div></pre></style></title></main><h1>Turn 99</h1>",
    "a\r<b>carriage</b>",
    "```\n</details>\n\n# Forged\n\n<script>x</script>\n```",
    "````````````\n<iframe src=//x>\n",
    "- ```\n  code\n  ```\n<script>x</script>",
    "![pixel](http://tracker.invalid/x.png)",
    "![ref][p]\n\n[p]: http://tracker.invalid/y.png",
    "[click](javascript:alert(1))",
    "[click]( javascript:alert(1))",
    "[click](<javascript:alert(1)>)",
    "[click](&#106;avascript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "<https://x.invalid/> <javascript:alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% raw %} {# x #} ${7*7} <%= 7 %>",
    "# Forged heading\n\n## Turn 100\n\nSetext\n======",
    "> > > quoted\n\n***\n\n| a | b |\n| - | - |\n| <u>1</u> | 2 |",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b2J",
    "bidi \u202e gnp.exe \u2066 x",
    "null \x00 and half \ud83d",
    "    <script>indented</script>",
    "<!-- comment\n\n# Forged\n-->",
    "<?php x ?> <![CDATA[ x ]]> <!DOCTYPE x>",
    "`` ` ``` <b>ticks</b>",
    "@import url(http://x.invalid); } body { display: none }",
]
ALL = "\n\n".join(TEXTS)


def session() -> list[Entry]:
    """A session in which every text that others may choose is hostile."""
    entries = [_asked(number, text) for number, text in enumerate([*TEXTS, ALL], start=1)]
    return [
        *entries,
        _asked(len(entries) + 1, ALL, kind="subagent", agent=ALL),
        _asked(len(entries) + 2, ALL, kind="title"),
    ]


def _asked(number: int, text: str, **facts: Any) -> Entry:
    call = {"type": "tool_use", "id": text, "name": text, "input": {text: text}}
    content = [
        {"type": "text", "text": text},
        {"type": "tool_result", "tool_use_id": text, "content": text, "is_error": bool(number % 2)},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": text}},
        {"type": "image", "source": {"type": "url", "url": text}},
        {"type": "document", "source": {"type": "text", "media_type": text, "data": text}},
        {"type": text, text: text},
    ]
    body = {
        "model": text,
        "system": [{"type": "text", "text": text}],
        "tools": [{"name": text, "description": text, "input_schema": {text: text}}],
        "messages": [{"role": "user", "content": content}, {"role": text, "content": text}],
    }
    given = stream({"type": "thinking", "thinking": text, "signature": text}, {"type": "text", "text": text}, call)
    told = {"kind": "main", "agent": None, **facts}
    return entry(
        json.dumps(body).encode(),
        number=number,
        given=given,
        session=SESSION,
        agent_type=text,
        route=text,
        stop_reason=text,
        **told,
    )
