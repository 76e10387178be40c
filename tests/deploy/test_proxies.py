"""nginx and haproxy with the files that are documented, in front of a gateway."""

import asyncio
import json
import os
import re
import ssl
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import trustme
from jose import jwt

from gateway.core.errors import Code
from gateway.features.conditional.exchange import MAX_WAIT_SECONDS
from gateway.features.settings import Settings
from gateway.features.watch.watches import WatchLimits
from tests.deploy.places import ROOT, program, text_of
from tests.support.events import EVENTS, Stream
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, Gateway, ScriptedCuebot, bearer, free_port, head
from tests.support.wire import wire_to

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    needs("proxies"),
    pytest.mark.gateway(forwarded_allow_ips="127.0.0.1"),
]

CLIENT = "127.0.0.2"
"""Where the client of these tests is, as the proxy sees it; all of 127/8 is this machine."""
GATEWAYS = ("10.0.0.11:8448", "10.0.0.12:8448")
PROXIES = text_of("nginx.conf") + text_of("haproxy.cfg")
FARMS = ROOT / "docs" / "several-farms.md"
JOBS, NAME = 20_000, "a" * 3000
"""The long answer has 66 MB: more than fits into the buffers of all sockets on its way."""


@dataclass(frozen=True)
class Place:
    """What takes the place of the addresses and paths in the files."""

    folder: Path
    gateway_port: int
    port: int
    authority: trustme.CA

    def text(self, name: str, **replaced: str) -> str:
        """The file, with the gateways, the port and the certificate of this test."""
        text = text_of(name)
        for before, after in replaced.items():
            assert before in text, f"{name} has no {before!r}"
            text = text.replace(before, after)
        for address in GATEWAYS:
            assert address in text
            text = text.replace(address, f"127.0.0.1:{self.gateway_port}")
        assert "443 ssl" in text
        return text.replace("443 ssl", f"{self.port} ssl")

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.folder / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file


def nginx(place: Place) -> list[str]:
    """The command for nginx."""
    found = program("nginx")
    certificate = place.authority.issue_cert("localhost", "127.0.0.1")
    (pem,) = certificate.cert_chain_pems
    place.write("farm.pem", pem.bytes())
    place.write("farm.key", certificate.private_key_pem.bytes())
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {place.folder}/{kind}; " for kind in kinds)
    replaced = {
        "/etc/nginx/farm": f"{place.folder}/farm",
        "/run/nginx.pid": f"{place.folder}/nginx.pid",
        "http {": f"http {{ access_log off; {folders}",
    }
    file = place.write("nginx.conf", place.text("nginx.conf", **replaced))
    more = "daemon off; error_log stderr;" + (" user root;" if os.getuid() == 0 else "")
    return [found, "-p", str(place.folder), "-c", str(file), "-e", "stderr", "-g", more]


def haproxy(place: Place) -> list[str]:
    """The command for haproxy."""
    found = program("haproxy")
    certificate = place.authority.issue_cert("localhost", "127.0.0.1")
    place.write("farm.pem", certificate.private_key_and_cert_chain_pem.bytes())
    replaced = {"/etc/haproxy/farm": f"{place.folder}/farm"}
    file = place.write("haproxy.cfg", place.text("haproxy.cfg", **replaced))
    return [found, "-db", "-f", str(file)]


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[Process]:
    """The proxy, which does not outlive the test."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def answers(client: httpx.AsyncClient, process: Process) -> httpx.Response:
    """Wait until there is somebody behind the proxy's port; the first answer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if process.returncode is not None:
                assert process.stdout is not None
                pytest.fail((await process.stdout.read()).decode())
            try:
                return await client.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.02)


Command = Callable[[Place], list[str]]
"""Makes the command for a proxy."""
on_each_proxy = pytest.mark.parametrize("command", [nginx, haproxy])


def trusting(place: Place) -> ssl.SSLContext:
    """What a client of the proxy needs to know."""
    trusted = ssl.create_default_context()
    place.authority.configure_trust(trusted)
    return trusted


@pytest.fixture
def place(tmp_path: Path, gateway: Gateway) -> Place:
    """Where the proxy is."""
    return Place(tmp_path, gateway.port, free_port(), trustme.CA())


