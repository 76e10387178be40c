"""The farm that a demo starts with, small or of any size."""

import pytest

from cuebot_simulator.answers import SERVICES
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import Messages, enum_name, read_messages
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.simulator.in_process import Cuebot
from tests.simulator.sums import assert_sums, assert_totals

OLD_SPELLINGS = {"SetMangedCores"}
"""Names of methods that only protos have which are older than the installed ones."""


def test_the_same_seed_gives_the_same_farm(messages: Messages) -> None:
    """Ids and everything else depend on the seed and the clock only."""
    one, two, other = (build_farm(messages, seed=seed, clock=lambda: NOW) for seed in (1, 1, 2))
    for kind in ("shows", "jobs", "layers", "frames", "hosts", "procs", "deeds"):
        first, second = getattr(one, kind), getattr(two, kind)
        assert [x.SerializeToString() for x in first.values()] == [
            x.SerializeToString() for x in second.values()
        ]
        assert set(first).isdisjoint(getattr(other, kind))


def test_the_statistics_of_a_new_farm_add_up(messages: Messages) -> None:
    """Layers, jobs, groups, shows and hosts agree with frames and procs from the start."""
    farm = build_farm(messages, clock=StoppedClock(NOW))
    assert farm.procs
    assert_sums(farm)


def test_every_simulated_method_exists() -> None:
    """No handler waits for a method that the protos do not have."""
    pool = read_messages().pool
    for service, methods in SERVICES.items():
        known = set(pool.FindServiceByName(service).methods_by_name)
        assert set(methods) - OLD_SPELLINGS <= known, service


def test_it_has_as_many_jobs_as_asked_for(messages: Messages) -> None:
    """Job names are unique, sums of shows add up, and the frames wait to be looked at."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=500, clock=clock)
    cuebot = Cuebot(farm, clock)
    jobs = cuebot("JobInterface/GetJobs", r={"include_finished": True}).jobs.jobs
    assert len({job.name for job in jobs}) == len(jobs) == 500
    pending = [job for job in jobs if enum_name(job, "state") == "PENDING"]
    shows = cuebot("ShowInterface/GetShows").shows.shows
    assert sum(show.show_stats.pending_jobs for show in shows) == len(pending)
    assert sum(show.show_stats.pending_frames for show in shows) == sum(
        job.job_stats.pending_frames for job in pending
    )
    assert len(farm.frames) < 500


@pytest.mark.slow
def test_a_farm_of_20000_jobs_answers_and_lives(messages: Messages) -> None:
    """A large studio's farm makes no frames but those that start."""
    clock = StoppedClock(NOW)
    farm = build_farm(messages, jobs=20_000, clock=clock)
    cuebot = Cuebot(farm, clock)
    assert len(farm.jobs) == 20_000
    assert len(farm.frames) < 500
    assert_totals(farm)

    cuebot.wait(60)
    assert_totals(farm)
    assert 500 < len(farm.procs) < len(farm.frames) < 10_000
    assert len(farm.frames.lazy_layers) > 39_000
    jobs = cuebot("JobInterface/GetJobs").jobs.jobs
    assert len(jobs) == len(farm.pending) > 19_000
    shows = cuebot("ShowInterface/GetShows").shows.shows
    assert sum(show.show_stats.running_frames for show in shows) == len(farm.procs)
    hosts = cuebot("HostInterface/GetHosts").hosts.hosts
    assert len(hosts) == len(farm.hosts) > 300
    nested = cuebot("HostInterface/GetHostWhiteboard").nested_hosts.nested_hosts
    assert sum(len(host.procs.nested_procs) for host in nested) == len(farm.procs)


def test_a_frame_that_nobody_has_looked_at_is_found_by_its_id(messages: Messages) -> None:
    """Its id is the same on every farm of that seed, so that it can be asked for at once."""
    one, two = (
        Cuebot(build_farm(messages, jobs=50, clock=clock), clock)
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
