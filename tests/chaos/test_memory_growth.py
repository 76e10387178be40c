"""What a soak says of memory, and the picture of it in docs/static."""

from pathlib import Path

import pytest

from tests.chaos.memory import Memory, read_memory
from tests.chaos.memory_chart import FIGURES, PICTURE, chart
from tests.chaos.soak import MAY_GROW_MB_A_MINUTE


def minutes(values: list[float]) -> Memory:
    """So much in each minute, noted three times, with one moment of far more."""
    moments = ((0.1, 0.0), (0.4, 20.0), (0.8, 0.0))
    return Memory([(at + x, mb + more) for at, mb in enumerate(values) for x, more in moments])


@pytest.mark.parametrize(
    ("values", "growth"),
    [
        ([90.0] * 60, 0.0),
        ([90.0 + minute / 10 for minute in range(60)], 0.1),
        ([90.0 + min(minute, 25) for minute in range(60)], 0.0),
        ([90.0] * 40 + [140.0] * 3 + [90.0] * 17, 0.0),
        ([90.0] * 25 + [90.0 + minute / 5 for minute in range(35)], 0.2),
    ],
    ids=["flat", "grows", "until it is warm", "a peak", "late"],
)
def test_growth_is_that_of_the_second_half(values: list[float], growth: float) -> None:
    assert minutes(values).growth == pytest.approx(growth, abs=0.001)


def test_a_short_run_has_no_growth() -> None:
    """In so few minutes it cannot be told from what is remembered up to a bound."""
    assert minutes([90.0 + minute for minute in range(30)]).growth is None


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = minutes([90.0 + minute / 10 for minute in range(60)])
    written.write(tmp_path / "soak.csv")
    read = read_memory(tmp_path / "soak.csv")
    assert [mb for _, mb in read.by_minute] == pytest.approx([mb for _, mb in written.by_minute])
    assert read.growth == pytest.approx(written.growth)


def test_the_picture_in_the_documentation_is_that_of_its_figures() -> None:
    memory = read_memory(FIGURES)
    assert PICTURE.read_text(encoding="utf-8") == chart(memory)
    assert memory.growth is not None
    assert memory.growth <= MAY_GROW_MB_A_MINUTE
