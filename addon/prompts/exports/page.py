"""A session as one HTML file: no script, nothing fetched, dark and light, and fit to be printed. Pure.

Its texts are others': Jinja2 escapes each, the policy in the head allows no script, no address and no style but the one
that stands here, by its hash, and pictures are shown from their own bytes where they are of a kind that runs nothing.
"""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, StrictUndefined, Template

from addon.prompts import printable
from addon.prompts.exports.document import Document

LONG = 1_200  # characters of a result that is folded
POLICY = "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1d2126; --faint: #5c6670; --line: #d9dee3; --box: #f5f7f9;
  --user: #0b57d0; --assistant: #8a4b08; --tools: #24713a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --ink: #e3e6e9; --faint: #9aa4ae; --line: #333a41;
  --box: #1d2226; --user: #8ab4f8; --assistant: #f0b878; --tools: #81c995; --bad: #f2b8b5; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); }
h3 { margin: 2.2rem 0 0; font-size: 1.1rem; } h4 { margin: 1rem 0 .2rem; font-size: .9rem; }
h1, h2, h3, h4, p, .text, summary { overflow-wrap: anywhere; }
a { color: inherit; } h3 a { text-decoration: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.meta, .note, .lead { margin: .1rem 0; color: var(--faint); font-size: .9rem; } .note { font-style: italic; }
.joint { border-top: 2px dashed var(--line); margin-top: 3rem; padding-top: .5rem; }
.said { border-left: 3px solid var(--line); padding-left: .9rem; margin: .8rem 0; }
.said.user { border-color: var(--user); } .said.user > h4 { color: var(--user); }
.said.assistant { border-color: var(--assistant); } .said.assistant > h4 { color: var(--assistant); }
.said.tools { border-color: var(--tools); } .said.tools > h4 { color: var(--tools); }
.said.error { border-color: var(--bad); } .failure > b { color: var(--bad); }
.text, pre { white-space: pre-wrap; overflow-wrap: anywhere; } .text { margin: .4rem 0; }
pre { margin: .3rem 0; padding: .6rem .8rem; background: var(--box); border: 1px solid var(--line); border-radius: 4px;
  font: 13px/1.45 ui-monospace, monospace; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--faint); font-size: .9rem; }
img { max-width: 100%; max-height: 40rem; border: 1px solid var(--line); }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } article { break-inside: avoid-page; }
  nav { display: none; } details::details-content { content-visibility: visible; block-size: auto; }
  pre { font-size: 8.5pt; } }
"""

TEMPLATE = """
{%- macro folded(title, text) -%}
<details><summary>{{ title|line }}</summary><pre>{{ text|shown }}</pre></details>
{%- endmacro -%}
{%- macro body(text, title) -%}
{%- if text|length > long %}{{ folded(title, text) }}{% elif text %}<pre>{{ text|shown }}</pre>{% endif -%}
{%- endmacro -%}
{%- macro piece(piece) -%}
{%- if piece.sort == "text" -%}
<div class="text">{{ piece.text|shown }}</div>
{%- elif piece.sort in ("reminder", "thinking") -%}
<details><summary>{{ piece.title|line }}</summary><div class="text">{{ piece.text|shown }}</div></details>
{%- elif piece.sort == "call" -%}
<div class="call"><b>Call: {{ piece.title|line }}</b><pre>{{ piece.text|shown }}</pre></div>
{%- elif piece.sort in ("result", "failure") -%}
<div class="{{ piece.sort }}"><b>{{ "Result" if piece.sort == "result" else "Failed" }}: {{ piece.title|line }}</b>
{{ body(piece.text, "{:,} characters".format(piece.text|length)) }}</div>
{%- else -%}
<div class="other">
{%- if piece.picture %}<img src="{{ piece.picture }}" alt="{{ piece.title|line }}">
{%- elif piece.text %}{{ folded(piece.title, piece.text) }}{% else %}<p>{{ piece.title|line }}</p>{% endif -%}
</div>
{%- endif -%}
{%- endmacro -%}
{%- macro message(said) -%}
<div class="said {{ said.who|kind }}"><h4>{{ said.who|line }}</h4>
{% for each in said.pieces %}{{ piece(each) }}
{% endfor %}</div>
{%- endmacro -%}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ made.title|line }}</title>
<style>{{ style }}</style>
</head>
<body>
<header>
<h1>{{ made.title|line }}</h1>
<dl>
{% for name, value in made.facts %}<dt>{{ name }}</dt><dd>{{ value|line }}</dd>
{% endfor %}</dl>
<nav><ul>
{% for section in made.sections %}<li><a href="#chapter-{{ loop.index }}">{{ section.title|line }}</a></li>
{% endfor %}
{%- if made.systems %}<li><a href="#system">System prompt</a></li>
{% endif %}
{%- if made.tools %}<li><a href="#tools">Tools</a></li>
{% endif %}</ul></nav>
</header>
<main>
{% for section in made.sections %}<section id="chapter-{{ loop.index }}">
<h2>{{ section.title|line }}</h2>
{% if section.lead %}<p class="lead">{{ section.lead|line }}</p>
{% endif %}
{%- for turn in section.turns %}<article id="turn-{{ turn.place }}"{% if turn.is_joint %} class="joint"{% endif %}>
<h3><a href="#turn-{{ turn.place }}">{{ turn.title|line }}</a></h3>
<p class="meta">{{ turn.meta|line }}</p>
{% for note in turn.notes %}<p class="note">{{ note|line }}</p>
{% endfor %}
{%- if turn.folded and turn.said %}<details><summary>what was said</summary>
{% endif %}
{%- for said in turn.said %}{{ message(said) }}
{% endfor %}
{%- if turn.folded and turn.said %}</details>
{% endif %}
{%- if turn.losses %}<p class="note">Changed or lost on the way:</p>
<ul class="note">
{% for loss in turn.losses %}<li>{{ loss|line }}</li>
{% endfor %}</ul>
{% endif %}</article>
{% endfor %}</section>
{% endfor %}
{%- if made.systems %}<section id="system">
<h2>System prompt</h2>
{% for whose, text in made.systems %}{{ folded("{}, {:,} characters".format(whose, text|length), text) }}
{% endfor %}</section>
{% endif %}
{%- if made.tools %}<section id="tools">
<h2>Tools</h2>
{% for tool in made.tools %}<details><summary>{{ tool.name|line }}</summary>
{% if tool.description %}<pre>{{ tool.description|shown }}</pre>
{% endif %}<pre>{{ tool.definition|shown }}</pre></details>
{% endfor %}</section>
{% endif %}</main>
</body>
</html>
"""
KINDS = frozenset(("user", "assistant", "system", "tools", "error"))


def render(made: Document) -> bytes:
    """Write the page."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return _template().render(made=made, policy=POLICY.format(digest), long=LONG).encode()


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters |= {"shown": printable.text, "line": printable.line, "kind": _kind}
    return environment.from_string(TEMPLATE.replace("{{ style }}", STYLE).lstrip())


def _kind(who: str) -> str:
    """Return the class of a message, by who speaks."""
    return who.lower() if who.lower() in KINDS else "other"
