"""Why jobs wait and for what, following them to their end, and launching new ones."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

import click

from cuectl.changes import How, change_each
from cuectl.columns import Column, Row, in_order, size
from cuectl.completion import complete
from cuectl.farm import NO_VIEW, Farm, Json, rows_in
from cuectl.frame_words import is_frame, parts_of
from cuectl.kinds import (
    GET_FRAMES,
    GET_GROUPS,
    GET_HOSTS,
    GET_JOBS,
    GET_LAYERS,
    GET_LIMITS,
    GET_SUBSCRIPTIONS,
    JOB,
    JOB_PARENTS,
    PENDING_JOB,
    pending_job,
)
from cuectl.lists import (
    Listing,
    Shown,
    narrowed,
    print_rows,
    show_details,
    show_lists,
    tell,
)
from cuectl.selection import PATTERN, Selection, choosing
from cuectl.tables import JOBS, columns_of
from cuectl.verb import change_verb, list_verb, verb
from cuectl.why import (
    GUESSES,
    UNKNOWN,
    Facts,
    Known,
    depending,
    host_of,
    log_of,
    plain_reason,
    reasons,
    reserved_by,
    time_left,
    time_left_text,
    waiting,
    why_dead,
)
from gateway_client.durations import time_option
from gateway_client.errors import CallError, Failure, InvalidCall
from gateway_client.terminal.text import listed, printable

A_JOB, ANOTHER = "demo-sh010-lena_comp_v003", "demo-sh020-marco_smoke_v001"
A_DYING = "harbor-hb110-tomas_light_v004"
GET_DEPENDS = "job.JobInterface/GetDepends"
GET_DEPENDENTS = "job.JobInterface/GetWhatDependsOnThis"
FIND_SHOW = "show.ShowInterface/FindShow"
LAUNCH = "job.JobInterface/LaunchSpecAndWait"
MONTH = 30 * 86400.0
LARGEST_SPEC_BYTES = 64 * 2**20

# --- why ------------------------------------------------------------------------------------------

MOST_EXPLAINED = 20
"""Jobs about which more is read than their row."""
MOST_DEAD = 10
WHYS = Listing(
    place="jobs",
    sort=JOBS.sort,
    columns=(
        *columns_of(JOBS, "NAME", "USER", "RUN", "WAIT", "DEPEND", "DEAD"),
        Column("WHY", "why"),
    ),
)
DEAD_FRAMES = Listing(
    columns=(
        Column("FRAME", "name"),
        Column("STATE", "state"),
        Column("WHY", "why"),
        Column("HOST", "host"),
        Column("MEM", "maxRss", unit="kB"),
        Column("RESERVED", "reserved", unit="kB"),
        Column("STARTED", "startTime", unit="time", wide=True),
        Column("STOPPED", "stopTime", unit="time", wide=True),
        Column("LOG", "log"),
    )
)
ABOUT_JOBS = (
    "id", "name", "state", "show", "group", "facility", "os", "isPaused", "maxCores", "priority",
    "logDir", "jobStats",
)  # fmt: skip
OF_HOSTS = (
    "name,state,lockState,allocName,tags,os,threadMode,cores,idleCores,load,memory,idleMemory,"
    "freeMemory,idleGpus,idleGpuMemory,pingTime"
)


@list_verb(
    of=replace(JOB, options=PENDING_JOB.options),
    examples=(
        f"cuectl why {A_JOB}",
        f"cuectl why {A_DYING} 1006-beauty",
        "cuectl why --mine",
    ),
)
def why(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """Say why jobs wait, or go no faster, and why frames died.

    JOB FRAME, as in the second example, asks about a frame. Of up to twenty jobs, the farm is asked
    what holds them back.
    """
    if shown.watch:
        raise InvalidCall("--watch shows no reasons; cuectl jobs --watch shows the jobs")
    words = jobs.words
    frames = [each for each in words[1:] if is_frame(each)]
    if frames:
        if len(frames) < len(words) - 1 or PATTERN.search(words[0]):
            raise InvalidCall(f"one job, please, before frames: why JOB {' '.join(frames)}")
        show_why(farm, words[0], frames_named(farm, jobs, frames), shown)
        return
    query = narrowed(jobs.named_query(farm), JOBS, shown)
    if shown.fields and "why" not in map(str.lower, shown.fields):
        shown = replace(shown, fields=(*shown.fields, "why"))
    view = WHYS.view(shown, query.where)
    if "_fields" in view:
        asked = (*view["_fields"].split(","), *ABOUT_JOBS)
        view["_fields"] = ",".join(each for each in dict.fromkeys(asked) if each != "why")
    answer, about = farm.read(query.method, query.request, view)
    order, upwards = WHYS.order(shown)
    rows = in_order(rows_in(answer), WHYS.columns, order, upwards=upwards)
    whys = reasons_of(farm, rows[: shown.limit]) if shown.form != "name" else {}
    print_rows(WHYS, [{**row, "why": whys.get(row["name"], "")} for row in rows], shown)
    if len(words) == len(rows) == 1 and shown == Shown(form=shown.form):
        tell_more(farm, rows[0], shown)
    tell(about)


def show_why(farm: Farm, job: str, frames: Sequence[Row], shown: Shown) -> None:
    """Frames of a job, explained; below a dead one, what its log gives as a reason."""
    said = said_by_logs(farm, job, frames)
    if shown.form not in ("table", "wide"):
        rows = [{**each, "reason": said.get(each["name"], [])} for each in frames]
        columns = (*DEAD_FRAMES.columns, Column("REASON", "reason"))
        show_details(replace(DEAD_FRAMES, columns=columns), rows, shown)
        return
    for place, each in enumerate(frames):
        click.echo("\n" * bool(place), nl=False)
        show_details(DEAD_FRAMES, [each], shown)
        click.echo("".join(f"  {line}\n" for line in said.get(each["name"], ())), nl=False)


def said_by_logs(farm: Farm, job: str, frames: Iterable[Row]) -> dict[str, list[str]]:
    """The last lines of dead frames' logs that look like a reason, as far as the gateway shows
    logs, and this one to the token.
    """
    from cuectl.logs import MOST_LINES_OF_REASON, last_lines, reason_lines

    found: dict[str, list[str]] = {}
    dead = [each["name"] for each in frames if each["state"] == "DEAD" and each["log"]]
    for name in dead[:MOST_DEAD]:
        try:
            lines = last_lines(farm, job, name, MOST_LINES_OF_REASON)
        except CallError as error:
            if error.code in ("NOT_FOUND", "DATA_LOSS") and "LOG_ROOTS" not in error.message:
                continue  # another one may have a log
            break
        found[name] = [printable(each) for each in reason_lines(lines)]
    return found


def reasons_of(farm: Farm, jobs: Sequence[Row]) -> dict[str, str]:
    """Why each job waits, by name: of the first MOST_EXPLAINED that their rows do not explain,
    after a look at the farm.
    """
    found = {job["name"]: plain_reason(job) for job in jobs}
    unclear = [job for job in jobs if not found[job["name"]]]
    facts = read_facts(farm, unclear[:MOST_EXPLAINED])
    for job in unclear:
        if job["name"] in facts:
            found[job["name"]] = reasons(job, facts[job["name"]])
        else:
            found[job["name"]] = GUESSES if waiting(job) else "waits for others: cuectl why JOB"
    return found


def read_facts(farm: Farm, jobs: Sequence[Row]) -> dict[str, Facts]:
    """What may hold these jobs back: each list is read once, as far as the token may."""
    if not jobs:
        return {}
    ids = {job["name"]: {"job": job["name"]} for job in jobs}
    depends = {name: ids[name] for job in jobs if depending(job) and (name := job["name"])}
    layers = known(farm, GET_LAYERS, ids)
    depended = known(farm, GET_DEPENDS, depends, {"_where": "active"})
    shows = {job["show"]: {"show": job["show"]} for job in jobs if waiting(job)}
    names = {show: {"name": show} for show in shows}
    there = known(farm, FIND_SHOW, names, {"_fields": "name,bookingEnabled"})
    groups = known(farm, GET_GROUPS, shows)
    subscriptions = known(farm, GET_SUBSCRIPTIONS, shows)
    all_of_farm: dict[str, Json] = {"": {}} if shows else {}
    limits = known(farm, GET_LIMITS, all_of_farm).get("", UNKNOWN)
    hosts = known(farm, GET_HOSTS, all_of_farm, {"_fields": OF_HOSTS}).get("", UNKNOWN)
    newest = max((float(each.get("pingTime") or 0) for each in hosts.rows), default=0.0)
    return {
        job["name"]: Facts(
            layers=layers[job["name"]],
            depends=depended.get(job["name"], UNKNOWN),
            limits=limits,
            shows=there.get(job["show"], UNKNOWN),
            groups=groups.get(job["show"], UNKNOWN),
            subscriptions=subscriptions.get(job["show"], UNKNOWN),
            hosts=hosts,
            now=time.time(),
            newest_report=newest,
        )
        for job in jobs
    }


OF_ONE = (GET_LAYERS, GET_GROUPS, GET_SUBSCRIPTIONS, FIND_SHOW)
"""Lists of one object's: who sees a row of them sees all."""


