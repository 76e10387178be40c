"""What a query string and an Accept header say of an event stream."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from gateway.core.calls.answer_form import Asked
from gateway.core.calls.query import refused
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.event_stream import EVENT_STREAM
from gateway.core.pipeline.options import ACCEPT_READ, Options, offers
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.views.compiled_view import (
    ACCEPTED,
    AnswerViews,
    CompiledView,
    Goal,
    preferred,
)
from gateway.features.watch.aspect import Watching

USUAL_PERIOD_SECONDS = 2.0
LEAST_PERIOD_SECONDS = 1.0
LONGEST_PERIOD_SECONDS = 3600.0
PERIOD = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)([sm]?)", re.ASCII)
PARAMETERS = ("_every", "_until")
EVENT_WILDCARDS = ("text/*", "*/*")
ANYTHING = b"*/*"
"""What a request without an Accept header accepts (RFC 9110, section 12.5.1)."""
OTHER_FORMS = {each for each in ACCEPTED if "*" not in each and each != EVENT_STREAM} | {
    "application/proto",
    "application/protobuf",
    "application/x-protobuf",
}
"""Media types of answers that are no event streams."""


class WatchOptions(NamedTuple):
    """How a read is watched: the `asked` of its request."""

    every: float
    """Seconds between two looks."""
    until: str = ""
    goal: Goal | None = None
    """What `until` means."""


def options_of(request: CallRequest) -> WatchOptions:
    found = request.asked
    assert isinstance(found, WatchOptions), "nothing else is watched"
    return found


class WatchOptionReader:
    parameters = PARAMETERS
    other_ways: Mapping[str, str] = dict.fromkeys(
        ("_watch", "_follow", "_stream"), f"to watch, send Accept: {EVENT_STREAM}"
    )

    def needs(self, accept: bytes) -> bool:
        return wants_events(accept)

    def read(self, context: RequestContext, method: Method, options: Options) -> None:
        accept = options.accept
        streams = accept is not None and wants_stream(method, accept, takes_json=options.takes_json)
        own = {name: options.given.pop(name) for name in PARAMETERS if name in options.given}
        if own and not streams:  # it says what is wanted: curl sends */*, http.client nothing
            streams = not why_not_watched(method) and takes_events(accept or ANYTHING)
        if streams:
            options.form, options.asked = watched(method, tuple(options.given.items()), own)
            return
        for name in own:
            problem = why_not_watched(method)
            raise refused(name, problem or f"it is for event streams; send Accept: {EVENT_STREAM}")


def wants_stream(method: Method, accept: bytes, *, takes_json: bool) -> bool:
    """Whether an event stream is wanted. Raises GatewayError (INVALID_ARGUMENT) if there is none,
    and nothing else is accepted.
    """
    if not wants_events(accept):
        return False
    problem = why_not_watched(method)
    if problem and not takes_json and wants_only_events(accept):
        raise GatewayError(Code.INVALID_ARGUMENT, f"{method.path}: {problem}", status=406)
    return not problem


def why_not_watched(method: Method) -> str:
    """Why there is no event stream of a method; empty if there is one."""
    if not method.reads_only:
        return "it may change something, and an event stream only reads"
    return Watching.of(method).never


def watched(
    method: Method, asked: Asked, own: Mapping[str, str]
) -> tuple[CompiledView, WatchOptions]:
    """The view of an event stream with these parameters. Raises GatewayError (INVALID_ARGUMENT)."""
    view, every = AnswerViews.of(method).of_events(asked), seconds_in(own.get("_every"))
    if "_until" not in own:
        return view, WatchOptions(every)
    until = own["_until"]
    goal = AnswerViews.of(method).goal(until, view)
    return for_goal(view, goal), WatchOptions(every, until, goal)


def for_goal(view: CompiledView, goal: Goal) -> CompiledView:
    """The view of rows that are to fit the goal: all of them, not the first so many."""
    return view._replace(chooses=True, owned=goal.owned if view.owned is None else view.owned)


def seconds_in(text: str | None) -> float:
    """The seconds of `_every`: `2`, `2s`, `1m`. Raises GatewayError (INVALID_ARGUMENT)."""
    if text is None:
        return USUAL_PERIOD_SECONDS
    found = PERIOD.fullmatch(text)
    seconds = float(found[1]) * (60 if found[2] == "m" else 1) if found else 0.0
    if not LEAST_PERIOD_SECONDS <= seconds <= LONGEST_PERIOD_SECONDS:
        raise refused("_every", f"expected 1s to 60m, such as 2s, got {text[:QUOTED_CHARS]!r}")
    return seconds


# --- Accept ----------------------------------------------------------------------------------


def wants_events(accept: bytes) -> bool:
    return preferred(accept[:ACCEPT_READ]) == EVENT_STREAM


def takes_events(accept: bytes) -> bool:
    """Whether an Accept header takes an event stream by a wildcard, and names no other form: any
    form will do.
    """
    weights = dict(offers(accept))
    if weights.get(EVENT_STREAM) == 0 or any(weights.get(each) for each in OTHER_FORMS):
        return False
    best = max(weights.get(each, 0.0) for each in EVENT_WILDCARDS)
    return best > weights.get("application/*", 0.0)


def wants_only_events(accept: bytes) -> bool:
    """Whether an Accept header takes nothing else that there is."""
    taken = {media for media, weight in offers(accept) if weight and media in ACCEPTED}
    return taken == {EVENT_STREAM}