@pytest.fixture(params=[nginx, haproxy])
async def client(request: pytest.FixtureRequest, place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy, with HTTPS and from an address of its own."""
    async with client_of(request.param, place) as (client, first):
        assert first.status_code == 200
        yield client


@asynccontextmanager
async def client_of(
    command: Command, place: Place
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.Response]]:
    """The same, and the proxy's first answer."""
    transport = httpx.AsyncHTTPTransport(local_address=CLIENT, verify=trusting(place))
    async with (
        running(command(place)) as process,
        httpx.AsyncClient(
            transport=transport,
            base_url=f"https://127.0.0.1:{place.port}",
            headers=bearer(),
            timeout=PATIENCE,
        ) as client,
    ):
        yield client, await answers(client, process)


async def test_a_call_goes_through(client: httpx.AsyncClient, cuebot: ScriptedCuebot) -> None:
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.name = "demo"
    cuebot.answers("/show.ShowInterface/FindShow", answer.SerializeToString())
    for path in ("/show.ShowInterface/FindShow", "/show%2EShowInterface/FindShow"):
        found = await client.post(path, json={"name": "demo"})
        assert found.json()["show"]["name"] == "demo"
    refused = await client.post("/show.ShowInterface/FindShow", headers={"Authorization": ""})
    assert (refused.status_code, refused.json()["error"]) == (401, "UNAUTHENTICATED")


async def test_an_event_stream_goes_through(
    client: httpx.AsyncClient, cuebot: ScriptedCuebot
) -> None:
    """Each event as it comes; a silence is broken long before the proxy would end it."""
    path, answer = "/host.HostInterface/GetHosts", message_class("host.HostGetHostsResponse")()
    async with client.stream("GET", f"{path}?_every=1s", headers=EVENTS) as found:
        stream = Stream(found, found.aiter_lines())
        assert (await stream.next()).data["hosts"] is not None
        answer.hosts.hosts.add(id="a", name="a")
        cuebot.answers(path, answer.SerializeToString())
        assert [row["id"] for row in (await stream.next()).data["added"]] == ["a"]
    for timeout in re.findall(r"(?:read_timeout|timeout (?:server|client)) ([0-9]+)s", PROXIES):
        assert int(timeout) > 2 * WatchLimits().comment_seconds


@pytest.mark.parametrize("kilobytes", [9, 15])
async def test_a_long_token_goes_through(client: httpx.AsyncClient, kilobytes: int) -> None:
    claims = {"sub": "tester", "exp": 4102444800, "groups": "g" * (kilobytes * 1024 * 3 // 4)}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, SECRET)}"}
    assert len(headers["Authorization"]) > kilobytes * 1024
    found = await client.post("/show.ShowInterface/FindShow", json={}, headers=headers)
    assert found.status_code == 200


async def test_long_heads_go_through(client: httpx.AsyncClient) -> None:
    many = {f"X-{number}": "x" * 7000 for number in range(8)}
    assert (await client.get("/healthz", headers=many)).status_code == 200
    longest = await client.get("/healthz", headers={"X-One": "x" * 60_000})
    assert longest.status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (head("/job.JobInterface/Kill", "Content-Length: 9999999"), 413),
    ],
    ids=["two hosts", "a blank", "no HTTP", "a header", "a target", "a body"],
)
async def test_what_nginx_refuses_is_json(place: Place, sent: bytes, status: int) -> None:
    async with client_of(nginx, place), wire_to(place.port, ssl=trusting(place)) as one:
        await one.send(sent)
        answer = await one.answer()
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    error = json.loads(answer.body)
    assert set(error) == {"error", "code", "message"}
    assert Code[error["error"]] == error["code"]


@on_each_proxy
async def test_a_gateway_that_is_away_is_json(command: Command, place: Place) -> None:
    """502 or 503, in the gateway's shape, so that clients know what to make of it."""
    nobody = replace(place, gateway_port=free_port())
    async with client_of(command, nobody) as (_, answer):
        assert answer.status_code in (502, 503)
        assert answer.headers["Content-Type"] == "application/json"
        assert set(answer.json()) == {"error", "code", "message"}
        assert (answer.json()["error"], answer.json()["code"]) == ("UNAVAILABLE", Code.UNAVAILABLE)


@on_each_proxy
async def test_a_gateway_that_does_not_answer_is_json(command: Command, place: Place) -> None:
    connected: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: connected.append(writer), "127.0.0.1", 0)
    hasty = HastyPlace(
        place.folder, silent.sockets[0].getsockname()[1], place.port, place.authority
    )
    async with silent, client_of(command, hasty) as (_, answer):
        assert (answer.status_code, answer.json()["error"]) == (504, "DEADLINE_EXCEEDED")
        for writer in connected:
            writer.close()


