"""The app under other ASGI servers: everything works through ASGI's messages alone."""

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, bearer, free_port, settings_for

pytestmark = pytest.mark.slow

FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
Client = httpx.Client | TestClient
"""Newer versions of Starlette prefer httpx2 where it is installed."""
UPGRADE = {"Connection": "Upgrade", "Upgrade": "h2c"}


@pytest.fixture(scope="module")
def client(cuebot_process: str) -> Iterator[Client]:
    """Starlette's TestClient, once calls can be answered. It has an event loop of its own: the app
    is made without one.
    """
    app = create_app(settings_for(cuebot_process, docs="public"))
    with TestClient(app, headers=bearer()) as client:
        deadline = time.monotonic() + PATIENCE
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield client


def test_a_call_is_answered(client: Client) -> None:
    """With all headers of an answer."""
    answer = client.post(FIND_SHOW, json={"name": "demo"})
    assert (answer.status_code, answer.json()["show"]["name"]) == (200, "demo")
    assert int(answer.headers["content-length"]) == len(answer.content)
    for name in ("x-request-id", "server-timing", "x-ratelimit-remaining", "x-schema"):
        assert answer.headers[name]


def test_a_body_in_parts_and_in_gzip(client: Client) -> None:
    parts = iter([b'{"name"', b': "demo"}'])
    assert client.post(FIND_SHOW, content=parts).status_code == 200
    body = gzip.compress(b'{"name": "demo"}')
    packed = client.post(FIND_SHOW, content=body, headers={"Content-Encoding": "gzip"})
    assert packed.json()["show"]["name"] == "demo"


def test_a_compressed_answer(client: Client) -> None:
    answer = client.post(GET_JOBS, json={}, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["jobs"]["jobs"]) > 1


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        pytest.param(FIND_SHOW, b'{"name": "nobody"}', {}, 404, id="not found"),
        pytest.param(FIND_SHOW, b"{", {}, 400, id="no JSON"),
        pytest.param(FIND_SHOW, b'{"nam": "demo"}', {"X-Dry-Run": "maybe"}, 400, id="dry run"),
        pytest.param("/a.B/C", b"{}", {}, 404, id="no method"),
        pytest.param(FIND_SHOW, b"{}", {"Authorization": ""}, 401, id="no token"),
        pytest.param(FIND_SHOW, b" " * 5_000_000, {}, 413, id="too large"),
        pytest.param(FIND_SHOW, b"{}", {"Content-Type": "image/png"}, 415, id="media type"),
        pytest.param(FIND_SHOW, b"{}", UPGRADE, 400, id="a body that servers lose"),
    ],
)
def test_errors(
    client: Client, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """In the one JSON shape, with a request id."""
    answer = client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json().keys()) == (status, {"error", "code", "message"})
    assert answer.headers["x-request-id"]


def test_pages_and_other_verbs(client: Client) -> None:
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    assert client.head("/docs").status_code == 200
    assert client.options(FIND_SHOW).headers["allow"] == "GET, HEAD, POST, OPTIONS"
    found = client.get(f"{FIND_SHOW}?name=demo")
    assert found.status_code == 200
    known = {"If-None-Match": found.headers["etag"]}
    assert client.get(f"{FIND_SHOW}?name=demo", headers=known).status_code == 304
    assert client.head(f"{FIND_SHOW}?name=demo").content == b""
    assert client.put(FIND_SHOW).status_code == 405


# --- gateway.asgi ---------------------------------------------------------------------------
def uvicorn_of(port: int, environ: dict[str, str]) -> "subprocess.Popen[str]":
    """`uvicorn gateway.asgi:app` with nothing but this environment."""
    command = [sys.executable, "-m", "uvicorn", "gateway.asgi:app", "--port", str(port)]
    return subprocess.Popen(  # noqa: S603 - our own command
        command,
        env={"PATH": os.environ["PATH"]} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_app_of_the_environment(cuebot_process: str) -> None:
    port = free_port()
    process = uvicorn_of(port, {"CUEBOT_ENDPOINT": cuebot_process, "JWT_SECRET": SECRET})
    try:
        deadline = time.monotonic() + PATIENCE
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=bearer(), trust_env=False
        ) as client:
            while not is_ready(client):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            answer = client.post(FIND_SHOW, json={"name": "demo"})
        assert (answer.status_code, answer.json()["show"]["name"]) == (200, "demo")
    finally:
        process.terminate()
        told = process.communicate(timeout=PATIENCE)[0]
    assert "schema loaded" in told


def is_ready(client: Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"RATE_LIMIT_RPS": "many"}, "RATE_LIMIT_RPS: "),
        ({"METRICS": "public", "METRICS_PORT": "9100"}, "METRICS_PORT: the server here has one"),
        ({"JWT_SECRET": "your-secret", "REST_HOST": "127.0.0.1"}, "JWT_SECRET: secret number 1 is"),
    ],
)
def test_a_wrong_environment_ends_in_a_line(environ: dict[str, str], words: str) -> None:
    process = uvicorn_of(0, {"JWT_SECRET": SECRET} | environ)
    told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1
    assert f"gateway.asgi: {words}" in told
    assert "Traceback" not in told
