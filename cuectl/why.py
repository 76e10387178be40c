"""Why frames died, and why jobs wait: from what Cuebot tells to sentences. Nothing here asks it.

A sentence is only said if Cuebot's dispatcher works so (OpenCue's DispatchQuery.java and
HostReportHandler.java); what may depend on its settings is not said.
"""

import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cuectl.columns import as_number, duration, shown, size
from gateway_client.paths import value_at
from gateway_client.terminal.text import counted, listed

Row = Mapping[str, Any]

GUESSES = "may wait for cores, its show's share, or limits: cuectl why JOB"
"""Of a job about which nothing more was asked."""
MAY_START = "nothing known holds it back: jobs with a higher priority go first"
SILENT_SECONDS = 120
LOAD_PER_CORE = 1.05
"""How much load a core may have until Cuebot takes its host for busier than its frames make it."""
LEAST_FREE_MEMORY = 512 * 1024
"""In kB: a host with less gets no frames."""
LAYERS_TOLD = 3
NAMES_TOLD = 3
EXIT_STATUSES = {
    1: "the command failed, or a signal ended it",
    33: "too little memory: Cuebot raises what its layer reserves",
    126: "as of a command that cannot be run",
    127: "as of a command that is not found",
    137: "killed by SIGKILL, perhaps for want of memory",
    256: "RQD could not launch it",
    286: "to be tried again, as when NIMBY locks a host",
    287: "RQD killed it: its log became too long",
    299: "its proc was cleared",
    301: "it had lost its proc",
    302: "RQD failed to kill it",
    399: "its host went down",
}
"""Of RQD and Cuebot (Dispatcher.java, rqconstants.py, FrameExitStatus), and of shells. RQD says 1
for all signals but those that a container or a shell adds to 128."""


class Known(NamedTuple):
    """Rows of a list."""

    rows: Sequence[Row] = ()
    whole: bool = False
    """Whether these are all: else the token may not see others, or there are too many."""


UNKNOWN = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was read about a job; of what could not be, no rows, and not the whole."""

    layers: Known = UNKNOWN
    depends: Known = UNKNOWN
    """Active dependencies of the job, its layers and frames."""
    limits: Known = UNKNOWN
    shows: Known = UNKNOWN
    groups: Known = UNKNOWN
    """Of the job's show."""
    subscriptions: Known = UNKNOWN
    """Of the job's show."""
    hosts: Known = UNKNOWN
    """Those in the allocations of the subscriptions, or of the farm."""
    now: float = 0.0
    newest_report: float = 0.0
    """When any host has reported last, by Cuebot's clock."""

    def unread(self, job: Row) -> list[str]:
        """What could not be looked at, as far as it could matter to the job."""
        lists = {"layers": self.layers} | ({"dependencies": self.depends} if depending(job) else {})
        if waiting(job):
            lists |= {
                "limits": self.limits, "shows": self.shows, "groups": self.groups,
                "subscriptions": self.subscriptions, "hosts": self.hosts,
            }  # fmt: skip
        return [name for name, known in lists.items() if not known.whole]


# --- dead frames ----------------------------------------------------------------------------------


def exit_in_words(status: int) -> str:
    """`1`, `137: killed by SIGKILL`, `399: its host went down`."""
    if status in EXIT_STATUSES:
        return f"{status}: {EXIT_STATUSES[status]}"
    if 128 < status < 128 + signal.NSIG:
        try:
            return f"{status}: killed by {signal.Signals(status - 128).name}"
        except ValueError:
            return f"{status}: killed by signal {status - 128}"
    return str(status)


def why_dead(frame: Row, layer: Row | None) -> str:
    """In one sentence how a frame ended: `exit status 1, used 9G of 8G reserved`."""
    said = [f"exit status {exit_in_words(int(number(frame, 'exitStatus')))}"]
    used, reserved = number(frame, "maxRss"), reserved_by(frame, layer)
    if used and reserved and used > reserved:
        said.append(f"it used {kb(used)}, {kb(reserved)} were reserved")
    if (retries := int(number(frame, "retryCount"))) > 0:
        said.append(f"tried {counted(retries + 1, 'time')}")
    return ", ".join(said)


