"""Limits: how many frames may run at once."""

from typing import Any

from tests.simulator.in_process import LIGHT, Cuebot


def limit(cuebot: Cuebot, name: str = "arnold") -> Any:
    return cuebot("LimitInterface/Find", name=name).limit


def test_current_running_follows_what_runs(cuebot: Cuebot) -> None:
    found = limit(cuebot)
    assert found.current_running == cuebot.farm.running_with["arnold"] > found.host_count > 0
    for name in list(cuebot.farm.pending):
        cuebot("JobInterface/Kill", job=cuebot.job(name), reason="test")
    cuebot.wait()
    assert limit(cuebot).current_running == 0


def test_a_renamed_limit_goes_on_limiting(cuebot: Cuebot) -> None:
    before = limit(cuebot)
    cuebot("LimitInterface/Rename", old_name="arnold", new_name="karma")
    after = limit(cuebot, "karma")
    assert (after.id, after.current_running) == (before.id, before.current_running)
    assert cuebot.farm.running_with["karma"] == before.current_running
    assert list(cuebot.layer(LIGHT, "beauty").limits) == ["karma"]
    made = cuebot("LimitInterface/Create", name="arnold", max_value=1).limit
    assert made.id != after.id


def test_no_more_run_than_the_max_value(cuebot: Cuebot) -> None:
    before = limit(cuebot).current_running
    cuebot("LimitInterface/SetMaxValue", name="arnold", max_value=1)
    assert limit(cuebot).current_running == before
    cuebot.wait(300)
    assert limit(cuebot).current_running == cuebot.farm.running_with["arnold"] == 1
