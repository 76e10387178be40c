"""Requests leave nothing that only the garbage collector frees: it comes late, and a client could
fill the memory until then.
"""

import asyncio
from typing import Any

import grpc
import pytest

from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import ClientGone, RequestContext
from gateway.core.upstream.interface import CallFailed
from tests.support.garbage import collected
from tests.support.needs import needs
from tests.support.patience import until
from tests.support.rights import ALL, ALL_SEE_ONLY, ONLY, SEE, signed
from tests.support.servers import ON_EACH_TRANSPORT, Gateway, ScriptedCuebot, free_port, gateway_for

pytestmark = [
    pytest.mark.anyio,
    *ON_EACH_TRANSPORT,
    needs("connect", "tokens"),
    pytest.mark.gateway(access=ALL_SEE_ONLY, access_default="deny"),
]

GET_JOB, FIND_JOB, PAUSE = (f"/job.JobInterface/{name}" for name in ("GetJob", "FindJob", "Pause"))
GET_JOBS, GET_HOSTS = "/job.JobInterface/GetJobs", "/host.HostInterface/GetHosts"
LAUNCH, EVENTS = "/job.JobInterface/LaunchSpec", {"Accept": "text/event-stream"}
DRY_RUN = {"X-Dry-Run": "1"}
KEY = {"Idempotency-Key": "k"}
JOB = {"job": {"id": "00000000-0000-0000-0000-000000000001"}}
NAMED = {"job": "nobodys"}
DENIED = {"Authorization": "Bearer x"}
GRPC_WEB = {"Content-Type": "application/grpc-web+proto"}


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """Finds nothing, and fails in other ways."""
    for path in cuebot.handlers:
        cuebot.fails(path, grpc.StatusCode.NOT_FOUND, "Incorrect result size: expected 1, actual 0")
    cuebot.answers(GET_JOBS, b"")
    cuebot.fails(GET_HOSTS, grpc.StatusCode.INTERNAL, "no")
    cuebot.fails("/show.ShowInterface/GetShows", grpc.StatusCode.UNIMPLEMENTED, "no")
    return cuebot


REQUESTS: dict[str, tuple[str, object, dict[str, str], int]] = {
    "a name that a look-up does not find": (PAUSE, NAMED, ALL, 404),
    "a name in the place of an id": (GET_JOB, {"id": "nobodys"}, ALL, 404),
    "an id": (GET_JOB, {"id": JOB["job"]["id"]}, ALL, 404),
    "a name": (FIND_JOB, {"name": "nobodys"}, ALL, 404),
    "a name, in a dry run": (PAUSE, NAMED, ALL | DRY_RUN, 404),
    "a failed call": (GET_HOSTS, {}, ALL, 500),
    "an unserved method": ("/show.ShowInterface/GetShows", {}, ALL, 501),
    "an unknown method": ("/job.JobInterface/GetJbos", {}, ALL, 404),
    "no token": (GET_JOBS, {}, {}, 401),
    "no valid token": (GET_JOBS, {}, DENIED, 401),
    "no rights": (GET_JOBS, {}, signed("lena", role="none"), 403),
    "an unknown field": (PAUSE, JOB | {"nonsense": 1}, ALL, 400),
    "an unknown path": (PAUSE, {"job.nonsense": 1}, ALL, 400),
    "a value of another type": (PAUSE, {"job": 7}, ALL, 400),
    "no JSON": (PAUSE, b"{", ALL, 400),
    "an unknown field of a view": (f"{GET_JOBS}?_fields=nonsense", {}, ALL, 400),
    "an unknown field of an object": (f"{GET_JOB}?_fields=nonsense", {}, ALL, 400),
    "an unknown field of a condition": (f"{GET_JOBS}?_where=nonsense=1", {}, ALL, 400),
    "a condition that is none": (f"{GET_JOBS}?_where=name=", {}, ALL, 400),
    "a change of what may not be seen": (PAUSE, JOB, SEE, 404),
    "what may not be seen": (GET_JOB, {"id": "nobodys"}, SEE, 404),
    "a list that the rule cannot judge": (GET_HOSTS, {}, SEE, 403),
    "a change of what is not there": (PAUSE, JOB, ONLY, 404),
    "a change of a name that is not there": (PAUSE, NAMED, ONLY, 404),
    "a spec without a user": (LAUNCH, {"spec": "<spec/>"}, ONLY, 403),
    "a deep spec": (LAUNCH, {"spec": "<a>" * 1000}, ONLY, 400),
    "a deep spec, in a dry run": (LAUNCH, {"spec": "<a>" * 1000}, SEE | DRY_RUN, 400),
    "a key": (PAUSE, JOB, ALL | KEY, 404),
    "a key, for a name": (PAUSE, NAMED, ALL | {"Idempotency-Key": "n"}, 404),
    "a stream": (GET_HOSTS, {}, ALL | EVENTS, 500),
    "a stream of what is not there": (GET_JOB, {"id": "nobodys"}, ALL | EVENTS, 404),
    "Connect": (GET_JOB, {"id": "x"}, ALL | {"Connect-Protocol-Version": "1"}, 404),
    "gRPC-Web": (GET_JOB, b"\0\0\0\0\0", ALL | GRPC_WEB, 200),
    "a batch": ("/batch", [{"method": PAUSE, "request": NAMED}, {"method": "/x"}], ALL, 200),
    "a batch of streams": ("/batch", [{"method": GET_HOSTS}], ALL | EVENTS, 200),
    "a large body": (PAUSE, {"job": {"id": "x" * 300_000}, "nonsense": 1}, ALL, 400),
}


