"""What bodies may hold."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from addon.proxy.rest import models
from addon.proxy.rest.models import BlockBody, SwitchBody, UnblockBody
from addon.routing.call import Kind

MODELS = [model for model in vars(models).values() if isinstance(model, type) and issubclass(model, BaseModel)]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_blocked_and_let_pass(kind: Kind) -> None:
    text = f'{{"kind": "{kind}"}}'
    assert BlockBody.model_validate_json(text).kind is kind
    assert UnblockBody.model_validate_json(text).kind is kind


def test_what_is_not_given_is_empty() -> None:
    given = SwitchBody.model_validate_json('{"preset": "mine"}')
    assert (given.preset, given.big_model, given.middle_model, given.small_model) == ("mine", "", "", "")
    assert given.preserve_conversation


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (SwitchBody, "{}"),
        (SwitchBody, '{"preset": ""}'),
        (SwitchBody, '{"preset": "\\t"}'),
        (SwitchBody, '{"preset": 1}'),
        (SwitchBody, '{"preset": "mine", "models": {}}'),
        (SwitchBody, '{"preset": "mine", "preserve_conversation": 1}'),
        (BlockBody, '{"kind": "all"}'),
        (BlockBody, '{"kind": "MAIN"}'),
        (UnblockBody, '{"kind": ["main"]}'),
    ],
)
def test_what_is_not_understood_is_refused(model: type[BaseModel], text: str) -> None:
    with pytest.raises(ValidationError):
        model.model_validate_json(text)


THE_MESSAGES_APIS_OWN = (models.ContinueBody, models.Turn, models.Said)  # what it may say is for others to check


@pytest.mark.parametrize("model", [model for model in MODELS if model is not BaseModel])
def test_nothing_unknown_is_taken_and_everything_is_described(model: type[BaseModel]) -> None:
    schema: dict[str, Any] = model.model_json_schema()
    assert schema["additionalProperties"] is (model in THE_MESSAGES_APIS_OWN)
    assert schema["description"]
