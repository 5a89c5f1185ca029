"""Betas are called as each cloud calls them."""

import pytest

from addon.dialects.anthropic import betas

ASKED = ("claude-code-20250219", betas.ADVANCED_TOOLS, betas.CONTEXT_MANAGEMENT, betas.ADVANCED_TOOLS)
CASES = {
    "Anthropic": (None, ("claude-code-20250219", betas.ADVANCED_TOOLS, betas.CONTEXT_MANAGEMENT), ()),
    "Foundry": (betas.FOUNDRY, (betas.ADVANCED_TOOLS, betas.CONTEXT_MANAGEMENT), ("claude-code-20250219",)),
    "Vertex": (betas.VERTEX, (betas.TOOL_SEARCH, betas.CONTEXT_MANAGEMENT), ("claude-code-20250219",)),
    "Bedrock": (betas.BEDROCK, (betas.TOOL_SEARCH, betas.CONTEXT_MANAGEMENT), ("claude-code-20250219",)),
    "Mantle": (betas.MANTLE, ("claude-code-20250219", betas.TOOL_SEARCH, betas.CONTEXT_MANAGEMENT), ()),
    "nobody else": ({}, (), ("claude-code-20250219", betas.ADVANCED_TOOLS, betas.CONTEXT_MANAGEMENT)),
}


@pytest.mark.parametrize(("known", "said", "unknown"), CASES.values(), ids=CASES)
def test_a_beta_is_said_as_it_is_called_there_and_once(
    known: betas.Betas | None, said: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert betas.said(ASKED, known) == (said, unknown)


@pytest.mark.parametrize(("header", "names"), [("a,b, c ,", ("a", "b", "c")), ("", ()), (None, ())])
def test_a_header_is_a_list(header: str | None, names: tuple[str, ...]) -> None:
    assert betas.read(header) == names
