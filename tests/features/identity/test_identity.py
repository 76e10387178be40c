"""IDENTITY: what Cuebot is told about who is calling, by every path."""

import json
from typing import Any

import httpx
import pytest
from jose import jwt

from gateway.core.calls.for_caller import Caller, ForCaller
from gateway.core.calls.plan import MAX_QUICK_BYTES, plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.codec.xml_text import MOST_QUICK
from gateway.core.errors import GatewayError
from gateway.core.pipeline.request import changed_for_caller
from gateway.core.principal import Principal
from gateway.core.schema.selection import Selection
from gateway.features import FEATURES
from gateway.features.access.rights import Rule
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.identity.aspect import CallerField
from gateway.features.identity.planning import with_caller
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import message_class, opencue
from tests.support.rights import rule, signed
from tests.support.servers import (
    SECRET,
    Gateway,
    ScriptedCuebot,
    gateway_for,
    running_gateway,
    settings_for,
)

CUEWEB = rule("cueweb", {"sub": "user-id"}, "all", identity="trust")
FORCE = pytest.mark.gateway(identity="force", access=[CUEWEB])
pytestmark = [pytest.mark.anyio, needs("access", "tokens")]

INTERN = signed("intern")
KILL = "/job.JobInterface/Kill"
JOB: dict[str, object] = {"job": {"id": "j1"}}
COMMENT = "/job.JobInterface/AddComment"
LAUNCH = "/job.JobInterface/LaunchSpec"
DOCTYPE = '<!DOCTYPE spec PUBLIC "SPI Cue" "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd">'


def killer(cuebot: ScriptedCuebot) -> str:
    ((_, request, _),) = cuebot.seen
    name: str = message_class("job.JobKillRequest").FromString(request).username
    return name


def spec(user: str, doctype: str = DOCTYPE) -> dict[str, str]:
    return {"spec": f'<?xml version="1.0"?>{doctype}<spec><show>demo</show>{user}</spec>'}


# --- fill, the default ----------------------------------------------------------------------
@pytest.mark.parametrize("given", [None, {"username": ""}, {"username": None}, {"username": "td"}])
async def test_an_empty_name_is_filled(
    gateway: Gateway, cuebot: ScriptedCuebot, given: dict[str, object] | None
) -> None:
    """With the token's subject, which is nothing that a client has to be told."""
    answer = await gateway.post(KILL, JOB | (given or {}) | {"reason": "old"}, headers=INTERN)
    expected = (given or {}).get("username") or "intern"
    assert (killer(cuebot), answer.status_code) == (expected, 200)
    assert "x-replaced-fields" not in answer.headers


@pytest.mark.gateway(identity="off")
async def test_off_changes_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    await gateway.post(KILL, JOB, headers=INTERN)
    assert killer(cuebot) == ""


@pytest.mark.parametrize(("identity", "name"), [("fill", "td"), ("force", "intern"), ("off", "td")])
async def test_it_is_for_everybody_without_rules(
    cuebot: ScriptedCuebot, identity: str, name: str
) -> None:
    """Also where nothing reads rules."""
    features = [each for each in FEATURES if each.name not in ("access", "object_rights")]
    settings = settings_for(cuebot.endpoint, identity=identity)
    async with running_gateway(settings, features=features) as gateway:
        await gateway.post(KILL, JOB | {"username": "td"}, headers=INTERN)
    assert killer(cuebot) == name


async def test_every_method_that_names_its_caller_is_known() -> None:
    methods = build_catalog(opencue(), Selection(), load_profile("opencue")).methods
    naming = {
        each.path
        for each in methods
        if "username" in each.descriptor.input_type.fields_by_name
        or "new_comment" in each.descriptor.input_type.fields_by_name
        or each.descriptor.name.startswith("LaunchSpec")
    }
    assert {each.path for each in methods if CallerField.of(each).place is not None} == naming
    assert len(naming) == 12


