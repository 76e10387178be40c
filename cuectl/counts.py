"""What a change is about, counted before it is made."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from cuectl.errors import CallError
from cuectl.many import Request, outcomes
from cuectl.requests import parameter, sent_by
from cuectl.session import Session, Verb
from cuectl.terminal.text import counted

NAMES_LISTED = 5
WITHHELD = ("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")
"""Codes of reads that a token, or a gateway, does not have."""


def counts_of(
    session: Session,
    verb: Verb,
    requests: Sequence[Request],
    timeout: float | None,
    written: Container[str],
) -> dict[str, int]:
    """How much each of the requests would change, by name, as far as that can be known.

    Raises CallError if the only one cannot be read, and if one is not there whose name was written:
    the name may have been meant for something else.
    """
    method = verb.get("counts", {}).get("method")
    if method is None:
        return {}
    found = session.run(
        lambda client: outcomes(client, method, requests, timeout, {"_count": "true"}), timeout
    )
    numbers = {
        name: int(each.answer["count"])
        for name, each in found.items()
        if not isinstance(each, CallError)
    }
    for name, each in found.items():
        if not isinstance(each, CallError):
            continue
        if len(found) == 1 and each.code not in WITHHELD:
            raise each
        if numbers and each.code == "NOT_FOUND" and name in written:
            raise CallError(each.code, f"nothing was done: {name}: {each.message}")
    return numbers


def listed(names: Sequence[str | None]) -> str:
    """`a, b and 7 more`."""
    more = f" and {len(names) - NAMES_LISTED} more" if len(names) > NAMES_LISTED else ""
    return ", ".join(str(each) for each in names[:NAMES_LISTED]) + more


def described(
    verb: Verb, given: Mapping[str, Any], names: Sequence[str | None], number: int | None
) -> str:
    """`3 DEAD frames of a, b, layer comp`: what the options and names choose."""
    places = [f"of {listed(names)}"]
    for name, about, value in sent_by(verb, given):
        if "values" not in about and "value" not in about:
            places.append(f"{name} {', '.join([value] if isinstance(value, str) else value)}")
    return f"{amount_of(verb, given, number)} {', '.join(places)}"


def amount_of(verb: Verb, given: Mapping[str, Any], number: int | None) -> str:
    """`3 DEAD frames`, or `DEAD frames` if it is not known how many."""
    noun = str(verb["counts"]["noun"])
    amount = f"{noun}s" if number is None else counted(number, noun)
    before, _, last = amount.rpartition(" ")
    kinds = [
        " or ".join([value] if isinstance(value, str) else value)
        for _, about, value in sent_by(verb, given)
        if "values" in about
    ]
    return " ".join(filter(None, (before, *kinds, last)))


def names_something(verb: Verb, given: Mapping[str, Any]) -> bool:
    """Whether an option says what has to be there, such as a layer, and not only of which kind."""
    options = verb.get("options", {}).items()
    return any(
        given.get(parameter(name)) and "put" in about and "value" not in about
        for name, about in options
        if not about.get("values")
    )
