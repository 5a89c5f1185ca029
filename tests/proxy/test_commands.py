"""The commands as mitmproxy calls them: each sets options and says what is in force; a mistake is told and no more."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from mitmproxy import exceptions, types
from mitmproxy.addons.view import View
from mitmproxy.test import tflow

from addon.proxy.commands import ModelName, ReplayName, TargetName
from addon.routing.health import State
from tests.proxy.conftest import Configure
from tests.proxy.live import KEY, Proxy, ask, backend, proxying, streaming, until

pytestmark = pytest.mark.filterwarnings("ignore:.* deprecated:DeprecationWarning")  # pyparsing's, in mitmproxy's parser

DOCUMENT = """
big: vllm/big
models: {fast: ollama/qwen3:4b}
presets:
  mine: {small: vllm/preset}
"""


def call(proxy: Proxy, *words: str) -> object:
    return proxy.master.commands.execute(" ".join(words))


@pytest.fixture
def _document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "detour.yaml").write_text(DOCUMENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


BIG = "opus+sonnet → vllm/big"
MINE = f"preset mine | {BIG} | haiku → vllm/preset"
CALLS: list[tuple[Sequence[str], str]] = [
    (["detour.switch fast"], "opus+sonnet → ollama/qwen3:4b"),
    (["detour.switch fast small"], f"{BIG} | haiku → ollama/qwen3:4b"),
    (["detour.switch ollama/x all"], "opus+sonnet+haiku → ollama/x"),
    (
        ["detour.switch ollama/x all", "detour.switch configured big"],
        "opus → vllm/big | sonnet+haiku → ollama/x",
    ),
    (["detour.switch fast middle"], "opus → vllm/big | sonnet → ollama/qwen3:4b"),
    (["detour.switch anthropic"], "opus+sonnet → anthropic"),
    (["detour.preset mine"], MINE),
    (["detour.switch fast all", "detour.preset mine"], MINE),
    (["detour.preset mine", "detour.preset none"], BIG),
    (["detour.preset mine", "detour.preset configured"], BIG),
    (["detour.block title"], f"{BIG} | blocked: title"),
    (["detour.block title", "detour.block count", "detour.unblock title"], f"{BIG} | blocked: count"),
    (["detour.block title", "detour.unblock all"], BIG),
]


@pytest.mark.usefixtures("_document")
@pytest.mark.parametrize(("calls", "said"), CALLS)
async def test_a_command_says_what_is_in_force(confdir: Path, calls: Sequence[str], said: str) -> None:
    async with proxying(confdir) as proxy:
        for each in calls:
            assert call(proxy, each) is None
        assert proxy.detour.control.summary() == said


MISTAKES = [
    ("detour.switch nobody/x", "there is no provider 'nobody'"),
    ("detour.switch x huge", "[Cc]hoice"),
    ("detour.preset glm", "there is no key for zai"),
    ("detour.preset glmm", "[Cc]hoice"),
    ("detour.block titles", "[Cc]hoice"),
    ("detour.disable vllm/bgi", "there is no target 'vllm/bgi'; there is vllm/big"),
    ("detour.enable nobody/x", "there is no provider 'nobody'"),
]


@pytest.mark.usefixtures("_document")
@pytest.mark.parametrize(("text", "words"), MISTAKES)
async def test_a_mistake_changes_nothing(confdir: Path, text: str, words: str) -> None:
    async with proxying(confdir) as proxy:
        before = proxy.detour.control.settings
        with pytest.raises(exceptions.CommandError, match=words):
            call(proxy, text)
        assert proxy.detour.control.settings is before


@pytest.mark.usefixtures("_document")
async def test_a_target_is_switched_off_and_on_and_shown(confdir: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with proxying(confdir) as proxy:
        control = proxy.detour.control
        assert call(proxy, "detour.targets") == ["up          vllm/big", "up          ollama/qwen3:4b"]
        for _ in range(2):
            assert call(proxy, "detour.disable fast") is None
        assert control.health.avoided(control.now()) == {"ollama/qwen3:4b": State.DOWN}
        assert call(proxy, "detour.targets") == ["up          vllm/big", "off         ollama/qwen3:4b"]
        assert call(proxy, "detour.enable ollama/qwen3:4b") is None
        assert control.health.avoided(control.now()) == {}
        said = [record.message for record in caplog.records if "by hand" in record.message]
        assert said == ["Detour: ollama/qwen3:4b is switched off, by hand", "Detour: ollama/qwen3:4b is up, by hand"]


@pytest.mark.usefixtures("_document")
async def test_what_is_switched_off_is_so_until_the_end_whatever_is_configured(confdir: Path, tmp_path: Path) -> None:
    async with proxying(confdir) as proxy:
        call(proxy, "detour.disable vllm/big")
        (tmp_path / "detour.yaml").write_text("big: [vllm/big, ollama/x]\n", encoding="utf-8")
        await until(lambda: "ollama/x" in proxy.detour.control.summary())
        assert call(proxy, "detour.targets") == ["off         vllm/big", "up          ollama/x"]
    async with proxying(confdir) as proxy:
        assert call(proxy, "detour.targets") == ["up          vllm/big", "up          ollama/x"]


async def test_where_nothing_is_configured_there_is_no_target(confdir: Path) -> None:
    async with proxying(confdir) as proxy:
        assert call(proxy, "detour.targets") == ["no target is configured"]


LISTS = [
    ("detour.models", ["vllm/big", "fast", "anthropic", "configured"]),
    ("detour.target_names", ["vllm/big", "ollama/qwen3:4b"]),
    ("detour.replay_names", ["vllm/big", "fast"]),
    ("detour.slots", ["big", "middle", "small", "all"]),
    ("detour.blocked", ["all"]),
]


@pytest.mark.usefixtures("_document")
@pytest.mark.parametrize(("text", "listed"), LISTS)
async def test_what_can_be_chosen_is_listed(confdir: Path, text: str, listed: list[str]) -> None:
    async with proxying(confdir) as proxy:
        assert call(proxy, text) == listed


SIGNATURES = {
    "detour.switch": "detour.switch model",
    "detour.disable": "detour.disable target",
    "detour.replay": "detour.replay flow *models",
}
COMPLETED = (
    (ModelName, "detour.models"),
    (TargetName, "detour.target_names"),
    (ReplayName, "detour.replay_names"),
)


@pytest.mark.usefixtures("_document")
async def test_models_and_targets_are_completed_by_those_that_are_configured(confdir: Path) -> None:
    async with proxying(confdir) as proxy:
        for typ, listing in COMPLETED:
            kind = types.CommandTypes.get(typ)
            assert kind is not None
            assert kind.completion(proxy.master.commands, typ, "") == call(proxy, listing)
        parts, _ = proxy.master.commands.parse_partial("detour.switch ")
        assert parts[0].valid
        helps = {name: proxy.master.commands.commands[name].signature_help() for name in SIGNATURES}
        assert [name for name, start in SIGNATURES.items() if not helps[name].startswith(start)] == []


async def test_shadows_are_told(confdir: Path) -> None:
    async with proxying(confdir) as proxy:
        assert call(proxy, "detour.shadows") == ["there are no shadows: they have no budget"]


@pytest.mark.usefixtures("_document")
async def test_a_flow_of_the_list_is_sent_again(confdir: Path) -> None:
    async with proxying(confdir, View()) as proxy:
        view = proxy.master.addons.get("view")
        view.add([flow := tflow.tflow()])
        with pytest.raises(exceptions.CommandError, match="GET /path is no call to a model"):
            call(proxy, f"detour.replay @{flow.id} vllm/one fast")
        with pytest.raises(exceptions.CommandError, match="there is no provider 'nobody'"):
            call(proxy, f"detour.replay @{flow.id} nobody/x")
        assert list(view) == [flow]


@pytest.mark.usefixtures("_document")
async def test_presets_and_kinds_and_routes_are_listed(confdir: Path) -> None:
    async with proxying(confdir) as proxy:
        presets, kinds, routes = (call(proxy, f"detour.{name}") for name in ("presets", "kinds", "routes"))
        assert isinstance(presets, list)
        assert {"glm", "mine", "openai_premium"} < set(presets)
        assert presets[-2:] == ["none", "configured"]
        assert isinstance(kinds, list)
        assert {"main", "title", "compaction"} < set(kinds)
        assert isinstance(routes, list)
        assert "opus: vllm/big   (big (detour.yaml, line 2))" in routes


async def test_what_was_lost_is_counted_and_shown_wherever_one_looks(
    confdir: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    picture = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    refused = ask(messages=[{"role": "user", "content": [picture]}])
    async with backend(streaming()) as fake:
        configure(BIG_MODEL="openai/x", OPENAI_API_BASE=fake.url, OPENAI_API_KEY=KEY)
        async with proxying(confdir) as proxy, proxy.client() as client:
            assert call(proxy, "detour.losses") == ["nothing was lost"]
            for _ in range(2):
                assert (await client.post("/v1/messages", json=ask(top_k=5))).status_code == 200
            assert (await client.post("/v1/messages", json=refused)).status_code == 424
            await proxy.settled()
            told = call(proxy, "detour.losses")
            assert isinstance(told, list)
            first, second = told
            assert first.split()[:3] == ["1", "refused", "image_source"]
            assert second == "     2 lost unknown_field openai/x: top_k: openai/x knows no such field"
            counted = (await client.get("/_detour/losses")).json()["losses"]
            assert [(row["sort"], row["calls"]) for row in counted] == [("image_source", 1), ("unknown_field", 2)]
            assert "1 lost in translation" in proxy.flows[0].comment
            assert "· lost: top_k: openai/x knows no such field" in caplog.text


@pytest.mark.usefixtures("_document")
async def test_the_files_are_read_anew_on_demand(confdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying(confdir) as proxy:
        monkeypatch.setenv("BIG_MODEL", "ollama/of-the-environment")  # which nobody watches
        call(proxy, "detour.reload")
        await until(lambda: "of-the-environment" in proxy.detour.control.summary())


async def test_where_nothing_could_be_read_a_command_says_so(
    confdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "detour.yaml").write_text("bigg: x\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        with pytest.raises(exceptions.CommandError, match="the proxy's log says how"):
            call(proxy, "detour.reload")
        with pytest.raises(exceptions.CommandError, match="the proxy's log says how"):
            call(proxy, "detour.disable x")
        assert call(proxy, "detour.routes") == ["the settings are wrong, the proxy's log says how"]
