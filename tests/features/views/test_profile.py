"""The profile's tables of columns and units."""

from pathlib import Path

import pytest

from tests.support.profiles import problem_of


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[units.GB]\n"a.B" = ["x"]', "units.GB: input should be 'bytes', 'kB', 'MB', 'seconds'"),
        ('[units.kB]\n"a.B" = ["x.y"]', "units.kB.a.B.0: 'x.y' is not a field such as totalCores"),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problem_of(tmp_path, text).startswith(problem)
