from datetime import UTC

from addon.prompts import usage, weights
from addon.prompts.entry import Summary
from addon.prompts.reader import charts
from addon.prompts.threads import Turn
from addon.prompts.usage import By


def _turns(*dollars: float | None) -> list[Turn]:
    return [
        Turn(
            place,
            Summary(
                id=str(place), at=0.0, kind="main", status=200, input_tokens=10,
                cache_read_tokens=70, output_tokens=20, dollars=amount,
                total_ms=1_000, first_content_ms=250,
            ),
        )
        for place, amount in enumerate(dollars, 1)
    ]  # fmt: skip


def test_a_bar_for_each_turn_the_highest_as_high_as_the_chart() -> None:
    chart = charts.price(_turns(1.0, 2.0, None))
    assert [bar.place for bar in chart.bars] == [1, 2, 3]
    assert [segment.height for bar in chart.bars for segment in bar.segments] == [32.0, 64.0]
    assert (chart.most, chart.total) == ("$2.00", "$3.00")
    assert chart.bars[0].title == "turn 1: $1.00"


def test_the_parts_of_a_bar_stand_on_each_other() -> None:
    (bar,) = charts.tokens(_turns(1.0)).bars
    assert [(part.kind, part.y, part.height) for part in bar.segments] == [
        ("read", 19.2, 44.8),
        ("input", 12.8, 6.4),
        ("output", 0.0, 12.8),
    ]
    (waited,) = charts.latency(_turns(1.0)).bars
    assert [(part.kind, part.height) for part in waited.segments] == [("first", 16.0), ("rest", 48.0)]


def test_of_many_turns_neighbours_share_a_bar() -> None:
    chart = charts.price(_turns(*[1.0] * 10_000))
    assert len(chart.bars) == charts.MOST_BARS
    assert chart.bars[1].title == "turns 41 to 80: $40.00"
    assert sum(bar.width for bar in chart.bars) <= charts.WIDTH + 1e-6


def test_without_a_figure_there_is_no_chart() -> None:
    assert charts.price(_turns(None)).bars == ()
    assert charts.price([]).bars == ()


def test_the_parts_of_a_request_fill_their_bar() -> None:
    weighed = weights.of(
        {
            "tools": [{"name": "Bash", "description": "Run a command."}],
            "system": "You are.",
            "messages": [{"role": "user", "content": "Say hello to everybody who is here."}],
        }
    )
    shares = charts.shares(weighed)
    assert [share.kind for share in shares] == ["tools", "system", "text"]
    assert abs(sum(share.width for share in shares) - charts.WIDTH) < 0.1
    assert charts.shares(weights.of({})) == []


def test_a_bar_for_each_day() -> None:
    report = usage.report([turn.summary for turn in _turns(1.0, 3.0)], By.DAY, UTC)
    paid, used, took = charts.days([*report.rows, *report.rows])
    assert [bar.title for bar in paid.bars] == ["1970-01-01: $4.00", "1970-01-01: $4.00"]
    assert [part.kind for part in used.bars[0].segments] == ["read", "input", "output"]
    assert took.most == "1.0 s"
    assert [chart.bars for chart in charts.days([])] == [(), (), ()]
