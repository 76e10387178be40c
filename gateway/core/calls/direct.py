"""What features offer to calls straight to Cuebot, which no pipeline serves (`call --direct`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from gateway.core.calls.answer_form import AnswerForm, Asked
from gateway.core.calls.plan import Plan
from gateway.core.schema.method import Method


class Waited(Protocol):
    """What the rows of a method's answers are to be, or their only object."""

    def plan(self, planned: Plan) -> Plan:
        """The plan of a request whose answer still has those rows when they fit."""

    def form(self, form: AnswerForm | None) -> AnswerForm:
        """The form with all rows in it, not the first so many."""

    async def has_come(self, answer: bytes, form: AnswerForm | None) -> bool:
        """Whether Cuebot's answer, which is shown in this form, has what is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectCalls:
    """Functions, or None for what there is not."""

    form: Callable[[Method, Asked], AnswerForm | None] | None = None
    """The form with these parameters; None for the whole JSON. Raises GatewayError
    (INVALID_ARGUMENT).
    """
    units: Callable[[Method], Mapping[str, str]] | None = None
    """The units of numbers in answers, by path in a row."""
    columns: Callable[[Method], Mapping[str, Mapping[str, str]]] | None = None
    """What columns of answers are, by name: those of the method by its path, and those of its rows
    by the full name of their type.
    """
    preview: Callable[[Plan], Iterable[bytes]] | None = None
    """JSON in pieces about the calls that a plan would make."""
    waited: Callable[[Method, Asked, str], Waited] | None = None
    """What `_until` means with these parameters. Raises GatewayError (INVALID_ARGUMENT)."""


def together(parts: Iterable[DirectCalls]) -> DirectCalls:
    """Each function from the first one that has it."""
    every = tuple(parts)
    names = [each.name for each in fields(DirectCalls)]
    found = {
        name: next(filter(None, (getattr(each, name) for each in every)), None) for name in names
    }
    return DirectCalls(**found)