def known(
    farm: Farm, method: str, requests: Mapping[str, Json], view: Mapping[str, str] = NO_VIEW
) -> dict[str, Known]:
    """The rows for each request; none, and not the whole, of those that fail."""
    try:
        answers = farm.each(method, requests, view) if requests else {}
    except (CallError, Failure):  # such as a method that the token does not see
        answers = {}
    found = dict.fromkeys(requests, UNKNOWN)
    for name, answer in answers.items():
        if not isinstance(answer, CallError):
            rows = rows_in(answer.json)
            hidden = answer.filtered and not (rows and method in OF_ONE)
            found[name] = Known(rows, whole=not answer.cut_at and not hidden)
    return found


def tell_more(farm: Farm, job: Row, shown: Shown) -> None:
    """Below the table of one job: the time left, and its dead frames."""
    running, dead = job["jobStats"]["runningFrames"], job["jobStats"]["deadFrames"]
    if shown.form not in ("table", "wide") or not (running or dead):
        return
    about = {"": {"job": job["id"]}}
    layers = known(farm, GET_LAYERS, about)[""].rows
    if running:
        request = {"": in_state(job, "RUNNING")}
        frames = known(farm, GET_FRAMES, request, {"_fields": "layerName,startTime"})[""].rows
        if text := time_left_text(time_left(layers, frames, time.time())):
            click.echo(f"\n{text}")
    if dead:
        frames = farm.rows(GET_FRAMES, in_state(job, "DEAD"), {"_limit": str(MOST_DEAD)})
        click.echo()
        rows = explained(farm, job, frames, layers)
        print_rows(DEAD_FRAMES, rows, shown)
        for name, lines in said_by_logs(farm, job["name"], rows).items():
            click.echo("".join(f"{line}\n" for line in (f"\n{name}:", *lines)), nl=False)


