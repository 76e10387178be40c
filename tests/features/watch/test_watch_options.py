"""Query strings and Accept headers that ask for an event stream, or cannot have one."""

import pytest

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.watch.options import seconds_in
from tests.support.queries import read_query

CATALOG = build_catalog(read_package(OPENCUE_PACKAGE), Selection(), load_profile("opencue"))
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 2), ("2", 2), ("2s", 2), ("1.5", 1.5), ("2m", 120), ("60m", 3600)]
)
def test_a_period(text: str | None, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.5", "61m", "3601", "2h", "-2", "2 s"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(GatewayError, match=r"^_every: expected 1s to 60m"):
        seconds_in(text)


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        (b"*/*", True),
        (b"text/*;q=0.5", True),
        (b"text/html, */*;q=0.8", True),
        (b"application/*;q=0.1, */*", True),
        (b"text/csv;q=0, */*", True),
        (b"text/event-stream;q=0.5, */*", True),
        (b"application/json, text/plain, */*", False),
        (b"application/json, */*;q=0.1", False),
        (b"application/x-ndjson, */*", False),
        (b"text/csv;q=0.1, */*", False),
        (b"application/x-protobuf, */*", False),
        (b"application/*, */*;q=0.1", False),
        (b"text/event-stream;q=0, */*", False),
        (b"*/*;q=0", False),
        (b"text/html", False),
    ],
)
def test_until_asks_for_a_stream_where_any_form_will_do(accept: bytes, streams: bool) -> None:
    """Libraries for JSON name it, and any form after that."""

    def watch() -> object:
        policy = UnknownFieldPolicy.ARGUMENTS
        return read_query(GET_JOBS, "GET", b"_until=state=FINISHED", accept, policy).asked

    if streams:
        assert watch() is not None
    else:
        with pytest.raises(GatewayError, match=r"^_until: it is for event streams; send Accept"):
            watch()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/job.JobInterface/Pause", "it may change something, and an event stream only reads"),
        ("/job.JobInterface/GetUpdatedFrames", "watch GetFrames"),
    ],
)
@pytest.mark.parametrize("accept", [None, b"*/*", b"application/json"])
def test_no_stream_is_recommended_where_there_is_none(
    path: str, says: str, accept: bytes | None
) -> None:
    method, policy = CATALOG.routes[path], UnknownFieldPolicy.ARGUMENTS
    with pytest.raises(GatewayError, match=r"^_until: ") as refused:
        read_query(method, "POST", b"_until=state=FINISHED", accept, policy)
    assert says in refused.value.message
    assert "Accept" not in refused.value.message