def reserved_by(frame: Row, layer: Row | None) -> float:
    """The memory (kB) that was reserved for a frame, else what its layer reserves by now."""
    return number(frame, "reservedMemory") or (number(layer, "minMemory") if layer else 0.0)


def log_of(job: Row, frame: Row) -> str:
    """The path of a frame's log; an empty text if it never ran."""
    if not number(frame, "startTime") or not job.get("logDir"):
        return ""
    return f"{job['logDir']}/{job['name']}.{frame['name']}.rqlog"


def host_of(frame: Row) -> str:
    """Where a frame runs, or has run last; an empty text if it never ran."""
    return str(frame.get("lastResource") or "").partition("/")[0]


# --- jobs -----------------------------------------------------------------------------------------


def waiting(job: Row) -> int:
    return int(number(job, "jobStats.waitingFrames"))


def depending(job: Row) -> int:
    return int(number(job, "jobStats.dependFrames"))


def plain_reason(job: Row) -> str:
    """Why a job does not go faster, if its own row tells; else an empty text."""
    running, dead = number(job, "jobStats.runningFrames"), int(number(job, "jobStats.deadFrames"))
    if job.get("state") == "FINISHED":
        return "finished"
    if job.get("isPaused"):
        return "paused: cuectl resume JOB"
    if waiting(job) or depending(job):
        return ""
    if running:
        return "all that can run runs"
    if dead:
        return "only dead frames are left: cuectl logs JOB, then retry or eat"
    return "Cuebot has no frames of it that wait"


def reasons(job: Row, facts: Facts) -> str:
    """What holds back a job that is not explained by its row, as far as it is known."""
    said = [*of_waiting_frames(job, facts)] if waiting(job) else [*of_the_rest(job)]
    said += of_dependencies(job, facts)
    missing = facts.unread(job)
    if not said:
        said = [MAY_START]
    if missing:
        said.append(f"could not look at all of: {', '.join(missing)}")
    return "; ".join(said)


def of_the_rest(job: Row) -> Iterable[str]:
    if number(job, "jobStats.runningFrames"):
        yield "all that can run runs"
    if dead := int(number(job, "jobStats.deadFrames")):
        yield f"{counted(dead, 'frame')} {'is' if dead == 1 else 'are'} dead: cuectl logs JOB"


def of_dependencies(job: Row, facts: Facts) -> list[str]:
    """What frames wait for: other jobs by name, and where nothing else waits, own layers."""
    if not depending(job):
        return []
    others: dict[str, None] = {}
    for each in facts.depends.rows:
        if each.get("dependOnJob") not in ("", None, job["name"]):
            part = each.get("dependOnFrame") or each.get("dependOnLayer")
            others[f"job {each['dependOnJob']}" + (f" ({part})" if part else "")] = None
        elif not waiting(job) and (layer := each.get("dependOnLayer")):
            others[f"layer {layer}"] = None
    frames = depending(job)
    if not others:
        if waiting(job):
            return []
        return [f"{counted(frames, 'frame')} wait{'s' * (frames == 1)} for others"]
    return [f"{counted(frames, 'frame')} wait{'s' * (frames == 1)} for {told([*others])}"]


def of_waiting_frames(job: Row, facts: Facts) -> Iterable[str]:
    """Reasons of the job first, then those of its layers; a layer is named if others differ."""
    yield from of_job(job, facts)
    layers = [each for each in facts.layers.rows if number(each, "layerStats.waitingFrames") > 0]
    found: dict[str, list[str]] = {}
    for layer in layers:
        for reason in of_layer(job, layer, facts):
            found.setdefault(reason, []).append(str(layer["name"]))
    for reason, names in [*found.items()][:LAYERS_TOLD]:
        if len(names) == len(layers):
            yield reason
        else:
            yield f"{'layer' if len(names) == 1 else 'layers'} {told(names)}: {reason}"
    if (more := len(found) - LAYERS_TOLD) > 0:
        yield f"and {counted(more, 'more reason')} of its layers"


