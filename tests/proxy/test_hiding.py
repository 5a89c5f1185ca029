"""What we show and say holds no credential."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import contentviews
from mitmproxy.contentviews import Metadata

from addon.prompts.log.reading import Log
from addon.prompts.log.statements import FILE
from addon.proxy.hiding import Hiding
from addon.routing.config import Pattern
from addon.routing.settings import Settings
from addon.settings import mark_secret
from tests.prompts.secrets_corpus import KEYS, PLANTED
from tests.proxy.conftest import Configure
from tests.proxy.live import CLIENT_HEADERS, ask, backend, chunk, events, proxying, streaming, whole

SECRET = KEYS[0][1]
VIEWS = ("prompt", "answer", "sent", "backend reply", "changes")


def test_a_credential_is_replaced_by_the_same_mark_as_in_the_log(tmp_path: Path) -> None:
    hiding = Hiding(Settings, lambda: tmp_path)
    assert SECRET not in hiding.text(f"key {SECRET}!")
    assert hiding.text(f"key {SECRET}!") == Hiding(Settings, lambda: tmp_path).text(f"key {SECRET}!")
    assert (tmp_path / mark_secret.NAME).exists()


def test_the_rules_are_those_in_force(tmp_path: Path) -> None:
    settings = Settings()
    hiding = Hiding(lambda: settings, lambda: tmp_path)
    assert hiding.text("walrus7") == "walrus7"
    settings = replace(settings, redact=(Pattern("mine", r"walrus\d"),))
    assert "walrus7" not in hiding.text("walrus7")


def test_without_settings_the_known_shapes_are_hidden(tmp_path: Path) -> None:
    assert SECRET not in Hiding(lambda: None, lambda: tmp_path).text(SECRET)


def test_where_the_marks_key_cannot_be_kept_marks_hold_for_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    hiding = Hiding(lambda: None, lambda: tmp_path / "file")
    assert SECRET not in hiding.text(SECRET)
    assert hiding.text(SECRET) == hiding.text(SECRET)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_an_exchanges_own_key_is_told_by_its_variable(tmp_path: Path) -> None:
    hide = Hiding(Settings, lambda: tmp_path).after(lambda text: text.replace("mine", "$MINE"))
    assert hide("mine") == "$MINE"
    assert SECRET not in hide(f"mine {SECRET}")


# -- planted -----------------------------------------------------------------------------------------------------------


def planted_request(texts: list[str]) -> dict[str, Any]:
    """Secrets in every place that a request has for a text."""
    fifth = [texts[start::5] for start in range(5)]
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "\n".join(fifth[0])}}
    output = [{"type": "text", "text": "\n".join(fifth[1])}]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": output}
    thought = {"type": "thinking", "thinking": "\n".join(fifth[4]), "signature": "s"}
    return ask(
        stream=True,
        system=[{"type": "text", "text": "\n".join(fifth[3])}],
        messages=[
            {"role": "user", "content": "\n".join(fifth[2])},
            {"role": "assistant", "content": [thought, call]},
            {"role": "user", "content": [result, {"type": "text", "text": json.dumps({"env": fifth[0]})}]},
        ],
    )


def everywhere(folder: Path) -> str:
    """All that the log gives back, and every file as it is."""
    log = Log(folder / FILE)
    found = [repr(log.entry(each.number)) for each in log.summaries()]
    log.close()
    files = (path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())
    return "\n".join((*found, *files))


def left(text: str) -> list[str]:
    secrets = [each.secret for each in PLANTED]
    return [each for each in secrets if any(form in text for form in (each, json.dumps(each)[1:-1], repr(each)[1:-1]))]


async def test_of_all_that_was_planted_nothing_is_on_disk_in_a_view_or_in_a_line_of_the_log(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    texts = [each.text for each in PLANTED]
    assert len(left(json.dumps(planted_request(texts)))) == len(PLANTED) >= 200
    answer = events(*(chunk(part) for text in texts for part in (text[:9], text[9:] + "\n")), chunk(finish="stop"))
    refusal = whole({"error": {"message": f"bad key {SECRET} and {KEYS[20][1]}"}}, "401 No")
    async with backend(streaming(answer), refusal) as fake:
        configure(fake.url, FILE_LOG_LEVEL="debug", LOG_REQUEST_BODY="true", LOG_RESPONSE_BODY="true")
        async with proxying(confdir) as proxy, proxy.client() as client:
            headers = {**CLIENT_HEADERS, "x-note": SECRET, "authorization": f"Bearer {KEYS[1][1]}"}
            path = f"/v1/messages?beta=true&api_key={KEYS[2][1]}"
            assert (await client.post(path, json=planted_request(texts), headers=headers)).status_code == 200
            assert (await client.post(path, json=ask(stream=True), headers=headers)).status_code == 403
            await proxy.settled()
            shown = []
            for flow in proxy.flows:
                for message in (flow.request, flow.response):
                    metadata = Metadata(flow=flow, http_message=message)
                    data = message.content if message is not None and message.content else b""
                    shown += [contentviews.registry[name].prettify(data, metadata) for name in VIEWS]
            said = "\n".join(line for line in proxy.log.text.splitlines() if "api_key=" not in line)
        assert len(shown) == 2 * 2 * len(VIEWS)
    assert left("\n".join(shown)) == []
    assert left(said) == []
    assert left(everywhere(tmp_path / "detour-home")) == []
    assert "[redacted:" in "\n".join(shown)
    assert everywhere(tmp_path / "detour-home").count("[redacted:") > 3 * len(PLANTED)
