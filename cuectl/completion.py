"""What shells are offered, from the caches alone: nobody waits for a gateway while typing."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from cuectl.session import Session
from gateway_client.errors import WrongSetting

if TYPE_CHECKING:
    from gateway_client.openapi_document import Document, Operation

SAFE = re.compile(r"[\w.@:+/=,-]+")
"""What no shell takes for more than a word; `=` and `,` stand in arguments of `call`."""
STALE_SECONDS = 30.0
"""Names that are older are asked for in the background, for the next time."""


def fitting(values: Iterable[str] | Mapping[str, str], begun: str) -> list[CompletionItem]:
    """The values (perhaps with what they are) that begin like this, in any case, but none that a
    shell might run: other people choose names.
    """
    about = values if isinstance(values, Mapping) else dict.fromkeys(values, "")
    return [
        CompletionItem(each, help=text or None)
        for each, text in about.items()
        if each.lower().startswith(begun.lower()) and SAFE.fullmatch(each)
    ]


def contexts_like(begun: str) -> list[CompletionItem]:
    from cuectl.contexts import load_contexts

    try:
        return fitting(load_contexts().known, begun)
    except WrongSetting:
        return []


def names_for(session: Session, kind: str) -> list[str]:
    """The names of jobs, shows and so on that are known."""
    try:
        cache = session.cache
    except WrongSetting:
        return []
    if cache.age(kind) > STALE_SECONDS:
        ask_in_background(session, kind)
    return cache.read(kind).decode(errors="replace").splitlines()


def complete(kind: str) -> "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]":
    """The completion of an argument or option that takes names of a kind (`cuectl.names.LISTS`)."""

    def offered(
        context: click.Context, parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        return fitting(names_for(context.ensure_object(Session), kind), begun)

    return offered


def ask_in_background(session: Session, kind: str) -> None:
    session.cache.keep(kind, session.cache.read(kind))  # one asks, not all
    subprocess.Popen(  # noqa: S603 - it is this program
        [sys.executable, "-m", "cuectl.names", *session.as_options(), kind],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def methods_like(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Methods by their short names, or by their own where only one has it."""
    from cuectl.methods import cached_document, names_in, short_name

    document = cached_document(context.ensure_object(Session))
    if document is None:
        return []
    if "/" in begun:
        return fitting({short_name(each.path): each.summary for each in document.methods}, begun)
    interfaces = {short_name(each.path).partition("/")[0] + "/" for each in document.methods}
    alone = [name for name in names_in(document) if "/" not in name]
    return fitting(sorted(interfaces) + (sorted(alone) if begun else []), begun)


def fields_like(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Fields of a method's request, with what follows them."""
    from cuectl.methods import fields_in

    session = context.ensure_object(Session)
    document, operation = described(session, str(context.params.get("name", "")))
    if document is None or operation is None:
        return []
    path, equals, _ = begun.partition("=")
    rows = {row[0]: row[1:] for row in fields_in(document, operation.request)}
    if equals:
        kind, _ = rows.get(path, ("", ""))
        values = kind.rstrip(".").split("|") if "|" in kind else names_of_field(session, path)
        return fitting((f"{path}={each}" for each in values), begun)
    fields = rows.items()
    return fitting(
        {f"{each}{'=' * (kind != 'object')}": about for each, (kind, about) in fields}, begun
    )


def names_of_field(session: Session, path: str) -> list[str]:
    """The names that a field may have, by its own name: `job`, `r.shows`."""
    from cuectl.names import LISTS

    for part in reversed(path.split(".")):
        kind = part if part.endswith("s") else f"{part}s"
        if kind in LISTS:
            return names_for(session, kind)
    return []


def answer_fields_like(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Fields of the rows of a method's answer, for `--fields a,b`."""
    # An option without its value is where click stops reading.
    *_, after = os.environ.get("COMP_WORDS", "").partition(" call ")
    session = context.find_root().ensure_object(Session)
    document, operation = described(session, after.strip().partition(" ")[0])
    if document is None or operation is None:
        return []
    before, comma, last = begun.rpartition(",")
    return fitting(
        (f"{before}{comma}{path}" for path in document.paths(operation)),
        f"{before}{comma}{last}",
    )


def described(session: Session, name: str) -> "tuple[Document | None, Operation | None]":
    from cuectl.methods import cached_document, operation_named
    from gateway_client.errors import InvalidCall

    document = cached_document(session)
    if document is None or not name:
        return None, None
    try:
        return document, operation_named(name, document)
    except InvalidCall:
        return document, None
