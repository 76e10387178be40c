"""Layers and frames."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from cuectl import PROGRAM
from cuectl.changes import How, change, verb_name
from cuectl.columns import Column, Row, as_called
from cuectl.completion import complete
from cuectl.farm import NO_VIEW, Farm, Json, all_read, rows_in
from cuectl.frame_words import (
    MOST_FRAMES,
    STATES,
    Frames,
    Part,
    amount,
    is_frame,
    lost,
    parts_of,
)
from cuectl.kinds import (
    GET_FRAMES,
    GET_LAYERS,
    JOB,
    JOB_CHANGES,
    JOB_PARENTS,
    PENDING_JOB,
    WITH_FRAMES,
    pending_job,
    several,
)
from cuectl.lists import Listing, Shown, list_options, show_all, show_lists
from cuectl.selection import (
    PATTERN,
    Decorator,
    Selection,
    choosing,
    decorated,
    quoted,
    refuse_blank,
    taking,
)
from cuectl.values import each_of
from cuectl.verb import Verb, change_verb, list_verb, verb
from cuectl.why import host_of, log_of, why_dead
from gateway_client.errors import CallError, InvalidCall
from gateway_client.suggestions import did_you_mean
from gateway_client.terminal.exits import CUT, FAILED, NOT_FOUND, complain, failure_lines, status_of
from gateway_client.terminal.text import listed, printable

A_JOB, DYING = "demo-sh010-lena_comp_v003", "harbor-hb110-tomas_light_v004"
GET_JOB = "job.JobInterface/GetJob"
BEHIND = " [FRAME]..."


def exit_of(row: Row) -> Any:
    """The exit status of what has ended."""
    status = row.get("exitStatus")
    return None if row.get("state") == "RUNNING" or status == -1 else status


LAYERS = Listing(
    method=GET_LAYERS,
    parent="job",
    place="layers",
    sort=("dispatchOrder", "name"),
    upwards=True,
    columns=(
        Column("NAME", "name", also=("layer",)),
        Column("DEAD", "layerStats.deadFrames", alert=True),
        Column("RUN", "layerStats.runningFrames", also=("running",)),
        Column("WAIT", "layerStats.waitingFrames", also=("waiting",)),
        Column("DEPEND", "layerStats.dependFrames"),
        Column(
            "DONE", "layerStats.succeededFrames", of="layerStats.totalFrames", also=("succeeded",)
        ),
        Column("EATEN", "layerStats.eatenFrames"),
        Column("AVG FRAME", "layerStats.avgFrameSec", unit="seconds"),
        Column("MEM", "layerStats.maxRss", unit="kB"),
        Column("MIN MEM", "minMemory", unit="kB"),
        Column("MIN CORES", "minCores"),
        Column("TYPE", "type", wide=True),
        Column("SERVICES", "services", wide=True),
        Column("RANGE", "range", wide=True),
        Column("TAGS", "tags", wide=True),
        Column("LIMITS", "limits", wide=True),
        Column("SLOWEST", "layerStats.highFrameSec", unit="seconds", wide=True),
        Column("CORES", "layerStats.reservedCores", wide=True),
        Column("CORE HOURS", "coreHours", extra=True, wide=True),
        Column("GPUS", "minGpus", wide=True),
        Column("TIMEOUT MIN", "timeout", also=("timeout",), wide=True),
        Column("OPTIMIZER", "memoryOptimizerEnabled", wide=True),
        Column("COMMAND", "command", wide=True),
        Column("ID", "id", wide=True),
    ),
)
FRAMES = Listing(
    method=GET_FRAMES,
    parent="job",
    place="frames",
    sort=("dispatchOrder", "name"),
    upwards=True,
    columns=(
        Column("NAME", "name", also=("frame",)),
        Column("STATE", "state"),
        Column("RETRIES", "retryCount"),
        Column("EXIT", "exitStatus", compute=exit_of, needs=("exitStatus", "state")),
        Column("RUNTIME", "runtime", unit="seconds", extra=True),
        Column("STARTED", "startTime", unit="time"),
        Column("STOPPED", "stopTime", unit="time"),
        Column("MEM", "maxRss", unit="kB"),
        Column("HOST", "host", extra=True),
        Column("LAYER", "layerName", wide=True),
        Column("NUMBER", "number", wide=True),
        Column("MEM NOW", "usedMemory", unit="kB", wide=True),
        Column("RESERVED", "reservedMemory", unit="kB", wide=True),
        Column("CORE TIME", "totalCoreTime", unit="seconds", wide=True),
        Column("CORE HOURS", "coreHours", extra=True, wide=True),
        Column("LAST LOG", "lluTime", unit="time", wide=True),
        Column("ID", "id", wide=True),
    ),
)

# --- options ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The options that choose frames."""

    layers: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    host: str = ""