def of_job(job: Row, facts: Facts) -> Iterable[str]:
    """The job's cores, its show and group."""
    least = [
        number(each, "minCores")
        for each in facts.layers.rows
        if number(each, "layerStats.waitingFrames") > 0
    ]
    reserved, most = number(job, "jobStats.reservedCores"), number(job, "maxCores")
    wanted = reserved + max(min(least, default=0.0), 0.0)
    if most > 0 and (wanted > most or reserved >= most):
        yield f"has the most cores that it may, {part(reserved, most)}: cuectl max-cores JOB CORES"
    show = job.get("show")
    for each in facts.shows.rows:
        if each.get("name") == show and each.get("bookingEnabled") is False:
            yield f"booking of show {show} is off: cuectl booking {show} yes"
    groups = [each for each in facts.groups.rows if each.get("name") == job.get("group")]
    if len(groups) == 1:
        taken, most = number(groups[0], "groupStats.reservedCores"), number(groups[0], "maxCores")
        if 0 < most <= taken:
            yield f"group {job['group']} has the most cores that it may: {part(taken, most)}"
    if facts.subscriptions.whole and not facts.subscriptions.rows:
        yield f"show {show} has no subscription: cuectl subscribe"


def of_layer(job: Row, layer: Row, facts: Facts) -> Iterable[str]:
    """When it may start, full limits, and which hosts could take its frames."""
    if (start := number(layer, "startAfter")) > facts.now:
        why = f" ({layer['startAfterReason']})" if layer.get("startAfterReason") else ""
        yield f"starts in {duration(start - facts.now)} at the earliest{why}"
    names = layer.get("limits") or ()
    for limit in facts.limits.rows:
        used = number(limit, "currentUsage") or number(limit, "currentRunning")
        if limit.get("name") in names and not limit.get("blockingDisabled"):
            most = number(limit, "maxValue")
            if used >= most >= 0:
                yield f"limit {limit['name']} is full: {part(used, most)}"
    if facts.hosts.whole and facts.subscriptions.whole and facts.subscriptions.rows:
        yield from of_hosts(job, layer, facts)


def of_hosts(job: Row, layer: Row, facts: Facts) -> Iterable[str]:
    """Why no host takes a frame of a layer; nothing if one could."""
    show, tags = job.get("show"), [str(each) for each in layer.get("tags") or ()]
    about = f"with tag {','.join(tags)}"
    allocations = {
        str(each["allocationName"]): each
        for each in facts.subscriptions.rows
        if not job.get("facility") or each.get("facility") in (None, "", job["facility"])
    }
    tagged = [
        each
        for each in facts.hosts.rows
        if each.get("allocName") in allocations and has_tag(each, tags)
    ]
    if not tagged:
        yield f"no host {about} is in an allocation of show {show}"
        return
    closed = Counter(filter(None, (closed_by(each, facts.newest_report) for each in tagged)))
    open_hosts = [each for each in tagged if not closed_by(each, facts.newest_report)]
    if not open_hosts:
        yield f"no open host {about} is in an allocation of show {show}: {tally(closed)}"
        return
    full = {name for name, each in allocations.items() if left_of(each) < 1}
    shared = [each for each in open_hosts if each["allocName"] not in full]
    if not shared:
        spent = [
            f"{name}: {part(number(each, 'reservedCores') / 100, number(each, 'burst') / 100)}"
            for name, each in allocations.items()
            if name in {host["allocName"] for host in open_hosts}
        ]
        yield f"show {show} has all cores that it may in {told(spent)}"
        return
    lacks = [lack_of(each, job, layer) for each in shared]
    if "" not in lacks:
        wanted = f"cores ({shown(number(layer, 'minCores'))})"
        gpus = number(layer, "minGpus")
        wanted += f", GPUs ({shown(gpus)})" if gpus else ""
        wanted += f" and memory ({kb(number(layer, 'minMemory'))}) free"
        others = f"; others: {tally(closed)}" if closed else ""
        ever = any(is_big_enough(each, layer) for each in shared)
        never = "" if ever else ", not even an idle one"
        lacking = tally(Counter(lacks))
        yield f"no open host {about} has enough {wanted}{never}: {lacking}{others}"


# --- hosts ----------------------------------------------------------------------------------------


def has_tag(host: Row, tags: Iterable[str]) -> bool:
    """Cuebot looks for the text within a host's tags, in any case."""
    there = " ".join(host.get("tags") or ()).lower()
    return any(each.lower() in there for each in tags)


