"""Shows: their groups, and the subscriptions by which they share allocations."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click

from cuectl.changes import How, change, change_options, is_everything, listed
from cuectl.columns import Column, Row, as_number
from cuectl.completion import complete
from cuectl.farm import Farm, Json
from cuectl.kinds import GET_GROUPS, GET_SHOWS, GET_SUBSCRIPTIONS, SHOW, SUBSCRIPTION
from cuectl.lists import (
    Listing,
    Shown,
    list_options,
    show_lists,
    show_named,
    where_option,
)
from cuectl.selection import PATTERN, Selection, choosing
from cuectl.values import in_units, number, switch
from cuectl.verb import verb
from gateway_client.errors import CallError

SECTION = "Shows and subscriptions"
CREATE_SHOW = "show.ShowInterface/CreateShow"
ENABLE_BOOKING = "show.ShowInterface/EnableBooking"
CREATE_GROUP = "job.GroupInterface/CreateSubGroup"
SUBSCRIBE = "show.ShowInterface/CreateSubscription"
SET_SIZE = "subscription.SubscriptionInterface/SetSize"
SET_BURST = "subscription.SubscriptionInterface/SetBurst"
UNSUBSCRIBE = "subscription.SubscriptionInterface/Delete"
HUNDREDTHS = 100
"""Cuebot has cores of subscriptions in hundredths, except in the request for a new one."""

# --- shows --------------------------------------------------------------------------------------

SHOWS = Listing(
    place="shows",
    columns=(
        Column("NAME", "name"),
        Column("DEAD", "showStats.deadFrames", alert=True),
        Column("RUN", "showStats.runningFrames", also=("running",)),
        Column("WAIT/DEPEND", "showStats.pendingFrames", also=("pending",)),
        Column("JOBS", "showStats.pendingJobs"),
        Column("CORES", "showStats.reservedCores"),
        Column("BOOKING", "bookingEnabled"),
        Column("ACTIVE", "active", wide=True),
        Column("DISPATCH", "dispatchEnabled", wide=True),
        Column("MIN CORES", "defaultMinCores", wide=True),
        Column("MAX CORES", "defaultMaxCores", wide=True),
        Column("RENDERED", "showStats.renderedFrameCount", wide=True),
        Column("FAILED", "showStats.failedFrameCount", wide=True),
        Column("EMAIL", "commentEmail", wide=True),
        Column("ID", "id", wide=True),
    ),
)


@verb(GET_SHOWS, examples=("cuectl shows", "cuectl shows --where 'dead>0' --sort-by dead"))
@choosing(SHOW, own=("all",))
@where_option
@list_options
def shows(farm: Farm, shows: Selection, where: str | None, shown: Shown) -> None:
    """List shows: their frames, jobs and cores."""
    show_named(farm, SHOWS, shows, shown, where=where or "")


@verb(CREATE_SHOW, examples=("cuectl create-show winter",))
@click.argument("names", metavar="SHOW...", nargs=-1, required=True)
@change_options
def create_show(farm: Farm, names: tuple[str, ...], how: How) -> None:
    """Create shows."""
    if change(farm, how, CREATE_SHOW, {each: {"name": each} for each in names}, noun="show"):
        how.tell(f"new shows have no cores: cuectl subscribe {names[0]} ALLOC SIZE BURST")


@verb(ENABLE_BOOKING, examples=("cuectl booking demo off", "cuectl booking demo harbor on"))
@choosing(SHOW)
@click.argument("on", metavar="on|off", type=switch)
@change_options
def booking(farm: Farm, shows: Selection, on: bool, how: How) -> None:
    """Set whether new frames of shows may start."""
    names = shows.names(farm, unless="bookingEnabled" if on else "not bookingEnabled")
    requests = {each: {"show": each, "enabled": on} for each in names}
    told, everything = f"-> {'on' if on else 'off'}", is_everything(shows)
    change(farm, how, ENABLE_BOOKING, requests, noun="show", told=told, everything=everything)


# --- groups -------------------------------------------------------------------------------------


def as_tree(rows: Iterable[Row], shown: Shown) -> list[Row]:
    """Groups below the ones that they are in; tables show how deep."""
    found = list(rows)
    inside: dict[str, list[Row]] = {}
    ids = {each["id"] for each in found}
    for each in found:
        above = each.get("parentId", "")
        inside.setdefault(above if above in ids else "", []).append(each)
    is_table = shown.form in ("table", "wide")

    def below(above: str, depth: int) -> Iterable[Row]:
        for each in inside.pop(above, ()):
            yield {**each, "name": f"{'  ' * depth}{each['name']}"} if is_table else each
            yield from below(each["id"], depth + 1)

    return [*below("", 0)]


GROUPS = Listing(
    place="groups",
    sort=(),
    arrange=as_tree,
    columns=(
        Column("NAME", "name", needs=("id", "parentId")),
        Column("DEAD", "groupStats.deadFrames", alert=True),
        Column("RUN", "groupStats.runningFrames", also=("running",)),
        Column("WAIT", "groupStats.waitingFrames", also=("waiting",)),
        Column("JOBS", "groupStats.pendingJobs"),
        Column("CORES", "groupStats.reservedCores"),
        Column("MAX CORES", "maxCores"),
        Column("DEPARTMENT", "department"),
        Column("MIN CORES", "minCores", wide=True),
        Column("JOB PRI", "defaultJobPriority", wide=True),
        Column("JOB MAX CORES", "defaultJobMaxCores", wide=True),
        Column("LEVEL", "level", wide=True),
        Column("ID", "id", wide=True),
    ),
)


def of_shows(farm: Farm, shows: Selection) -> dict[str, Json]:
    """The requests for what these shows have, of all shows without any."""
    return {each: {"show": each} for each in shows.names(farm, or_all=True)}


@verb(GET_GROUPS, examples=("cuectl groups demo", "cuectl groups --where 'dead>0'"))
@choosing(SHOW, own=("all",))
@where_option
@list_options
def groups(farm: Farm, shows: Selection, where: str | None, shown: Shown) -> None:
    """List the groups of shows as a tree: folders of jobs."""
    requests = of_shows(farm, shows)
    show_lists(farm, GROUPS, GET_GROUPS, requests, shown, parent="show", where=where or "")


@verb(
    CREATE_GROUP,
    name="create-group",
    examples=("cuectl create-group demo roto", "cuectl create-group demo fur fx"),
)
@click.argument("show", shell_complete=complete("shows"))
@click.argument("name")
@click.argument("under", required=False)
@change_options
def create_group(farm: Farm, show: str, name: str, under: str | None, how: How) -> None:
    """Create a group: a folder of a show's jobs.

    It is in the show's own group, or UNDER another.
    """
    request = {"show": show, "name": name, "group": under or show}
    change(farm, how, CREATE_GROUP, {name: request}, noun="group")


# --- subscriptions ------------------------------------------------------------------------------


def part_in_use(of: str) -> Any:
    """A function from a subscription to the part of a number of its cores that is in use."""

    def part(row: Row) -> float | None:
        used, whole = as_number(row.get("reservedCores")), as_number(row.get(of))
        return None if used is None or not whole else round(used / whole, 4)

    return part


SUBSCRIPTIONS = Listing(
    place="subscriptions",
    sort=(),
    columns=(
        Column("NAME", "name"),
        Column("ALLOC", "allocationName", also=("allocation",)),
        Column("SIZE", "size", per=HUNDREDTHS),
        Column("BURST", "burst", per=HUNDREDTHS),
        Column("CORES", "reservedCores", per=HUNDREDTHS),
        Column(
            "USED",
            "sizeUsed",
            unit="share",
            compute=part_in_use("size"),
            needs=("reservedCores", "size"),
        ),
        Column(
            "BURST USED",
            "burstUsed",
            unit="share",
            wide=True,
            compute=part_in_use("burst"),
            needs=("reservedCores", "burst"),
        ),
        Column("FACILITY", "facility", wide=True),
        Column("GPUS", "reservedGpus", wide=True),
        Column("ID", "id", wide=True),
    ),
)


@verb(
    GET_SUBSCRIPTIONS,
    examples=(
        "cuectl subscriptions demo",
        "cuectl subscriptions --sort-by used",
        "cuectl subscriptions --where 'size>100 and cores>=size'",
    ),
)
@choosing(SHOW, own=("all",))
@where_option
@list_options
def subscriptions(farm: Farm, shows: Selection, where: str | None, shown: Shown) -> None:
    """List which allocations shows may use, and how full they are.

    USED is the part of SIZE that is in use, BURST USED (-o wide) that of BURST.
    """
    requests = of_shows(farm, shows)
    show_lists(
        farm, SUBSCRIPTIONS, GET_SUBSCRIPTIONS, requests, shown, parent="show", where=where or ""
    )


def named_or_paired(farm: Farm, subscriptions: Selection) -> list[str]:
    """The names of subscriptions; SHOW ALLOC, in any order, are the name of one. Raises CallError
    (NOT_FOUND), with the names that there are of a show or an allocation alone.
    """
    words = subscriptions.spelled()
    if words and not any(PATTERN.search(each) for each in words):
        known = {each.lower(): each for each in subscriptions.kind.names(farm)}
        pairs = (".".join(each).lower() for each in (words, words[::-1]))
        if len(words) == 2 and (pair := next((each for each in pairs if each in known), None)):
            words = [known[pair]]
        for each in words:
            parts = [name for name in known.values() if f".{each}." in f".{name}."]
            if parts and each.lower() not in known:
                raise CallError(
                    "NOT_FOUND", f"no subscription {each!r}; whole names are {listed(parts)}"
                )
    return replace(subscriptions, words=tuple(words)).names(farm)


def set_cores(
    farm: Farm, how: How, method: str, field: str, subscriptions: Selection, units: int
) -> None:
    requests = {
        each: {"subscription": each, field: units} for each in named_or_paired(farm, subscriptions)
    }
    told = f"-> {counted_cores(units)}"
    change(farm, how, method, requests, noun="subscription", told=told)


def counted_cores(units: int) -> str:
    return f"{units / HUNDREDTHS:g} core{'' if units == HUNDREDTHS else 's'}"


@verb(
    SUBSCRIBE,
    examples=("cuectl create-show winter && cuectl subscribe winter local.general 100 200",),
)
@click.argument("show", shell_complete=complete("shows"))
@click.argument("alloc", shell_complete=complete("allocations"))
@click.argument("size", type=number)
@click.argument("burst", type=number)
@change_options
def subscribe(farm: Farm, show: str, alloc: str, size: float, burst: float, how: How) -> None:
    """Let a show use an allocation: SIZE cores, BURST at most."""
    request = {"show": show, "allocationId": alloc, "size": size, "burst": burst}
    told = f"-> {size:g} cores, {burst:g} at most"
    change(farm, how, SUBSCRIBE, {f"{alloc}.{show}": request}, noun="subscription", told=told)


CORES = in_units(HUNDREDTHS)


@verb(
    SET_SIZE,
    examples=("cuectl set-size local.general.demo 100", "cuectl set-size demo local.general 100"),
)
@choosing(SUBSCRIPTION)
@click.argument("cores", type=CORES)
@change_options
def set_size(farm: Farm, subscriptions: Selection, cores: int, how: How) -> None:
    """Set how many cores subscriptions have for sure."""
    set_cores(farm, how, SET_SIZE, "newSize", subscriptions, cores)


@verb(
    SET_BURST,
    examples=(
        "cuectl set-burst local.general.demo 200",
        "cuectl set-burst --alloc local.desktop 20",
    ),
)
@choosing(SUBSCRIPTION)
@click.argument("cores", type=CORES)
@change_options
def set_burst(farm: Farm, subscriptions: Selection, cores: int, how: How) -> None:
    """Set how many cores subscriptions may have at most."""
    set_cores(farm, how, SET_BURST, "burst", subscriptions, cores)


@verb(UNSUBSCRIBE, examples=("cuectl unsubscribe local.desktop.demo",))
@choosing(SUBSCRIPTION)
@change_options
def unsubscribe(farm: Farm, subscriptions: Selection, how: How) -> None:
    """Take allocations from shows."""
    names = named_or_paired(farm, subscriptions)
    question = f"Delete {listed(names)}? Jobs of the show get no more cores there"
    requests = {each: {"subscription": each} for each in names}
    change(farm, how, UNSUBSCRIBE, requests, noun="subscription", question=question)


VERBS = (
    shows,
    groups,
    subscriptions,
    booking,
    set_size,
    set_burst,
    subscribe,
    unsubscribe,
    create_show,
    create_group,
)
