"""The views of one method's answers, each compiled once, and which of them a client accepts."""

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache, partial
from time import time
from typing import NamedTuple
from urllib.parse import urlencode

from google.protobuf.descriptor import Descriptor

from gateway.core.calls.answer_form import AnswerForm, Asked, SentRequest
from gateway.core.calls.invoke import Call
from gateway.core.calls.query import refused
from gateway.core.codec.encode import Encoders
from gateway.core.codec.fields import is_message, message_of
from gateway.core.pipeline.event_stream import EVENT_STREAM
from gateway.core.pipeline.options import ACCEPT_READ, offers
from gateway.core.schema.method import Method
from gateway.core.schema.rows import Rows, rows_of
from gateway.features.views import groups
from gateway.features.views.columns import NO_OWNERS, Column, ColumnInputs, Owned, Owners
from gateway.features.views.filter_expressions import Test
from gateway.features.views.paths import OtherNames, columns_in, find_path
from gateway.features.views.render import Show, compile_view
from gateway.features.views.row_conditions import Reading
from gateway.features.views.row_owners import owners_of
from gateway.features.views.units import NO_UNITS, NOW, Unit, Units, unit_of, units_in
from gateway.features.views.view import (
    Format,
    View,
    condition_of,
    make_view,
    only_object,
    rows_of_page,
)

VIEWS_CACHED = 8
LONGEST_CACHED = 256
"""Characters of a cached view's parameters, which bounds it to some 60 KB."""
MEDIA_TYPES: dict[Format, bytes] = {
    "json": b"application/json",
    "ndjson": b"application/x-ndjson",
    "csv": b"text/csv; charset=utf-8",
}
ACCEPTED: dict[str, Format] = {
    "*/*": "json",
    "application/*": "json",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "text/csv": "csv",
    EVENT_STREAM: "json",
}


class CompiledView(NamedTuple):
    """An `AnswerForm` (`core/pipeline/answer_form.py`)."""

    encode: Show
    content_type: tuple[bytes, bytes]
    key: str
    """Its identity among the views of the same method."""
    follows_order: bool
    """Whether the order of rows decides which of them are shown."""
    chooses: bool
    """Whether it chooses among the rows, so that Cuebot must send all of them."""
    view: View
    asked: Asked
    renewed: "Callable[[Owners], CompiledView] | None" = None
    """The same view of the present moment and for these owners of rows, if it depends on them."""
    owned: Owned | None = None
    """How the owners of rows are looked up, if it shows what they have."""
    owners: Owners = NO_OWNERS

    @property
    def is_message(self) -> bool:
        return False

    @property
    def is_timed(self) -> bool:
        return self.renewed is not None

    @property
    def second_call(self) -> Owned | None:
        return self.owned

    async def completed(
        self, sent: SentRequest, look_up: Method, answer: bytes, call: Call
    ) -> "CompiledView":
        assert self.owned is not None, "nothing else needs a second call"
        return self.of_now(await owners_of(self.owned, look_up, sent, answer, call))

    def of_now(self, owners: Owners = NO_OWNERS) -> "CompiledView":
        """The same view of the present moment and for these owners of rows."""
        if self.renewed is None:
            return self if owners is self.owners else self._replace(owners=owners)
        return self.renewed(owners)._replace(owned=self.owned)


class Goal(NamedTuple):
    """What the rows of an answer are to be, or its only object."""

    fits: Test
    object: str
    """The name of the field with the only object; empty for rows."""
    renewed: "Callable[[Owners], Goal] | None"
    """The same goal of the present moment and for these owners of rows, if it depends on them."""
    owned: Owned | None = None


