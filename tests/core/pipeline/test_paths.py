"""Paths of fields are bounded wherever a client writes one, before anything is made of them."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode

import orjson
import pytest

from gateway.core.calls.plan import plan
from gateway.core.calls.query import form_as_json
from gateway.core.codec.fields import MOST_PARTS
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from tests.support.needs import needs
from tests.support.opencue import catalog
from tests.support.queries import read_query

METHOD = catalog().routes["/job.JobInterface/GetJobs"]
EVENTS = b"text/event-stream"


def path_of(parts: int, part: str = "a") -> str:
    """A path of so many parts."""
    return ".".join(["r", *[part] * (parts - 1)])


def body(path: str) -> None:
    plan(METHOD, orjson.dumps({path: 1}), UnknownFieldPolicy.ARGUMENTS)


def ignoring(path: str) -> None:
    plan(METHOD, orjson.dumps({path: 1}), UnknownFieldPolicy.NOTHING)


def form(path: str) -> None:
    form_as_json(METHOD, f"{path}=1".encode())


def query(*parameters: tuple[str, str], accept: bytes | None = None) -> None:
    asked = urlencode(parameters).encode()
    read_query(METHOD, "GET", asked, accept, UnknownFieldPolicy.EVERYTHING)


WHERE: dict[str, Callable[[str], None]] = {
    "JSON": body,
    "JSON, ignoring what is unknown": ignoring,
    "a form": form,
    "a query string": lambda path: query((path, "1")),
    "_fields": lambda path: query(("_fields", f"name,{path}")),
    "_where": lambda path: query(("_where", f"{path}=1")),
    "_sort": lambda path: query(("_sort", f"-{path}")),
    "_group": lambda path: query(("_group", path)),
    "_sum": lambda path: query(("_group", "name"), ("_sum", path)),
    "_until": lambda path: query(("_until", f"{path}=1"), accept=EVENTS),
}
NEEDED = {"_until": needs("watch")} | {
    name: needs("views") for name in ("_fields", "_where", "_sort", "_group", "_sum")
}
PLACES = [pytest.param(ask, id=name, marks=NEEDED.get(name, ())) for name, ask in WHERE.items()]


def refusal(ask: Callable[[str], None], path: str) -> str:
    with pytest.raises(GatewayError) as refused:
        ask(path)
    assert refused.value.code is Code.INVALID_ARGUMENT
    return refused.value.message


@pytest.mark.parametrize("ask", PLACES)
def test_a_path_of_too_many_parts_is_refused(ask: Callable[[str], None]) -> None:
    message = refusal(ask, path_of(MOST_PARTS + 1))
    assert f"more than {MOST_PARTS} parts" in message
    assert "r.a.a" in message


@pytest.mark.parametrize("ask", PLACES)
def test_a_path_at_the_bound_is_read(ask: Callable[[str], None]) -> None:
    """It fails as there is no such field, if at all."""
    try:
        ask(path_of(MOST_PARTS))
    except GatewayError as error:
        assert "parts" not in error.message  # noqa: PT017 - it may be read, too


@pytest.mark.parametrize("part", ["", "ab"])
@pytest.mark.parametrize("ask", PLACES)
def test_a_long_path_takes_no_memory_for_its_parts(ask: Callable[[str], None], part: str) -> None:
    """No more than a name of one part that is as long."""
    path = path_of(100_000, part)
    assert peak_of(ask, path) < 2 * peak_of(ask, path.replace(".", "-"))
    assert len(refusal(ask, path)) < 300


def peak_of(ask: Callable[[str], None], path: str) -> int:
    """The bytes that it took at most."""
    tracemalloc.start()
    try:
        with suppress(GatewayError):
            ask(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
