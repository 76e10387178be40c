"""The farm as a whole: allocations, which are pools of its hosts."""

import click

from cuectl.changes import How, change
from cuectl.columns import Column
from cuectl.farm import Farm
from cuectl.kinds import ALLOCATION
from cuectl.lists import Listing, Shown, show_named
from cuectl.selection import Selection
from cuectl.verb import change_verb, list_verb
from gateway_client.errors import CallError, Failure

ALLOCATIONS = Listing(
    place="allocations",
    columns=(
        Column("NAME", "name"),
        Column("IN USE", "stats.runningCores", also=("running", "used"), of="stats.cores"),
        Column("FREE", "stats.availableCores"),
        Column("HOSTS", "stats.hosts"),
        Column("DOWN", "stats.downHosts", alert=True),
        Column("LOCKED", "stats.lockedHosts"),
        Column("TAG", "tag"),
        Column("FACILITY", "facility", wide=True),
        Column("BILLABLE", "billable", wide=True),
        Column("IDLE", "stats.idleCores", wide=True),
        Column("GPUS", "stats.gpus", wide=True),
        Column("ID", "id", wide=True),
    ),
)


@list_verb(of=ALLOCATION, examples=("cuectl allocations",))
def allocations(farm: Farm, allocations: Selection, shown: Shown) -> None:
    """List allocations, pools of hosts: cores in use and free."""
    show_named(farm, ALLOCATIONS, allocations, shown)


@change_verb(
    "facility.AllocationInterface/Create",
    examples=("cuectl create-allocation night", "cuectl create-allocation dusk dark"),
)
@click.argument("name")
@click.argument("tag", required=False)
@click.option("--facility", default="local", show_default=True, help="Its facility.")
def create_allocation(farm: Farm, name: str, tag: str | None, facility: str, how: How) -> None:
    """Create an allocation: a pool of hosts.

    Its hosts get the TAG; without one, its name.
    """
    short = name.removeprefix(f"{facility}.")
    full = f"{facility}.{short}"
    request = {"name": short, "tag": tag or short, "facility": {"name": facility}}
    try:
        done = change(farm, how, {full: request}, noun="allocation")
    except CallError as error:
        if error.code != "NOT_FOUND":
            raise
        raise Failure(f"there is no facility {facility!r}, or {full} exists already") from None
    if done:
        how.tell(f"no show may use it yet: cuectl subscribe SHOW {full} SIZE BURST")
