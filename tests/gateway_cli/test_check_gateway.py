"""`cuebot-gateway check` of a gateway that runs, over HTTP alone."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.gateway_checks import GatewayReport, check_gateway
from gateway_client.errors import InvalidCall
from gateway_client.gateway import gateway_client
from tests.gateway_cli.calls import JSON, FarmGateway, stand_in
from tests.support.commands import run_beside
from tests.support.servers import SECRET, Gateway, gateway_for, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NOWHERE = "127.0.0.1:1"


async def report_of(url: str, given: str | None, method: str | None = None) -> GatewayReport:
    async with gateway_client(url, lambda: given or "", 5) as client:
        return await check_gateway(client, given, method)


def text_of(report: GatewayReport) -> str:
    return "\n".join(report.lines())


@pytest.fixture
async def served(farm_gateway: FarmGateway) -> Gateway:
    """A gateway in front of a simulated Cuebot."""
    return await farm_gateway()


async def test_all_is_well(served: Gateway, simulated_cuebot: SimulatedCuebot) -> None:
    report = await report_of(served.url, token("lena"), "Job/GetJobs")
    assert (report.problems, report.warnings) == ([], [])
    number = len(served.catalog.methods)
    text = text_of(report)
    for line in (
        f"Gateway    {served.url} (version ",
        "Ready      yes\n",
        f"Cuebot     1 of 1 reachable\n           {simulated_cuebot.endpoint}\n",
        f"Schema     reflection v1 of {simulated_cuebot.endpoint} (confirmed by Cuebot)\n",
        f"Digest     {served.catalog.schema.digest}\n",
        "Token      accepted: lena, expires in 0 h 59 min\n",
        f"May call   {number} methods\n",
        "Method     /job.JobInterface/GetJobs: yes\n",
        "Clock      the same as this machine's\n",
        "Warnings   none\nProblems   none",
    ):
        assert line in text
    whole = report.as_object()
    assert (whole["ready"], whole["allowed"], whole["may_call"]) == (True, number, True)
    assert whole["token"]["sub"] == "lena"  # type: ignore[index]


async def test_a_gateway_without_a_cuebot() -> None:
    async with gateway_for(NOWHERE, ready=False) as waiting:
        report = await report_of(waiting.url, token())
    assert (report.ready, report.accepted, report.allowed) == (False, True, None)
    assert "the gateway is not ready (unavailable): " in report.problems[0]
    assert "Ready      no\n" in text_of(report)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (token(seconds=-5), "the token is refused: the token has expired"),
        ("abc", "the token is refused: the bearer token is not a JWT"),
    ],
)
@pytest.mark.parametrize("docs", ["token", "public", "off"])
async def test_a_refused_token(
    farm_gateway: FarmGateway, docs: str, given: str, problem: str
) -> None:
    url = (await farm_gateway(docs=docs)).url
    report = await report_of(url, given)
    assert (report.problems, report.ready, report.accepted) == ([problem], True, False)
    assert given not in text_of(report)


async def test_what_the_token_may_call(farm_gateway: FarmGateway) -> None:
    rules = [{"name": "readers", "who": {"sub": "board"}, "may": ["reads"]}]
    gateway = await farm_gateway(access=rules)
    report = await report_of(gateway.url, token("board"), "Job/Kill")
    reads = sum(method.reads_only for method in gateway.catalog.methods)
    assert report.allowed == reads
    assert f"May call   {reads} methods\n" in text_of(report)
    assert "Method     /job.JobInterface/Kill: no\n" in text_of(report)
    assert report.problems == [
        "the token may not call /job.JobInterface/Kill, or it cannot be called at all"
    ]
    report = await report_of(gateway.url, token("board"), "Frame/GetFrame")
    assert (report.method, report.may_call) == ("/job.FrameInterface/GetFrame", True)
    with pytest.raises(InvalidCall, match=r"did you mean GetJobs or GetJob\?"):
        await report_of(gateway.url, token("board"), "Job/GetJbs")
    with pytest.raises(InvalidCall, match=r"has no method 'Kil'; /openapi.json has "):
        await report_of(gateway.url, token("board"), "Job/Kil")


async def test_a_gateway_that_tells_nothing_of_itself(farm_gateway: FarmGateway) -> None:
    url = (await farm_gateway(docs="off")).url
    report = await report_of(url, token())
    assert (report.problems, report.warnings, report.accepted) == ([], [], True)
    assert "May call   not told (DOCS=off)\n" in text_of(report)
    report = await report_of(url, token(), "Job/Kill")
    assert report.problems == ["whether the token may call Job/Kill is not told (DOCS=off)"]


@pytest.mark.parametrize(("ahead", "words"), [(90, "s ahead of this"), (-90, "s behind this")])
async def test_clocks_that_differ(ahead: float, words: str) -> None:
    """It is a warning, since tokens are refused for it."""
    there = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    headers = JSON | {"Date": there}
    async with stand_in(GET=("200 OK", headers, b'{"status": "ok"}')) as server:
        report = await report_of(server.url, None)
    assert report.skew is not None
    assert abs(report.skew - ahead) < 30
    (warning,) = report.warnings
    assert words in warning
    assert "may be expired, or not valid yet" in warning


@pytest.mark.parametrize("saying", ["refresh failing", "store away"])
async def test_warnings_from_a_ready_gateway(saying: str) -> None:
    name, value = saying.split()
    body = json.dumps({"status": "ok", name: value}).encode()
    async with stand_in(GET=("200 OK", JSON, body)) as server:
        report = await report_of(server.url, None)
    assert report.warnings == [f'/readyz says "{name}": "{value}"']


@pytest.mark.parametrize(
    "reply",
    [
        ("404 Not Found", JSON, b'{"code": 5, "message": "Not Found"}'),
        ("200 OK", {"Content-Type": "text/html"}, b"<p>"),
        ("200 OK", JSON, b"[]"),
    ],
)
async def test_what_is_no_gateway(reply: tuple[str, dict[str, str], bytes]) -> None:
    async with stand_in(GET=reply) as server:
        report = await report_of(server.url, token())
    (problem,) = report.problems
    assert problem == f"{server.url} is not a cuebot-gateway: its /readyz is HTTP {reply[0]}"
    assert len(server.seen) == 1


async def test_the_command_asks_the_gateway(served: Gateway) -> None:
    environ = {"GATEWAY_URL": served.url, "CUEBOT_ENDPOINT": NOWHERE}
    ran = await run_beside("check", "Job/Kill", "--sub", "lena", JWT_SECRET=SECRET, **environ)
    assert (ran.status, ran.err) == (0, "")
    assert "Method     /job.JobInterface/Kill: yes\n" in ran.text
    ran = await run_beside("check", "--json", TOKEN="old", **environ)
    assert (ran.status, ran.json["ok"], ran.json["ready"]) == (1, False, True)
    assert ran.json["warnings"] == ["the token came from TOKEN; unset it, or sign one with --sub"]
    assert ran.err == "cuebot-gateway: 1 problem, 1 warning\n"
    ran = await run_beside("check", **environ)
    assert (ran.status, "Ready      yes" in ran.text) == (2, True)
    assert "there is no token for the gateway: set TOKEN" in ran.text
    ran = await run_beside("check", "Job/Kil", TOKEN=token(), **environ)
    assert (ran.status, "did you mean Kill?" in ran.err) == (2, True)
    ran = await run_beside("check", "--direct", JWT_SECRET=SECRET, **environ)
    assert (ran.status, f"Cuebot     {NOWHERE} does not answer" in ran.text) == (1, True)
    ran = await run_beside("check", "--url", f"http://{NOWHERE}", TOKEN=token())
    assert (ran.status, "cannot be reached; is it running?" in ran.text) == (1, True)


async def test_rules_are_those_of_this_machine(served: Gateway) -> None:
    environ = {"GATEWAY_URL": served.url, "DESCRIPTOR_SOURCE": "package:opencue_proto"}
    ran = await run_beside("check", "--as", "role=artist", "Job/Kill", **environ)
    assert (ran.status, "Decision  allowed" in ran.text) == (0, True)
    ran = await run_beside("check", "--as", "role=artist", "--url", served.url, TOKEN=token())
    assert (ran.status, "leave out --url" in ran.err) == (2, True)
