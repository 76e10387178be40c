"""Jobs: looking at them, and changing them."""

from collections.abc import Sequence
from dataclasses import replace

import click

from cuectl.changes import (
    How,
    asked_of_all,
    change,
    change_each,
    comment_option,
    leave_comments,
    noted,
    some_text,
    subject_option,
)
from cuectl.columns import Column
from cuectl.comments import show_comments
from cuectl.farm import Farm
from cuectl.kinds import GET_GROUPS, GET_JOBS, JOB, JOB_PARENTS, PENDING_JOB
from cuectl.lists import (
    Listing,
    Shown,
    narrowed,
    show_details,
    show_list,
    show_named,
)
from cuectl.selection import Selection, is_id, spelled
from cuectl.tables import JOBS, columns_of
from cuectl.values import switch, whole
from cuectl.verb import change_verb, list_verb
from gateway_client.errors import CallError, Failure, InvalidCall
from gateway_client.suggestions import did_you_mean
from gateway_client.terminal.text import counted, listed

A_JOB, A_NOTED_JOB = "demo-sh010-lena_comp_v003", "demo-sh010-artist1_light_v012"
GET_ACTIVE_SHOWS = "show.ShowInterface/GetActiveShows"
MOST_DEAD_FIRST = ("jobStats.deadFrames", "name")
DETAILS = Listing(
    place="jobs",
    columns=(
        *columns_of(
            JOBS, "NAME", "STATE", "DEAD", "RUN", "WAIT", "DEPEND", "DONE", "EATEN", "PAUSED",
            "PRI", "STARTED",
        ),
        Column("STOPPED", "stopTime", unit="time"),
        *columns_of(JOBS, "TIME LEFT", "USER", "SHOW", "SHOT", "GROUP"),
        Column("FACILITY", "facility"),
        Column("OS", "os"),
        *columns_of(JOBS, "CORES"),
        Column("MIN CORES", "minCores"),
        *columns_of(JOBS, "MAX CORES", "CORE HOURS", "MEM"),
        Column("AUTO EAT", "autoEat"),
        *columns_of(JOBS, "COMMENT"),
        Column("LOGS", "logDir"),
        *columns_of(JOBS, "ID"),
    ),
)  # fmt: skip


# --- looking at jobs ------------------------------------------------------------------------------


