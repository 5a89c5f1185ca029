import pytest

from addon.prompts.reader import wording

AT = 1_795_000_000.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wording.count(None), wording.UNKNOWN),
        (wording.count(1234), "1,234"),
        (wording.count(1, "turn"), "1 turn"),
        (wording.count(0, "turn"), "0 turns"),
        (wording.short(None), wording.UNKNOWN),
        (wording.short(999), "999"),
        (wording.short(1234), "1.2k"),
        (wording.short(99_999), "100k"),
        (wording.short(999_600), "1.0M"),
        (wording.short(12_345_678), "12M"),
        (wording.size(1), "1 byte"),
        (wording.size(4_321), "4.3 kB"),
        (wording.size(3_210_000), "3.2 MB"),
        (wording.dollars(None), wording.UNKNOWN),
        (wording.percent(None), wording.UNKNOWN),
        (wording.percent(0.905), "90 %"),
        (wording.dollars(0), "$0"),
        (wording.dollars(0.00012), "$0.00012"),
        (wording.dollars(0.0123), "$0.012"),
        (wording.dollars(1234.5), "$1,234.50"),
        (wording.duration(None), wording.UNKNOWN),
        (wording.duration(350), "350 ms"),
        (wording.duration(4_321), "4.3 s"),
        (wording.duration(90_000), "1 min 30 s"),
        (wording.span(5), "5 s"),
        (wording.span(3_700), "1 h 01 min"),
        (wording.span(200_000), "2 d 7 h"),
        (wording.model(None), wording.UNKNOWN),
        (wording.model("anthropic/claude-opus-5-5"), "claude-opus-5-5"),
        (wording.model("openai/gpt-6.1-sol"), "openai/gpt-6.1-sol"),
    ],
)
def test_a_figure_is_said(said: str, expected: str) -> None:
    assert said == expected


def test_a_moment_is_said_as_short_as_its_distance_allows() -> None:
    then = wording.local(AT)
    assert wording.when(AT, AT) == f"{then:%H:%M}"
    assert wording.when(AT, AT + 86_400) == f"yesterday {then:%H:%M}"
    assert wording.when(AT, AT + 5 * 86_400) == f"{then.day} {then:%b %H:%M}"
    assert wording.when(AT, AT + 500 * 86_400) == f"{then.day} {then:%b %Y}"
    assert wording.exact(AT).endswith(f"{then:%Y %H:%M:%S}")
    assert wording.iso(AT).startswith(f"{then:%Y-%m-%dT}")