NEEDED = {
    "a name that a look-up does not find": needs("names"),
    "an unknown path": needs("names"),  # or it is sent, and Cuebot refuses it
    "no rights": needs("access"),
    "an unknown field of a view": needs("views"),
    "an unknown field of an object": needs("views"),
    "an unknown field of a condition": needs("views"),
    "a condition that is none": needs("views"),
    "a change of what may not be seen": needs("object_rights"),
    "what may not be seen": needs("object_rights"),
    "a list that the rule cannot judge": needs("object_rights"),
    "a change of what is not there": needs("object_rights"),
    "a change of a name that is not there": needs("object_rights"),
    "a spec without a user": needs("object_rights"),
    "a deep spec": needs("object_rights"),
    "a name, in a dry run": needs("dry_run", "names"),
    "a deep spec, in a dry run": needs("dry_run", "object_rights"),
    "a key": needs("at_most_once"),
    "a key, for a name": needs("at_most_once", "names"),
    "a stream": needs("watch"),
    "a stream of what is not there": needs("watch"),
    "Connect": needs("connect"),
    "gRPC-Web": needs("connect"),
    "a batch": needs("batch"),
    "a batch of streams": needs("batch", "watch"),
}
CASES = [
    pytest.param(*each, id=name, marks=NEEDED.get(name, ())) for name, each in REQUESTS.items()
]


@pytest.mark.parametrize(("path", "body", "headers", "status"), CASES)
async def test_an_error_is_gone_when_it_is_answered(
    gateway: Gateway, path: str, body: object, headers: dict[str, str], status: int
) -> None:
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    gateway.client.headers.pop("Authorization", None)

    async def ask() -> None:
        answer = await gateway.client.post(gateway.url + path, headers=headers, **sent)
        assert answer.status_code == status, answer.text

    await ask()
    with collected(GatewayError, CallFailed, RequestContext) as left:
        await ask()
        await asyncio.sleep(0)
    assert not left


async def test_nor_is_an_error_that_several_share(gateway: Gateway) -> None:
    async def ask() -> int:
        return (await gateway.post(GET_HOSTS, headers=ALL)).status_code

    await ask()
    with collected(GatewayError, CallFailed, RequestContext) as left:
        assert await asyncio.gather(*[ask() for _ in range(5)]) == [500] * 5
        await asyncio.sleep(0)
    assert not left


async def test_nor_is_a_request_that_its_client_has_left(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    lines = gateway.access_lines()
    with collected(GatewayError, CallFailed, ClientGone, RequestContext) as left:
        called, cancelled = cuebot.hangs(GET_HOSTS)
        asking = asyncio.ensure_future(gateway.post(GET_HOSTS, headers=ALL))
        await called.wait()
        asking.cancel()
        await cancelled.wait()
        await until(lambda: len(lines) == 1)
        await asyncio.sleep(0)
        del asking
    assert not left


async def test_nor_is_a_call_that_takes_too_long(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.hangs(GET_HOSTS)
    late = ALL | {"Grpc-Timeout": "10m"}
    with collected(GatewayError, CallFailed, RequestContext) as left:
        assert (await gateway.post(GET_HOSTS, headers=late)).status_code == 504
        await asyncio.sleep(0)
    assert not left


async def test_nor_is_a_call_to_a_cuebot_that_is_away() -> None:
    async with gateway_for(f"127.0.0.1:{free_port()}", ready=False) as gateway:
        with collected(GatewayError, CallFailed, RequestContext) as left:
            assert (await gateway.post(GET_HOSTS)).status_code == 503
            await asyncio.sleep(0)
        assert not left
