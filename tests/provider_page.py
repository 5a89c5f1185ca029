"""The page of providers, made from the table: who they are, how they are asked, and what of a request reaches them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from addon.dialects.anthropic.fields import ROWS, Fields
from addon.dialects.profiles import Profile, SearchStyle, Takes
from addon.routing.backend import NATIVE, Backend, Mint
from addon.routing.backends import ALIASES, BACKENDS, POPULAR, ROOMS

DIALECTS: Mapping[str, str] = {
    "openai_chat": "chat",
    "openai_responses": "responses",
    "vertex_chat": "chat",
    "anthropic": "messages",
    "vertex_claude": "messages",
    "bedrock_claude": "messages",
    "bedrock_converse": "converse",
    "gemini": "gemini",
    "searxng": "search",
    "brave": "search",
}
UNTRANSLATED = (NATIVE, "vertex_claude", "bedrock_claude")
CARRIES = ("openai_responses", "gemini", "bedrock_converse", *UNTRANSLATED)  # whatever was thought
EXTRAS: Mapping[Mint, str] = {Mint.GOOGLE: "vertex", Mint.AWS: "aws"}
HEAD = """# Providers

Made from the table in `addon/routing/rows/` by `python -m tests.test_docs`.

Write a model as `provider/model`: `BIG_MODEL=deepseek/deepseek-v4-pro`, `--model zai-anthropic/glm-5.3`. The key is the
first of the named settings that is set; an address is given where it is another than the one here, and a key goes to no
other vendor's. Addresses and variable names are from the vendors' documentation and SDKs as of November 2026; none was
tried against a paid account.

## Which one?

A vendor with a **native** address answers Anthropic's own `/v1/messages`: nothing is translated, and thinking and
prompt caches work as the vendor has them. Of such a vendor that is the row `NAME-anthropic`. The others are translated.

| column | what it says |
| - | - |
| speaks | *messages* is Anthropic's own format, *chat* OpenAI's chat-completions, *responses* its Responses API, \
*gemini* Google's, *converse* Amazon's; which of several is the model's affair |
| PDFs | *yes*: as they are; *text*: their text is taken out and sent; a scan is refused |
| pictures | *yes*; *bytes*: not by an address; whether a model sees them is known of each model |
| searches | the web, by itself; for *no* and *?* a search endpoint can be set (docs/web-search.md) |
| thinks on | *yes*: its own thinking goes back to it, as it wants it; *no*: it is left out of the history |
| schema | *held*: it must answer in the form that is asked for; *JSON*: in some JSON; *told*: it is only told so |

*some* is a matter of the model.

"""
CLOUDS = """
Credentials of Google and Amazon that expire are made by `google-auth` and `botocore`: `pip install
'claude-detour[vertex]'` or `[aws]`. They are asked where no key is set.
"""
NATIVES = """
## What a native address is sent

What a server does not take of the Messages API stays behind, and is a loss (docs/losses.md). Betas go to Claude alone,
as each cloud calls them. `takes` in the profile of a backend of your own says which row it is.

| `takes` | who | thinking | efforts | schema | fields of the body beyond the plain ones | turns of the system |
| - | - | - | - | - | - | - |
"""
FOOT = """
Other names that are understood: {aliases}.