# --- force ----------------------------------------------------------------------------------
@FORCE
@pytest.mark.parametrize("path", [KILL, "//job.JobInterface/Kill"])
@pytest.mark.parametrize(
    ("given", "told"), [("supervisor", "username"), ("", None), ("intern", None)]
)
async def test_force_replaces_names(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, given: str, told: str | None
) -> None:
    """The subject is what Cuebot records, also of large bodies, and the answer says if something
    was replaced."""
    for reason in ("short", "x" * (MAX_QUICK_BYTES + 1)):
        cuebot.seen.clear()
        answer = await gateway.post(
            path, JOB | {"username": given, "reason": reason}, headers=INTERN
        )
        assert (killer(cuebot), answer.headers.get("x-replaced-fields")) == ("intern", told)


@FORCE
@pytest.mark.parametrize("outer", ["newComment", "new_comment"])
@pytest.mark.parametrize("path", [COMMENT, "/host.HostInterface/AddComment"])
async def test_comments(gateway: Gateway, cuebot: ScriptedCuebot, path: str, outer: str) -> None:
    about = "host" if "host" in path else "job"
    comment = {"user": "supervisor", "subject": "late", "message": "render again"}
    body = {about: {"id": "x"}, outer: comment}
    answer = await gateway.post(path, body, headers=INTERN)
    assert answer.headers["x-replaced-fields"] == "newComment.user"
    ((_, request, _),) = cuebot.seen
    name = "host.HostAddCommentRequest" if "host" in path else "job.JobAddCommentRequest"
    sent = message_class(name).FromString(request).new_comment
    assert (sent.user, sent.subject, sent.message) == ("intern", "late", "render again")