class AnswerViews:
    """Of answers with these units, in which `names` may be used for fields."""

    def __init__(
        self,
        answer: Descriptor,
        encoders: Encoders,
        units: Units = NO_UNITS,
        names: OtherNames | None = None,
    ) -> None:
        self._answer = answer
        self._encoders = encoders
        self.units = units
        self._names = encoders.aliases if names is None else names
        self._compiled = lru_cache(maxsize=VIEWS_CACHED)(self._compile)

    @staticmethod
    def of(method: Method) -> "AnswerViews":
        found: AnswerViews = method.aspects[AnswerViews]
        return found

    @cached_property
    def rows(self) -> Rows | None:
        return rows_of(self._answer)

    @cached_property
    def row_units(self) -> Mapping[str, Unit]:
        """By path in a row; without rows, in the answer or in its only object."""
        units = dict(units_in(self.row, self.units))
        for name, column in self.columns.items():
            if (unit := unit_of(column.leaf, self.units)) is not None:
                units[name] = unit
        return units

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """By name, those of a row; without rows, of the answer or of its only object."""
        return columns_in(self._names.get(self.row.full_name, {}))

    @property
    def row(self) -> Descriptor:
        """What has rows' fields; without rows, the answer or its only object."""
        fields = self._answer.fields
        if self.rows is not None:
            return self.rows.descriptor
        return message_of(fields[0]) if len(fields) == 1 and is_message(fields[0]) else self._answer

    def compiled(self, asked: Asked, accept: bytes | None = None) -> CompiledView | None:
        """The view for these parameters and this Accept header; None for the whole JSON.

        Raises GatewayError (INVALID_ARGUMENT). Where an answer has no rows, an Accept header for
        another format is ignored, while `_format` is an error.
        """
        default: Format = "json"
        if accept is not None and self.rows is not None:
            default = ACCEPTED[preferred(accept[:ACCEPT_READ])]
        if not asked and default == "json":
            return None
        return self._view(asked, default)

    def of_events(self, asked: Asked) -> CompiledView:
        """The view of an event stream. Raises GatewayError (INVALID_ARGUMENT)."""
        view = self._view(asked, "json")
        if view.view.format != "json":
            raise refused("_format", f"an event stream is JSON, not {view.view.format}")
        return view

    def _view(self, asked: Asked, default: Format) -> CompiledView:
        if not is_cached(asked):
            return self._compile(asked, default)
        view = self._compiled(asked, default)
        return view if view.renewed is None else view.renewed(NO_OWNERS)

    def goal(self, text: str, view: CompiledView, owners: Owners = NO_OWNERS) -> "Goal":
        """What the rows of a view are to be (`_until`). Raises GatewayError (INVALID_ARGUMENT)."""
        whole = view.view
        inner = None if whole.rows is not None else only_object(self._answer)
        if whole.groups is not None:
            raise refused("_until", "it is about rows, and groups are no rows; leave _group out")
        if whole.rows is None and inner is None:
            raise refused("_until", f"{self._answer.full_name} is neither one list nor one object")
        descriptor = message_of(inner) if inner is not None else self._answer
        if whole.rows is not None:
            descriptor = whole.rows.descriptor
        inputs = ColumnInputs(int(time()), owners)
        find = partial(find_path, descriptor, aliases=self._names, inputs=inputs)
        reading = Reading(find, self.units, inputs.now)
        fits = condition_of("_until", text, reading)
        changes = reading.uses_now or inputs.uses_now or inputs.owned is not None
        again = partial(self.goal, text, view) if changes else None
        return Goal(fits, "" if inner is None else inner.name, again, inputs.owned)

    def limited(self, form: AnswerForm | None, most: int) -> CompiledView:
        """A view of at most `most` rows. Groups of some rows would mean nothing."""
        view = form if isinstance(form, CompiledView) else None
        parameters = {} if view is None else dict(view.asked)
        for name in groups.PARAMETERS:
            if name in parameters:
                raise refused(
                    name, "it is about all rows; leave out the number of rows in the request"
                )
        limit = rows_of_page("_limit", parameters)
        parameters["_limit"] = str(most if limit is None else min(limit, most))
        asked = tuple(parameters.items())
        if view is None:
            return self._view(asked, "json")
        return self._view(asked, view.view.format)._replace(owned=view.owned)

    def _compile(self, asked: Asked, default: Format, owners: Owners = NO_OWNERS) -> CompiledView:
        inputs = ColumnInputs(int(time()), owners)
        find = partial(find_path, aliases=self._names, inputs=inputs)
        view = make_view(self._answer, dict(asked), default, find, self.units, inputs.now)
        changes = view.depends_on_time or inputs.uses_now or inputs.owned is not None
        return CompiledView(
            compile_view(view, self._encoders),
            (b"content-type", MEDIA_TYPES[view.format]),
            urlencode(sorted(dict(asked, _format=view.format).items())),
            view.follows_order,
            view.needs_all_rows,
            view,
            asked,
            partial(self._compile, asked, default) if changes else None,
            inputs.owned,
            owners,
        )


def is_cached(asked: Asked) -> bool:
    """Patterns are not: their memory grows with the texts they see. `now` would be long ago."""
    if any(NOW in value for name, value in asked if name == "_where"):
        return False
    return sum(len(value) for _, value in asked) <= LONGEST_CACHED and all(
        "~" not in value for _, value in asked
    )


@lru_cache(maxsize=256)
def preferred(accept: bytes) -> str:
    """The media type that an Accept header prefers (RFC 9110, section 12.5.1); JSON in doubt."""
    best: tuple[float, bool] = (0.0, True)
    found = "application/json"
    for media, weight in offers(accept):
        rank = weight, "*" not in media  # a named type wins over a wildcard
        if media in ACCEPTED and rank > best:
            best, found = rank, media
    return found