How a provider departs from its wire format (the field for the token limit, where the wish for thinking goes, whether
thinking must be sent back, what it refuses) is its `Profile` in the same table.
"""


def page() -> str:
    """Return docs/backends.md."""
    known = [BACKENDS[name] for name in POPULAR]
    natives = {row.name: row for row in BACKENDS.values() if row.dialect in UNTRANSLATED}
    head = "| provider | native row | speaks | PDFs | pictures | searches | thinks on | schema |\n" + "| - " * 8 + "|\n"
    lines = [
        f"| `{row.name}` | {_native(row, natives)} | {_speaks(row)} | {' | '.join(_can(row))} |\n" for row in known
    ]
    rooms = "".join(f"\n## {_title(room.__doc__)}\n\n{_room(room.ROWS)}" for room in ROOMS)
    aliases = ", ".join(f"`{alias}` for `{name}`" for alias, name in sorted(ALIASES.items()))
    return "".join((HEAD, head, *lines, CLOUDS, rooms, NATIVES, *_takes(), FOOT.format(aliases=aliases)))


def _title(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].rstrip(".")


def _native(row: Backend, natives: Mapping[str, Backend]) -> str:
    name = row.name if row.name in natives else f"{row.name}-anthropic"
    return f"`{name}`" if name in natives else ""


def _room(rows: Iterable[Backend]) -> str:
    head = "| provider | speaks | address | key | PDFs | pictures | searches | thinks on | schema |\n"
    return head + "| - " * 9 + "|\n" + "".join(_line(row) for row in rows)


def _line(row: Backend) -> str:
    keys = ", ".join(f"`{key}`" for key in row.key_names)
    if row.minting is not None:
        keys += f", or `[{EXTRAS[row.minting.mint]}]`" if row.minting.mint in EXTRAS else ", or made"
    if not row.needs_key:
        keys = f"none, or {keys}"
    address = f"`{row.base_url}`" if row.base_url else f"yours: `{row.base_names[0]}`"
    can = ("",) * 5 if row.only_searches else _can(row)
    return f"| `{row.name}` | {_speaks(row)} | {address} | {keys} | {' | '.join(can)} |\n"


def _speaks(row: Backend) -> str:
    if row.by_process:
        return "litellm"
    spoken = dict.fromkeys(DIALECTS[each] for each in (row.dialect, *(speech.dialect for speech in row.speeches)))
    return ", ".join(spoken)


type Ways = list[tuple[str, Profile]]  # the dialects that a provider's models speak, and with which profile


def _ways(row: Backend) -> Ways:
    plain = [row.profile, *(replace(row.profile, **fields) for _, fields in row.by_model)]
    ways = [(row.dialect, profile) for profile in plain]
    for speech in row.speeches:
        ways += [(speech.dialect, speech.profile)] if speech.profile else [(speech.dialect, each) for each in plain]
    return ways


def _can(row: Backend) -> tuple[str, ...]:
    return tuple(_one({say(dialect, profile) for dialect, profile in _ways(row)}) for say in SAYS)


def _one(said: set[str]) -> str:
    return said.pop() if len(said) == 1 else "some"


def _schema(dialect: str, profile: Profile) -> str:
    if dialect in UNTRANSLATED:
        return "held" if ROWS[profile.takes].form else "told"
    return "held" if profile.json_schema else "JSON" if profile.json_object else "told"


def _searches(dialect: str, profile: Profile) -> str:
    return "?" if profile.search is None else "no" if profile.search is SearchStyle.NONE else "yes"


def _thinks_on(dialect: str, profile: Profile) -> str:
    return "yes" if dialect in CARRIES or profile.reasoning_echo is not None else "no"


SAYS: tuple[Callable[[str, Profile], str], ...] = (
    lambda dialect, profile: "yes" if profile.documents else "text",
    lambda dialect, profile: "no" if not profile.images else "yes" if profile.image_urls else "bytes",
    _searches,
    _thinks_on,
    _schema,
)


def _takes() -> list[str]:
    whose: dict[Takes, list[str]] = {takes: [] for takes in Takes}
    for row in BACKENDS.values():
        for takes in {profile.takes for dialect, profile in _ways(row) if dialect in UNTRANSLATED}:
            whose[takes].append(f"`{row.name}`")
    return [_taken(takes, ", ".join(names) or "yours, if you say so") for takes, names in whose.items()]


def _taken(takes: Takes, whose: str) -> str:
    row: Fields = ROWS[takes]
    thinking = "all" if row.display else ", ".join(dict.fromkeys(row.thinking.values()))
    efforts = ", ".join(dict.fromkeys(row.efforts.values())) or "none"
    body = "all" if row.body is None else ", ".join(f"`{name}`" for name in sorted(row.body - PLAIN)) or "none"
    turns = "as they are" if row.system_turns else "within the user's"
    return f"| `{takes}` | {whose} | {thinking} | {efforts} | {'yes' if row.form else 'told'} | {body} | {turns} |\n"


PLAIN = ROWS[Takes.VENDOR].body or frozenset()
