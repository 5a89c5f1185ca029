"""A request made to fit what a backend of Anthropic's own format takes (``fields``); the rest is a loss.

Where nothing has to go the request stays the very same object, and its bytes go out as the client wrote them.
"""

from operator import itemgetter
from typing import Any

import orjson

from addon.dialects import Target, typed_tools, window
from addon.dialects.anthropic import betas, marks
from addon.dialects.anthropic.fields import ANY_THINKING, ROUTINE, Fields, fields_of, needed
from addon.dialects.anthropic.turns import OWN_EFFORT, Turns, anthropics
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.tools import PLACEHOLDER_TOOL
from addon.protocol.messages import Json, Request

SCOPE, LIFETIME = b'"scope"', b'"ttl"'
# how much a model is let think where the client leaves it the choice: what Claude Code asks older models for at most
BUDGETS = {"low": 2_048, "medium": 8_192, "high": 16_384}
MOST_BUDGET = 31_999
LEAST_BUDGET = 1_024  # Anthropic refuses a smaller one, and one that is not below max_tokens


def fit(
    request: Request, body: bytes | None, prompt: int, target: Target
) -> tuple[Request, tuple[Loss, ...], tuple[str, ...]]:
    """Return the request as the target takes it, the losses, and the betas that go with it. Raises: Unsupported.

    ``prompt`` is an estimate of its tokens.
    """
    row = fields_of(target.profile.takes, target.model, request.model)
    asked = request.betas
    if row.is_everything and _fits_limit(request, target):
        return request, (), asked or needed(request.body)
    fitting = _Fitting(request, target, row, prompt)
    fitted = fitting.fitted(body)
    if row.betas == {}:
        return fitted, tuple(fitting.losses), ()
    said, unknown = betas.said((*asked, *needed(fitted.body)), row.betas)
    if unknown:
        fitting.losses.append(loss(Lost.ANTHROPICS_OWN, f"headers.{betas.HEADER}", ", ".join(unknown)))
    return fitted, tuple(fitting.losses), said


def _fits_limit(request: Request, target: Target) -> bool:
    wanted = request.body.get("max_tokens")
    return target.max_output_tokens is None or not isinstance(wanted, int) or wanted <= target.max_output_tokens


