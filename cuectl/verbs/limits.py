"""Limits: how many frames run at once of what needs a license."""

import click

from cuectl.changes import How, change, change_each
from cuectl.columns import Column, as_number
from cuectl.farm import Farm
from cuectl.kinds import LIMIT
from cuectl.lists import Listing, Shown, show_named
from cuectl.selection import Selection
from cuectl.values import whole
from cuectl.verb import change_verb, list_verb
from gateway_client.terminal.text import counted, listed

LIMITS = Listing(
    place="limits",
    columns=(
        Column("NAME", "name"),
        Column("RUN", "currentRunning", of="maxValue", also=("running",)),
        Column("TYPE", "type"),
        Column("ENFORCEMENT", "enforcement"),
        Column("HOSTS", "hostCount", wide=True),
        Column("ID", "id", wide=True),
    ),
)


@list_verb(of=LIMIT, examples=("cuectl limits", "cuectl limits --full"))
def limits(farm: Farm, limits: Selection, shown: Shown) -> None:
    """List limits, such as licenses, and what runs under them."""
    show_named(farm, LIMITS, limits, shown)


@change_verb(
    "SetMaxValue",
    of=LIMIT,
    examples=("cuectl set-limit arnold 50", "cuectl set-limit arnold nuke_render 0"),
)
@click.argument("most", metavar="MAX", type=whole)
def set_limit(farm: Farm, limits: Selection, most: int, how: How) -> None:
    """Set how many frames run at once under limits."""
    change_each(farm, how, limits, maxValue=most, told=f"-> {most}")


@change_verb("limit.LimitInterface/Create", examples=("cuectl create-limit maya 5",))
@click.argument("name")
@click.argument("most", metavar="MAX", type=whole)
def create_limit(farm: Farm, name: str, most: int, how: How) -> None:
    """Create a limit on frames that run at once."""
    change(farm, how, {name: {"name": name, "maxValue": most}}, noun="limit", told=f"-> {most}")


@change_verb("Delete", of=LIMIT, examples=("cuectl delete-limit arnold",))
def delete_limit(farm: Farm, limits: Selection, how: How) -> None:
    """Delete limits: nothing holds back what was under them."""
    names = limits.names(farm)
    rows = limits.rows(farm, names, "currentRunning").values()
    running = sum(int(as_number(row["currentRunning"]) or 0) for row in rows)
    question = (
        f"Delete {listed(names)}, with {counted(running, 'running frame')}?"
        f" As many frames as can start will"
    )
    change_each(farm, how, limits, names=names, question=question)
