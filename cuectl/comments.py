"""Comments on jobs and hosts."""

from dataclasses import replace

from cuectl.columns import Column
from cuectl.farm import Farm
from cuectl.lists import Listing, Shown, show_all
from cuectl.selection import Selection

COMMENTS = Listing(
    sort=("timestamp",),
    upwards=True,
    named="id",
    columns=(
        Column("NAME", "subject", also=("title",)),
        Column("MESSAGE", "message", also=("text",)),
        Column("USER", "user"),
        Column("WRITTEN", "timestamp", unit="time"),
        Column("ID", "id"),
    ),
)


def show_comments(farm: Farm, selection: Selection, shown: Shown) -> None:
    """List the comments on what is named, or on all that the options choose."""
    kind = selection.kind
    if not selection.words:
        selection = replace(selection, conditions=("hasComment",))
    listing = replace(COMMENTS, method=kind.interface("GetComments"), parent=kind.one)
    show_all(farm, listing, selection, shown, several=not selection.words)
