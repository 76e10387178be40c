"""The columns of lists: what rows of jobs, hosts and so on show."""

from dataclasses import replace

from cuectl.columns import Column, Row, as_number
from cuectl.lists import Listing
from gateway_client.paths import value_at

STATS_OF_TIME = ("runningFrames", "remainingCoreSec", "avgCoreSec", "reservedCores")


def time_left(job: Row) -> int | None:
    """About how many seconds a job takes yet, with the cores that it has now; dead frames do not
    count. None if nobody knows: it is paused, nothing runs, or no frame is done.

    It is estimated from one average of all its layers, as if what runs were half done, and is at
    least a whole frame as long as one waits.
    """
    numbers = [as_number(value_at(job, f"jobStats.{each}")) or 0 for each in STATS_OF_TIME]
    running, to_come, average, cores = numbers
    if job.get("isPaused") or not running or not average or not cores:
        return None
    frame = running * average / cores
    return round(max(to_come / cores + frame / 2, frame if to_come else 0))


TIME_LEFT = Column(
    "TIME LEFT",
    "timeLeft",
    unit="seconds",
    wide=True,
    also=("left",),
    compute=time_left,
    needs=("isPaused", *(f"jobStats.{each}" for each in STATS_OF_TIME)),
)
JOBS = Listing(
    place="jobs",
    sort=("priority", "name"),
    columns=(
        Column("NAME", "name"),
        Column("USER", "user"),
        Column("DEAD", "jobStats.deadFrames", alert=True),
        Column("RUN", "jobStats.runningFrames", also=("running",)),
        Column("WAIT", "jobStats.waitingFrames", also=("waiting",)),
        Column("DONE", "jobStats.succeededFrames", also=("succeeded",), of="jobStats.totalFrames"),
        Column("CORES", "jobStats.reservedCores"),
        Column("PRI", "priority"),
        Column("PAUSED", "isPaused"),
        Column("STARTED", "startTime", unit="time"),
        Column("SHOW", "show", wide=True),
        Column("SHOT", "shot", wide=True),
        Column("GROUP", "group", wide=True),
        Column("STATE", "state", wide=True),
        Column("DEPEND", "jobStats.dependFrames", wide=True),
        Column("EATEN", "jobStats.eatenFrames", wide=True),
        TIME_LEFT,
        Column("WAITING FOR", "waiting", unit="seconds", extra=True, wide=True),
        Column("CORE HOURS", "coreHours", extra=True, wide=True),
        Column("MEM", "jobStats.maxRss", unit="kB", wide=True),
        Column("MAX CORES", "maxCores", wide=True),
        Column("COMMENT", "hasComment", wide=True),
        Column("ID", "id", wide=True),
    ),
)
HOSTS = Listing(
    place="hosts",
    columns=(
        Column("NAME", "name"),
        Column("STATE", "state"),
        Column("LOCK", "lockState"),
        Column("IDLE", "idleCores", of="cores"),
        Column("IDLE MEM", "idleMemory", of="memory", unit="kB"),
        Column("LOAD", "load", per=100),
        Column("ALLOC", "allocName", also=("allocation",)),
        Column("SEEN", "pingTime", unit="time"),
        Column("IDLE GPUS", "idleGpus", of="gpus", wide=True),
        Column("FREE MEM", "freeMemory", of="totalMemory", unit="kB", wide=True),
        Column("FREE TMP", "freeMcp", of="totalMcp", unit="kB", wide=True),
        Column("FREE SWAP", "freeSwap", of="totalSwap", unit="kB", wide=True),
        Column("TAGS", "tags", wide=True),
        Column("OS", "os", wide=True),
        Column("BOOTED", "bootTime", unit="time", wide=True),
        Column("NIMBY", "nimbyEnabled", wide=True),
        Column("COMMENT", "hasComment", wide=True),
        Column("ID", "id", wide=True),
    ),
)


def columns_of(listing: Listing, *titles: str) -> tuple[Column, ...]:
    """Columns of a list for another one, which shows them without -o wide, too."""
    found = {each.title: each for each in listing.columns}
    return tuple(replace(found[title], wide=False) for title in titles)
