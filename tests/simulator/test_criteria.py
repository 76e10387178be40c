"""Searches, and what no search may contain."""

from typing import Any

import pytest

from tests.simulator.in_process import BAD_QUERY, COMP, HARBOR, LIGHT, VIOLATION, Cuebot


def names(cuebot: Cuebot, **criteria: Any) -> list[str]:
    """The names of the jobs that fit."""
    return [job.name for job in cuebot("JobInterface/GetJobs", r=criteria).jobs.jobs]


def numbers(cuebot: Cuebot, job: str = COMP, **criteria: Any) -> list[int]:
    """The numbers of a job's frames that fit, on the first page of 1000."""
    wanted = {"limit": 1000, **criteria}
    found = cuebot("JobInterface/GetFrames", job=cuebot.job(job), req=wanted)
    return [frame.number for frame in found.frames.frames]


def refusal(cuebot: Cuebot, **criteria: Any) -> tuple[str, str]:
    """Why a search for frames fails."""
    job = {"id": cuebot.job(COMP).id}
    return cuebot.refusal("JobInterface/GetFrames", job=job, req={"limit": 10, **criteria})


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"jobs": [COMP, "nope"]}, [COMP]),
        ({"jobs": [COMP.upper()]}, []),
        ({"shows": ["harbor"], "users": ["tomas", "nobody"]}, [HARBOR]),
        ({"shots": ["sh010"]}, [LIGHT, COMP]),
        ({"shots": ["sh01"]}, []),
        ({"shows": ["demo"], "shots": ["hb110"]}, []),
        ({"users": ["Lena"]}, []),
        ({"substr": ["light"]}, [LIGHT, HARBOR]),
        ({"substr": ["LIGHT"]}, []),
        ({"substr": ["l_ght%012"]}, [LIGHT]),
        ({"substr": ["l.ght"]}, []),
        ({"regex": ["^harbor.*v004$"]}, [HARBOR]),
        ({"regex": ["LIGHT"]}, []),
        ({"regex": ["v004$", "v012$"], "substr": ["demo"]}, [LIGHT]),
        ({"ids": ["nope"], "include_finished": True}, []),
    ],
)
def test_jobs_have_to_fit_every_criterion(
    cuebot: Cuebot, criteria: dict[str, Any], found: list[str]
) -> None:
    assert names(cuebot, **criteria) == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"frames": ["1003-comp", "1004-COMP"]}, [1003]),
        ({"layers": ["preview"]}, [1001]),
        ({"layers": ["Preview"]}, []),
        ({"layers": ["comp"], "frame_range": "1003"}, [1003]),
        ({"layers": ["comp"], "frame_range": "1003-1005"}, [1003, 1004, 1005]),
        ({"layers": ["comp"], "frame_range": "1005-1003"}, []),
        ({"layers": ["comp"], "frame_range": "1001-1007x3,1020"}, [1001, 1004, 1007, 1020]),
        ({"layers": ["comp"], "frame_range": "1-999999999", "states": {"frame_states": [2]}}, 3),
        ({"states": {"frame_states": ["SUCCEEDED", "DEPEND"]}}, 9),
        ({"states": {"frame_states": ["DEAD"]}}, []),
        ({"ids": ["nope"]}, []),
    ],
)
def test_frames_have_to_fit_every_criterion(
    cuebot: Cuebot, criteria: dict[str, Any], found: list[int] | int
) -> None:
    hits = numbers(cuebot, **criteria)
    assert (len(hits) if isinstance(found, int) else hits) == found


def test_frames_are_found_by_when_they_changed(cuebot: Cuebot) -> None:
    now = cuebot.farm.now
    assert numbers(cuebot, states={"frame_states": ["WAITING"]}, change_date=now) == []
    cuebot.clock.advance(2)
    frame = cuebot.frames(COMP, "WAITING")[0]
    cuebot("FrameInterface/Eat", frame=frame)
    cuebot.wait()
    changed = numbers(cuebot, states={"frame_states": ["EATEN"]}, change_date=now)
    assert changed == [frame.number]
    cuebot("JobInterface/MarkAsWaiting", job=cuebot.job(COMP), req={"layers": ["preview"]})
    now = cuebot.farm.now
    assert numbers(cuebot, layers=["preview"], change_date=now) == []
    assert numbers(cuebot, layers=["preview"], change_date=now - 1) == [1001]


def test_ranges_that_are_none_are_refused(cuebot: Cuebot) -> None:
    assert refusal(cuebot, frame_range="one")[1].startswith(
        "java.lang.IllegalArgumentException: unrecognized frame range syntax one"
    )
    assert refusal(cuebot, frame_range="1-5001x2") == BAD_QUERY
    for text in ("much", "1.2.3-4", "1-", "-inf", "nan", "1_0", " 1", "1-inf"):
        assert refusal(cuebot, memory_range=text) == BAD_QUERY
        assert refusal(cuebot, duration_range=text) == BAD_QUERY


def test_durations_are_cut_to_ints(cuebot: Cuebot) -> None:
    for text in ("-1", "-" + "9" * 400, "0-" + "9" * 400):
        assert numbers(cuebot, duration_range=text)
    assert not numbers(cuebot, duration_range="9" * 400)


def test_a_search_that_could_take_very_long_is_refused(cuebot: Cuebot) -> None:
    for pattern in ("(" * 5000 + ")" * 5000, "a{99999999999}", "a{2,256}", "(?=a)", r"(a)\1"):
        for method in ("JobInterface/GetJobs", "HostInterface/GetHosts"):
            assert cuebot.refusal(method, r={"regex": [pattern]}) == VIOLATION
    assert names(cuebot, regex=["([a-z0-9_-]+)+#"]) == []
    assert names(cuebot, substr=["%" * 30 + "#"]) == []
    assert names(cuebot, substr=["%a" * 14 + "#"]) == []


NUL: dict[str, dict[str, Any]] = {
    "ShowInterface/FindShow": {"name": "de\0mo"},
    "JobInterface/FindJob": {"name": "\0"},
    "JobInterface/GetJob": {"id": "a\0"},
    "JobInterface/Pause": {"job": {"id": "a\0"}},
    "JobInterface/GetJobs": {"r": {"shows": ["demo", "a\0"]}},
    "HostInterface/Lock": {"host": {"id": "a\0"}},
    "HostInterface/GetHosts": {"r": {"hosts": ["a\0"]}},
    "ProcInterface/GetProcs": {"r": {"hosts": ["a\0"]}},
    "FacilityInterface/Create": {"name": "a\0"},
    "LimitInterface/Create": {"name": "a\0", "max_value": 1},
}


def test_the_database_takes_no_nul(cuebot: Cuebot) -> None:
    for name, values in NUL.items():
        assert cuebot.refusal(name, **values) == VIOLATION, name
