"""The tables agree with our providers, and addresses become those our rows want."""

import pytest

from addon.routing.backends import BACKENDS
from addon.settings import litellm_names as names

ADDRESSES = [
    ("openai", "https://gate.example/v1/", "https://gate.example/v1"),
    ("openai", "https://gate.example/v1/chat/completions", "https://gate.example/v1"),
    ("anthropic", "https://gate.example/x/v1/messages", "https://gate.example/x"),
    ("ollama", "http://gpu:11434", "http://gpu:11434/v1"),
    ("ollama", "http://gpu:11434/api/chat", "http://gpu:11434/v1"),
    ("ollama", "http://gpu:11434/v1", "http://gpu:11434/v1"),
    ("ollama", "http://gate.example/ollama/v1", "http://gate.example/ollama/v1"),
    ("azure", "https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1"),
    ("azure", "https://me.openai.azure.com/openai/v1", "https://me.openai.azure.com/openai/v1"),
    (
        "azure",
        "https://me.openai.azure.com/openai/deployments/x/chat/completions?api-version=2024-06-01",
        "https://me.openai.azure.com/openai/v1",
    ),
    ("azure", "https://me.services.ai.azure.com/models", "https://me.services.ai.azure.com/openai/v1"),
    ("azure", "https://gate.example/azure", "https://gate.example/azure/openai/v1"),
    ("azure-claude", "https://me.services.ai.azure.com", "https://me.services.ai.azure.com/anthropic"),
    ("azure-claude", "https://me.services.ai.azure.com/anthropic/v1/messages", "https://me.services.ai.azure.com/anthropic"),
    ("azure", "${AZURE_API_BASE}", "${AZURE_API_BASE}"),
    ("azure", "http://[::1", "http://[::1"),
    ("vllm", "http://gpu:8000", "http://gpu:8000"),
    ("", "http://gpu:8000/v1", "http://gpu:8000/v1"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "address", "ours"), ADDRESSES)
def test_an_address_is_completed_and_a_complete_one_stays(row: str, address: str, ours: str) -> None:
    assert names.completed(row, address) == ours
    assert names.completed(row, ours) == ours


def test_every_other_name_of_a_provider_leads_to_a_row() -> None:
    assert {row for row in names.RENAMED.values() if row not in BACKENDS} == set()


def test_what_is_read_is_not_said_to_have_no_effect() -> None:
    read = names.READ_DEPLOYMENT | names.READ_INFO | names.READ_PARAMETERS | names.BODY | names.VERTEX_PARAMETERS
    # read of model_info, and without effect among the parameters
    assert read & names.REASONS.keys() == {"max_tokens"}
