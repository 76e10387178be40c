"""The farm that a demo starts with, small or of any size."""

from gateway.demo.farm.clock import StoppedClock
from gateway.demo.farm.messages import Messages, enum_name
from gateway.demo.farm.studio import build_farm
from tests.demo.conftest import NOW
from tests.demo.desk import Desk


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
