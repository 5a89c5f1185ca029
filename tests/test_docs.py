"""What is made from the code is what the code says. ``python -m tests.test_docs`` writes it anew."""

import dataclasses
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from addon.dialects.left_behind import ROUTINE
from addon.dialects.losses import LOSSES, REFUSALS
from addon.dialects.profiles import Echo, Profile
from addon.dialects.typed_tools import TYPED_TOOLS, UNKNOWN
from addon.prompts import key_shapes
from addon.routing.rows import hosted
from addon.settings import document, document_text, yaml_text
from addon.settings.presets import PRESETS
from tests import provider_page
from tests.faultlab.faults import GROUPS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SCHEMA = ROOT / "addon" / "settings" / "detour.schema.json"
LOSSES_HEAD = """# What may be lost

Made from the tables in `addon/dialects/` by `python -m tests.test_docs`.

Claude Code says more than other backends can be told, and backends answer more than Claude Code can be told. Nothing of
that is dropped in silence. What is left out or said differently is a **loss**: the request goes on, the flow's comment
counts it, the view *Changes* shows it with its JSON path, the log names it, and `detour.losses` and
`GET /_detour/losses` count it by model. Where an answer without the thing would be an answer to something else, the
request is **refused**: Claude Code shows the 424 word for word, and asks nobody a second time.

## Losses

| name | what is said | why |
| - | - | - |
"""
ROUTINE_HEAD = """
## Left out as always

Of no use to anybody but Anthropic, or missed by nobody: shown in the view *Changes*, counted for those who ask.

| name | what is said | why |
| - | - | - |
"""
FIELDS_HEAD = """
Fields of the request that are `anthropics_own`:

"""
TYPED_HEAD = """
## Anthropic's typed tools

| type | what becomes of it | why |
| - | - | - |
"""
REFUSALS_HEAD = """
## Refusals

| name | what is said | the way out | why |
| - | - | - | - |
"""


def losses_page() -> str:
    """Return docs/losses.md."""
    told = {
        is_routine: "".join(
            f"| `{sort}` | {_cell(row.says)} | {row.because} |\n"
            for sort, row in LOSSES.items()
            if row.routine is is_routine
        )
        for is_routine in (False, True)
    }
    fields = "".join(f"- `{name}`: {why}\n" for name, why in ROUTINE.items())
    refused = "".join(
        f"| `{sort}` | {_cell(row.says)} | {row.way_out} | {row.because} |\n" for sort, row in REFUSALS.items()
    )
    typed = "".join(f"| `{start}` | {row.fate} | {row.because} |\n" for start, row in TYPED_TOOLS.items())
    typed += f"| any other | {UNKNOWN.fate} | {UNKNOWN.because} |\n"
    return "".join(
        (
            LOSSES_HEAD,
            told[False],
            ROUTINE_HEAD,
            told[True],
            FIELDS_HEAD,
            fields,
            REFUSALS_HEAD,
            refused,
            TYPED_HEAD,
            typed,
        )
    )


def _cell(says: str) -> str:
    return says.replace("{}", "…").replace("|", "\\|")


def test_the_page_of_losses_is_the_tables() -> None:
    assert (DOCS / "losses.md").read_text(encoding="utf-8") == losses_page()


BEGIN, END = "<!-- presets, made by python -m tests.test_docs -->\n", "<!-- end of presets -->\n"


def presets_table() -> str:
    """Return the table of the presets that ship, for docs/configuration.md."""
    rows = ["| preset | | Opus, other names | Sonnet | Haiku |\n", "| - | - | - | - | - |\n"]
    for name, preset in PRESETS.items():
        big = preset["big"]
        models = " | ".join(f"`{preset.get(slot, big)}`" for slot in ("big", "middle", "small"))
        rows.append(f"| `{name}` | {preset['about']} | {models} |\n")
    return "".join(rows)


