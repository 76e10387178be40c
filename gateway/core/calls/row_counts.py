"""How many rows a request asks for, and how many its answer shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.calls.answer_form import AnswerForm
from gateway.core.calls.plan import Plan
from gateway.core.schema.method import Aspect, FieldPath, set_at, value_at


def as_it_is(form: AnswerForm | None, most: int) -> AnswerForm | None:
    return form


@dataclass(frozen=True, slots=True)
class RowCount(Aspect):
    """An aspect: how many rows an answer shows of a method whose requests cannot say so."""

    limited: Callable[[AnswerForm | None, int], AnswerForm | None] = as_it_is
    """A form with at most so many rows."""


@dataclass(frozen=True, slots=True)
class RowLimit(Aspect):
    """An aspect: the number of rows to ask for, of a method whose requests have it."""

    name: str
    """Name of the field in warnings."""
    path: FieldPath
    """The place of the number in requests."""
    page: FieldPath | None
    """The place of a page's number, from 1, if there are pages."""
    default: int
    """If a request has no number."""
    for_choice: int
    """If it has none, and the form of the answer chooses among the rows."""


class RowsAsked(NamedTuple):
    plan: Plan
    form: AnswerForm | None
    cut_at: int = 0
    """With this many rows, the answer may be incomplete; 0 if that does not matter."""


def ask_for_rows(planned: Plan, form: AnswerForm | None) -> RowsAsked:
    """No form selects from incomplete rows silently.

    Without a limit of the client's, all rows are requested. With the client's limit or the
    profile's, the answer may be cut. A page has the profile's limit of rows.
    """
    method = planned.method
    limit: RowLimit | None = method.aspects.get(RowLimit)
    if planned.most_rows is not None:
        form = RowCount.of(method).limited(form, planned.most_rows)
    if limit is None:
        return RowsAsked(planned, form)
    chooses = form is not None and form.chooses
    if not (chooses or planned.defaulted):
        return RowsAsked(planned, form)
    request = method.parse_request(planned.payload)
    is_whole = limit.page is None or value_at(request, limit.page) <= 1
    if chooses and is_whole and limit.name in planned.defaulted:
        set_at(request, limit.path, limit.for_choice)
        others = tuple(name for name in planned.defaulted if name != limit.name)
        sent = planned._replace(payload=request.SerializeToString(), defaulted=others)
        return RowsAsked(sent, form)
    return RowsAsked(planned, form, max(value_at(request, limit.path), 0))