def latest(farm: Farm, jobs: Selection, words: Sequence[str], *fields: str) -> list[Row]:
    """The job that each name or id means: of several with one name the pending one, else the last.
    Raises CallError (NOT_FOUND).
    """
    rows = JOB.rows(farm, words, "state", "startTime", *fields)
    rows.sort(key=lambda each: (each["state"] != "FINISHED", float(each["startTime"])))
    newest = {row[key].lower(): row for row in rows for key in ("id", "name")}
    if absent := [each for each in words if each.lower() not in newest]:
        raise CallError("NOT_FOUND", jobs.not_there(farm, absent, len(words)))
    return [newest[each.lower()] for each in words]


def in_state(job: Row, state: str) -> Json:
    return {"job": job["id"], "req": {"states": {"frameStates": [state]}}}


def frames_named(farm: Farm, jobs: Selection, words: Sequence[str]) -> list[Row]:
    """Frames of a job, explained. Raises CallError (NOT_FOUND) for a word that is of none."""
    (row,) = latest(farm, jobs, jobs.words[:1], *ABOUT_JOBS)
    found: dict[str, Row] = {}
    for word in words:
        (part,) = parts_of([word], ())
        frames = farm.rows(GET_FRAMES, {"job": row["id"], "req": part.criteria})
        if not frames:
            raise CallError("NOT_FOUND", f"job {row['name']} has no frame {word}")
        found |= {each["name"]: each for each in frames}
    layers = known(farm, GET_LAYERS, {"": {"job": row["id"]}})[""].rows
    return explained(farm, row, found.values(), layers)


