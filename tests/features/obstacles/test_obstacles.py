"""Why a change is refused as things are: what of the object is in its way."""

import grpc
import pytest

from tests.support.needs import needs
from tests.support.owned_farm import answer
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot

ACCESS = [
    rule("all", {"role": "all"}, "*/*"),
    rule(
        "lockers", {"role": "locker"}, "host.HostInterface/Lock", "host.HostInterface/SetAllocation"
    ),
    rule("some", {"role": "some"}, "*/*", see="show in $shows"),
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(access=ACCESS),
    needs("names", "object_rights", "tokens"),
]

LOCK, SET_ALLOCATION = "/host.HostInterface/Lock", "/host.HostInterface/SetAllocation"
GET_HOST, GET_PROCS = "/host.HostInterface/GetHost", "/host.HostInterface/GetProcs"
GET_HOSTS = "/facility.AllocationInterface/GetHosts"
HOST = {"id": "11111111-1111-1111-1111-111111111111", "name": "render-node-07"}
MOVE = {"host": HOST, "allocationId": "22222222-1111-1111-1111-111111111111"}
NO_LOCK = "com.imageworks.spcue.rqd.RqdClientException: failed to lock host: render-node-07"
NO_MOVE = (
    "com.imageworks.spcue.EntityModificationError:"
    " You cannot move hosts with running procs between allocations."
)
STILL_USED = (
    "org.springframework.dao.DataIntegrityViolationException: PreparedStatementCallback; ERROR:"
    ' update or delete on table "host" violates foreign key constraint "c_proc_pk_host" on table'
    ' "proc"; Detail: Key (pk_host)=(1) is still referenced from table "proc".'
)
WITH_HOSTS = (
    "com.imageworks.spcue.EntityRemovalError: failed to create entity of type: class"
    " com.imageworks.spcue.AllocationEntity with name: local.night ,allocation still contains hosts"
)
WITH_JOBS = (
    "Failed to remove group, be sure that there are no jobs or filter actions pointing at the"
    " group."
)
ALLOCATION = {"id": HOST["id"], "name": "night", "facility": "local"}
PLAIN = "host 'render-node-07' does not answer and cannot be locked"
RUNNING = "on this host, which cannot be moved"
UNDELETED = "on this host, which cannot be deleted"


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    cuebot.fails(LOCK, grpc.StatusCode.INTERNAL, NO_LOCK)
    cuebot.fails(SET_ALLOCATION, grpc.StatusCode.INTERNAL, NO_MOVE)
    return cuebot


@pytest.mark.parametrize(
    ("role", "state", "message"),
    [
        ("all", "DOWN", "host 'render-node-07' is DOWN and cannot be locked"),
        ("all", "REBOOTING", "host 'render-node-07' is REBOOTING and cannot be locked"),
        ("all", "UP", PLAIN),
        ("locker", "DOWN", PLAIN),
    ],
)
async def test_a_host_that_cannot_be_locked(
    gateway: Gateway, cuebot: ScriptedCuebot, role: str, state: str, message: str
) -> None:
    """Its state is told to those who may read it."""
    cuebot.answers(GET_HOST, answer("host.HostGetHostResponse", host={"state": state}))
    refused = await gateway.post(LOCK, {"host": HOST}, headers=signed(f"{role}{state}", role=role))
    assert (refused.status_code, refused.json()) == (
        409,
        {"error": "FAILED_PRECONDITION", "code": 9, "message": message, "cuebot": NO_LOCK},
    )
    assert (GET_HOST in [path for path, _, _ in cuebot.seen]) == (role == "all")


@pytest.mark.parametrize(
    ("procs", "message"),
    [
        (3, f"3 frames run {RUNNING}: kill them or wait"),
        (1, f"1 frame runs {RUNNING}: kill it or wait"),
        (0, f"frames run {RUNNING}: kill them or wait"),
    ],
)
async def test_a_host_that_cannot_be_moved(
    gateway: Gateway, cuebot: ScriptedCuebot, procs: int, message: str
) -> None:
    listed = answer("host.HostGetProcsResponse", procs={"procs": [{"id": "p"}] * procs})
    cuebot.answers(GET_PROCS, listed)
    refused = await gateway.post(SET_ALLOCATION, MOVE, headers=signed(f"m{procs}", role="all"))
    assert (refused.status_code, refused.json()["message"]) == (409, message)
    assert refused.json()["cuebot"] == NO_MOVE


@pytest.mark.parametrize(
    ("path", "body", "text", "answered"),
    [
        (
            *("/host.HostInterface/Delete", {"host": HOST}, STILL_USED),
            (409, f"3 frames run {UNDELETED}: kill them or wait"),
        ),
        (
            *("/facility.AllocationInterface/Delete", {"allocation": ALLOCATION}, WITH_HOSTS),
            (409, "2 hosts are in this allocation, which cannot be deleted: move them first"),
        ),
        (
            *("/show.ShowInterface/Delete", {"show": {"id": HOST["id"]}}, STILL_USED),
            (400, "something still belongs to this, or uses it: delete or move that first"),
        ),
        (
            *("/job.GroupInterface/Delete", {"group": {"id": HOST["id"]}}, WITH_JOBS),
            (
                400,
                "this group has jobs, or actions of filters lead to it: move or delete them first",
            ),
        ),
    ],
)
async def test_what_is_in_use_cannot_be_deleted(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    path: str,
    body: object,
    text: str,
    answered: tuple[int, str],
) -> None:
    cuebot.fails(path, grpc.StatusCode.INTERNAL, text)
    procs, hosts = {"procs": [{"id": "p"}] * 3}, {"hosts": [{"id": "h"}] * 2}
    cuebot.answers(GET_PROCS, answer("host.HostGetProcsResponse", procs=procs))
    cuebot.answers(GET_HOSTS, answer("facility.AllocGetHostsResponse", hosts=hosts))
    refused = await gateway.post(path, body, headers=signed("delete", role="all"))
    assert (refused.status_code, refused.json()["message"]) == answered
    assert refused.json()["cuebot"] == text


async def test_another_error_is_no_obstacle(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(LOCK, grpc.StatusCode.INTERNAL, "java.lang.NullPointerException\nnull")
    refused = await gateway.post(LOCK, {"host": HOST}, headers=signed("other", role="all"))
    assert (refused.status_code, refused.json()["error"]) == (500, "INTERNAL")
    assert "cuebot" not in refused.json()