def known_states(values: Sequence[str]) -> tuple[str, ...]:
    states = [each.upper() for each in each_of(values)]
    for each in states:
        if each not in STATES:
            near = did_you_mean(each, STATES) or f"; there are {', '.join(STATES)}"
            raise InvalidCall(f"--state: there is no {each!r}{near}")
    return tuple(states)


LAYER_OPTION = several("Frames of this layer.", "--layer")
RANGE_OPTION = several(
    "These frames: 1001-1010, 1001,1003.", "--range", "--frame", "--frames", metavar="FRAMES"
)
STATE_OPTION = several("Frames in this state: DEAD, EATEN.", "--state")
FLAGS: Mapping[str, Decorator] = {
    "DEAD": click.option("--dead", "--failed", "dead", is_flag=True, help="Frames that are dead."),
    "RUNNING": click.option("--running", is_flag=True, help="Frames that run."),
    "WAITING": click.option("--waiting", is_flag=True, help="Frames that could run."),
    "SUCCEEDED": click.option(
        "--done", "--succeeded", "succeeded", is_flag=True, help="Frames that are done."
    ),
    "EATEN": click.option("--eaten", is_flag=True, help="Frames that were given up."),
}
HOST_OPTION = click.option(
    "--host", metavar="HOST", shell_complete=complete("hosts"),
    help="Frames that run there, or did last.",
)  # fmt: skip


def chosen_by(_: Farm, given: Json) -> Chosen:
    flags = [each for each in FLAGS if given.pop(each.lower(), False)]
    values = {each: given.pop(each, ()) for each in ("layer", "range", "state", "host")}
    refuse_blank(values)
    return Chosen(
        layers=tuple(each_of(values["layer"])),
        ranges=values["range"],
        states=(*known_states(values["state"]), *flags),
        host=values["host"] or "",
    )


def frame_options(*options: Decorator) -> Decorator:
    """Options that choose frames, --layer, --range and these; the function gets `chosen`."""
    return taking("chosen", chosen_by, LAYER_OPTION, RANGE_OPTION, *options)


def frame_list(*calls: str, examples: tuple[str, ...]) -> Callable[[Callable[..., None]], Verb]:
    """A verb that lists frames; its function gets `jobs`, `chosen` and `shown`."""
    frames = frame_options(STATE_OPTION, *FLAGS.values(), HOST_OPTION)
    options = (choosing(JOB, JOB_PARENTS, BEHIND), frames, list_options())
    return lambda function: verb(*calls, examples=examples)(decorated(function, *options))


def frame_change(
    method: str,
    *,
    by: Sequence[str] = JOB_CHANGES,
    states: bool = True,
    examples: tuple[str, ...],
) -> Callable[[Callable[..., None]], Verb]:
    """A verb that changes frames; its function gets `jobs`, `chosen` and `how`."""
    frames = frame_options(STATE_OPTION) if states else frame_options()
    options = (choosing(PENDING_JOB, by, BEHIND), frames)
    made = change_verb(PENDING_JOB.interface(method), GET_FRAMES, examples=examples)
    return lambda function: made(decorated(function, *options))


# --- which frames -------------------------------------------------------------------------------