def explained(farm: Farm, job: Row, frames: Iterable[Row], layers: Iterable[Row]) -> list[Row]:
    """Frames with why they are as they are, the memory that was reserved, and the log."""
    by_name = {each["name"]: each for each in layers}
    found: list[Row] = []
    of_job = ""
    for frame in frames:
        said, layer = "", by_name.get(frame["layerName"])
        if frame["state"] in ("WAITING", "DEPEND"):
            of_job = of_job or reasons_of(farm, [job])[job["name"]]
            said = f"its job: {of_job}"
        elif frame["state"] == "DEAD":
            said = why_dead(frame, layer)
        more = {"why": said, "reserved": reserved_by(frame, layer), "log": log_of(job, frame)}
        found.append({**frame, **more, "host": host_of(frame)})
    return found


# --- dependencies ---------------------------------------------------------------------------------

DEPENDS = Listing(
    columns=(
        Column("NAME", "dependErJob"),
        Column("LAYER", "dependErLayer"),
        Column("FRAME", "dependErFrame"),
        Column("WAITS FOR", "dependOnJob"),
        Column("ITS LAYER", "dependOnLayer"),
        Column("ITS FRAME", "dependOnFrame"),
        Column("TYPE", "type", wide=True),
        Column("TARGET", "target", wide=True),
        Column("ANY FRAME", "anyFrame", wide=True),
        Column("ID", "id", wide=True),
    ),
    sort=("dependErJob", "dependErLayer", "dependErFrame", "dependOnJob"),
)


def show_depends(farm: Farm, method: str, jobs: Selection, shown: Shown) -> None:
    jobs.require()
    requests: dict[str, Json] = {each: {"job": each} for each in jobs.names(farm, for_list=True)}
    listing = replace(DEPENDS, method=method)
    show_lists(farm, listing, requests, shown, conditions=("active",))


