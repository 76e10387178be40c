"""Comments on jobs and hosts: reading them, and leaving one beside a change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from cuectl.changes import How, change
from cuectl.columns import Column
from cuectl.farm import Farm, Json
from cuectl.lists import Listing
from cuectl.selection import Kind

SUBJECT = "Note"
"""The title of comments for which somebody has given none."""
COMMENTS = Listing(
    sort=("timestamp",),
    upwards=True,
    columns=(
        Column("NAME", "subject", also=("title",)),
        Column("MESSAGE", "message", also=("text",)),
        Column("USER", "user"),
        Column("WRITTEN", "timestamp", unit="time"),
        Column("ID", "id"),
    ),
)


def some_text(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("the text is empty", context, parameter)
    return value


comment_option = click.option(
    "--comment", "--reason", "-m", "comment", metavar="TEXT", callback=some_text,
    help="Why, as a comment on it.",
)  # fmt: skip


def with_comment(comment: str | None) -> str:
    """What the summary of a change says of a comment that is left as well."""
    return "with a comment" if comment else ""


def leave_comment(
    farm: Farm,
    how: How,
    kind: Kind,
    names: Sequence[str],
    comment: str | None,
    subject: str = SUBJECT,
) -> None:
    """Say why on each of these objects, if there is anything to say. Fails as `change` does."""
    if comment and names:
        silent = replace(how, quiet=True)
        add_comments(farm, silent, kind, names, comment, subject=subject, verb="comment")


def add_comments(
    farm: Farm,
    how: How,
    kind: Kind,
    names: Sequence[str],
    text: str,
    *,
    subject: str = SUBJECT,
    **more: Any,
) -> list[str]:
    """Leave a comment on each of these objects, as `change` makes changes, with its options."""
    requests: dict[str, Json] = {
        each: {kind.one: each, "newComment": {"subject": subject, "message": text}}
        for each in names
    }
    return change(farm, how, of_kind(kind, "AddComment"), requests, noun=kind.one, **more)


def of_kind(kind: Kind, method: str) -> str:
    return f"{kind.one}.{kind.one.title()}Interface/{method}"
