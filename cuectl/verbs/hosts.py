"""Hosts, and what runs there: looking at them, and changing them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from cuectl import PROGRAM
from cuectl.changes import (
    How,
    called_all,
    change,
    change_each,
    comment_option,
    noted,
    some_text,
    subject_option,
    verb_name,
)
from cuectl.columns import Column, Row
from cuectl.comments import show_comments
from cuectl.completion import complete
from cuectl.farm import Farm, Json, rows_in
from cuectl.kinds import GET_HOSTS, HOST, JOB, existing, mine, naming, pending_job
from cuectl.lists import Listing, Shown, show_list, show_named
from cuectl.selection import Query, Selection, quoted, refuse_unknown
from cuectl.tables import HOSTS
from cuectl.values import each_of
from cuectl.verb import change_verb, list_verb
from gateway_client.errors import CallError, Failure, InvalidCall
from gateway_client.terminal.exits import complain, text_of
from gateway_client.terminal.text import counted, listed

FIND_JOB = "job.JobInterface/FindJob"
GET_PROCS = "host.ProcInterface/GetProcs"
GET_COMMENTS = "host.HostInterface/GetComments"
LOCKED, UNLOCKED = "Locked", "Unlocked"
"""The subjects of comments that say why."""
OF_NIMBY: Json = {"why": "NIMBY: somebody works there"}
MOST_COMMENTED = 500
"""Hosts whose comments are looked at for one list."""

# --- lists --------------------------------------------------------------------------------------


@list_verb(
    of=HOST,
    examples=(
        "cuectl hosts --down",
        "cuectl hosts --locked",
        "cuectl hosts --where 'seen>1m or load>30' --sort-by load",
        "cuectl hosts --idle --count-by alloc --sum idle",
    ),
)
def hosts(farm: Farm, hosts: Selection, shown: Shown) -> None:
    """List hosts: all, or these. With --locked, who has locked them and why."""
    with_reasons = hosts.options["locked"] and not shown.watch
    show_named(farm, LOCKED_HOSTS if with_reasons else HOSTS, hosts, shown)


def with_comments(farm: Farm, rows: Sequence[Row]) -> list[Row]:
    """Rows of hosts, those that somebody has locked with `lockedBy` and `why`, as comments say."""
    locked = (row for row in rows if row.get("lockState") == "LOCKED" and row.get("hasComment"))
    names = sorted(row["name"] for row in locked)
    if len(names) > MOST_COMMENTED:
        complain(f"who and why: only of {MOST_COMMENTED} of {len(names)} hosts", PROGRAM)
    reasons = {row["name"]: OF_NIMBY for row in rows if row.get("lockState") == "NIMBY_LOCKED"}
    answers = farm.each(GET_COMMENTS, {name: {"host": name} for name in names[:MOST_COMMENTED]})
    failures = []
    for name, answer in answers.items():
        if isinstance(answer, CallError):
            failures.append(answer)
        else:
            reasons[name] = reason(rows_in(answer.json))
    if failures:
        without = counted(len(failures), "host")
        complain(f"without who and why of {without}: {text_of(failures[0])}", PROGRAM)
    return [{**row, **reasons.get(row.get("name"), {})} for row in rows]


def reason(comments: Sequence[Json]) -> Json:
    """Who has locked a host and why: what `lock --comment` left, unless it is unlocked since; else
    the last comment, whose author need not be who has locked it.
    """
    ordered = sorted(comments, key=lambda each: int(each["timestamp"]))
    about = [each for each in ordered if each["subject"] in (LOCKED, UNLOCKED)]
    if about and about[-1]["subject"] == LOCKED:
        return {"lockedBy": about[-1]["user"], "why": about[-1]["message"]}
    others = [each for each in ordered if each not in about]
    return {"why": f"{others[-1]['user']}: {others[-1]['message']}"} if others else {}


def of_reason(title: str, key: str) -> Column:
    needs = ("name", "lockState", "hasComment")
    return Column(title, key, compute=lambda row: row.get(key), needs=needs)


LOCKED_HOSTS = replace(
    HOSTS,
    columns=(
        *HOSTS.columns[:3],
        of_reason("LOCKED BY", "lockedBy"),
        of_reason("WHY", "why"),
        *HOSTS.columns[3:],
    ),
    completed=with_comments,
)


def layer_of(row: Row) -> str:
    """`beauty` of `1001-beauty`."""
    return str(row.get("frameName", "")).lstrip("-").partition("-")[2]


PROCS = Listing(
    place="procs",
    sort=("jobName", "frameName"),
    columns=(
        Column("HOST", "host", extra=True),
        Column("USER", "user", extra=True),
        Column("JOB", "jobName"),
        Column("LAYER", "layer", compute=layer_of, needs=("frameName",)),
        Column("FRAME", "frameName"),
        Column("CORES", "reservedCores"),
        Column("MEM", "usedMemory", of="reservedMemory", unit="kB", also=("memory",)),
        Column("STARTED", "dispatchTime", unit="time", also=("start", "since")),
        Column("RUNTIME", "runtime", unit="seconds", extra=True, wide=True),
        Column("MEM USED", "memoryUsed", unit="share", extra=True, wide=True),
        Column("SHOW", "showName", wide=True),
        Column("GPUS", "reservedGpus", wide=True),
        Column("SERVICES", "services", wide=True),
        Column("SEEN", "pingTime", unit="time", wide=True),
        Column("UNBOOKED", "unbooked", wide=True),
        Column("REDIRECT", "redirectTarget", wide=True),
        Column("LOG", "logPath", wide=True),
        Column("ID", "id", wide=True),
    ),
)
WITHOUT_USER = replace(PROCS, columns=tuple(each for each in PROCS.columns if each.path != "user"))


def of_jobs(query: Query, farm: Farm, words: list[str]) -> Query:
    return query.narrowed(jobs=existing(farm, JOB, words))


def on_hosts(query: Query, farm: Farm, words: list[str]) -> Query:
    return query.narrowed(hosts=existing(farm, HOST, words))


def of_users(query: Query, _: Farm, users: list[str]) -> Query:
    """What runs for any of them, or for those of another option: nothing else is a condition."""
    theirs = f"user in ({','.join(map(quoted, users))})"
    return replace(query, conditions=(" or ".join((*query.conditions, theirs)),))


RUNNING = replace(
    HOST,
    method=GET_PROCS,
    options={
        "job": naming("What runs of this job.", "--job", field="jobs", asks=of_jobs),
        "layer": naming("What runs of layers called so.", "--layer", field="layers"),
        "show": naming("What runs of this show.", "--show", field="shows"),
        "alloc": naming("What runs in this allocation.", "--alloc", "--allocation", field="allocs"),
        "user": naming("What runs for them.", "--user", "-u", field="users", asks=of_users),
        "mine": mine("What runs for the token's user.", of_users),
        "host": naming("What runs on this host.", "--host", field="hosts", asks=on_hosts),
    },
)
"""Hosts, chosen by what runs there."""


def running_on(farm: Farm, chosen: Selection) -> Query:
    """The read of what runs on the hosts that words name, as far as it fits the options."""
    query = chosen.query(farm)
    if not chosen.words:
        return query
    if chosen.options.get("host"):
        raise InvalidCall("give hosts as names or as --host, not both")
    return on_hosts(query, farm, [*chosen.words])


@list_verb(
    of=RUNNING,
    examples=(
        "cuectl procs render-node-01",
        "cuectl procs --mine --sort-by runtime",
        "cuectl procs --show demo --where 'runtime>1h' -o wide",
        "cuectl procs --count-by user --sum cores",
    ),
)
def procs(farm: Farm, hosts: Selection, shown: Shown) -> None:
    """List what runs: all frames, or those on these hosts."""
    query = running_on(farm, hosts)
    try:
        show_list(farm, PROCS, query, shown)
    except CallError as error:
        names = map(str.lower, (*shown.fields, *shown.sort, *shown.count_by))
        wanted = "user" in f"{query.where} {shown.where}" or "user" in names
        if error.code != "PERMISSION_DENIED" or wanted:
            raise
        show_list(farm, WITHOUT_USER, query, shown)
        complain(f"without USER: {text_of(error)}", PROGRAM)


# --- locks and states ---------------------------------------------------------------------------


def not_so(
    farm: Farm, how: How, hosts: Selection, field: str, is_so: Callable[[str], str | bool | None]
) -> list[str]:
    """The names of hosts that a change is about, without those of which `is_so` says that there is
    nothing to do, which is told; all of them if the token may not list hosts. Exits if none is
    left.
    """
    names = hosts.names(farm)
    try:
        rows = farm.rows(GET_HOSTS, {"r": {"hosts": names}}, {"_fields": f"name,{field}"})
    except CallError as error:
        if error.code != "PERMISSION_DENIED":
            raise
        return names
    told: dict[str, list[str]] = {}
    for row in rows:
        if text := is_so(row[field]):
            told.setdefault(str(text), []).append(row["name"])
    for text, those in told.items():
        how.tell(f"{verb_name()}: {listed(sorted(those))}: {text}")
    left_out = {name for those in told.values() for name in those}
    if left_out and left_out.issuperset(names):
        click.get_current_context().exit()
    return [name for name in names if name not in left_out]


@change_verb(
    "Lock",
    of=HOST,
    examples=(
        "cuectl lock render-node-02 --comment 'fan is loud'",
        "cuectl lock 'desk-20*'",
        "cuectl lock --where 'freeTmp<5GB'",
    ),
)
@comment_option
def lock(farm: Farm, hosts: Selection, comment: str | None, how: How) -> None:
    """Lock hosts: what runs there goes on, and nothing new begins."""
    names = not_so(farm, how, hosts, "lockState", {"LOCKED": "locked already"}.get)
    change_each(farm, how, hosts, names=names, subject=LOCKED, comment=comment)


@change_verb(
    "Unlock",
    of=HOST,
    examples=("cuectl unlock render-node-06", "cuectl unlock --locked --alloc local.general"),
)
@comment_option
def unlock(farm: Farm, hosts: Selection, comment: str | None, how: How) -> None:
    """Unlock hosts that somebody has locked."""
    told = {"OPEN": "not locked", "NIMBY_LOCKED": "locked by NIMBY: opens once nobody works there"}
    names = not_so(farm, how, hosts, "lockState", told.get)
    change_each(farm, how, hosts, names=names, subject=UNLOCKED, comment=comment)


@change_verb(
    "SetHardwareState",
    of=HOST,
    examples=("cuectl repair render-node-07 --comment 'new disk'", "cuectl repair --done --all"),
)
@click.option("--done", is_flag=True, help="They are repaired: UP when they report again.")
@comment_option
def repair(farm: Farm, hosts: Selection, done: bool, comment: str | None, how: How) -> None:
    """Take hosts out of work until repair --done. What runs there goes on."""
    if done:  # DOWN, as CueGUI does: a report makes it UP, and a host without reports stays so
        state, told, subject = "DOWN", "-> DOWN until the next report", "Repaired"
        names = not_so(farm, how, hosts, "state", lambda s: s != "REPAIR" and "not in REPAIR")
    else:
        state, told, subject = "REPAIR", "-> REPAIR", "Repair"
        names = not_so(farm, how, hosts, "state", {"REPAIR": "in REPAIR already"}.get)
    more: Json = {"told": told, "subject": subject, "comment": comment}
    change_each(farm, how, hosts, names=names, state=state, **more)


@change_verb("RebootWhenIdle", of=HOST, examples=("cuectl reboot render-node-01",))
def reboot(farm: Farm, hosts: Selection, how: How) -> None:
    """Reboot hosts as soon as nothing runs there. Until then, nothing new begins."""
    change_each(farm, how, hosts)


# --- taking what runs there ---------------------------------------------------------------------


def procs_found(farm: Farm, query: Query, fields: str) -> list[Json]:
    """What runs. Raises CallError (NOT_FOUND) for names in the request that nothing has."""
    view = {"_fields": fields} | ({"_where": query.where} if query.where else {})
    answer, about = farm.read(GET_PROCS, query.request, view)
    refuse_unknown(about.no_match)
    if about.cut_at:
        raise InvalidCall(f"{about.cut_at} frames or more run there; choose fewer")
    return rows_in(answer)


@change_verb(
    "RedirectToJob",
    GET_PROCS,
    FIND_JOB,
    of=HOST,
    examples=("cuectl redirect render-node-01 --to demo-sh010-lena_comp_v003",),
)
@click.option(
    "--to",
    "job",
    metavar="JOB",
    required=True,
    shell_complete=complete("jobs"),
    help="The job that the hosts work for next.",
)
def redirect(farm: Farm, hosts: Selection, job: str, how: How) -> None:
    """Kill what runs on hosts, which then work for another job."""
    names, job = hosts.names(farm), with_work(farm, job)
    wanted = Query(request={"r": {"hosts": names}}, conditions=(f"jobName!={quoted(job)}",))
    ids: dict[str, list[str]] = {}
    for row in procs_found(farm, wanted, "id,host"):
        ids.setdefault(row["host"], []).append(row["id"])
    if not ids:
        raise Failure(f"nothing of another job runs on {listed(names)}: nothing to redirect")
    if idle := [each for each in names if each not in ids]:
        how.tell(f"redirect: {listed(idle)}: nothing of another job runs there")
    requests = {each: {"host": each, "procNames": ids[each], "jobId": job} for each in sorted(ids)}

    def killed(those: Sequence[str]) -> str:
        return counted(sum(len(ids[each]) for each in those), "frame")

    def about(those: Sequence[str]) -> str:
        return f"{killed(those)} of {called_all(those, 'host')} killed; {job} comes first there"

    there = counted(len(ids), "host")
    question = f"kill {killed([*ids])} on {there}, which then work for {job}?"
    change(farm, how, requests, noun="host", question=question, about=about)


def with_work(farm: Farm, job: str) -> str:
    """The name of a job as Cuebot has it. Raises Failure if it has nothing that hosts could work
    for, CallError if there is none.
    """
    view = {"_fields": "name,isPaused,jobStats.waitingFrames"}
    answer, _ = farm.read(FIND_JOB, {"name": pending_job(farm, job)}, view)
    found = answer["job"]
    if found["isPaused"]:
        raise Failure(f"{job} is paused: nothing of it would begin (cuectl resume {job})")
    if not found["jobStats"]["waitingFrames"]:
        raise Failure(f"{job} has no waiting frames: nothing of it would begin")
    return str(found["name"])


@change_verb(
    "host.ProcInterface/UnbookProcs",
    GET_PROCS,
    of=RUNNING,
    by=("job", "show", "layer", "alloc", "host"),
    examples=(
        "cuectl unbook render-node-01",
        "cuectl unbook --show demo --alloc local.general --kill",
    ),
)
@click.option("--kill", is_flag=True, help="Kill what runs: the hosts take new work now.")
def unbook(farm: Farm, hosts: Selection, kill: bool, how: How) -> None:
    """Let hosts take other work after their frames. With --kill, now."""
    hosts.require()
    query = running_on(farm, hosts)
    rows = procs_found(farm, query.narrowed("not unbooked"), "id")
    if not rows:
        how.tell("unbook: nothing runs there that is not unbooked")
        return
    frames = counted(len(rows), "frame")
    question = (
        f"kill {frames} and unbook their hosts?" if kill else f"unbook the hosts of {frames}?"
    )
    request = {**query.request, "kill": kill}
    told = "killed" if kill else "when they end"
    change(farm, how, {frames: request}, told=told, question=question)


# --- allocations, tags and comments -------------------------------------------------------------


@change_verb(
    "SetAllocation",
    of=HOST,
    examples=("cuectl move render-node-07 local.desktop", "cuectl move 'desk-*' local.general"),
)
@click.argument("to", metavar="ALLOC", shell_complete=complete("allocations"))
def move(farm: Farm, hosts: Selection, to: str, how: How) -> None:
    """Move hosts, on which nothing may run, to another allocation."""
    names = hosts.names(farm)
    if len(names) > 1:  # a wrong allocation is told once, before anything is done
        farm.rehearse(how.method, {"host": names[0], "allocationId": to})
    told = f"-> {to}"
    change_each(farm, how, hosts, names=names, told=told, allocationId=to)


tags_argument = click.argument("tags", metavar="TAGS")


def change_tags(farm: Farm, how: How, hosts: Selection, tags: str) -> list[str]:
    changed = each_of((tags,))
    return change_each(farm, how, hosts, told=f"({', '.join(changed)})", tags=changed)


@change_verb("AddTags", of=HOST, examples=("cuectl add-tags desk-201 gpu,nuke",))
@tags_argument
def add_tags(farm: Farm, hosts: Selection, tags: str, how: How) -> None:
    """Add tags (a,b) to hosts: layers with one of them run there."""
    change_tags(farm, how, hosts, tags)


@change_verb("RemoveTags", of=HOST, examples=("cuectl remove-tags desk-201 gpu,nuke",))
@tags_argument
def remove_tags(farm: Farm, hosts: Selection, tags: str, how: How) -> None:
    """Remove tags (a,b) from hosts. Those of their allocations stay."""
    if not (names := change_tags(farm, how, hosts, tags)):
        return
    view = {"_fields": "name", "_where": f"tags in ({','.join(map(quoted, each_of((tags,))))})"}
    kept = [row["name"] for row in farm.rows(GET_HOSTS, {"r": {"hosts": names}}, view)]
    if kept:
        raise Failure(f"{listed(kept)}: tagged so as before, by Cuebot itself")


@change_verb("AddComment", of=HOST, examples=("cuectl host-comment render-node-02 'fan is loud'",))
@click.argument("text", callback=some_text)
@subject_option
def host_comment(farm: Farm, hosts: Selection, text: str, subject: str, how: How) -> None:
    """Leave a comment on hosts."""
    change_each(farm, how, hosts, newComment=noted(text, subject))


@list_verb(GET_COMMENTS, of=HOST, examples=("cuectl host-comments render-node-06",))
def host_comments(farm: Farm, hosts: Selection, shown: Shown) -> None:
    """List the comments on hosts: on all, or on these."""
    show_comments(farm, hosts, shown)
