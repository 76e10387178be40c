"""What has names on a farm, and the options that choose among it: jobs, hosts, shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import click

from cuectl.completion import complete
from cuectl.conditions import with_fields
from cuectl.farm import Farm, Json, all_read
from cuectl.lists import Listing
from cuectl.names import LISTS
from cuectl.selection import (
    PATTERN,
    Choice,
    Decorator,
    Kind,
    Query,
    Selection,
    names_in,
    quoted,
    where_option,
)
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

# --- options that choose --------------------------------------------------------------------------


def several(about: str, *flags: str, kind: str = "", metavar: str = "") -> Decorator:
    """An option that may be given more than once, or with a list (`a,b`)."""
    shell, name = complete(kind) if kind in LISTS else None, flags[0].lstrip("-").upper()
    return click.option(
        *flags, multiple=True, metavar=metavar or name, shell_complete=shell, help=about
    )


def naming(
    about: str,
    *flags: str,
    field: str = "",
    asks: Callable[[Query, Farm, list[str]], Query] | None = None,
    metavar: str = "",
) -> Choice:
    """An option with names: the values of a field of `r`, unless they ask for something else."""

    def narrow(query: Query, farm: Farm, values: Sequence[str]) -> Query:
        names = each_of(values)
        return asks(query, farm, names) if asks else query.narrowed(**{field: names})

    return Choice(several(about, *flags, kind=field, metavar=metavar), narrow)


def flag(about: str, *flags: str, where: str = "", **r: Any) -> Choice:
    """An option without a value, which asks for what fits a condition, or for fields of `r`."""
    conditions = (where,) if where else ()
    option = click.option(*flags, is_flag=True, help=about)
    return Choice(option, lambda query, *_: query.narrowed(*conditions, **r))


def condition(about: str, listing: Listing) -> Choice:
    """--where, in which columns go by their headings."""

    def narrow(query: Query, _: Farm, text: str) -> Query:
        return query.narrowed(with_fields(text, listing.columns))

    return Choice(where_option(about), narrow)


def mine(about: str, asks: Callable[[Query, Farm, list[str]], Query]) -> Choice:
    """--mine, which asks for what is the token's user's. Raises InvalidCall without one."""

    def narrow(query: Query, farm: Farm, _: bool) -> Query:
        if not farm.me:
            raise InvalidCall("--mine: the token names no user; use --user NAME")
        return asks(query, farm, [farm.me])

    return Choice(click.option("--mine", "--me", is_flag=True, help=about), narrow)


ALL = {"all": flag("All of them.", "--all")}

# --- jobs ---------------------------------------------------------------------------------------

DEAD, RUNNING = "jobStats.deadFrames>0", "jobStats.runningFrames>0"
WAITING, FINISHED = "jobStats.waitingFrames>0", "state=FINISHED"
WITH_FRAMES = {"DEAD": DEAD, "RUNNING": RUNNING, "WAITING": WAITING}
"""The conditions of jobs that have frames in these states."""
JOB_OPTIONS: Mapping[str, Choice] = MappingProxyType(
    {
        "show": naming("Jobs of this show.", "--show", field="shows"),
        "mine": mine("Jobs of the token's user.", lambda q, _, users: q.narrowed(users=users)),
        "user": naming("Jobs of this user.", "--user", "-u", field="users"),
        "shot": naming("Jobs of this shot.", "--shot", field="shots"),
        "match": naming("Jobs with this in their name.", "--match", field="substr", metavar="TEXT"),
        "failed": flag("Jobs with dead frames, most first.", "--failed", "--dead", where=DEAD),
        "running": flag("Jobs with running frames.", "--running", where=RUNNING),
        "waiting": flag("Jobs with frames that could run.", "--waiting", where=WAITING),
        "paused": flag("Jobs that are paused.", "--paused", where="isPaused"),
        "finished": flag(
            "Jobs that are finished.", "--finished", where=FINISHED, includeFinished=True
        ),
        "where": condition("Jobs that fit: 'dead>2 and user=lena'.", JOBS),
        "all": flag("Finished jobs as well.", "--all", includeFinished=True),
    }
)
JOB_CHANGES = ("show", "mine", "user", "shot", "match", "failed", "paused", "where", "all")
"""Options that choose jobs to change: finished ones cannot be."""
JOB_PARENTS = ("show", "mine", "user", "shot", "match")
"""Options that choose jobs for lists of what belongs to jobs."""
JOB = Kind(
    one="job",
    many="jobs",
    method=GET_JOBS,
    options=JOB_OPTIONS,
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
    finished, or that there is not, and InvalidCall for a pattern.
    """
    if PATTERN.search(word):
        raise InvalidCall(f"{word!r} is a pattern: one job, please")
    (name,) = Selection(PENDING_JOB, (word,), {}).names(farm)
    return name