@FORCE
@needs("dry_run")
async def test_aliases_and_dry_runs(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A dry run by a documented path shows what Cuebot would get."""
    body = {"layer": {"id": "l"}, "username": "supervisor"}
    headers = INTERN | {"X-Dry-Run": "1"}
    answer = await gateway.post("/layer.LayerInterface/KillFrames", body, headers=headers)
    assert answer.json()["method"] == "/job.LayerInterface/KillFrames"
    assert answer.json()["request"]["username"] == "intern"
    assert (answer.headers["x-replaced-fields"], cuebot.seen) == ("username", [])


@FORCE
async def test_who_is_trusted_may_name_others(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = await gateway.post(KILL, JOB | {"username": "lena"}, headers=signed("user-id"))
    assert killer(cuebot) == "lena"
    assert "x-replaced-fields" not in answer.headers
    launched = await gateway.post(LAUNCH, spec("<user>lena</user>"), headers=signed("user-id"))
    assert launched.status_code == 200


@FORCE
@pytest.mark.gateway(jwt_required_claims="exp")
@pytest.mark.parametrize("given", ["", "supervisor"])
@pytest.mark.parametrize("path", [KILL, LAUNCH])
async def test_somebody_without_a_name_is_nobody(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, given: str
) -> None:
    """A token without a subject must not blank the field, nor leave it empty."""
    nameless = {"Authorization": f"Bearer {jwt.encode({'exp': 4102444800}, SECRET)}"}
    body = spec("<user/>") if path == LAUNCH else JOB | {"username": given}
    answer = await gateway.post(path, body, headers=nameless)
    assert (answer.status_code, cuebot.seen) == (403, [])
    assert answer.json()["message"] == (
        f"the token has no subject that {path} could name (IDENTITY=force)"
    )
    assert (await gateway.post("/job.JobInterface/GetJobs", {}, headers=nameless)).is_success


# --- job specs ------------------------------------------------------------------------------
@FORCE
@pytest.mark.parametrize("user", ["<user>intern</user>", "<user> <![CDATA[intern]]>\n</user>"])
@pytest.mark.parametrize("path", [LAUNCH, "/job.JobInterface/LaunchSpecAndWait"])
async def test_a_spec_of_the_caller_is_launched(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, user: str
) -> None:
    answer = await gateway.post(path, spec(user), headers=INTERN)
    assert answer.status_code == 200
    ((_, request, _),) = cuebot.seen
    sent = message_class("job.JobLaunchSpecRequest").FromString(request).spec
    assert sent == spec(user)["spec"]


@FORCE
@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("<user>supervisor</user>", "is 'supervisor'"),
        ("<user>intern</user><user>root</user>", "is 'root'"),
        ("<user/>", "is ''"),
        ("", "is not there"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"X-Dry-Run": "1"}])
async def test_a_spec_of_somebody_else_is_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, user: str, found: str, headers: dict[str, str]
) -> None:
    answer = await gateway.post(LAUNCH, spec(user), headers=INTERN | headers)
    assert (answer.status_code, cuebot.seen) == (403, [])
    assert answer.json()["message"] == (
        f"spec: its <user> {found}; it has to be the caller, 'intern' (IDENTITY=force)"
    )


@FORCE
@pytest.mark.parametrize(
    ("user", "doctype", "problem"),
    [
        ("<user>intern</user", DOCTYPE, "not XML at line 1, column "),
        ("<user>in<b/>tern</user>", DOCTYPE, "has other elements in it"),
        ("<user>intern</user>", '<!DOCTYPE spec [<!ENTITY a "b">]>', "its DOCTYPE declares some"),
    ],
)
async def test_a_spec_that_could_be_read_in_two_ways_is_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, user: str, doctype: str, problem: str
) -> None:
    """400: what Cuebot would make of it cannot be told."""
    answer = await gateway.post(LAUNCH, spec(user, doctype), headers=INTERN)
    assert (answer.status_code, cuebot.seen) == (400, [])
    assert problem in answer.json()["message"]


@FORCE
async def test_a_large_spec_of_somebody_else(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    many = "<layer/>" * (MAX_QUICK_BYTES // 8)
    answer = await gateway.post(LAUNCH, spec(f"{many}<user>root</user>"), headers=INTERN)
    assert (answer.status_code, cuebot.seen) == (403, [])


@pytest.fixture
def aside(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the bodies that another process has had."""
    sizes: list[int] = []
    planner = gateway.app.parts.planner
    there = planner.plan

    async def noted(*asked: Any, **how: Any) -> Any:
        sizes.append(len(asked[3]))
        return await there(*asked, **how)

    monkeypatch.setattr(planner, "plan", noted)
    return sizes


@FORCE
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize(("user", "status"), [("intern", 200), ("root", 403)])
async def test_a_spec_with_many_tags_is_read_by_another_process(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    aside: list[int],
    user: str,
    status: int,
    escaped: bool,
) -> None:
    body = json.dumps(spec(f"<user>{user}</user>" + "<layer/>" * MOST_QUICK))
    if escaped:
        body = body.replace("<", "\\u003c")
    answer = await gateway.client.post(gateway.url + LAUNCH, content=body, headers=INTERN)
    assert (answer.status_code, len(cuebot.seen)) == (status, status == 200)
    assert aside == [len(body)]


XML = {"Content-Type": "application/xml"}
AS_CURL_SENDS_IT = {"Content-Type": "application/x-www-form-urlencoded"}


async def launch_file(gateway: Gateway, content: bytes, **headers: str) -> httpx.Response:
    return await gateway.post(LAUNCH, content=content, headers=INTERN | headers)


@FORCE
@pytest.mark.parametrize("headers", [XML, AS_CURL_SENDS_IT, {"Content-Type": "text/plain"}])
@pytest.mark.parametrize(("user", "status"), [("intern", 200), ("root", 403)])
async def test_a_body_that_is_a_spec_is_judged_as_one(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    headers: dict[str, str],
    user: str,
    status: int,
) -> None:
    """It goes to Cuebot as it is."""
    body = spec(f"<user>{user}</user>")["spec"].replace("><", ">\n<")
    answer = await launch_file(gateway, body.encode(), **headers)
    assert answer.status_code == status
    sent = [message_class("job.JobLaunchSpecRequest").FromString(each[1]) for each in cuebot.seen]
    assert [each.spec for each in sent] == [body] * (status == 200)


@FORCE
@pytest.mark.parametrize(("user", "status"), [("intern", 200), ("root", 403)])
async def test_a_long_body_that_is_a_spec_is_read_by_another_process(
    gateway: Gateway, cuebot: ScriptedCuebot, aside: list[int], user: str, status: int
) -> None:
    body = spec(f"<user>{user}</user>" + "<layer/>" * MOST_QUICK)["spec"].encode()
    answer = await launch_file(gateway, body, **XML)
    assert (answer.status_code, len(cuebot.seen)) == (status, status == 200)
    assert aside == [len(body)]


@pytest.mark.parametrize(
    ("path", "content", "headers", "status", "says"),
    [
        (LAUNCH, b"<spec>\n</spek>", XML, 400, "spec: not XML at line 2, column 3: mismatched"),
        (
            *(LAUNCH, b"spec=@job.xml", AS_CURL_SENDS_IT, 400),
            "spec: expected XML, got '@job.xml'; curl: --data-urlencode spec@job.xml",
        ),
        (
            *(LAUNCH, b"spec=job.xml", AS_CURL_SENDS_IT, 400),
            "spec: expected XML, got 'job.xml'; curl: --data-urlencode spec@job.xml",
        ),
        (KILL, b"<spec/>", AS_CURL_SENDS_IT, 400, "it looks like XML or HTML, and JSON is expect"),
        (KILL, b"<spec/>", XML, 415, "a body of type application/xml cannot be JSON"),
        (
            *(LAUNCH, b"<spec/>", {"Content-Type": "application/xml; charset=latin-1"}, 415),
            "cannot be JSON",
        ),
        (LAUNCH, b"--x", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "not -F)"),
    ],
    ids=[
        "malformed",
        "the name of a file, with @",
        "the name of a file",
        "another method",
        "another method and type",
        "another charset",
        "a form of parts",
    ],
)
async def test_a_body_that_is_no_spec(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    path: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
    says: str,
) -> None:
    answer = await gateway.post(path, content=content, headers=INTERN | headers)
    assert (answer.status_code, cuebot.seen) == (status, [])
    assert says in answer.json()["message"]


@needs("dry_run")
async def test_a_dry_run_shows_a_body_that_is_a_spec(gateway: Gateway) -> None:
    answer = await launch_file(gateway, b"<spec/>", **XML | {"X-Dry-Run": "1"})
    assert answer.json()["request"] == {"spec": "<spec/>"}


@FORCE
async def test_a_short_spec_needs_no_other_process(gateway: Gateway, aside: list[int]) -> None:
    layers = "<layer name='a' type='Render'><cmd>maya</cmd><range>1-10</range></layer>" * 40
    for user in ("intern", "user-id"):
        body = spec("<user>intern</user>" + layers)
        assert (await gateway.post(LAUNCH, body, headers=signed(user))).status_code == 200
    assert aside == []


async def test_a_rule_that_changes_meanwhile_holds(gateway: Gateway) -> None:
    method = gateway.catalog.routes[LAUNCH]
    planned = plan(
        method, json.dumps(spec("<user>root</user>")).encode(), UnknownFieldPolicy.NOTHING
    )
    before = with_caller(planned, Caller("fill", "intern"))
    assert before.refusal is None
    context = context_of(LAUNCH)
    context.caller = Principal("intern", 4e9, 0.0, Rule("all", ("all",), "force", ()), {})
    with pytest.raises(GatewayError, match="it has to be the caller"):
        changed_for_caller(context, planned, method.aspects[ForCaller], before)


@pytest.mark.parametrize("xml", ["<user/>", "<!DOCTYPE a [<!ENTITY me 'x'>]><a>&me;</a>", ""])
async def test_without_force_specs_pass(gateway: Gateway, cuebot: ScriptedCuebot, xml: str) -> None:
    """What else is wrong with them, Cuebot says."""
    answer = await gateway.post(LAUNCH, {"spec": xml}, headers=INTERN)
    assert answer.status_code == 200
    ((_, request, _),) = cuebot.seen
    assert message_class("job.JobLaunchSpecRequest").FromString(request).spec == xml


@pytest.mark.parametrize("identity", ["fill", "off", "force"])
async def test_a_spec_that_is_no_xml_is_a_400(cuebot: ScriptedCuebot, identity: str) -> None:
    async with gateway_for(cuebot.endpoint, identity=identity) as gateway:
        answer = await gateway.post(LAUNCH, {"spec": "<spec>\n  <user>intern</usr>\n</spec>"})
    assert (answer.status_code, cuebot.seen) == (400, [])
    assert "not XML at line 2, column 17: mismatched tag" in answer.json()["message"]
