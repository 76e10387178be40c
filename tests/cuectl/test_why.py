"""Sentences about why frames died and jobs wait, from facts alone."""

from typing import Any

import pytest

from cuectl.why import (
    MAY_START,
    Facts,
    Known,
    exit_in_words,
    log_of,
    plain_reason,
    reasons,
    time_left,
    time_left_text,
    why_dead,
)

NOW = 1_790_000_000
GB = 1024 * 1024
Row = dict[str, Any]


def a_job(**changes: Any) -> Row:
    stats = {
        "waitingFrames": 4, "runningFrames": 1, "dependFrames": 0, "deadFrames": 0,
        "reservedCores": 2.0,
    }  # fmt: skip
    stats |= {name: changes.pop(name) for name in [*changes] if name in stats}
    job = {
        "name": "demo-sh1-kim_comp", "show": "demo", "group": "comp", "facility": "local",
        "os": "rocky9", "state": "PENDING", "isPaused": False, "maxCores": 100.0,
    }  # fmt: skip
    return {**job, **changes, "jobStats": stats}


def a_layer(**changes: Any) -> Row:
    layer = {
        "name": "comp", "tags": ["general"], "limits": ["nuke"], "minCores": 2.0,
        "minMemory": str(8 * GB), "minGpus": 0, "minGpuMemory": "0", "isThreadable": True,
        "startAfter": "0", "layerStats": {"waitingFrames": 4},
    }  # fmt: skip
    return layer | changes


def a_host(**changes: Any) -> Row:
    host = {
        "name": "node1", "state": "UP", "lockState": "OPEN", "allocName": "local.general",
        "tags": ["general", "node1"], "os": "rocky9", "threadMode": "AUTO", "cores": 16.0,
        "idleCores": 8.0, "load": 800, "memory": str(64 * GB), "idleMemory": str(32 * GB),
        "freeMemory": str(32 * GB), "idleGpus": 0, "idleGpuMemory": "0", "pingTime": NOW,
    }  # fmt: skip
    return host | changes


def facts(*hosts: Row, **changes: Any) -> Facts:
    general = {"allocationName": "local.general", "burst": 4000, "reservedCores": 200}
    desktop = {"allocationName": "local.desktop", "burst": 400, "reservedCores": 0}
    rows: dict[str, list[Row]] = {
        "layers": [a_layer()],
        "depends": [],
        "limits": [{"name": "nuke", "maxValue": 12, "currentRunning": 3}],
        "shows": [{"name": "demo", "bookingEnabled": True}],
        "groups": [{"name": "comp", "maxCores": -1.0, "groupStats": {"reservedCores": 9}}],
        "subscriptions": [{**each, "facility": "local"} for each in (general, desktop)],
        "hosts": list(hosts) or [a_host()],
        **changes,
    }
    known = {name: Known(each, whole=True) for name, each in rows.items()}
    return Facts(**known, now=NOW, newest_report=NOW)


def depend(**on: str) -> Row:
    return {"dependErJob": "demo-sh1-kim_comp", "dependOnLayer": "", "dependOnFrame": "", **on}


FULL = {"name": "nuke", "maxValue": 12, "currentRunning": 12}
ENOUGH = "no open host with tag general has enough cores (2) and memory (8G) free"
NO_HOST = "no host with tag general is in an allocation of show demo"
OWN, OTHER = "demo-sh1-kim_comp", "demo-sh1-lena_sim"
LEFT_OUT = Facts(layers=Known([a_layer()], whole=True), now=NOW, newest_report=NOW)


