"""What has names on a farm, and the options that choose among it: jobs, hosts, shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import click

from cuectl.completion import complete
from cuectl.conditions import with_fields
from cuectl.farm import Farm, Json, all_read
from cuectl.lists import Listing
from cuectl.selection import Decorator, Kind, Options, Query, Selection, names_in, quoted
from cuectl.tables import HOSTS, JOBS
from cuectl.values import each_of
from gateway_client.errors import InvalidCall

GET_JOBS = "job.JobInterface/GetJobs"
GET_HOSTS = "host.HostInterface/GetHosts"
GET_SHOWS = "show.ShowInterface/GetShows"
GET_ALLOCATIONS = "facility.AllocationInterface/GetAll"
GET_SUBSCRIPTIONS = "show.ShowInterface/GetSubscriptions"
GET_SUBSCRIPTIONS_TO = "facility.AllocationInterface/GetSubscriptions"
GET_LIMITS = "limit.LimitInterface/GetAll"
GET_LAYERS = "job.JobInterface/GetLayers"
GET_FRAMES = "job.JobInterface/GetFrames"
GET_GROUPS = "show.ShowInterface/GetGroups"


def several(*names: str, kind: str = "", **more: Any) -> Decorator:
    """An option that may be given more than once, or with a list (`a,b`)."""
    shell = complete(kind) if kind else None
    return click.option(*names, multiple=True, shell_complete=shell, **more)


def as_given(options: Options) -> tuple[str, ...]:
    """The options as they were written: `--show demo`, `--failed`."""
    found = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            found.append(flag)
        elif value:
            found.append(f"{flag} {','.join(value) if isinstance(value, tuple) else value}")
    return tuple(found)


ALL = {"all": click.option("--all", is_flag=True, help="All of them.")}

# --- jobs ---------------------------------------------------------------------------------------

JOB_OPTIONS: Mapping[str, Decorator] = MappingProxyType(
    {
        "show": several("--show", kind="shows", metavar="SHOW", help="Jobs of this show."),
        "mine": click.option("--mine", "--me", is_flag=True, help="Jobs of the token's user."),
        "user": several("--user", "-u", kind="users", metavar="USER", help="Jobs of this user."),
        "shot": several("--shot", kind="shots", metavar="SHOT", help="Jobs of this shot."),
        "match": several("--match", metavar="TEXT", help="Jobs with this in their name."),
        "failed": click.option(
            "--failed", "--dead", is_flag=True, help="Jobs with dead frames, most first."
        ),
        "running": click.option("--running", is_flag=True, help="Jobs with running frames."),
        "waiting": click.option("--waiting", is_flag=True, help="Jobs with frames that could run."),
        "paused": click.option("--paused", is_flag=True, help="Jobs that are paused."),
        "finished": click.option("--finished", is_flag=True, help="Jobs that are finished."),
        "where": click.option(
            "--where", metavar="CONDITION", help="Jobs that fit: 'dead>2 and user=lena'."
        ),
        "all": click.option("--all", is_flag=True, help="Finished jobs as well."),
    }
)
JOB_CHANGES = ("show", "mine", "user", "shot", "match", "failed", "paused", "where", "all")
"""Options that choose jobs to change: finished ones cannot be."""
JOB_PARENTS = ("show", "mine", "user", "shot", "match")
"""Options that choose jobs for lists of what belongs to jobs."""
JOB_CONDITIONS = {
    "failed": "jobStats.deadFrames>0",
    "running": "jobStats.runningFrames>0",
    "waiting": "jobStats.waitingFrames>0",
    "paused": "isPaused",
    "finished": "state=FINISHED",
}


JOB_FIELDS = {"show": "shows", "shot": "shots", "match": "substr"}


def users_asked(farm: Farm, options: Options) -> list[str]:
    """The users of --user and --mine. Raises InvalidCall for --mine without a user in the token."""
    users = each_of(options.get("user") or ())
    if options.get("mine"):
        if not farm.me:
            raise InvalidCall("--mine: the token names no user; use --user NAME")
        users.append(farm.me)
    return users


def values_of(options: Options, fields: Mapping[str, str]) -> Json:
    """The fields of a request that options give, by the names of these: `r.shows` by --show."""
    values = {field: each_of(options.get(name) or ()) for name, field in fields.items()}
    return {field: names for field, names in values.items() if names}


def asked(
    method: str, r: Json, options: Options, conditions: Mapping[str, str], listing: Listing
) -> Query:
    """The read with these fields, and the conditions of the flags and of --where."""
    found = [text for name, text in conditions.items() if options.get(name)]
    if where := options.get("where"):
        found.append(with_fields(where, listing.columns))
    return Query(method, {"r": r} if r else {}, tuple(found), as_given(options))


def jobs_asked(farm: Farm, options: Options) -> Query:
    """Raises InvalidCall for --mine without a user in the token."""
    r = values_of(options, JOB_FIELDS)
    if users := users_asked(farm, options):
        r["users"] = users
    if options.get("finished") or (options.get("all") and "finished" in options):
        r["includeFinished"] = True
    return asked(GET_JOBS, r, options, JOB_CONDITIONS, JOBS)


JOB = Kind(
    one="job",
    many="jobs",
    method=GET_JOBS,
    options=JOB_OPTIONS,
    query=jobs_asked,
    known={"includeFinished": True},
)
PENDING_JOB = replace(
    JOB,
    title="pending job",
    ended=JOB,
    checked=True,
    options={each: JOB_OPTIONS[each] for each in JOB_CHANGES} | ALL,
    known={},
)
"""For changes: Cuebot makes none to a finished job."""


def pending_job(farm: Farm, word: str) -> str:
    """The name of the job that a name or id means. Raises CallError (NOT_FOUND) for one that is
    finished, or that there is not.
    """
    (name,) = Selection(PENDING_JOB, (word,), {}).names(farm)
    return name


# --- hosts --------------------------------------------------------------------------------------

HOST_OPTIONS: Mapping[str, Decorator] = MappingProxyType(
    {
        "alloc": several(
            "--alloc", "--allocation", kind="allocations", metavar="ALLOC",
            help="Hosts of this allocation.",
        ),
        "up": click.option("--up", is_flag=True, help="Hosts that are up."),
        "down": click.option("--down", is_flag=True, help="Hosts that are down."),
        "locked": click.option(
            "--locked", is_flag=True, help="Hosts that are locked, by hand or by NIMBY."
        ),
        "open": click.option(
            "--open", "--unlocked", is_flag=True, help="Hosts that are not locked."
        ),
        "idle": click.option("--idle", is_flag=True, help="Hosts that could run more."),
        "tag": several("--tag", metavar="TAG", help="Hosts with this tag."),
        "state": several("--state", metavar="STATE", help="Hosts in this state, such as REPAIR."),
        "match": several("--match", metavar="TEXT", help="Hosts with this in their name."),
        "where": click.option(
            "--where", metavar="CONDITION", help="Hosts that fit: 'seen>5m or freeTmp<5GB'."
        ),
        "all": click.option("--all", is_flag=True, help="All hosts."),
    }
)  # fmt: skip
HOST_CONDITIONS = {
    "locked": "lockState!=OPEN",
    "open": "lockState=OPEN",
    "idle": "idleCores>=1 and state=UP and lockState=OPEN",
}


def hosts_asked(farm: Farm, options: Options) -> Query:
    r = values_of(options, {"alloc": "allocs", "match": "substr"})
    states = [state.upper() for state in each_of(options.get("state") or ())]
    states += [state for state in ("UP", "DOWN") if options.get(state.lower())]
    if states:
        r["states"] = {"state": states}
    query = asked(GET_HOSTS, r, options, HOST_CONDITIONS, HOSTS)
    tags = (f"tags={quoted(tag)}" for tag in each_of(options.get("tag") or ()))
    return replace(query, conditions=(*query.conditions, *tags))


HOST = Kind(
    one="host",
    many="hosts",
    method=GET_HOSTS,
    options=HOST_OPTIONS,
    query=hosts_asked,
    known={},
)

# --- what has no options to choose by -------------------------------------------------------------


def simple(one: str, many: str, method: str) -> Kind:
    """A kind of objects that are few: chosen by names, patterns and --all."""
    return Kind(
        one=one,
        many=many,
        method=method,
        options=ALL,
        query=lambda _farm, options: Query(method, {}, (), as_given(options)),
    )


SHOW = simple("show", "shows", GET_SHOWS)
ALLOCATION = simple("allocation", "allocations", GET_ALLOCATIONS)
LIMIT = replace(
    simple("limit", "limits", GET_LIMITS),
    checked=True,
    options=ALL
    | {"full": click.option("--full", is_flag=True, help="Limits of which no more can run.")},
    query=lambda _farm, options: Query(
        GET_LIMITS,
        {},
        ("currentRunning>=maxValue",) if options.get("full") else (),
        as_given(options),
    ),
)

# --- subscriptions --------------------------------------------------------------------------------


class OfShows(Kind):
    """What Cuebot lists for one show only: all of them are the lists of all shows."""

    def rows(self, farm: Farm, words: Sequence[str] = (), *fields: str) -> list[Json]:
        shows = names_in(SHOW.rows(farm), SHOW)
        view = {"_fields": ",".join(("id", self.name, *fields))}
        answers = farm.each(self.method, {each: {"show": each} for each in shows}, view)
        return [row for rows in all_read(answers).values() for row in rows]


def subscriptions_asked(_farm: Farm, options: Options) -> Query:
    """The read of a show's, or of those to an allocation, whichever is given; or of one."""
    show, alloc, given = options.get("show"), options.get("alloc"), as_given(options)
    if show:
        conditions = (f"allocationName={quoted(alloc)}",) if alloc else ()
        return Query(GET_SUBSCRIPTIONS, {"show": show}, conditions, given)
    return Query(GET_SUBSCRIPTIONS_TO, {"allocation": alloc}, (), given)


SUBSCRIPTION = OfShows(
    checked=True,
    one="subscription",
    many="subscriptions",
    method=GET_SUBSCRIPTIONS,
    options={
        "show": click.option(
            "--show", metavar="SHOW", shell_complete=complete("shows"),
            help="Subscriptions of this show.",
        ),
        "alloc": click.option(
            "--alloc", "--allocation", "alloc", metavar="ALLOC",
            shell_complete=complete("allocations"), help="Subscriptions to this allocation.",
        ),
    },
    query=subscriptions_asked,
)  # fmt: skip
