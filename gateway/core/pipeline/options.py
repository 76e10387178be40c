"""Options: parameters of query strings that begin with `_`, and the Accept header.

They say in what way an answer is wanted. Features read them, each its own.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import islice
from typing import Protocol

from gateway.core.calls.answer_form import AnswerForm
from gateway.core.calls.plan import Planners
from gateway.core.calls.query import (
    NO_QUERY,
    Query,
    body_of,
    check_no_arguments,
    parsed,
    refused,
    unread,
)
from gateway.core.codec.fields import field_called
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.pipeline.context import RequestContext
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean

ACCEPT_READ = 1024
"""Bytes of an Accept header."""
ACCEPTS_CACHED = 256
CACHE_BUSTER = "_"
"""What jQuery and others add to get past caches: `_=1700000000`."""


class OptionReader(Protocol):
    """What a feature reads of a query string and of the Accept header."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its options, which begin with `_`."""

    @property
    def other_ways(self) -> Mapping[str, str]:
        """What to write for options that there are not, by their names in lower case and without
        other underscores. `{value}` is the value.
        """

    def needs(self, accept: bytes) -> bool:
        """Whether this Accept header asks for something without any option, of some method."""

    def read(self, context: RequestContext, method: Method, options: "Options") -> None:
        """Raises GatewayError (INVALID_ARGUMENT) that names the parameter."""


class Options:
    """The options of one request. Each feature reads those that are its own, in their order."""

    form: AnswerForm | None = None
    """The form of the answer, from the first feature that makes one."""
    asked: object | None = None
    """As in `Query`."""
    takes_json = False
    """Whether the answer is JSON, whatever the Accept header says."""

    def __init__(
        self, reader: "QueryReader", query: bytes, accept: bytes | None, *, strict: bool
    ) -> None:
        self._reader = reader
        self._query = query
        self._strict = strict
        self.accept = accept

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters that are left. Raises GatewayError as `parsed` does."""
        return parsed(self._query, strict=self._strict) if self._query else []

    @cached_property
    def given(self) -> dict[str, str]:
        """The values of the options that are left. Raises GatewayError (INVALID_ARGUMENT) for a
        repeated one, and for one that there is not, except `_` with digits.
        """
        return self._reader.options_in(self.parameters)

    @cached_property
    def arguments(self) -> list[tuple[str, str]]:
        """The other parameters."""
        return [each for each in self.parameters if not each[0].startswith("_")]

    @property
    def unread(self) -> tuple[str, ...]:
        """What gets past caches, for `X-Ignored-Fields`."""
        busters = (f"?{name}" for name, value in self.parameters if is_cache_buster(name, value))
        return tuple(islice(busters, 1))

    def take(self, name: str) -> list[str]:
        """The values of an option that only some requests have. Call before `given` is read."""
        values = [value for other, value in self.parameters if other == name]
        self.parameters = [each for each in self.parameters if each[0] != name]
        return values

    def without_underscore(self, method: Method) -> str:
        """The first argument that is the name of an option without its underscore, and no field;
        empty if there is none.
        """
        kind, known = method.descriptor.input_type, self._reader.parameters
        names = (name for name, _ in self.arguments if f"_{name}" in known)
        return next((name for name in names if field_called(kind, name) is None), "")


class QueryReader:
    """Reads query strings with what features know of them. It has no state: requests share it."""

    def __init__(self, readers: Iterable[OptionReader]) -> None:
        """`readers` are in the order in which they read."""
        self._readers = tuple(readers)
        # Messages list the options of the last one first: it is for all methods.
        last_first = self._readers[::-1]
        self.parameters = tuple(name for each in last_first for name in each.parameters)
        self._other_ways = {
            name: way for each in last_first for name, way in each.other_ways.items()
        }
        self.needs = lru_cache(maxsize=ACCEPTS_CACHED)(self._needs)

    def _needs(self, accept: bytes) -> bool:
        return any(each.needs(accept) for each in self._readers)

    def read(
        self,
        context: RequestContext,
        method: Method,
        accept: bytes | None,
        policy: UnknownFieldPolicy,
    ) -> Query:
        """Raises GatewayError (INVALID_ARGUMENT) that names the parameter."""
        verb, query = context.request.method, context.request.query
        if (
            verb == "POST"
            and not query
            and (accept is None or not self.needs(accept[:ACCEPT_READ]))
        ):
            return NO_QUERY
        options = Options(self, query, accept, strict=verb != "POST")
        for each in self._readers:
            each.read(context, method, options)
        _ = options.given  # raises for what no feature knows, even if none has asked
        arguments = options.arguments
        if verb != "POST":
            body = body_of(method.descriptor.input_type, arguments, Planners.of(method).objects)
            return Query(options.form, body, options.unread, options.asked)
        if policy is not UnknownFieldPolicy.NOTHING:
            check_no_arguments(method, arguments)
        ignored = options.unread + unread(arguments, policy)
        return Query(options.form, None, ignored, options.asked)

    def options_in(self, parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
        """As `Options.given`."""
        found: dict[str, str] = {}
        for name, value in parameters:
            if not name.startswith("_"):
                continue
            if name in found:
                raise refused(name[:QUOTED_CHARS], "it is there twice")
            if name in self.parameters:
                found[name] = value
            elif not is_cache_buster(name, value):
                problem = f"there is no such parameter{self._hint(name, value)}"
                raise refused(name[:QUOTED_CHARS], problem)
        return found

    def _hint(self, name: str, value: str) -> str:
        """What to write instead of an option that there is not."""
        way = self._other_ways.get(f"_{name[:QUOTED_CHARS].replace('_', '').lower()}")
        if way is not None:
            return f"; {way.format(value=value[:QUOTED_CHARS])}"
        known = self.parameters
        listed = f"; there are {', '.join(known)}" if known else ""
        return did_you_mean(name, known) or listed


def is_cache_buster(name: str, value: str) -> bool:
    return name == CACHE_BUSTER and value.isascii() and value.isdigit()


def offers(accept: bytes) -> Iterable[tuple[str, float]]:
    """The media types of an Accept header, with their weights."""
    for part in accept[:ACCEPT_READ].decode("latin-1").lower().split(","):
        media, *parameters = (each.strip() for each in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        yield media, weight
