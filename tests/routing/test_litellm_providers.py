"""The names of litellm's providers are those of the installed litellm. ``python -m`` this module writes them anew."""

import ast
import importlib.metadata
import importlib.util
import json
from pathlib import Path

import pytest

from addon.routing import litellm_providers

ROOT = Path(__file__).parents[2]
FILE = Path(litellm_providers.__file__)


def installed() -> set[str]:
    """The providers of the installed litellm, read and not imported."""
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    types = ast.parse((package / "types" / "utils.py").read_text(encoding="utf-8"))
    (names,) = (node for node in types.body if isinstance(node, ast.ClassDef) and node.name == "LlmProviders")
    values = [node.value for node in names.body if isinstance(node, ast.Assign)]
    compatible = json.loads((package / "llms" / "openai_like" / "providers.json").read_text(encoding="utf-8"))
    return {str(value.value) for value in values if isinstance(value, ast.Constant)} | set(compatible)


def test_the_names_are_those_of_the_locked_litellm() -> None:
    version = importlib.metadata.version("litellm")
    if f"litellm=={version}\n" not in (ROOT / "constraints.txt").read_text(encoding="utf-8"):
        pytest.skip(f"litellm {version} is not the locked one")
    assert installed() == litellm_providers.PROVIDERS


def page() -> str:
    """The module as it should be."""
    head = FILE.read_text(encoding="utf-8").partition("PROVIDERS")[0]
    line, lines = "   ", []
    for name in sorted(installed()):
        piece = f' "{name}",'
        if len(line + piece) > 119:
            lines.append(line)
            line = "   "
        line += piece
    return f"{head}PROVIDERS = frozenset((\n" + "\n".join([*lines, line]) + "\n))  # fmt: skip\n"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
