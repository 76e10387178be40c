"""Shows: their groups, and the subscriptions by which they share allocations."""

from collections.abc import Iterable
from dataclasses import replace

import click

from cuectl.changes import How, change, change_each
from cuectl.columns import Column, Row
from cuectl.completion import complete
from cuectl.farm import Farm
from cuectl.kinds import GET_GROUPS, GET_SUBSCRIPTIONS, SHOW, SUBSCRIPTION
from cuectl.lists import Listing, Shown, show_all, show_named
from cuectl.selection import PATTERN, Selection, names_in
from cuectl.values import in_units, number, switch
from cuectl.verb import change_verb, list_verb
from gateway_client.errors import CallError
from gateway_client.terminal.text import listed

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


@list_verb(
    of=SHOW,
    examples=("cuectl shows", "cuectl shows --where 'dead>0' --sort-by dead"),
)
def shows(farm: Farm, shows: Selection, shown: Shown) -> None:
    """List shows: their frames, jobs and cores."""
    show_named(farm, SHOWS, shows, shown)


@change_verb("show.ShowInterface/CreateShow", examples=("cuectl create-show winter",))
@click.argument("names", metavar="SHOW...", nargs=-1, required=True)
def create_show(farm: Farm, names: tuple[str, ...], how: How) -> None:
    """Create shows."""
    if change(farm, how, {each: {"name": each} for each in names}, noun="show"):
        how.tell(f"new shows have no cores: cuectl subscribe {names[0]} ALLOC SIZE BURST")


@change_verb(
    "EnableBooking",
    of=SHOW,
    examples=("cuectl booking demo off", "cuectl booking demo harbor on"),
)
@click.argument("on", metavar="on|off", type=switch)
def booking(farm: Farm, shows: Selection, on: bool, how: How) -> None:
    """Set whether new frames of shows may start."""
    told, unless = ("-> on", "bookingEnabled") if on else ("-> off", "not bookingEnabled")
    change_each(farm, how, shows, unless=unless, told=told, enabled=on)


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
    method=GET_GROUPS,
    parent="show",
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


@list_verb(GET_GROUPS, of=SHOW, examples=("cuectl groups demo", "cuectl groups --where 'dead>0'"))
def groups(farm: Farm, shows: Selection, shown: Shown) -> None:
    """List the groups of shows as a tree: folders of jobs."""
    show_all(farm, GROUPS, shows, shown)


@change_verb(
    "job.GroupInterface/CreateSubGroup",
    name="create-group",
    examples=("cuectl create-group demo roto", "cuectl create-group demo fur fx"),
)
@click.argument("show", shell_complete=complete("shows"))
@click.argument("name")
@click.argument("under", required=False)
def create_group(farm: Farm, show: str, name: str, under: str | None, how: How) -> None:
    """Create a group: a folder of a show's jobs.

    It is in the show's own group, or UNDER another.
    """
    request = {"show": show, "name": name, "group": under or show}
    change(farm, how, {name: request}, noun="group")


# --- subscriptions ------------------------------------------------------------------------------


SUBSCRIPTIONS = Listing(
    method=GET_SUBSCRIPTIONS,
    parent="show",
    place="subscriptions",
    sort=(),
    columns=(
        Column("NAME", "name"),
        Column("ALLOC", "allocationName", also=("allocation",)),
        Column("SIZE", "size", per=HUNDREDTHS),
        Column("BURST", "burst", per=HUNDREDTHS),
        Column("CORES", "reservedCores", per=HUNDREDTHS),
        Column("USED", "sizeUsed", unit="share", extra=True),
        Column("BURST USED", "burstUsed", unit="share", extra=True, wide=True),
        Column("FACILITY", "facility", wide=True),
        Column("GPUS", "reservedGpus", wide=True),
        Column("ID", "id", wide=True),
    ),
)


@list_verb(
    GET_SUBSCRIPTIONS,
    of=SHOW,
    examples=(
        "cuectl subscriptions demo",
        "cuectl subscriptions --sort-by used",
        "cuectl subscriptions --where 'size>100 and cores>=size'",
    ),
)
def subscriptions(farm: Farm, shows: Selection, shown: Shown) -> None:
    """List which allocations shows may use, and how full they are.

    USED is the part of SIZE that is in use, BURST USED (-o wide) that of BURST.
    """
    show_all(farm, SUBSCRIPTIONS, shows, shown)


def named_or_paired(farm: Farm, subscriptions: Selection) -> list[str]:
    """The names of subscriptions; SHOW ALLOC, in any order, are the name of one. Raises CallError
    (NOT_FOUND), with the names that there are of a show or an allocation alone.
    """
    words = [*subscriptions.words]
    if words and not any(PATTERN.search(each) for each in words):
        kind = subscriptions.kind
        known = {each.lower(): each for each in names_in(kind.rows(farm), kind)}
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


def told_cores(units: int) -> str:
    return f"-> {units / HUNDREDTHS:g} core{'' if units == HUNDREDTHS else 's'}"


@change_verb(
    "show.ShowInterface/CreateSubscription",
    examples=("cuectl create-show winter && cuectl subscribe winter local.general 100 200",),
)
@click.argument("show", shell_complete=complete("shows"))
@click.argument("alloc", shell_complete=complete("allocations"))
@click.argument("size", type=number)
@click.argument("burst", type=number)
def subscribe(farm: Farm, show: str, alloc: str, size: float, burst: float, how: How) -> None:
    """Let a show use an allocation: SIZE cores, BURST at most."""
    request = {"show": show, "allocationId": alloc, "size": size, "burst": burst}
    told = f"-> {size:g} cores, {burst:g} at most"
    change(farm, how, {f"{alloc}.{show}": request}, noun="subscription", told=told)


CORES = in_units(HUNDREDTHS)


@change_verb(
    "SetSize",
    of=SUBSCRIPTION,
    examples=("cuectl set-size local.general.demo 100", "cuectl set-size demo local.general 100"),
)
@click.argument("cores", type=CORES)
def set_size(farm: Farm, subscriptions: Selection, cores: int, how: How) -> None:
    """Set how many cores subscriptions have for sure."""
    names, told = named_or_paired(farm, subscriptions), told_cores(cores)
    change_each(farm, how, subscriptions, names=names, told=told, newSize=cores)


@change_verb(
    "SetBurst",
    of=SUBSCRIPTION,
    examples=(
        "cuectl set-burst local.general.demo 200",
        "cuectl set-burst --alloc local.desktop 20",
    ),
)
@click.argument("cores", type=CORES)
def set_burst(farm: Farm, subscriptions: Selection, cores: int, how: How) -> None:
    """Set how many cores subscriptions may have at most."""
    names, told = named_or_paired(farm, subscriptions), told_cores(cores)
    change_each(farm, how, subscriptions, names=names, told=told, burst=cores)


@change_verb("Delete", of=SUBSCRIPTION, examples=("cuectl unsubscribe local.desktop.demo",))
def unsubscribe(farm: Farm, subscriptions: Selection, how: How) -> None:
    """Take allocations from shows."""
    names = named_or_paired(farm, subscriptions)
    question = f"Delete {listed(names)}? Jobs of the show get no more cores there"
    change_each(farm, how, subscriptions, names=names, question=question)