@pytest.mark.parametrize(
    ("known", "job", "said"),
    [
        (facts(), {}, MAY_START),
        (facts(limits=[FULL]), {}, "limit nuke is full: 12/12"),
        (facts(limits=[FULL | {"name": "arnold"}]), {}, MAY_START),
        (facts(limits=[FULL | {"blockingDisabled": True}]), {}, MAY_START),
        (facts(limits=[FULL | {"currentRunning": 1, "currentUsage": 12}]), {},
         "limit nuke is full: 12/12"),
        (facts(shows=[{"name": "demo", "bookingEnabled": False}]), {},
         "booking of show demo is off: cuectl booking demo yes"),
        (facts(groups=[{"name": "comp", "maxCores": 9.0, "groupStats": {"reservedCores": 9}}]), {},
         "group comp has the most cores that it may: 9/9"),
        (facts(), {"maxCores": 3.0},
         "has the most cores that it may, 2/3: cuectl max-cores JOB CORES"),
        (facts(), {"maxCores": 4.0}, MAY_START),
        (facts(subscriptions=[]), {}, "show demo has no subscription: cuectl subscribe"),
        (facts(), {"facility": "paris"}, NO_HOST),
        (facts(a_host(tags=["night"])), {}, NO_HOST),
        (facts(a_host(allocName="local.other")), {}, NO_HOST),
        (facts(layers=[a_layer(tags=["gen", "x"])]), {}, MAY_START),  # Cuebot looks within
        (facts(layers=[a_layer(startAfter=str(NOW + 7200), startAfterReason="licenses")]), {},
         "starts in 2h00m at the earliest (licenses)"),
        (facts(a_host(idleCores=1.0)), {}, f"{ENOUGH}: 1 without cores"),
        (facts(a_host(load=1500)), {}, f"{ENOUGH}: 1 overloaded"),
        (facts(a_host(load=1400)), {}, MAY_START),
        (facts(a_host(idleMemory=str(4 * GB))), {}, f"{ENOUGH}: 1 without memory"),
        (facts(a_host(freeMemory=str(GB // 4))), {},
         f"{ENOUGH}: 1 without free memory of the system"),
        (facts(a_host(os="rhel7,rhel8")), {}, f"{ENOUGH}: 1 with another OS than rocky9"),
        (facts(a_host(os="rhel7,rocky9")), {}, MAY_START),
        (facts(a_host(threadMode="ALL"), layers=[a_layer(isThreadable=False)]), {},
         f"{ENOUGH}: 1 for threadable layers"),
        (facts(layers=[a_layer(minCores=0.0)]), {},
         f"{ENOUGH.replace('2', '0')}: 1 without cores"),
        (facts(layers=[a_layer(minGpus=1)]), {},
         "no open host with tag general has enough cores (2), GPUs (1) and memory (8G) free:"
         " 1 without GPUs"),
        (facts(layers=[a_layer(minMemory=str(100 * GB))]), {},
         "no open host with tag general has enough cores (2) and memory (100G) free, not even an"
         " idle one: 1 without memory"),
        (facts(a_host(lockState="LOCKED"), a_host(state="DOWN"), a_host(pingTime=NOW - 121)), {},
         "no open host with tag general is in an allocation of show demo: 1 LOCKED, 1 DOWN,"
         " 1 silent for 2 minutes or more"),
        (facts(a_host(idleCores=0.0), a_host(idleCores=1.0), a_host(lockState="NIMBY_LOCKED")), {},
         f"{ENOUGH}: 2 without cores; others: 1 NIMBY_LOCKED"),
        (facts(a_host(idleCores=0.0), a_host(pingTime=NOW - 119)), {}, MAY_START),
        (facts(layers=[a_layer(), a_layer(name="sim", limits=[])], limits=[FULL]), {},
         "layer comp: limit nuke is full: 12/12"),
        (facts(layers=[a_layer(), a_layer(name="sim")], limits=[FULL]), {},
         "limit nuke is full: 12/12"),
        (facts(layers=[a_layer(), a_layer(name="done", tags=["x"], layerStats={})]), {}, MAY_START),
        (facts(depends=[depend(dependOnJob=OTHER)]), {"dependFrames": 2},
         f"2 frames wait for job {OTHER}"),
        (facts(depends=[depend(dependOnJob=OTHER, dependOnLayer="sim")]),
         {"dependFrames": 1, "waitingFrames": 0, "runningFrames": 0},
         f"1 frame waits for job {OTHER} (sim)"),
        (facts(depends=[depend(dependOnJob=OWN, dependOnLayer="sim")]),
         {"dependFrames": 1, "waitingFrames": 0, "runningFrames": 0, "deadFrames": 2},
         "2 frames are dead: cuectl logs JOB; 1 frame waits for layer sim"),
        (facts(depends=[depend(dependOnJob=OWN, dependOnLayer="sim")]), {"dependFrames": 1},
         MAY_START),
        (facts(), {"dependFrames": 3, "waitingFrames": 0},
         "all that can run runs; 3 frames wait for others"),
        (LEFT_OUT, {}, f"{MAY_START}; could not look at all of: limits, shows, groups,"
         " subscriptions, hosts"),
        (LEFT_OUT, {"dependFrames": 3, "waitingFrames": 0},
         "all that can run runs; 3 frames wait for others; could not look at all of: dependencies"),
    ],
)  # fmt: skip
def test_why_a_job_waits(known: Facts, job: Row, said: str) -> None:
    assert reasons(a_job(**job), known) == said


def spent(allocation: str) -> Row:
    return {"allocationName": allocation, "burst": 2250, "reservedCores": 2200}


def test_a_show_that_has_its_share() -> None:
    """Cuebot books a whole core at least; other allocations do for the hosts that are there."""
    known = facts(subscriptions=[spent("local.general")])
    assert reasons(a_job(), known) == (
        "show demo has all cores that it may in local.general: 22/22.5"
    )
    known = facts(a_host(), a_host(allocName="local.night"), subscriptions=[
        spent("local.general"), {**spent("local.night"), "burst": 2300}
    ])  # fmt: skip
    assert reasons(a_job(), known) == MAY_START


def test_what_may_not_be_seen_whole_is_not_taken_for_absent() -> None:
    locked = Known([a_host(lockState="LOCKED")], whole=False)
    known = Facts(**{**{name: getattr(facts(), name) for name in LISTS}, "hosts": locked})
    assert reasons(a_job(), known) == f"{MAY_START}; could not look at all of: hosts"


LISTS = ("layers", "depends", "limits", "shows", "groups", "subscriptions", "hosts")


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({}, ""),
        ({"state": "FINISHED", "isPaused": True}, "finished"),
        ({"isPaused": True}, "paused: cuectl resume JOB"),
        ({"waitingFrames": 0}, "all that can run runs"),
        ({"waitingFrames": 0, "runningFrames": 0, "deadFrames": 1},
         "only dead frames are left: cuectl logs JOB, then retry or eat"),
        ({"waitingFrames": 0, "dependFrames": 1}, ""),
    ],
)  # fmt: skip
def test_what_a_row_tells(job: Row, said: str) -> None:
    assert plain_reason(a_job(**job)) == said


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "0"),
        (2, "2"),
        (1, "1: the command failed, or a signal ended it"),
        (33, "33: too little memory: Cuebot raises what its layer reserves"),
        (139, "139: killed by SIGSEGV"),
        (160, "160: killed by signal 32"),
        (255, "255"),
        (299, "299: its proc was cleared"),
    ],
)
def test_an_exit_status_in_words(status: int, words: str) -> None:
    assert exit_in_words(status) == words


