"""The farm that a demo starts with, small or of any size."""

from time import process_time

import pytest

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import Messages, enum_name
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.desk import Desk
from tests.simulator.sums import assert_totals


def test_it_has_as_many_jobs_as_asked_for(messages: Messages) -> None:
    """Job names are unique, sums of shows add up, and the frames wait to be looked at."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=500, clock=clock)
    desk = Desk(farm, clock)
    jobs = desk("JobInterface/GetJobs", r={"include_finished": True}).jobs.jobs
    assert len({job.name for job in jobs}) == len(jobs) == 500
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    shows = desk("ShowInterface/GetShows").shows.shows
    assert sum(show.show_stats.pending_jobs for show in shows) == len(pending)
    assert sum(show.show_stats.pending_frames for show in shows) == sum(
        job.job_stats.pending_frames for job in pending
    )
    assert len(farm.frames) < 500


@pytest.mark.slow
def test_a_farm_of_20000_jobs_answers_and_lives(messages: Messages) -> None:
    """A large studio's farm is there in seconds, and makes no frames but those that start."""
    clock, began = StoppedClock(NOW), process_time()
    farm = build_farm(messages, jobs=20_000, clock=clock)
    desk = Desk(farm, clock)
    assert process_time() - began < 30
    assert len(farm.jobs) == 20_000
    assert len(farm.frames) < 500
    assert_totals(farm)

    desk.wait(60)
    assert_totals(farm)
    assert 500 < len(farm.procs) < len(farm.frames) < 10_000
    assert len(farm.drafts) > 39_000
    jobs = desk("JobInterface/GetJobs").jobs.jobs
    assert len(jobs) == len(farm.pending) > 19_000
    shows = desk("ShowInterface/GetShows").shows.shows
    assert sum(show.show_stats.running_frames for show in shows) == len(farm.procs)
    hosts = desk("HostInterface/GetHosts").hosts.hosts
    assert len(hosts) == len(farm.hosts) > 300
    nested = desk("HostInterface/GetHostWhiteboard").nested_hosts.nested_hosts
    assert sum(len(host.procs.nested_procs) for host in nested) == len(farm.procs)


def test_a_frame_that_nobody_has_looked_at_is_found_by_its_id(messages: Messages) -> None:
    """Its id is the same on every farm of that seed, so that it can be asked for at once."""
    one, two = (
        Desk(build_farm(messages, jobs=50, clock=clock), clock)
        for clock in (StoppedClock(NOW), StoppedClock(NOW))
    )
    name = "demo-cr0000-ana_comp_v001"
    frame = one.frames(name)[3]
    assert two("FrameInterface/GetFrame", id=frame.id).frame == frame
    assert two.refusal("FrameInterface/GetFrame", id=frame.id[:-4] + "ffff")[0] == "NOT_FOUND"


def test_fewer_jobs_than_the_small_studio_has(messages: Messages) -> None:
    """One job is a farm too."""
    farm = build_farm(messages, jobs=1, clock=StoppedClock(NOW))
    assert [job.name for job in farm.jobs.values()] == ["demo-sh010-lena_comp_v003"]
