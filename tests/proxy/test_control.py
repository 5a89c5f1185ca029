"""One state, whoever changes it: options, files, the last run. Live, in mitmdump's own loop."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from mitmproxy import exceptions

from addon.protocol.errors import ConfigError
from addon.proxy.control import LOOK_S, Control
from addon.routing.config import Slot
from addon.settings import state_file
from addon.settings.switch import Switch
from tests.proxy.conftest import Configure
from tests.proxy.live import ask, backend, proxying, until, whole

DOCUMENT = """
big: vllm/big
small: vllm/small
presets:
  mine: {big: vllm/preset-big, small: anthropic}
routes:
  - {name: titles, when: {kind: title}, block: no titles}
"""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write ``detour.yaml`` into the working directory."""

    def write(text: str) -> Path:
        path = tmp_path / "detour.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    monkeypatch.chdir(tmp_path)
    return write


type Write = Callable[[str], Path]


def answers(control: Control) -> dict[str, str]:
    assert control.settings
    return {str(tier): answer.name for tier, answer in control.settings.tiers.items()}


def state(tmp_path: Path) -> dict[str, object]:
    kept = json.loads((tmp_path / "detour-home" / state_file.FILE).read_text())
    assert isinstance(kept, dict)
    return kept


async def test_an_option_decides_from_the_next_request_on_and_is_kept(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        control = proxy.detour.control
        assert answers(control) == {"opus": "vllm/big", "sonnet": "vllm/big", "haiku": "vllm/small"}
        proxy.master.options.update(detour_preset="mine")
        assert answers(control) == {"opus": "vllm/preset-big", "sonnet": "vllm/preset-big", "haiku": "anthropic"}
        proxy.master.options.update(detour_big_model="ollama/x", detour_block=["websearch"])
        assert answers(control) == {"opus": "ollama/x", "sonnet": "ollama/x", "haiku": "anthropic"}
        assert control.settings
        assert [rule.name for rule in control.settings.rules] == ["block websearch", "titles"]
        assert control.summary() == "preset mine | opus+sonnet → ollama/x | haiku → anthropic | blocked: websearch"
        assert "in force: " in proxy.log.text
    over = {"preset": "", "big": "vllm/big"}
    assert state(tmp_path) == {"preset": "mine", "models": {"big": "ollama/x"}, "blocked": ["websearch"], "over": over}
    async with proxying(confdir) as proxy:  # the next run
        assert answers(proxy.detour.control)["opus"] == "ollama/x"
        await until(lambda: proxy.master.options.detour_preset == "mine")
        assert list(proxy.master.options.detour_block) == ["websearch"]


REFUSED = [
    ({"detour_preset": "glmm"}, "there is no preset 'glmm'; there is glm"),
    ({"detour_preset": "glm"}, "there is no key for zai"),
    ({"detour_big_model": "nobody/x"}, "there is no provider 'nobody'"),
    ({"detour_small_model": "groq/x"}, "set GROQ_API_KEY"),
    ({"detour_block": ["titles"]}, "there is no kind 'titles'"),
    ({"detour_config": "nowhere.yaml"}, "nowhere.yaml does not exist"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
async def test_what_cannot_be_in_force_is_refused_whole(
    confdir: Path, document: Write, options: dict[str, object], words: str
) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        before = proxy.detour.control.rows()
        with pytest.raises(exceptions.OptionsError, match=words):
            proxy.master.options.update(**options)
        with pytest.raises(ConfigError, match=words):
            proxy.detour.control.choose(**options)
        assert proxy.detour.control.rows() == before
        name = next(iter(options))
        assert not getattr(proxy.master.options, name)


async def test_what_was_kept_and_no_longer_works_is_dropped_with_a_word(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    state_file.write(tmp_path / "detour-home", Switch(preset="gone"), {"preset": ""})
    async with proxying(confdir) as proxy:
        assert answers(proxy.detour.control)["opus"] == "vllm/big"
        assert "what was chosen in the last run is dropped: there is no preset 'gone'" in proxy.log.text


async def test_the_command_line_goes_over_the_last_run_and_is_not_kept(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    home = tmp_path / "detour-home"
    state_file.write(home, Switch(preset="mine"), {"preset": ""})
    async with proxying(confdir, detour_preset="none") as proxy:
        assert answers(proxy.detour.control)["opus"] == "vllm/big"
    assert state_file.read(home)[0] == Switch(preset="mine")


async def test_a_file_that_is_saved_is_soon_in_force(confdir: Path, document: Write) -> None:
    document(DOCUMENT)
    async with backend(whole()) as fake, proxying(confdir) as proxy:
        control = proxy.detour.control
        document(DOCUMENT.replace("vllm/small", "vllm/other"))
        await until(lambda: answers(control)["haiku"] == "vllm/other")
        assert "in force: haiku vllm/small → vllm/other" in proxy.log.text
        document(f"big: gpu/x\nbackends: {{gpu: {{address: '{fake.url}/v1'}}}}\n")
        await until(lambda: answers(control) == {"opus": "gpu/x", "sonnet": "gpu/x"})
        async with proxy.client() as client:
            reply = await client.post("/v1/messages", json=ask(stream=False))
        assert reply.status_code == 200
        assert len(fake.received) == 1


async def test_a_file_that_is_wrong_leaves_the_old_in_force_and_says_so_once(confdir: Path, document: Write) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        control, before = proxy.detour.control, proxy.detour.control.settings
        document(DOCUMENT + "bigg: x\n")
        await until(lambda: control.fault is not None)
        assert control.fault
        assert "detour.yaml, line 8: bigg: there is no such key, is big meant?" in control.fault
        assert control.settings is before
        async with proxy.client() as client:
            await client.post("/v1/messages", json=ask())
        assert "the settings are wrong and not read anew" in proxy.flows[0].comment
        assert proxy.log.at(logging.ERROR) == [f"Detour: the settings are not read anew: {control.fault}"]
        document(DOCUMENT.replace("vllm/small", "vllm/mended"))
        await until(lambda: control.fault is None)
        assert answers(control)["haiku"] == "vllm/mended"


async def test_what_is_written_anew_goes_over_what_was_chosen_before(confdir: Path, document: Write) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        control = proxy.detour.control
        proxy.master.options.update(detour_big_model="ollama/a", detour_small_model="ollama/b")
        document(DOCUMENT.replace("vllm/small", "vllm/newer"))
        await until(lambda: answers(control)["haiku"] == "vllm/newer")
        assert answers(control)["opus"] == "ollama/a"
        await until(lambda: not proxy.master.options.detour_small_model)
        assert proxy.master.options.detour_big_model == "ollama/a"
        assert "configured anew, so no longer chosen while running: small" in proxy.log.text


async def test_the_env_file_is_read_anew_too(confdir: Path, document: Write, tmp_path: Path) -> None:
    document("{}")
    async with proxying(confdir) as proxy:
        assert answers(proxy.detour.control) == {}
        (tmp_path / ".env").write_text("SMALL_MODEL=vllm/x\n", encoding="utf-8")
        await until(lambda: answers(proxy.detour.control) == {"haiku": "vllm/x"})


async def test_an_exchange_under_way_keeps_what_it_began_with(confdir: Path, configure: Configure) -> None:
    async with backend(whole()) as fake:
        configure(fake.url)
        async with proxying(confdir) as proxy:
            before = proxy.detour.control.settings
            proxy.master.options.update(detour_big_model="anthropic")
            assert proxy.detour.control.settings is not before
            assert before
            assert {answer.name for answer in before.tiers.values()} == {"openai/gpt-test", "openai/gpt-small"}


async def test_a_state_that_cannot_be_kept_is_told(confdir: Path, document: Write, tmp_path: Path) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        (tmp_path / "detour-home" / state_file.FILE).mkdir(parents=True)
        proxy.master.options.update(detour_preset="mine")
        assert answers(proxy.detour.control)["haiku"] == "anthropic"
        assert "the choice ends with this run" in proxy.log.text


async def test_settings_that_were_never_right_are_not_looked_at(confdir: Path, document: Write) -> None:
    document("bigg: x\n")
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        control = proxy.detour.control
        assert (control.settings, control.configuration, control.rows(), control.file) == (None, None, [], None)
        assert control.presets() == {}
        with pytest.raises(ConfigError, match="the proxy's log says how"):
            control.read_anew()


async def test_a_switch_does_not_hide_that_the_file_is_wrong(confdir: Path, document: Write) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        control = proxy.detour.control
        document(DOCUMENT + "bigg: x\n")
        await until(lambda: control.fault is not None)
        proxy.master.options.update(detour_big_model="ollama/now")
        assert answers(control)["opus"] == "ollama/now"
        assert control.fault
        document(DOCUMENT)
        await until(lambda: control.fault is None)
        await until(lambda: "read anew and right again: detour.yaml" in proxy.log.text)


async def test_what_is_given_for_one_run_is_not_kept_by_another_switch(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    async with proxying(confdir, detour_preset="mine") as proxy:
        proxy.master.options.update(detour_big_model="ollama/now")
        document(DOCUMENT.replace("vllm/small", "vllm/other"))
        await until(lambda: "read anew" in proxy.log.text or "in force: " in proxy.log.text)
        assert answers(proxy.detour.control)["haiku"] == "anthropic"
    assert state_file.read(tmp_path / "detour-home")[0] == Switch(models={Slot.BIG: "ollama/now"})


async def test_reading_anew_leaves_the_state_of_another_detour_alone(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        state_file.write(tmp_path / "detour-home", Switch(preset="mine"), {"preset": ""})  # another one's
        document(DOCUMENT.replace("vllm/small", "vllm/other"))
        await until(lambda: answers(proxy.detour.control)["haiku"] == "vllm/other")
    assert state_file.read(tmp_path / "detour-home")[0] == Switch(preset="mine")


async def test_a_file_that_is_gone_stays_in_force_until_it_is_back(confdir: Path, document: Write) -> None:
    path = document(DOCUMENT)
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        control = proxy.detour.control
        proxy.master.options.update(detour_small_model="ollama/now")
        path.unlink()
        await until(lambda: control.fault is not None)
        assert control.fault
        assert "is gone; what it said stays in force until it is back" in control.fault
        assert answers(control) == {"opus": "vllm/big", "sonnet": "vllm/big", "haiku": "ollama/now"}
        document(DOCUMENT.replace("vllm/big", "vllm/back"))
        await until(lambda: answers(control)["opus"] == "vllm/back")
        assert control.fault is None


DETAILS = [
    (
        "block: no titles",
        "block: none here",
        "in force: rule titles: the kind is title → blocked: none here (was the kind",
    ),
    ("block: no titles", "effort: low", "whoever would answer, with effort low"),
    ("mine: {big: vllm/preset-big, small: anthropic}", "mine: {big: vllm/else}", "read anew: detour.yaml"),
]


@pytest.mark.parametrize(("old", "new", "said"), DETAILS)
async def test_every_change_of_a_file_is_told(confdir: Path, document: Write, old: str, new: str, said: str) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        document(DOCUMENT.replace(old, new))
        await until(lambda: said in proxy.log.text, lambda: proxy.log.text)


async def test_a_file_that_a_save_has_emptied_sends_nothing_elsewhere(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    document(DOCUMENT)
    async with proxying(confdir) as proxy:
        proxy.errors_expected = True
        control = proxy.detour.control
        proxy.master.options.update(detour_small_model="ollama/now")
        document("")
        await until(lambda: control.fault is not None)
        assert control.fault
        assert "is empty; what it said stays in force" in control.fault
        assert answers(control)["haiku"] == "ollama/now"
        document(DOCUMENT)
        await until(lambda: control.fault is None)
        assert state_file.read(tmp_path / "detour-home")[0] == Switch(models={Slot.SMALL: "ollama/now"})


async def test_a_slow_reading_does_not_undo_a_file_that_was_chosen_meanwhile(
    confdir: Path, document: Write, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.5)\ndef decide(call): return None\n")
    document(DOCUMENT)
    (tmp_path / "other.yaml").write_text("big: vllm/other\n")
    async with proxying(confdir) as proxy:
        document(DOCUMENT + "function: slow.py:decide\n")
        await until(lambda: not proxy.detour.control._reading.is_current)  # type: ignore[union-attr]  # it is there
        await asyncio.sleep(LOOK_S + 0.1)  # the reading is under way
        proxy.master.options.update(detour_config=str(tmp_path / "other.yaml"))
        assert answers(proxy.detour.control)["opus"] == "vllm/other"
        await asyncio.sleep(1.0)
        assert answers(proxy.detour.control)["opus"] == "vllm/other"