class HastyPlace(Place):
    """Where the proxy waits for less than the files say, and asks nobody whether it is ready."""

    def text(self, name: str, **replaced: str) -> str:
        less = {"nginx.conf": {"65s": "1s"}, "haproxy.cfg": {"65s": "1s", " check inter 2s": ""}}
        return super().text(name, **replaced, **less[name])


@dataclass(frozen=True)
class FarmPlace(Place):
    """Where the proxy has what docs/several-farms.md says for a farm "la"."""

    has_path: bool
    """Whether the farm has a path, and not a host."""

    def text(self, name: str, **replaced: str) -> str:
        page = FARMS.read_text(encoding="utf-8")
        (nginx,) = re.findall(r"location /la/ \{ (proxy_pass http://)gateways_la/; \}", page)
        (path,) = re.findall(r"use_backend la if \{ path_beg .+", page)
        (host,) = re.findall(r"use_backend la if \{ hdr.+", page)
        (strip,) = re.findall(r"http-request replace-path .+", page)
        chosen = (path if self.has_path else host).replace("la if", "gateways if")
        backend = f"backend gateways\n    {strip}" if self.has_path else "backend gateways"
        more = {
            "nginx.conf": {
                "location / {": "location /la/ {" if self.has_path else "location / {",
                "server_name farm.studio": "server_name la.farm.studio",
                "proxy_pass http://gateways": f"{nginx}gateways" + "/" * self.has_path,
            },
            "haproxy.cfg": {
                "default_backend gateways": chosen,
                "\nbackend gateways": f"\n{backend}",
            },
        }
        return super().text(name, **replaced, **more[name])


@on_each_proxy
@pytest.mark.parametrize("has_path", [True, False], ids=["a path", "a host"])
async def test_a_farm_of_several(
    command: Command, has_path: bool, place: Place, cuebot: ScriptedCuebot
) -> None:
    answer = message_class("show.ShowFindShowResponse")()
    answer.show.name = "demo"
    cuebot.answers("/show.ShowInterface/FindShow", answer.SerializeToString())
    prefix = "/la" if has_path else ""
    farm = FarmPlace(place.folder, place.gateway_port, place.port, place.authority, has_path)
    async with client_of(command, farm) as (client, _):
        found = await client.post(
            f"{prefix}/show.ShowInterface/FindShow",
            json={"name": "demo"},
            headers={"Host": "la.farm.studio"},
        )
    assert found.json()["show"]["name"] == "demo"


async def test_the_gateway_knows_the_client(client: httpx.AsyncClient, gateway: Gateway) -> None:
    lines = gateway.access_lines()
    await client.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
    assert [line["client"] for line in lines if line["path"] == "/healthz"] == [CLIENT]


async def test_a_long_answer_is_streamed(
    client: httpx.AsyncClient, gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    answer = message_class("job.JobGetJobsResponse")()
    for number in range(JOBS):
        answer.jobs.jobs.add(id=f"{number}", name=NAME)
    cuebot.answers("/job.JobInterface/GetJobs", answer.SerializeToString())
    lines = gateway.access_lines()
    plain = {"Accept-Encoding": "identity"}
    path = "/job.JobInterface/GetJobs"
    async with client.stream("POST", path, json={}, headers=plain) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        pieces = response.aiter_raw()
        received = [await anext(pieces)]
        for _ in range(300):  # a proxy that collects would have the whole by then
            await client.get("/healthz")
        assert [line for line in lines if line["method"] == "POST"] == []
        received += [piece async for piece in pieces]
    direct = await gateway.post(path, {})
    assert len(direct.content) > 60e6
    same = b"".join(received) == direct.content  # pytest would compare 66 MB by itself
    assert same


def test_the_limits_are_the_gateways() -> None:
    fields = Settings.model_fields
    waits = max(fields["grpc_timeout"].default, MAX_WAIT_SECONDS) + 5
    assert f"proxy_read_timeout {waits:g}s;" in text_of("nginx.conf")
    assert f"timeout server {waits:g}s" in text_of("haproxy.cfg")
    assert f"client_max_body_size {fields['max_body_mb'].default:g}m;" in text_of("nginx.conf")