def split_words(farm: Farm, jobs: Selection) -> tuple[Selection, list[str]]:
    """The jobs among the words, of which the first one is one, and the frames behind it."""
    like_frames = [each for each in jobs.words if is_frame(each)]
    if not like_frames:
        return jobs, []
    absent = set(jobs.kind.absent(farm, like_frames))
    if jobs.words[0] in absent:
        raise InvalidCall(
            f"{jobs.words[0]} is no job; frames come behind their job, or as --range"
            f" {jobs.words[0]}"
        )
    words = tuple(each for each in jobs.words if each not in absent)
    return replace(jobs, words=words), [each for each in like_frames if each in absent]


def meant(
    farm: Farm,
    jobs: Selection,
    chosen: Chosen,
    *,
    for_list: bool = False,
    default: tuple[str, ...] = (),
) -> Frames:
    """The frames that words and options are about. Those that no words name are in the `default`
    states, unless options have others. Raises as Selection.names does.
    """
    jobs, words = split_words(farm, jobs)
    parts = parts_of([*words, *chosen.ranges], chosen.layers)
    states = chosen.states or (() if words else default)
    if not jobs.words and len(states) == 1 and states[0] in WITH_FRAMES:
        jobs = replace(jobs, conditions=(WITH_FRAMES[states[0]],))
    try:
        names = jobs.names(farm, for_list=for_list)
    except CallError as error:
        if error.code != "NOT_FOUND" or len(jobs.words) < 2:
            raise
        hint = "layers and states are options: --layer, --state"
        raise CallError(error.code, f"{error.message}; {hint}") from None
    return Frames(jobs=names, parts=parts, states=states, named=bool(words))


def counted(farm: Farm, frames: Frames) -> dict[str, dict[str, int]]:
    """How many frames of each request are in which states; requests without any are left out, and
    frames of a request before.

    Raises CallError (NOT_FOUND) for a layer that none of the jobs has, and for a single frame.
    """
    fields = ["state", *(["layerName", "number"] if frames.narrowed else [])]
    view = {"_group": ",".join(fields), "_count": "true"}
    requests = frames.requests(limit=MOST_FRAMES)
    answers = farm.each(GET_FRAMES, requests, view)
    found: dict[str, dict[str, int]] = {}
    there: set[tuple[str, str]] = set()
    seen: set[tuple[str, str, str]] = set()
    for name, answer in answers.items():
        if isinstance(answer, CallError):
            if len(frames.jobs) == 1 or answer.code != "NOT_FOUND":  # it may have ended meanwhile
                raise answer
            continue
        for group in rows_in(answer.json):
            number, layer = str(group.get("number")), str(group.get("layerName"))
            there |= {(layer, ""), (layer, number), ("", number)}
            frame = (requests[name]["job"], layer, number)
            if frames.narrowed and frame in seen:
                continue
            seen.add(frame)
            counts = found.setdefault(name, {})
            counts[group["state"]] = counts.get(group["state"], 0) + group["count"]
    for part in frames.parts:
        check_part(farm, frames, part, there)
    return found


def check_part(farm: Farm, frames: Frames, part: Part, there: set[tuple[str, str]]) -> None:
    """Raises CallError for a layer or a number that is of no frame."""
    absent = [each for each in part.layers if (each, "") not in there]
    if absent:
        requests: dict[str, Json] = {each: {"job": each} for each in frames.jobs}
        there_are = all_read(farm.each(GET_LAYERS, requests, {"_fields": "name"}))
        known = [str(row["name"]) for rows in there_are.values() for row in rows]
        for each in absent:
            if each not in known:
                near = did_you_mean(each, known)
                raise CallError("NOT_FOUND", f"no layer {each!r} in {listed(frames.jobs)}{near}")
    for number in part.numbers:
        places = [(layer, number.lstrip("0") or "0") for layer in part.layers or ("",)]
        if number.isdecimal() and not there.intersection(places):
            where = Part(part.layers).text
            raise CallError("NOT_FOUND", f"no frame {number} in {listed(frames.jobs)}{where}")


# --- lists --------------------------------------------------------------------------------------


