"""`gateway.asgi` on another server. What the app answers there is in `test_both_servers.py`."""

import os
import subprocess
import sys
import time

import httpx
import pytest

from tests.support.needs import needs
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, bearer, free_port

pytestmark = pytest.mark.slow

FIND_SHOW = "/show.ShowInterface/FindShow"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "h2c"}
"""With these, servers may lose the body."""


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
            upgrade = client.post(FIND_SHOW, json={"name": "demo"}, headers=UPGRADE)
        assert (answer.status_code, answer.json()["show"]["name"]) == (200, "demo")
        assert (upgrade.status_code, "Upgrade" in upgrade.text) == (400, True)
    finally:
        process.terminate()
        told = process.communicate(timeout=PATIENCE)[0]
    assert "schema loaded" in told


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param(
            {"METRICS": "public", "METRICS_PORT": "9100"},
            "METRICS_PORT: the server here has one",
            marks=needs("metrics"),
        ),
        ({"JWT_SECRET": "your-secret", "REST_HOST": "127.0.0.1"}, "JWT_SECRET: secret number 1 is"),
    ],
)
def test_a_wrong_environment_ends_in_a_line(environ: dict[str, str], words: str) -> None:
    process = uvicorn_of(0, {"JWT_SECRET": SECRET} | environ)
    told = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1
    assert f"gateway.asgi: {words}" in told
    assert "Traceback" not in told
