"""Views at their bounds: what their clients get is right or explained, and others are answered.

How long others wait depends on the machine. `make chaos` judges that, and a test of steps shows it
without one: `tests/features/views/test_steps_of_views.py`.
"""

import json
from collections.abc import Iterator

import pytest

from benchmarks.farm import CannedFarm
from tests.chaos.costly_clients import BROKEN_OFF, LATE, VIEWS, Answers, answer
from tests.chaos.load import Tally
from tests.chaos.views import MOST_MS, Outcome, Place, Waits, place, rows_of, wrong_answers

SECONDS = 1.0
JOBS = 2000
"""A tenth of what `make chaos` asks for: an answer takes half a second, and not ten."""
QUIET = Waits(p99=2.0, cpu_p99=1.0)


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place(JOBS) as started:
        yield started


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_answers_of_a_costly_view_are_right_or_explained(here: Place, name: str) -> None:
    outcome = here.try_once(name, SECONDS)
    assert outcome.wrong == ()
    assert outcome.answers
    assert outcome.others.errors == {}
    assert outcome.others.right == outcome.others.calls > 0


def found(status: str, body: object) -> list[str]:
    """What is wrong with such an answer to a sort of three jobs."""
    farm = CannedFarm(3)
    rows = rows_of(farm, answer(farm, "long texts"))
    return list(wrong_answers("sort", rows, Answers({(status, json.dumps(body).encode()): 2})))


def test_a_wrong_answer_is_noticed() -> None:
    farm = CannedFarm(3)
    jobs = [{"name": job.name} for job in rows_of(farm, answer(farm, "long texts"))]
    right = sorted(jobs, key=lambda job: job["name"])
    assert found("200", {"jobs": {"jobs": right}}) == []
    assert found("200", {"jobs": {"jobs": right[1:]}}) != []
    assert found("200", {"jobs": {"jobs": right[::-1]}}) != []
    tried = "the view was not ready in time: 2 of 3 rows had been looked at; ask for fewer rows"
    assert found("504", {"message": tried}) == []
    assert found("504", {"message": "the view was not ready in time"}) != []
    assert found("503", {"error": "UNAVAILABLE", "message": "too many"}) == []
    assert found("500", {"error": "INTERNAL", "message": "a bug"}) != []
    assert found(LATE, "") == []
    assert found(BROKEN_OFF, "") != []


SLOW = MOST_MS + 1


@pytest.mark.parametrize(
    ("cpu_p99", "answers", "errors", "problems"),
    [(MOST_MS, {"200": 1}, {}, 0), (SLOW, {"200": 1}, {}, 1), (SLOW, {}, {503: 1}, 3)],
)
def test_what_a_view_must_not_do(
    cpu_p99: float, answers: dict[str, int], errors: dict[int, int], problems: int
) -> None:
    others = Tally()
    others.errors.update(errors)
    outcome = Outcome("sort", answers, others, QUIET, Waits(p99=30.0, cpu_p99=cpu_p99), ())
    assert len(outcome.problems) == problems
