from pathlib import Path

from addon.cli.finding import Finding, Level, broken, doubtful, fine
from addon.protocol.errors import ConfigError
from addon.settings import settings_file
from tests.cli.machines import instance, machine


def test_a_finding_is_fine_or_has_a_remedy() -> None:
    assert fine("a") == Finding(Level.OK, "a", "")
    assert doubtful("a", "b") == Finding(Level.WARN, "a", "b")
    assert broken("a", "b") == Finding(Level.FAIL, "a", "b")


def test_the_ca_is_that_of_the_detour_that_runs_else_mitmproxys_own(tmp_path: Path) -> None:
    running = machine(tmp_path, instances=(instance(tmp_path, proxy=1),))
    assert running.certificate == tmp_path / "confdir" / "mitmproxy-ca-cert.pem"
    assert machine(tmp_path).certificate == Path("~/.mitmproxy/mitmproxy-ca-cert.pem").expanduser()


def test_a_door_is_known_by_its_port(tmp_path: Path) -> None:
    first, second = instance(tmp_path, proxy=18080), instance(tmp_path, reverse=8080, proxy=1)
    running = machine(tmp_path, instances=(first, second))
    assert running.door_at(18080) == (first, "proxy")
    assert running.door_at(8080) == (second, "reverse")
    assert running.door_at(80) is None
    assert running.door_at(None) is None


def test_the_backends_in_use_are_those_of_the_tiers_and_the_rules(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text("big: openai/a\nroutes:\n- when: {kind: title}\n  to: ollama/b\n")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=k\n")
    settings = settings_file.read(tmp_path).configuration.settings()
    assert list(machine(tmp_path, settings=settings).backends) == ["anthropic", "ollama", "openai"]
    (tmp_path / ".env").write_text("OPENAI_API_KEY=k\nSMALL_MODEL=ollama/c\n")
    settings = settings_file.read(tmp_path).configuration.settings()
    assert list(machine(tmp_path, settings=settings).backends) == ["ollama", "openai"]


def test_a_search_endpoint_is_in_use_where_a_model_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SEARXNG_API_BASE=http://find.example\n")
    settings = settings_file.read(tmp_path).configuration.settings()
    assert list(machine(tmp_path, settings=settings).backends) == ["anthropic"]
    (tmp_path / ".env").write_text("SEARXNG_API_BASE=http://find.example\nBIG_MODEL=ollama/a\nSMALL_MODEL=ollama/a\n")
    settings = settings_file.read(tmp_path).configuration.settings()
    assert list(machine(tmp_path, settings=settings).backends) == ["ollama", "searxng"]


def test_settings_that_cannot_be_read_name_no_backend(tmp_path: Path) -> None:
    assert machine(tmp_path, settings=ConfigError("odd")).backends == {}
