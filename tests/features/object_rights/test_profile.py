"""The profile's tables of what objects belong to."""

from pathlib import Path

import pytest

from tests.support.profiles import problem_of

ABOUT = '[about."job.Job".by]\ncall = "job.JobInterface/GetJob"\n'


@pytest.mark.parametrize("more", ["", 'take = "job"\nrows = "jobs.jobs"\n'])
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, more: str) -> None:
    problem = problem_of(tmp_path, ABOUT + more)
    assert problem.startswith("about.job.Job.by: expected either take or rows")