@list_verb(
    of=JOB,
    examples=(
        "cuectl jobs --mine",
        "cuectl jobs --show demo --failed",
        "cuectl jobs --where 'dead>2 or paused' --sort-by dead",
        "cuectl jobs --count-by show,user --sum core-hours",
    ),
)
def jobs(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List jobs: all that are pending, or these."""
    listing, past = JOBS, jobs.words or jobs.options["finished"] or jobs.options["all"]
    if jobs.options["failed"]:
        listing = replace(listing, sort=MOST_DEAD_FIRST)
    if past:
        columns = (replace(each, wide=each.wide and each.path != "state") for each in JOBS.columns)
        listing = replace(listing, columns=tuple(columns))
    chosen = {name for name, value in jobs.options.items() if value} - {"all"}
    if shown.count_by == ("show",) and not (jobs.words or chosen or shown.where):
        shown = replace(shown, groups=tuple(active_shows(farm)))
    show_named(farm, listing, jobs, shown)


def active_shows(farm: Farm) -> list[str]:
    """Their names; none for a token that may not list them."""
    try:
        rows = farm.rows(GET_ACTIVE_SHOWS, {}, {"_fields": "name"})
    except (CallError, Failure):
        return []
    return [str(each["name"]) for each in rows]


@list_verb(of=JOB, by=JOB_PARENTS, examples=(f"cuectl job {A_JOB}",))
def job(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """Show all about jobs, finished ones as well."""
    jobs.require()
    words = jobs.words
    query = jobs.named_query(farm)
    if shown.counts or shown.watch:
        show_list(farm, DETAILS, query, shown)
        return
    query = narrowed(query, DETAILS, shown)
    rows = farm.rows(query.method, query.request, DETAILS.view(shown, query.where))
    if len(words) == 1 and not rows:
        raise CallError("NOT_FOUND", jobs.not_there(farm, words, 1))
    show_details(DETAILS, rows, replace(shown, one=len(words) == 1))


# --- changing them --------------------------------------------------------------------------------


@change_verb(
    "Pause",
    of=PENDING_JOB,
    examples=(f"cuectl pause {A_JOB}", "cuectl pause --show demo --comment 'bad plate'"),
)
@comment_option
def pause(farm: Farm, jobs: Selection, comment: str | None, how: How) -> None:
    """Pause jobs: their running frames go on."""
    change_each(farm, how, jobs, unless="isPaused", comment=comment)


@change_verb(
    "Resume", of=PENDING_JOB, examples=(f"cuectl resume {A_JOB}", "cuectl resume --user marco")
)
@comment_option
def resume(farm: Farm, jobs: Selection, comment: str | None, how: How) -> None:
    """Let paused jobs go on."""
    change_each(farm, how, jobs, unless="isPaused=false", comment=comment)


@change_verb(
    "Kill",
    GET_JOBS,
    of=PENDING_JOB,
    examples=(f"cuectl kill {A_JOB} --reason 'wrong plate'", "cuectl kill --user lena --dry-run"),
)
@comment_option
def kill(farm: Farm, jobs: Selection, comment: str | None, how: How) -> None:
    """Kill jobs: they end, and cannot go on.

    A comment is in Cuebot's log, too.
    """
    rows = jobs.rows(farm, jobs.names(farm), "jobStats.runningFrames")
    running = counted(sum(row["jobStats"]["runningFrames"] for row in rows.values()), "frame")
    question = f"Kill {listed([*rows])} with {running} running? A killed job cannot go on."
    more = {"reason": comment} if comment else {}

    def leave(done: Sequence[str]) -> None:
        if comment:  # of what has ended, an id is needed
            leave_comments(farm, how, JOB, [rows[each]["id"] for each in done], comment)

    requests = {each: {"job": each, **more} for each in rows}
    told = "with a reason" if comment else ""
    change(farm, how, requests, told=told, question=question, then=leave)


@change_verb(
    "SetPriority",
    of=PENDING_JOB,
    examples=(f"cuectl priority {A_JOB} 200", "cuectl priority --mine 120"),
)
@click.argument("priority", type=whole)
def priority(farm: Farm, jobs: Selection, priority: int, how: How) -> None:
    """Set the priority of jobs: higher ones run first."""
    change_each(farm, how, jobs, val=priority, told=f"-> {priority}")


@change_verb(
    "SetMaxCores",
    of=PENDING_JOB,
    examples=(f"cuectl max-cores {A_JOB} 40", "cuectl max-cores --user lena 16"),
)
@click.argument("cores", type=whole)
def max_cores(farm: Farm, jobs: Selection, cores: int, how: How) -> None:
    """Set how many cores jobs may have at most, each."""
    change_each(farm, how, jobs, val=cores, told=f"-> {cores}")


@change_verb("SetMinCores", of=PENDING_JOB, examples=(f"cuectl min-cores {A_JOB} 8",))
@click.argument("cores", type=whole)
def min_cores(farm: Farm, jobs: Selection, cores: int, how: How) -> None:
    """Set below how many cores jobs are favored, each."""
    change_each(farm, how, jobs, val=cores, told=f"-> {cores}")


@change_verb("SetMaxRetries", of=PENDING_JOB, examples=(f"cuectl max-retries {A_JOB} 3",))
@click.argument("retries", type=whole)
def max_retries(farm: Farm, jobs: Selection, retries: int, how: How) -> None:
    """Set how often frames that fail are tried again."""
    change_each(farm, how, jobs, maxRetries=retries, told=f"-> {retries}")


@change_verb("SetAutoEat", of=PENDING_JOB, examples=(f"cuectl auto-eat {A_JOB} on",))
@click.argument("on", type=switch, metavar="on|off")
def auto_eat(farm: Farm, jobs: Selection, on: bool, how: How) -> None:
    """Set whether frames that fail are eaten at once.

    Cuebot sets max-retries as well: to 0 with on, to 1 with off.
    """
    told = "-> on, and max-retries -> 0" if on else "-> off, and max-retries -> 1"
    change_each(farm, how, jobs, value=on, told=told)


@change_verb(
    "SetGroup", GET_JOBS, GET_GROUPS, of=PENDING_JOB, examples=(f"cuectl regroup {A_JOB} fx",)
)
@click.argument("group")
def regroup(farm: Farm, jobs: Selection, group: str, how: How) -> None:
    """Move jobs to another group of their show."""
    rows = jobs.rows(farm, jobs.names(farm), "show")
    ids: dict[str, str] = {}
    for row in rows.values():
        ids[row["show"]] = ids.get(row["show"]) or group_id(farm, row["show"], group)
    requests = {
        name: {"job": name, "groupId": ids[row["show"]], "show": row["show"]}
        for name, row in rows.items()
    }
    told = f"-> {group}"
    question = asked_of_all(jobs, len(rows), told)
    change(farm, how, requests, told=told, question=question)


def group_id(farm: Farm, show: str, group: str) -> str:
    """The id of a group of a show. Raises InvalidCall, which lists those that there are."""
    rows = farm.rows(GET_GROUPS, {"show": show}, {"_fields": "id,name"})
    for row in rows:
        if group.lower() in (row["name"].lower(), row["id"].lower()):
            return str(row["id"])
    names = sorted(str(row["name"]) for row in rows)
    raise CallError(
        "NOT_FOUND",
        f"show {show} has no group {group!r}{did_you_mean(group, names)}"
        f" (there are: {', '.join(names)})",
    )


# --- comments -----------------------------------------------------------------------------------


@list_verb(
    JOB.interface("GetComments"),
    GET_JOBS,
    of=JOB,
    by=JOB_PARENTS,
    examples=(f"cuectl comments {A_JOB}", "cuectl comments --show demo"),
)
def comments(farm: Farm, jobs: Selection, shown: Shown) -> None:
    """List the comments on these jobs, or on all."""
    show_comments(farm, jobs, shown)


@change_verb(
    "AddComment",
    of=PENDING_JOB,
    examples=(f"cuectl comment {A_JOB} 'bad plate'", "cuectl comment --mine 'late' --subject ETA"),
)
@click.argument("text", callback=some_text)
@subject_option
def comment(farm: Farm, jobs: Selection, text: str, subject: str, how: How) -> None:
    """Leave a comment on jobs."""
    try:
        names = jobs.names(farm)
    except CallError as error:
        if len(jobs.words) < 2:
            raise
        raise CallError(
            error.code, f"{error.message}; a text of several words needs quotes"
        ) from None
    change_each(farm, how, jobs, names=names, newComment=noted(text, subject))


@change_verb(
    "comment.CommentInterface/Delete",
    examples=(f"cuectl comments {A_NOTED_JOB} -q | cuectl delete-comment -",),
)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--job", metavar="JOB", help="Of this job: where tokens may change their own only.")
@click.option("--host", metavar="HOST", help="Of this host, likewise.")
def delete_comment(
    farm: Farm, ids: tuple[str, ...], job: str | None, host: str | None, how: How
) -> None:
    """Delete comments on jobs or hosts, by their ids."""
    above = {key: value for key, value in (("job", job), ("host", host)) if value}
    names = spelled(ids)
    for each in names:
        if not is_id(each):
            raise InvalidCall(f"{each!r} is no id of a comment: cuectl comments JOB lists them")
    requests = {each: {"comment": {"id": each}, **above} for each in names}
    change(farm, how, requests, noun="comment")
