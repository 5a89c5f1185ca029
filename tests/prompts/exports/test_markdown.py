"""The Markdown document is readable, and nothing in it breaks out of where it stands."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from addon.prompts.entry import Change, Entry
from addon.prompts.exports import markdown
from addon.prompts.exports.document import document
from tests.prompts.entries import entry, recorded_calls, recorded_session
from tests.prompts.exports import hostile

READER = MarkdownIt("commonmark").enable("table")
OURS = re.compile(r"<details><summary>[^<>]*</summary>\n?|</details>\n?")
# what texts may be within quotations and fences
INSIDE = st.text("`~<>!/[]():#\\-* \r\n\tab|&;.=\"'", max_size=60)


def tokens(text: str) -> list[Token]:
    found = READER.parse(text)
    return [*found, *(child for token in found for child in token.children or ())]


def fetched_or_run(text: str) -> list[str]:
    """What a viewer would take for more than text, but for what is ours."""
    bad = []
    for token in tokens(text):
        if token.type in ("html_block", "html_inline") and not OURS.fullmatch(token.content):
            bad.append(token.content)
        if token.type == "image":
            bad.append(str(token.attrs))
        if token.type == "link_open" and not str(token.attrs["href"]).startswith(("http://", "https://")):
            bad.append(str(token.attrs))
    return bad


def headings(text: str) -> list[str]:
    """The headings of the document itself, not those in a quotation."""
    found = READER.parse(text)
    return [
        found[index + 1].content
        for index, token in enumerate(found)
        if token.type == "heading_open" and not token.level
    ]


def test_a_session_is_readable() -> None:
    text = markdown.render(document(recorded_session())).decode()
    assert text.startswith("# Read notes.txt.\n\n- **session**: 00000000-")
    turn = text[text.index("### Turn 3") : text.index("### Turn 5")]
    assert turn == TURNS


TURNS = """### Turn 3

11:09:40 · claude-opus-5-5 · 1,000 tokens in (900 cached) · 20 out · $0.013 · 1.5 s

**User**

> Count its lines.

**Assistant**

Call: `Bash`

```
command: wc -l notes.txt
description: Count lines
```

Call: `Bash`

```
command: ls no-such-file
description: List it
```

### Turn 4

11:10:40 · claude-opus-5-5 · 1,000 tokens in (900 cached) · 20 out · $0.013 · 1.5 s

**Tools**

Failed: `Bash`

```
Exit code 2
ls: cannot access 'no-such-file': No such file or directory
```

Result: `Bash`

```
2 notes.txt
```

**Assistant**

<details><summary>thinking, 11 characters</summary>

> One failed.

</details>

> Counted; the other failed.

"""


@pytest.mark.parametrize("entries", [recorded_session(), recorded_calls(), hostile.session()])
def test_the_headings_are_the_documents_own(entries: list[Entry]) -> None:
    text = markdown.render(document(entries)).decode()
    made = document(entries)
    wanted = 1 + sum(1 + len(section.turns) for section in made.sections) + 2
    wanted += len(made.systems) if len(made.systems) > 1 else 0
    assert len(headings(text)) == wanted


def test_no_hostile_text_is_more_than_text() -> None:
    text = markdown.render(document(hostile.session())).decode()
    assert fetched_or_run(text) == []
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\u202e" not in text


def test_every_detail_that_is_opened_is_closed() -> None:
    blocks = [
        token.content
        for token in READER.parse(markdown.render(document(hostile.session())).decode())
        if token.type == "html_block"
    ]
    assert sum("<details>" in each for each in blocks) == sum("</details>" in each for each in blocks) > 0


@given(INSIDE)
def test_any_text_stays_in_its_fence(text: str) -> None:
    fenced, after = markdown.fence(text), "\n\nafter\n"
    found = READER.parse(fenced + after)
    assert [token.type for token in found] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(INSIDE, st.booleans())
def test_any_text_stays_in_its_quotation(text: str, keep_lines: bool) -> None:
    quoted = markdown.quote(text, keep_lines=keep_lines)
    assert fetched_or_run(quoted) == []
    found = READER.parse(f"before\n\n{quoted}\n\n## after\n\n[after] text\n")
    assert [token.content for token in found if token.type == "inline" and not token.level - 1][-2:] == [
        "after",
        "[after] text",
    ]
    assert found[3].type in ("blockquote_open", "fence")


@given(st.text())
def test_any_text_in_a_line_is_only_itself(text: str) -> None:
    [paragraph] = [token for token in READER.parse(f"x {markdown.inline(text)}") if token.type == "inline"]
    assert {child.type for child in paragraph.children or ()} <= {"text", "text_special"}
    [span] = [token for token in READER.parse(f"x {markdown.code(text)}") if token.type == "inline"]
    assert [child.type for child in span.children or ()] == ["text", "code_inline"]


QUOTES = [
    ("one\ntwo", "> one\n> two"),
    ("see [a](https://b.c/d) and [e](src/f.py#L3)", "> see [a](https://b.c/d) and [e](src/f.py#L3)"),
    ("a < b and c", "> a < b and c"),
    ("List<T>", "```\nList<T>\n```"),
    ("![x](y)", "```\n![x](y)\n```"),
    ("````", "> ````"),
    ("````<a>", "`````\n````<a>\n`````"),
]


@pytest.mark.parametrize(("text", "shown"), QUOTES)
def test_a_text_is_quoted_where_it_is_harmless(text: str, shown: str) -> None:
    assert markdown.quote(text) == shown


def test_lines_of_who_writes_no_markdown_end_where_they_end() -> None:
    assert markdown.quote("a\n\nb", keep_lines=True) == "> a  \n>  \n> b"


def test_long_results_are_folded() -> None:
    made = entry(
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x" * 2_000}]}
            ],
        }
    )
    assert (
        f"<details><summary>{html.escape('2,000 characters')}</summary>" in markdown.render(document([made])).decode()
    )


def test_losses_and_silence_are_told() -> None:
    content = [{"type": "text", "text": " "}, {"type": "tool_use", "id": "c", "name": "Bash", "input": {}}]
    made = entry({"model": "m", "messages": [{"role": "user", "content": content}]}, kind="main")
    text = markdown.render(document([replace(made, losses=(Change("top_k", "<b>"),))])).decode()
    assert text.endswith("**User**\n\nCall: `Bash`\n\nChanged or lost on the way:\n\n- top\\_k: \\<b\\>\n")