def test_a_dead_frame() -> None:
    frame = {"name": "1001-comp", "exitStatus": 139, "maxRss": str(9 * GB), "startTime": 1}
    assert why_dead(frame, None) == "exit status 139: killed by SIGSEGV"
    frame |= {"reservedMemory": "0", "retryCount": 1}
    assert why_dead(frame, {"minMemory": str(8 * GB)}) == (
        "exit status 139: killed by SIGSEGV, it used 9G, 8G were reserved, tried 2 times"
    )
    job = {"name": "demo-a_b", "logDir": "/logs"}
    assert log_of(job, frame) == "/logs/demo-a_b.1001-comp.rqlog"
    assert log_of(job, {**frame, "startTime": 0}) == ""  # it never ran


def stats(running: int, waiting: int, average: int, name: str = "comp") -> Row:
    counts = {"runningFrames": running, "waitingFrames": waiting, "avgFrameSec": average}
    return {"name": name, "layerStats": counts}


@pytest.mark.parametrize(
    ("layers", "ran", "said"),
    [
        ([stats(2, 10, 60)], [], "about 5m30s left"),
        ([stats(2, 10, 60)], [60, 100], "about 5m00s left"),
        ([stats(4, 1, 60)], [], "about 1m00s left"),  # not before the last frame is done
        ([stats(1, 0, 60)], [15], "about 45s left"),
        ([stats(2, 10, 60), stats(0, 1, 0, "preview")], [], "about 5m30s left or more"),
        ([stats(0, 10, 60)], [], ""),
        ([stats(2, 10, 0)], [], ""),
        ([stats(0, 0, 60)], [], ""),
    ],
)
def test_the_time_left(layers: list[Row], ran: list[int], said: str) -> None:
    frames = [{"layerName": "comp", "startTime": NOW - each} for each in ran]
    assert time_left_text(time_left(layers, frames, NOW)) == said