def with_presets(page: str) -> str:
    """Return the page with the table as it is now."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}{presets_table()}{END}{rest.partition(END)[2]}"


def test_the_table_of_presets_is_what_ships() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert page == with_presets(page)


FAULTS_BEGIN, FAULTS_END = "<!-- faults, made by python -m tests.test_docs -->\n", "<!-- end of faults -->\n"


def faults_tables() -> str:
    """Return what must come of each fault of tests/faultlab, for docs/reliability.md."""
    parts = []
    for group, faults in GROUPS.items():
        rows = "".join(f"| `{fault.name}` | {fault.does} | {fault.told} | {fault.requests} |\n" for fault in faults)
        parts.append(
            f"### {group}\n\n| row | what goes wrong | what the client gets | requests |\n| - | - | - | - |\n{rows}\n"
        )
    return "".join(parts)


def with_faults(page: str) -> str:
    """Return the page with the tables as they are now."""
    head, _, rest = page.partition(FAULTS_BEGIN)
    return f"{head}{FAULTS_BEGIN}{faults_tables()}{FAULTS_END}{rest.partition(FAULTS_END)[2]}"


def test_the_tables_of_faults_are_those_that_are_played() -> None:
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    assert page == with_faults(page)


VENDORS_BEGIN, VENDORS_END = "<!-- vendors, made by python -m tests.test_docs -->\n", "<!-- end of vendors -->\n"


def vendors() -> str:
    """Return whose keys are known by their shape, and how these begin, for docs/privacy.md."""
    hints: dict[str, list[str]] = {}
    for row in (*key_shapes.SHAPES, *key_shapes.ANYWHERE):
        hints.setdefault(row.kind, []).append(row.hint.decode())
    for kind in key_shapes.PARTS:
        hints.setdefault(kind, [])
    rows = (f"{kind} ({', '.join(f'`{hint}`' for hint in known)})" if known else kind for kind, known in hints.items())
    return f"  {', '.join(sorted(rows))}.\n"


def with_vendors(page: str) -> str:
    """Return the page with the list as it is now."""
    head, _, rest = page.partition(VENDORS_BEGIN)
    return f"{head}{VENDORS_BEGIN}{vendors()}{VENDORS_END}{rest.partition(VENDORS_END)[2]}"


def test_the_vendors_whose_keys_are_known_are_those_of_the_table() -> None:
    page = (DOCS / "privacy.md").read_text(encoding="utf-8")
    assert page == with_vendors(page)


def fences(page: Path) -> list[str]:
    """Return the YAML that a page shows."""
    return re.findall("```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_of_providers_is_the_table() -> None:
    page = (DOCS / "backends.md").read_text(encoding="utf-8")
    assert page == provider_page.page()


TUTORIAL = (DOCS / "adding-a-backend.md").read_text(encoding="utf-8")


def test_the_tutorial_tells_every_field_of_a_profile() -> None:
    ours = {"claude"}  # for Claude's own clouds
    told = set(re.findall(r"`([a-z_]+)`", TUTORIAL))
    assert {field.name for field in dataclasses.fields(Profile)} - told == ours


def test_the_row_that_the_tutorial_shows_is_one() -> None:
    [row] = re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL)
    [made] = eval(f"[{row}]", vars(hosted))  # noqa: S307 - our own page
    assert made.profile_of("acme-large").reasoning_echo is Echo.REASONING_CONTENT
    assert made.profile_of("acme-vision-1").documents
    assert made.key_names == ("ACME_API_KEY",)


def schema_text() -> str:
    """Return addon/settings/detour.schema.json."""
    return json.dumps(document.schema(), indent=1, ensure_ascii=False) + "\n"


def test_the_schema_that_ships_is_that_of_the_models() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


EXAMPLE = (ROOT / "addon" / "settings" / "example.yaml").read_text(encoding="utf-8")
PAGES = [(page, text) for page in (*sorted(DOCS.glob("*.md")), ROOT / "README.md") for text in fences(page)]
FILES = [
    ("example.yaml", EXAMPLE),
    ("example.yaml in use", re.sub("(?m)^# ?(?=(  |big|middle|small|preset: glm))", "", EXAMPLE)),
    *((f"{page.name} {number}", text) for number, (page, text) in enumerate(PAGES)),
]


@pytest.mark.parametrize("text", [text for _, text in FILES], ids=[name for name, _ in FILES])
def test_every_configuration_that_is_shown_is_right(text: str) -> None:
    document_text.parse(text, "detour.yaml")
    validator = jsonschema_rs.Draft202012Validator(dict(document.schema()))
    assert [error.message for error in validator.iter_errors(yaml_text.read(text, "detour.yaml").data)] == []


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    (DOCS / "backends.md").write_text(provider_page.page(), encoding="utf-8")
    (DOCS / "losses.md").write_text(losses_page(), encoding="utf-8")
    configuration = DOCS / "configuration.md"
    configuration.write_text(with_presets(configuration.read_text(encoding="utf-8")), encoding="utf-8")
    reliability = DOCS / "reliability.md"
    reliability.write_text(with_faults(reliability.read_text(encoding="utf-8")), encoding="utf-8")
    privacy = DOCS / "privacy.md"
    privacy.write_text(with_vendors(privacy.read_text(encoding="utf-8")), encoding="utf-8")