def existing(farm: Farm, kind: Kind, words: Sequence[str]) -> list[str]:
    """The names that these words mean. Raises CallError (NOT_FOUND) for one that nothing has, as
    far as the token may list them.
    """
    return Selection(replace(kind, checked=True), tuple(words), {}).names(farm)


# --- hosts --------------------------------------------------------------------------------------


def with_tags(query: Query, _: Farm, tags: list[str]) -> Query:
    return query.narrowed(*(f"tags={quoted(each)}" for each in tags))


def in_states(query: Query, _: Farm, states: list[str]) -> Query:
    return query.narrowed(states={"state": [each.upper() for each in states]})


LOCKED, OPEN = "lockState!=OPEN", "lockState=OPEN"
IDLE = "idleCores>=1 and state=UP and lockState=OPEN"
HOST = Kind(
    one="host",
    many="hosts",
    method=GET_HOSTS,
    options={
        "alloc": naming("Hosts of this allocation.", "--alloc", "--allocation", field="allocs"),
        "up": flag("Hosts that are up.", "--up", states={"state": ["UP"]}),
        "down": flag("Hosts that are down.", "--down", states={"state": ["DOWN"]}),
        "locked": flag("Hosts that are locked, by hand or by NIMBY.", "--locked", where=LOCKED),
        "open": flag("Hosts that are not locked.", "--open", "--unlocked", where=OPEN),
        "idle": flag("Hosts that could run more.", "--idle", where=IDLE),
        "tag": naming("Hosts with this tag.", "--tag", asks=with_tags),
        "state": naming("Hosts in this state, such as REPAIR.", "--state", asks=in_states),
        "match": naming(
            "Hosts with this in their name.", "--match", field="substr", metavar="TEXT"
        ),
        "where": condition("Hosts that fit: 'seen>5m or freeTmp<5GB'.", HOSTS),
        "all": flag("All hosts.", "--all"),
    },
    known={},
)

# --- what has few options to choose by ------------------------------------------------------------

FULL = "currentRunning>=maxValue"
SHOW = Kind(one="show", many="shows", method=GET_SHOWS, options=ALL)
ALLOCATION = Kind(one="allocation", many="allocations", method=GET_ALLOCATIONS, options=ALL)
LIMIT = Kind(
    one="limit",
    many="limits",
    method=GET_LIMITS,
    key="name",
    checked=True,
    options=ALL | {"full": flag("Limits of which no more can run.", "--full", where=FULL)},
)


class OfShows(Kind):
    """What Cuebot lists for one show only: all of them are the lists of all shows."""

    def rows(self, farm: Farm, words: Sequence[str] = (), *fields: str) -> list[Json]:
        shows = names_in(SHOW.rows(farm), SHOW)
        view = {"_fields": ",".join(("id", self.name, *fields))}
        answers = farm.each(self.method, {each: {"show": each} for each in shows}, view)
        return [row for rows in all_read(answers).values() for row in rows]


def of_show(query: Query, _: Farm, show: str) -> Query:
    """Those to an allocation, of this show: there is no read of both."""
    conditions = tuple(f"allocationName={quoted(each)}" for each in query.request.values())
    return Query(method=GET_SUBSCRIPTIONS, request={"show": show}, conditions=conditions)


SUBSCRIPTION = OfShows(
    checked=True,
    one="subscription",
    many="subscriptions",
    method=GET_SUBSCRIPTIONS,
    options={
        "alloc": Choice(
            click.option(
                "--alloc", "--allocation", "alloc", metavar="ALLOC",
                shell_complete=complete("allocations"), help="Subscriptions to this allocation.",
            ),
            lambda _, __, alloc: Query(method=GET_SUBSCRIPTIONS_TO, request={"allocation": alloc}),
        ),
        "show": Choice(
            click.option(
                "--show", metavar="SHOW", shell_complete=complete("shows"),
                help="Subscriptions of this show.",
            ),
            of_show,
        ),
    },
)  # fmt: skip