@list_verb(
    GET_DEPENDS,
    of=PENDING_JOB,
    by=JOB_PARENTS,
    examples=(f"cuectl depends {A_JOB}",),
)
def depends(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List what jobs, their layers and frames wait for."""
    show_depends(farm, GET_DEPENDS, jobs, shown)


@list_verb(GET_DEPENDENTS, of=PENDING_JOB, by=JOB_PARENTS, examples=(f"cuectl dependents {A_JOB}",))
def dependents(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List what waits for jobs."""
    show_depends(farm, GET_DEPENDENTS, jobs, shown)


@change_verb(
    "CreateDependencyOnJob",
    of=PENDING_JOB,
    by=JOB_PARENTS,
    examples=(
        f"cuectl depend {ANOTHER} --on {A_JOB} --dry-run",
        f"cuectl depend {ANOTHER} {A_JOB} --dry-run",
    ),
)
@click.option(
    "--on", metavar="JOB", shell_complete=complete("jobs"),
    help="The job that is waited for; else the last name.",
)  # fmt: skip
def depend(farm: Farm, jobs: Selection, on: str | None, how: How) -> None:
    """Let jobs wait until another one is done.

    Running frames go on; frames that are done will be rendered again.
    """
    words = [*jobs.words]
    if on is None:
        if not words or (len(words) == 1 and not jobs.given_options()):
            raise click.UsageError("Missing option '--on JOB': which job is waited for?")
        *words, on = words
    chosen = replace(jobs, words=tuple(words))
    names, on = chosen.names(farm), pending_job(farm, on)
    if on.lower() in map(str.lower, names):
        raise InvalidCall(f"{on} cannot wait for itself")
    question = (
        f"Let {listed(names)} wait for {on}? Running frames go on; frames that are done will be"
        " rendered again"
    )
    told = f"-> {on}"
    change_each(farm, how, chosen, names=names, told=told, question=question, onJob=on)


@change_verb("DropDepends", of=PENDING_JOB, examples=(f"cuectl drop-depends {A_JOB} --dry-run",))
@click.option(
    "--target", type=click.Choice(["ANY_TARGET", "EXTERNAL", "INTERNAL"], case_sensitive=False),
    default="ANY_TARGET", help="On other jobs (EXTERNAL), or within the job (INTERNAL).",
)  # fmt: skip
def drop_depends(farm: Farm, jobs: Selection, target: str, how: How) -> None:
    """Let jobs run without what they wait for."""
    names = jobs.names(farm)
    waits = "waits" if len(names) == 1 else "wait"
    question = f"Drop what {listed(names)} {waits} for? Frames may run at once"
    more: Json = {"names": names, "question": question, "target": target.upper()}
    change_each(farm, how, jobs, **more)


# --- following and launching ----------------------------------------------------------------------


@verb(
    GET_JOBS,
    examples=(
        f"cuectl follow {A_JOB} --timeout 8h && echo done",
        f"cuectl follow {A_JOB} {ANOTHER} --fail-fast",
    ),
)
@choosing(JOB, JOB_PARENTS)
@click.option("--fail-fast", is_flag=True, help="End with 1 at the first dead frame.")
@time_option("--timeout", most=MONTH, help="Give up after this time.")
def follow(farm: Farm, jobs: Selection, fail_fast: bool, timeout: float | None) -> None:
    """Follow jobs until they are done.

    A terminal shows a bar for each job, or for each layer of one. The exit status is 0 if they are
    done, and 1 if one has failed or cannot go on.
    """
    from cuectl.following import follow_all  # slow to import

    rows = latest(farm, jobs, jobs.names(farm))
    found = {row["id"]: str(row["name"]) for row in rows}
    sys.exit(follow_all(farm, found, timeout, fails_fast=fail_fast))


@verb(LAUNCH, examples=("cuectl launch job.xml", "cuectl launch job.xml --wait"))
@click.argument("file", type=click.File("rb"), required=False)
@click.option("-f", "--file", "--spec", "spec", type=click.File("rb"), help="The same.")
@click.option("--wait", is_flag=True, help="Follow what was launched until it is done.")
@time_option("--timeout", most=MONTH, help="With --wait, give up after this time.")
def launch(
    farm: Farm, file: BinaryIO | None, spec: BinaryIO | None, wait: bool, timeout: float | None
) -> None:
    """Launch jobs from a file, and print their names.

    The file is a job spec (XML), or - for standard input; docs/specs.md of the gateway has one.
    """
    from cuectl.following import follow_all

    if file is not None and spec is not None:
        raise click.UsageError("one file, please: FILE or --file")
    source = file or spec
    if source is None:
        raise click.UsageError("Missing argument 'FILE', or - for standard input")
    try:
        content = source.read(LARGEST_SPEC_BYTES + 1)
        if len(content) > LARGEST_SPEC_BYTES:
            raise Failure(f"{source.name} is larger than {size(LARGEST_SPEC_BYTES)}")
        text = content.decode()
    except UnicodeDecodeError:
        raise Failure(f"{source.name} is not text in UTF-8") from None
    if not text.strip():
        raise InvalidCall(f"{source.name} is empty")
    rows = rows_in(farm.call(LAUNCH, {"spec": text}))
    click.echo("".join(f"{printable(str(row['name']))}\n" for row in rows), nl=False)
    if not rows:
        raise Failure("nothing was launched")
    if wait:
        sys.exit(follow_all(farm, {row["id"]: row["name"] for row in rows}, timeout))
