"""Rules of access over HTTP: by every path, for every call of a plan."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from gateway.features.tokens import Tokens
from gateway.features.tokens.revocation import NOBODY, Revocations
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.rights import rule, signed
from tests.support.servers import Gateway, ScriptedCuebot, head, http_client
from tests.support.wire import wire

ACCESS = [
    rule("dashboards", {"scope": "read"}, "reads"),
    rule("producers", {"role": "producer"}, "reads", "show.ShowInterface/CreateShow"),
    rule("layouts", {"role": "layout"}, "show.ShowInterface/Create*", "show.ShowInterface/SetDef*"),
    rule("wranglers", {"realm_access": {"roles": "wrangler"}}, "all", "!*/LaunchSpec*"),
    rule("everyone", {"role": "everyone"}, "all"),
    rule("creators", {"role": "creator"}, "show.ShowInterface/CreateShow"),
]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(access=ACCESS, access_default="deny"),
    needs("tokens"),
]

READER = signed("board", scope="openid read")
GET_JOBS = "/job.JobInterface/GetJobs"
KILL = "/job.JobInterface/Kill"
JOB: dict[str, object] = {"job": {"id": "1"}}
KILLED = orjson.dumps(JOB)
CREATE_SHOW = "/show.ShowInterface/CreateShow"
FIND_LAYER = "/job.LayerInterface/FindLayer"


async def call(
    gateway: Gateway, path: str, who: dict[str, str], body: object = None, **headers: str
) -> httpx.Response:
    if body is None:
        body = JOB if path == KILL else {}
    return await gateway.post(path, body, headers=who | headers)


@pytest.mark.parametrize(
    ("path", "native"),
    [
        (KILL, KILL),
        pytest.param(
            "/layer.LayerInterface/Kill",
            "/job.LayerInterface/KillFrames",
            marks=needs("reference"),
        ),
        ("//frame.FrameInterface/Kill", "/job.FrameInterface/Kill"),
        ("/frame.FrameInterface/%4bill", "/job.FrameInterface/Kill"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"X-Dry-Run": "1"}])
async def test_what_it_does_not_allow_is_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, native: str, headers: dict[str, str]
) -> None:
    lines = gateway.access_lines()
    answer = await call(gateway, path, READER, {"no": "body"}, **headers)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "PERMISSION_DENIED",
        "code": 7,
        "message": f"'board' may not call {native} (access rule 'dashboards')",
    }
    assert cuebot.seen == []
    ((rpc, subject, code),) = [(each["rpc"], each["subject"], each["code"]) for each in lines]
    assert (rpc, subject, code) == (native, "board", "PERMISSION_DENIED")


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_wrong_verb_is_refused(gateway: Gateway, cuebot: ScriptedCuebot, verb: str) -> None:
    """It is refused as a POST is: how the method would be called is for those who may call it."""
    who = signed("lena", realm_access={"roles": "wrangler"})
    denied = await gateway.client.request(verb, f"{KILL}?job.id=1", headers=READER)
    assert (denied.status_code, "allow" in denied.headers) == (403, False)
    allowed = await gateway.client.request(verb, f"{KILL}?job.id=1", headers=who)
    assert (allowed.status_code, allowed.headers["allow"]) == (405, "POST, OPTIONS")
    assert cuebot.seen == []


@pytest.mark.parametrize(
    ("path", "hint", "for_all"),
    [
        ("/job.JobInterface/Kil", "", "did you mean Kill?"),
        ("/job.JobInterface/GetJbos", "did you mean GetJobs?", "did you mean GetJobs?"),
        ("/layer.LayerInterface/KillFrame", "", "did you mean KillFrames?"),
        ("/Job/kill", "did you mean job.JobInterface?", "mean /job.JobInterface/Kill?"),
        ("/show.ShowInterfce/x", "did you mean show.ShowInterface?", "show.ShowInterface?"),
        pytest.param(
            "/host.OwnerInterface/SetMaxCores",
            "",
            "use OwnerInterface/TakeOwnership",
            marks=needs("reference"),
        ),
    ],
)
async def test_a_404_hides_the_rest(gateway: Gateway, path: str, hint: str, for_all: str) -> None:
    for who, expected in ((READER, hint), (signed("lena", role="everyone"), for_all)):
        answer = await call(gateway, path, who)
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
        found = answer.json()["message"]
        assert expected in found
        assert expected or ("did you mean" not in found and "use " not in found)


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_list_of_methods_has_what_the_token_may_call(gateway: Gateway, verb: str) -> None:
    shows = await gateway.client.request(verb, "/show.ShowInterface", headers=READER)
    listed = shows.json()["message"].partition(": ")[2].removesuffix(", …").split(", ")
    assert listed
    assert all(name.startswith(("Find", "Get", "Is")) for name in listed)
    producer = signed("tom", role="layout")
    for path in ("/job.JobInterface", "/job.JobInterface/Kil"):
        nothing = await gateway.client.request(verb, path, headers=producer)
        assert nothing.json()["message"].startswith("nothing is served at")
        assert "job." not in nothing.json()["message"].partition("; did you mean")[2]


@pytest.mark.parametrize(("deep", "status"), [(20, 200), (40, 403), (300, 403), (900, 403)])
async def test_claims_in_claims_in_claims(gateway: Gateway, deep: int, status: int) -> None:
    nested: object = "read"
    for _ in range(deep):
        nested = [nested]
    answer = await call(gateway, GET_JOBS, signed("board", scope=nested))
    assert answer.status_code == status
    assert ("nested" in answer.text) == (status == 403)


async def test_a_refused_body_is_not_waited_for(gateway: Gateway) -> None:
    async with wire(gateway) as one:
        lines = (f"POST {KILL} HTTP/1.1", "Host: x", "Content-Length: 3000000")
        head = "\r\n".join((*lines, *(f"{name}: {value}" for name, value in READER.items())))
        await one.send(f"{head}\r\n\r\n".encode())
        answer = await one.answer(timeout=PATIENCE)
    assert answer.status == 403


async def test_a_look_up_needs_no_right(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    found = message_class("show.ShowFindShowResponse")()
    cuebot.answers("/show.ShowInterface/FindShow", found.SerializeToString())
    who = signed("lena", role="layout")
    assert (await call(gateway, CREATE_SHOW, who, {"name": "new"})).status_code == 200
    assert (await call(gateway, "/show.ShowInterface/FindShow", who)).status_code == 403


@needs("reference")
async def test_a_follow_up_needs_one(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    body = {"name": "new", "defaultMinCores": 5}
    answer = await call(gateway, CREATE_SHOW, signed("tom", role="producer"), body)
    assert (answer.status_code, cuebot.seen) == (403, [])
    assert answer.json()["message"] == (
        "'tom' may not call /show.ShowInterface/SetDefaultMinCores, which 'defaultMinCores' asks"
        " for (access rule 'producers')"
    )
    answer = await call(gateway, CREATE_SHOW, signed("lena", role="layout"), body)
    assert answer.status_code == 200
    assert "/show.ShowInterface/SetDefaultMinCores" in [path for path, _, _ in cuebot.seen]


async def documents(gateway: Gateway, who: dict[str, str], known: str = "") -> httpx.Response:
    headers = who | {"Accept-Encoding": "gzip", "If-None-Match": known}
    return await gateway.client.get("/openapi.json", headers=headers)


@needs("openapi")
async def test_the_document_shows_what_the_token_may_call(gateway: Gateway) -> None:
    reader, wrangler = await asyncio.gather(
        documents(gateway, READER),
        documents(gateway, signed("lena", realm_access={"roles": "wrangler"})),
    )
    few, many = (each.json()["paths"] for each in (reader, wrangler))
    assert (GET_JOBS in few, KILL in few) == (True, False)
    assert (KILL in many, "/job.JobInterface/LaunchSpec" in many) == (True, False)
    assert reader.headers["etag"] != wrangler.headers["etag"]
    again = await documents(gateway, READER, wrangler.headers["etag"])
    assert (again.status_code, again.headers["etag"]) == (200, reader.headers["etag"])
    same = await documents(gateway, signed("other", scope="read"), reader.headers["etag"])
    assert same.status_code == 304


@needs("openapi", "reference")
async def test_the_document_names_no_other_methods(gateway: Gateway) -> None:
    alone = await documents(gateway, signed("ann", role="creator"))
    said = alone.json()["paths"][CREATE_SHOW]["post"]["description"]
    assert "The answer is 409 if there is one of that `name`." in said
    assert "Interface/" not in said.replace(CREATE_SHOW, "")


def methods_in(answer: httpx.Response) -> set[str]:
    found: dict[str, Any] = answer.json()["paths"]
    return {path for path in found if path.count("/") == 2}


@needs("health", "openapi")
async def test_the_farm_page_counts_what_the_token_may_call(gateway: Gateway) -> None:
    for who in (READER, signed("lena", realm_access={"roles": "wrangler"}), signed("tom")):
        status = (await gateway.client.get("/status.json", headers=who)).json()["schema"]
        document = methods_in(await documents(gateway, who))
        native = {path for path in document if path in {m.path for m in gateway.catalog.methods}}
        assert status["methods"] == len(native)
        assert status["interfaces"] == len({path.rpartition("/")[0] for path in native})


@pytest.mark.gateway(
    access=[rule("dashboards", {"scope": "read"}, "reads"), rule("all", {}, "show.*/Get*")],
    docs="public",
)
@needs("openapi")
async def test_the_public_document_is_that_of_a_token_without_claims(gateway: Gateway) -> None:
    async with http_client(gateway.url) as client:
        nobody = await client.get("/openapi.json")
        wrong = await client.get("/openapi.json", headers={"Authorization": "Bearer x.y.z"})
        reader = await client.get("/openapi.json", headers=READER)
    assert methods_in(nobody) == methods_in(wrong)
    assert {path.rpartition(".")[0] for path in methods_in(nobody)} == {"/show"}
    assert GET_JOBS in methods_in(reader)
    assert nobody.headers["cache-control"] == "no-cache"
    assert reader.headers["cache-control"] == "no-store"


def kill_that_is_coming() -> bytes:
    """The head of a Kill, whose body has not come, of somebody who may do that."""
    who = signed("lena", realm_access={"roles": ["wrangler"]})
    lines = (f"{name}: {value}" for name, value in who.items())
    return head(KILL, f"Content-Length: {len(KILLED)}", *lines, subject=None)


async def test_rights_count_when_the_call_is_made(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    authenticator = gateway.app.feature(Tokens).authenticator
    async with wire(gateway) as denied, wire(gateway) as allowed:
        for one in (denied, allowed):
            await one.send(kill_that_is_coming(), KILLED[:-1])
        await asyncio.sleep(0.1)  # longer than the head takes
        await allowed.send(b"}")
        assert (await allowed.answer()).status == 200
        authenticator.deny(Revocations(subjects=frozenset(("lena",))))
        try:
            await denied.send(b"}")
            assert (await denied.answer()).status == 403
        finally:
            authenticator.deny(NOBODY)  # the gateway is that of other tests, too
    assert [path for path, _, _ in cuebot.seen] == [KILL]