def closed_by(host: Row, newest_report: float) -> str:
    """Why a host takes nothing at all, in a word; an empty text if it is open.

    A host is silent compared with the one that has reported last: clocks differ.
    """
    if host.get("state") != "UP":
        return str(host.get("state"))
    if host.get("lockState") != "OPEN":
        return str(host.get("lockState"))
    if newest_report - number(host, "pingTime") > SILENT_SECONDS:
        return "silent for 2 minutes or more"
    return ""


def idle_cores(host: Row) -> float:
    """The cores that Cuebot takes for idle: load that its frames do not explain is subtracted."""
    most = number(host, "cores") * LOAD_PER_CORE - number(host, "load") / 100
    return min(number(host, "idleCores"), most)


def lack_of(host: Row, job: Row, layer: Row) -> str:
    """What an open host has too little of for a frame, the first of several; or nothing."""
    least = number(layer, "minCores")
    if least <= 0:  # all cores of a host, but for so many
        least = max(number(host, "cores"), 0.01)
    systems = str(host.get("os") or "").split(",")
    if job.get("os") and host.get("os") and job["os"] not in systems:
        return f"with another OS than {job['os']}"
    if host.get("threadMode") == "ALL" and layer.get("isThreadable") is False:
        return "for threadable layers"
    if number(host, "idleGpus") < number(layer, "minGpus"):
        return "without GPUs"
    if number(host, "idleCores") < least:
        return "without cores"
    if idle_cores(host) < least:
        return "overloaded"
    if number(host, "idleMemory") < number(layer, "minMemory"):
        return "without memory"
    if 0 < number(host, "freeMemory") < LEAST_FREE_MEMORY:
        return "without free memory of the system"
    if number(host, "idleGpuMemory") < number(layer, "minGpuMemory"):
        return "without memory of GPUs"
    return ""


def is_big_enough(host: Row, layer: Row) -> bool:
    """Whether a frame would fit on the host if it were idle."""
    return number(host, "cores") >= number(layer, "minCores") and (
        number(host, "memory") >= number(layer, "minMemory")
    )


def left_of(subscription: Row) -> float:
    """The cores that a show may still take; Cuebot has hundredths here."""
    return (number(subscription, "burst") - number(subscription, "reservedCores")) / 100


# --- the time left --------------------------------------------------------------------------------


def time_left(
    layers: Iterable[Row], frames: Iterable[Row] = (), now: float = 0.0
) -> tuple[float, bool] | None:
    """About how many seconds a job still takes, and whether it may well take longer.

    Each frame takes its layer's average, less what it has run (of `frames`, running ones with
    `layerName` and `startTime`; half of it without them), and as many run at a time as now. It may
    take longer if no frame of a layer is done yet. None while nothing runs, and without an average.
    """
    begun: dict[str, list[float]] = {}
    for each in frames:
        begun.setdefault(str(each.get("layerName")), []).append(now - number(each, "startTime"))
    work, running, longest, is_least = 0.0, 0.0, 0.0, False
    for layer in layers:
        stats = layer.get("layerStats") or {}
        runs, average = number(stats, "runningFrames"), number(stats, "avgFrameSec")
        left = number(stats, "waitingFrames") + number(stats, "dependFrames")
        running += runs
        if not left and not runs:
            continue
        if not average:
            is_least = True
            continue
        spent = begun.get(str(layer.get("name")), [])
        rest = [max(average - each, 0.0) for each in spent] or [average / 2] * int(runs)
        work += left * average + sum(rest)
        longest = max(longest, *rest, average if left else 0.0)
    if not running or not longest:
        return None
    return max(work / running, longest), is_least


def time_left_text(left: tuple[float, bool] | None) -> str:
    """`about 12m left`, `about 12m left or more`; an empty text if it is not known."""
    if left is None:
        return ""
    seconds, is_least = left
    return f"about {duration(seconds)} left{' or more' if is_least else ''}"


# --- words ----------------------------------------------------------------------------------------


def number(row: Row, path: str) -> float:
    return as_number(value_at(row, path)) or 0.0


def kb(value: float) -> str:
    return size(value * 1024)


def part(used: float, most: float) -> str:
    return f"{shown(float(used))}/{shown(float(most))}"


def told(names: Sequence[str]) -> str:
    return listed(names, NAMES_TOLD)


def tally(counts: Mapping[str, int]) -> str:
    """`4 without cores, 1 DOWN`."""
    return ", ".join(f"{count} {word}" for word, count in counts.items())