class _Fitting:
    """One request under change. ``over`` are fields that become something else, ``gone`` those that are left out."""

    def __init__(self, request: Request, target: Target, row: Fields, prompt: int) -> None:
        self.losses: list[Loss] = []
        self._request, self._target, self._row, self._prompt = request, target, row, prompt
        self._over: Json = {}
        self._gone: set[str] = set()
        self._turns = Turns(target, row, self.losses)

    def fitted(self, body: bytes | None) -> Request:
        """Return the request; the very same where all of it fits."""
        self._fields()
        self._messages(body)
        self._system()
        self._tools()
        self._marks(body)
        self._output()
        self._limit()
        self._thinking()
        if not self._over and not self._gone:
            return self._request
        asked = self._request
        made = {name: value for name, value in (asked.body | self._over).items() if name not in self._gone}
        return Request(made, asked.model, asked.stream, made["messages"], asked.betas)

    def _drop(self, field: str, told: Loss) -> None:
        self._gone.add(field)
        self.losses.append(told)

    def _fields(self) -> None:
        """Leave out fields of the body."""
        taken = self._row.body
        if taken is None:
            return
        for field in self._request.body:
            if field in taken or field == "output_config":
                continue
            if field in ROUTINE:
                self._drop(field, anthropics(field, field))
            elif field == "safeguards":
                self._drop(field, loss(Lost.SAFEGUARDS, field))
            else:
                self._drop(field, loss(Lost.UNKNOWN_FIELD, field, self._target.name))

    def _messages(self, body: bytes | None) -> None:
        taken = self._row.marks
        marked = taken is not None and (body is None or SCOPE in body or ("ttl" not in taken and LIFETIME in body))
        messages = self._turns.fit(self._request.messages, marked=marked)
        if messages is not self._request.messages:
            self._over["messages"] = messages

    def _system(self) -> None:
        system = self._request.body.get("system")
        if not isinstance(system, list):
            return
        fitted = [self._turns.marked(block, f"system.{index}") for index, block in enumerate(system)]
        if any(one is not other for one, other in zip(fitted, system, strict=True)):
            self._over["system"] = fitted

    def _marks(self, body: bytes | None) -> None:
        """Ask for no more caches than are given."""
        if self._row.marks is None or not marks.is_many(body):
            return
        now = {name: value for name, value in (self._request.body | self._over).items() if name not in self._gone}
        for field, value in marks.limited(now).items():
            self._over[field] = value
            self.losses.append(loss(Lost.ANTHROPICS_OWN, field, f"more than {marks.MOST} marks for a cache"))

    def _tools(self) -> None:
        """Leave out fields of tools, and tools that nobody there knows; those loaded on the way stand last."""
        tools, row = self._request.tools, self._row
        kept: list[tuple[int, Json]] = []
        for index, tool in enumerate(tools):
            if typed_tools.is_typed(tool):
                if row.typed is None or str(tool["type"]).startswith(row.typed):
                    kept.append((0, tool))
                else:
                    typed_tools.settle(tool, index, None, self.losses)
                continue
            deferred = row.tools is not None and "defer_loading" not in row.tools and "defer_loading" in tool
            if deferred and tool["name"] == PLACEHOLDER_TOOL:
                continue
            rank = 1 + self._turns.loaded.get(tool["name"], 0) if deferred else 0
            kept.append((rank, self._tool(tool, index)))
        fitted = [tool for _, tool in sorted(kept, key=itemgetter(0))]
        if len(fitted) == len(tools) and all(one is other for one, other in zip(fitted, tools, strict=True)):
            return
        if fitted:
            self._over["tools"] = fitted
            return
        self._gone.add("tools")
        if self._request.body.get("tool_choice"):
            self._drop("tool_choice", loss(Lost.TOOL_CHOICE_EMPTY, "tool_choice"))

    def _tool(self, tool: Json, index: int) -> Json:
        path, taken = f"tools.{index}", self._row.tools
        tool = self._turns.marked(tool, path)
        if taken is None or taken.issuperset(tool):
            return tool
        more = [field for field in tool if field not in taken]
        self.losses += [
            anthropics(field, f"{path}.{field}") if field in ROUTINE else loss(Lost.TOOL_FIELD, f"{path}.{field}")
            for field in more
        ]
        return {name: value for name, value in tool.items() if name in taken}

    def _output(self) -> None:
        """Say the effort in the words that are taken, and a form in words where no form is."""
        config = self._request.body.get("output_config")
        asked: Json = dict(config) if isinstance(config, dict) else {}
        if self._turns.effort is not None:
            asked["effort"] = self._turns.effort
        fitted: Json = {}
        for name, value in asked.items():
            if name == "effort":
                fitted |= self._effort(value)
            elif name == "format" and not self._row.form:
                self._form_in_words(value)
            elif name == "format" or self._row.body is None:
                fitted[name] = value
            else:
                self.losses.append(loss(Lost.UNKNOWN_FIELD, f"output_config.{name}", self._target.name))
        if fitted and fitted != config:
            self._over["output_config"] = fitted
        if not fitted and "output_config" in self._request.body:
            self._gone.add("output_config")

    def _effort(self, effort: Any) -> Json:
        config = self._request.body.get("output_config") or {}
        path = OWN_EFFORT if config.get("effort") else self._turns.effort_path
        said = self._row.efforts.get(effort) if isinstance(effort, str) else None
        if said is None:
            self.losses.append(loss(Lost.THINKING_KNOB, path, self._target.name))
            return {}
        if said != effort:
            self.losses.append(loss(Lost.THINKING_BUDGET, path, f'the effort "{effort}"', said))
        return {"effort": said}

    def _form_in_words(self, form: Any) -> None:
        schema = form.get("schema") if isinstance(form, dict) else None
        words = f"Answer with one JSON object of this schema: {orjson.dumps(schema).decode()}"
        system = self._over.get("system", self._request.body.get("system")) or []
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
        self._over["system"] = [*blocks, {"type": "text", "text": words}]
        self.losses.append(loss(Lost.SCHEMA_UNCHECKED, "output_config.format", self._target.name))

    def _limit(self) -> None:
        """Ask for no longer a reply than the model can write, and than its window has room for."""
        wanted = self._request.body.get("max_tokens")
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            return
        target = self._target
        limits = [(target.max_output_tokens, "the model's limit")]
        if not target.profile.claude:
            limits.append((window.reply_room(self._prompt, target), "what its window has left"))
        most, why = min(((most, why) for most, why in limits if most), default=(wanted, ""))
        if wanted > most:
            self._over["max_tokens"] = most
            self.losses.append(loss(Lost.OUTPUT_LIMIT, "max_tokens", wanted, most, why))

    def _thinking(self) -> None:
        asked = self._request.body.get("thinking")
        if not isinstance(asked, dict) or not asked:
            return
        fitted = dict(asked)
        if not self._row.display and fitted.pop("display", None) is not None:
            self.losses.append(anthropics("display", "thinking.display"))
        kind = str(asked.get("type"))
        said = self._row.thinking.get(kind) if kind in ANY_THINKING else kind  # a kind newer than this version stays
        if said is None:
            self._drop("thinking", loss(Lost.THINKING_KNOB, "thinking", self._target.name))
            return
        if said != kind:
            fitted["type"] = said
        if said == "adaptive":
            fitted.pop("budget_tokens", None)
        if said == "enabled" and not self._budget(fitted):
            self._drop("thinking", loss(Lost.THINKING_KNOB, "thinking", self._target.name))
            return
        if said != kind:
            self.losses.append(loss(Lost.THINKING_FORM, "thinking.type", kind, said))
        if fitted != asked:
            self._over["thinking"] = fitted

    def _budget(self, thinking: Json) -> bool:
        """Give thinking a number of tokens below the limit; False where there is no room for any."""
        limit = self._over.get("max_tokens", self._request.body.get("max_tokens"))
        wanted = thinking.get("budget_tokens")
        if not isinstance(wanted, int):
            config = self._request.body.get("output_config") or {}
            wanted = BUDGETS.get(str(self._turns.effort or config.get("effort") or "medium"), MOST_BUDGET)
        budget = min(wanted, limit - 1) if isinstance(limit, int) else wanted
        thinking["budget_tokens"] = budget
        return budget >= LEAST_BUDGET