@list_verb(
    GET_LAYERS,
    of=JOB,
    by=JOB_PARENTS,
    examples=(
        f"cuectl layers {A_JOB}",
        "cuectl layers --show demo --fields name,tags,limits",
        "cuectl layers --mine --sort-by mem --limit 5",
    ),
)
def layers(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List the layers of jobs: of all, or of these."""
    show_all(farm, LAYERS, jobs, shown, several=not is_one(jobs))


@frame_list(
    GET_FRAMES,
    examples=(
        f"cuectl frames {DYING} --dead --fields name,exit,host",
        f"cuectl frames {DYING} 1001-1010",
        "cuectl frames --mine --running --sort-by runtime --limit 5",
        "cuectl frames --show demo --count-by job,state",
    ),
)
def frames(farm: Farm, jobs: Selection, chosen: Chosen, shown: Shown) -> None:
    """List the frames of jobs: of all, or of these.

    Words behind a job that begin with a number are frames: 1001, 1001-1010, 1001-comp.
    """
    wanted = meant(farm, jobs, chosen, for_list=True)
    if wanted.narrowed:
        counted(farm, wanted)
    conditions = [f"host={quoted(chosen.host)}"] if chosen.host else []
    listing = FRAMES
    if "log" in map(as_called, shown.fields):
        folders = log_folders(farm, wanted)
        log = Column("LOG", "log", compute=folders, needs=("name", "startTime"))
        listing = replace(listing, columns=(*listing.columns, log))
    show_lists(
        farm,
        listing,
        wanted.requests(wanted.states, limit=MOST_FRAMES),
        shown,
        conditions=tuple(conditions),
        several=not is_one(jobs),
    )


# --- logs ---------------------------------------------------------------------------------------

LINES = click.IntRange(1, 100_000)
SHORT_LINES = 10
"""Of each log, where several are shown."""
MOST_LOGS = 50
"""Logs that are shown together."""


@verb(
    GET_FRAMES,
    GET_JOB,
    examples=(
        f"cuectl logs {DYING}",
        f"cuectl logs {DYING} 1006-beauty",
        f"cuectl logs {DYING} 1006-beauty --attempt 1 -n 200",
    ),
)
@choosing(JOB, JOB_PARENTS, BEHIND)
@frame_options(STATE_OPTION, *FLAGS.values(), HOST_OPTION)
@click.option("-f", "--follow", "following", is_flag=True, help="And what is written, to the end.")
@click.option("-n", "--lines", type=LINES, metavar="N", help="The last so many lines.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Of this try: 1 is the first.")
def logs(
    farm: Farm,
    jobs: Selection,
    chosen: Chosen,
    following: bool,
    lines: int | None,
    attempt: int | None,
) -> None:
    """Show the log of a frame, or how those of dead frames end.

    JOB FRAME shows one log, through a pager on a terminal. JOB alone shows the last ten lines of
    each dead frame that its command wrote. With -f, JOB FRAME goes on until the frame is done.

    Where logs are is a column: cuectl frames JOB --fields name,log.
    """
    if following and attempt is not None:
        raise InvalidCall("only the last attempt is written to: -f goes without --attempt")
    found = frames_with_logs(farm, jobs, chosen, not_yet=following)
    whole = len(found) == 1 and (following or attempt or is_named(jobs, chosen))
    if not whole and (following or attempt is not None):
        option = "-f" if following else "--attempt"
        raise InvalidCall(f"{option} is for one frame, and these are {len(found)}: logs JOB FRAME")
    if whole:
        show_log(farm, found[0], following, lines, attempt)
    else:
        show_ends(farm, found, lines or SHORT_LINES)


def is_named(jobs: Selection, chosen: Chosen) -> bool:
    return bool(chosen.ranges) or any(map(is_frame, jobs.words[1:]))


def frames_with_logs(
    farm: Farm, jobs: Selection, chosen: Chosen, *, not_yet: bool = False
) -> list[Row]:
    """The rows of frames that have run, or of those that have `not_yet` as well, with their `job`
    and where their `log` is. Exits without any, with NOT_FOUND if frames are named. Raises as
    `meant` does.
    """
    wanted = meant(farm, jobs, chosen, default=() if chosen.host else ("DEAD",))
    if chosen.ranges and not chosen.states:
        wanted = replace(wanted, states=())
    if wanted.narrowed:
        counted(farm, wanted)
    conditions = [] if not_yet else ["startTime>0"]
    if chosen.host:
        conditions.append(f"host={quoted(chosen.host)}")
    view = {"_where": " and ".join(conditions)} if conditions else NO_VIEW
    requests = wanted.requests(wanted.states, limit=MOST_FRAMES)
    rows = all_read(farm.each(GET_FRAMES, requests, view))
    found = {
        (job, row["name"]): {**row, "job": job}
        for name, frames in rows.items()
        for row in frames
        for job in (requests[name]["job"],)
    }
    if not found:
        kinds = f"{' or '.join(wanted.states)} " if wanted.states else ""
        where = "".join(each.text for each in wanted.parts)
        problem = f"no {kinds}frames of {listed(wanted.jobs)}{where} have a log"
        complain(problem if wanted.narrowed else f"{problem}; logs JOB FRAME shows any", PROGRAM)
        sys.exit(NOT_FOUND if wanted.narrowed else 0)
    path = log_folders(farm, wanted)
    return [{**row, "log": path(row)} for row in found.values()]


def show_log(
    farm: Farm, frame: Row, following: bool, lines: int | None, attempt: int | None
) -> None:
    from cuectl import logs as reading

    job, name = str(frame["job"]), str(frame["name"])
    with telling_where(frame):
        if following:
            told = partial(complain, program=PROGRAM)
            if reason := reading.follow(farm, job, name, lines, told):
                complain(f"the log is followed no longer: {reason}", PROGRAM)
        elif lines is not None:
            last = reading.last_lines(farm, job, name, lines, attempt)
            reading.show(f"{each}\n" for each in last)
        else:
            reading.show(reading.pieces(farm, job, name, attempt))


def show_ends(farm: Farm, frames: Sequence[Row], lines: int) -> None:
    """The last lines of several logs, under headings. Exits with 1 if some cannot be read."""
    from cuectl import logs as reading

    failures: list[tuple[str, CallError]] = []
    several = len({each["job"] for each in frames}) > 1

    def texts() -> Iterator[str]:
        for place, frame in enumerate(frames[:MOST_LOGS]):
            job, name = str(frame["job"]), str(frame["name"])
            try:
                with telling_where(frame):
                    last = reading.last_lines(farm, job, name, reading.with_ending(lines))
            except CallError as error:
                if error.code in ("UNIMPLEMENTED", "PERMISSION_DENIED"):
                    raise
                failures.append((f"{job} {name}" if several else name, error))
                continue
            called = f"{job} {name}" if several else name
            about = why_dead(frame, None) if frame["state"] == "DEAD" else str(frame["state"])
            host = host_of(frame)
            heading = printable(f"==> {called}: {about}{f' ({host})' if host else ''} <==")
            told = reading.told_lines(last, lines)
            yield "\n" * bool(place) + "".join(f"{each}\n" for each in (heading, *told))

    reading.show(texts())
    if failures:
        complain("\n".join(("some cannot be read:", *failure_lines(failures))), PROGRAM)
        sys.exit(FAILED if len(failures) < len(frames) else status_of(failures[0][1]))
    if (more := len(frames) - MOST_LOGS) > 0:
        complain(f"warning: {more} more frames are not shown; choose fewer of them", PROGRAM)
        sys.exit(CUT)


@contextmanager
def telling_where(frame: Row) -> Iterator[None]:
    """Errors of reading a log tell where it is, too."""
    try:
        yield
    except CallError as error:
        where = str(frame.get("log") or "")
        if where and where not in error.message and error.code != "INVALID_ARGUMENT":
            error.message += f"; the log is {where}"
        raise


def log_folders(farm: Farm, wanted: Frames) -> Callable[[Row], str | None]:
    """From a frame's row to the path of its log, unless it has never run. Raises CallError."""
    requests: dict[str, Json] = {each: {"id": each} for each in wanted.jobs}
    found = all_read(farm.each(GET_JOB, requests, {"_fields": "name,logDir"}))

    def path(row: Row) -> str | None:
        (job,) = found[row["job"]] if "job" in row else next(iter(found.values()))
        return log_of(job, row) or None

    return path


def is_one(jobs: Selection) -> bool:
    """Whether just one job is named."""
    first, *others = jobs.words or ("*",)
    chooses = any(jobs.options.values()) or PATTERN.search(first)
    return not chooses and all(map(is_frame, others))


# --- changes ------------------------------------------------------------------------------------


@frame_change(
    "RetryFrames",
    by=[each for each in JOB_CHANGES if each != "all"],
    examples=(
        f"cuectl retry {DYING}",
        "cuectl retry --show harbor",
        f"cuectl retry {DYING} 1006-1008",
        f"cuectl retry {DYING} --layer beauty --state dead,eaten",
    ),
)
@click.option("--all", "every", is_flag=True, help="Dead, eaten and succeeded frames.")
def retry(farm: Farm, jobs: Selection, chosen: Chosen, every: bool, how: How) -> None:
    """Run frames of jobs again: dead ones, or these.

    Words behind a job that begin with a number are frames, whatever their state.
    """
    if every:
        chosen = replace(chosen, states=("DEAD", "EATEN", "SUCCEEDED"))

    def question(about: str, states: Sequence[str]) -> str:
        loses = lost(states)
        return f"Run {about} again? {loses}" if loses else ""

    change_frames(farm, how, meant(farm, jobs, chosen, default=("DEAD",)), question, "WAITING")


@frame_change(
    "EatFrames",
    examples=(
        f"cuectl eat {DYING}",
        f"cuectl eat {DYING} 1006-beauty",
        "cuectl eat --mine --dry-run",
    ),
)
def eat(farm: Farm, jobs: Selection, chosen: Chosen, how: How) -> None:
    """Give up frames of jobs: dead ones, or these.

    Words behind a job that begin with a number are frames, whatever their state. Jobs end
    without them, but what waits for them goes on waiting: cuectl done lets it run.
    """
    frames = meant(farm, jobs, chosen, default=("DEAD",))
    given_up = "They are given up"
    change_frames(farm, how, frames, lambda about, _: f"Eat {about}? {given_up}", "EATEN")


@frame_change(
    "KillFrames",
    states=False,
    examples=(f"cuectl kill-frames {A_JOB} 1009-comp",),
)
def kill_frames(farm: Farm, jobs: Selection, chosen: Chosen, how: How) -> None:
    """Kill running frames of jobs, but not the jobs.

    Words behind a job that begin with a number are frames.
    """
    frames = meant(farm, jobs, replace(chosen, states=("RUNNING",)))
    lost_of = "What they have rendered is lost"
    change_frames(farm, how, frames, lambda about, _: f"Kill {about}? {lost_of}")


@frame_change(
    "MarkDoneFrames",
    examples=(f"cuectl done {A_JOB} 1001-1005", f"cuectl done {DYING} --state dead"),
)
def done(farm: Farm, jobs: Selection, chosen: Chosen, how: How) -> None:
    """Let run what waits for frames of jobs: all, or these.

    The frames stay as they are. Words behind a job that begin with a number are frames.
    """

    def question(about: str, _: Sequence[str]) -> str:
        return f"Let run what waits for {about}? They stay as they are"

    change_frames(farm, how, meant(farm, jobs, chosen), question)


def change_frames(
    farm: Farm,
    how: How,
    frames: Frames,
    question: Callable[[str, Sequence[str]], str],
    already: str = "",
) -> None:
    """Count the frames, ask about them, and make a call for each job that has any; those in the
    state `already` need none.

    `question` is from their number and states. Exits without a call if there are none, with
    NOT_FOUND if a frame, layer or range was named.
    """
    counts: dict[str, dict[str, int]] = {}
    for name, states in counted(farm, frames).items():
        sought = frames.states or states
        if fitting := {s: n for s, n in states.items() if s in sought and s != already}:
            counts[name] = fitting
    where = "".join(each.text for each in frames.parts)
    every = frames.requests(frames.states)
    requests = {name: request for name, request in every.items() if name in counts}

    def about(names: Sequence[str]) -> str:
        total = {s: sum(counts[each].get(s, 0) for each in names) for s in STATES}
        jobs = [*dict.fromkeys(requests[each]["job"] for each in names)]
        of = f"{len(jobs)} jobs ({listed(jobs)})" if len(jobs) > 1 else "".join(jobs)
        return f"{amount(total)} of {of}"

    if not counts:
        kinds = " or ".join(frames.states)
        problem = f"no {f'{kinds} ' if kinds else ''}frames of {listed(frames.jobs)}{where}"
        problem += "" if kinds or not already else f" that are not {already} already"
        complain(f"{verb_name()}: nothing to do: {problem}", PROGRAM)
        sys.exit(NOT_FOUND if frames.narrowed else 0)
    found = [state for each in counts.values() for state in each]
    how.ask(question(f"{about([*counts])}{where}", found))
    change(farm, how, requests, about=about)


# --- order --------------------------------------------------------------------------------------


@change_verb(
    "job.JobInterface/ReorderFrames",
    GET_FRAMES,
    examples=(
        f"cuectl reorder {A_JOB} 1020-1024 first",
        f"cuectl reorder {A_JOB} 1001-1024 reverse",
    ),
)
@click.argument("job", shell_complete=complete("jobs"))
@click.argument("numbers", metavar="FRAMES")
@click.argument("order", type=click.Choice(("first", "last", "reverse"), case_sensitive=False))
def reorder(farm: Farm, job: str, numbers: str, order: str, how: How) -> None:
    """Let frames of a job run first, last, or in reverse.

    It is about the order within each layer.
    """
    job = pending_job(farm, job)
    sent, moved, name = numbers, of_job(farm, job, numbers), order.upper()
    if name == "LAST":  # Cuebot would move others: those with the numbers from 0 on
        sent, name = others(farm, job, numbers), "FIRST"
    request: Json = {"job": job, "range": sent, "order": name}
    requests = {job: request} if sent else {}
    change(farm, how, requests, about=lambda _: f"{moved} of {job} -> {order}")


@change_verb(
    "job.JobInterface/StaggerFrames", GET_FRAMES, examples=(f"cuectl stagger {A_JOB} 1001-1024 4",)
)
@click.argument("job", shell_complete=complete("jobs"))
@click.argument("numbers", metavar="FRAMES")
@click.argument("step", metavar="N", type=click.IntRange(2, 1_000_000))
def stagger(farm: Farm, job: str, numbers: str, step: int, how: How) -> None:
    """Let every Nth frame of a range run before the others."""
    job = pending_job(farm, job)
    moved = of_job(farm, job, numbers)
    requests: dict[str, Json] = {job: {"job": job, "range": numbers, "stagger": step}}
    told = f"{moved} of {job} -> every {step} frames first"
    change(farm, how, requests, about=lambda _: told)


def of_job(farm: Farm, job: str, numbers: str) -> str:
    """How many frames of a job have these numbers. Raises InvalidCall for what are none, and
    CallError (NOT_FOUND) if there is no such frame.
    """
    parts = parts_of([numbers], ())
    if any(part.layers for part in parts):
        raise InvalidCall(f"{numbers}: write numbers alone, such as 1001-1010, for all layers")
    counts = counted(farm, Frames(jobs=[job], parts=parts))
    if not counts:
        raise CallError("NOT_FOUND", f"no frame of {job} is in {numbers}")
    number = sum(counts[job].values())
    return f"{number} frame{'' if number == 1 else 's'}"


def others(farm: Farm, job: str, numbers: str) -> str:
    """The numbers of a job's other frames, in the order in which they run."""
    view = {"_fields": "number,dispatchOrder"}
    every, these = (
        farm.rows(GET_FRAMES, {"job": job, "req": {**part.criteria, "limit": MOST_FRAMES}}, view)
        for part in (Part(), Part(numbers=(numbers,)))
    )
    moved = {row["number"] for row in these}
    ordered = sorted(every, key=lambda row: int(row["dispatchOrder"]))
    left = dict.fromkeys(str(row["number"]) for row in ordered if row["number"] not in moved)
    return ",".join(left)
