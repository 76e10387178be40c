"""The command line, as child processes with nothing in their environment but what is said."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from gateway import __version__
from gateway.access.tokens import Authenticator, TokenRules
from gateway.cli import main
from gateway.errors import GatewayError
from tests.support.servers import SECRET, clean_environment, free_port

PATIENCE = 20
"""Seconds that anything here may take before it counts as stuck."""
REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.slow  # each of them starts a process


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a child process."""
    return subprocess.run(  # noqa: S603 - it is our own command
        command(*arguments),
        env=clean_environment(**environ),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def in_process(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run a command that starts nothing: exit status, standard output, standard error."""
    changed: dict[str, str | None] = dict.fromkeys(os.environ.keys() - clean_environment().keys())
    changed.update(environ)
    result = CliRunner(env=changed).invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


# --- Help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", *main.commands])
def test_help_fits_a_terminal(name: str) -> None:
    """Examples too, which click does not wrap."""
    _, out, _ = in_process(*name.split(), "--help")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", [None, "serve", "call", "token", "completion", "demo"])
def test_help(name: str | None, flag: str) -> None:
    """Every command explains itself, with an example."""
    status, out, err = in_process(*([name] if name else []), flag)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: ")
    if name:
        assert "Example:" in out
    else:
        assert all(word in out for word in ("serve", "token", "demo"))


def test_version() -> None:
    """`--version` says which one it is."""
    status, out, _ = in_process("--version")
    assert status == 0
    assert __version__ in out


def test_python_dash_m_is_the_same_command() -> None:
    """`python -m gateway` works and calls itself by that name."""
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: python -m gateway")
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("nothing",), ("serve", "--nothing"), ("token",)])
def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    """What click does not know ends with status 2 and its usage."""
    status, out, err = in_process(*arguments)
    assert (status, out) == (2, "")
    assert "Usage:" in err


# --- token ----------------------------------------------------------------------------------


def minted(*arguments: str, **environ: str) -> str:
    status, out, err = in_process("token", *arguments, **({"JWT_SECRET": SECRET} | environ))
    assert (status, err) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", out)
    return out.strip()


def bearer(token: str) -> bytes:
    return f"Bearer {token}".encode()


def test_token_mints_what_the_gateway_accepts() -> None:
    """The printed token is valid for its subject, for the asked time and no longer."""
    token = minted("--sub", "léna@studio", "--ttl", "90s")
    now = [time.time()]
    authenticator = Authenticator([SECRET.encode()], TokenRules(), clock=lambda: now[0])
    assert authenticator.authenticate(bearer(token)).subject == "léna@studio"
    now[0] += 85
    assert authenticator.authenticate(bearer(token)).subject == "léna@studio"
    now[0] += 6
    with pytest.raises(GatewayError, match="expired"):
        authenticator.authenticate(bearer(token))


def test_a_token_lives_an_hour_by_default() -> None:
    """Without --ttl it is an hour."""
    principal = Authenticator([SECRET.encode()], TokenRules()).authenticate(
        bearer(minted("--sub", "me"))
    )
    assert principal.expires == pytest.approx(time.time() + 3600, abs=5)


def test_token_follows_the_settings(tmp_path: Path) -> None:
    """Algorithm, audience and issuer are those that the gateway demands, from --config too."""
    config = tmp_path / "gateway.toml"
    config.write_text('jwt_algorithms = ["HS512"]\njwt_audience = "render"')
    token = minted("--sub", "me", "--config", str(config), JWT_ISSUER="studio")
    rules = TokenRules(algorithms=("HS512",), audience="render", issuer="studio")
    assert Authenticator([SECRET.encode()], rules).authenticate(bearer(token)).subject == "me"


def test_token_signs_with_the_first_secret(tmp_path: Path) -> None:
    """With several secrets, the first one is the one to sign with."""
    file = tmp_path / "jwt"
    file.write_text(f"{SECRET}\n{SECRET}-old\n")
    token = minted("--sub", "me", JWT_SECRET="", JWT_SECRET_FILE=str(file))
    assert (
        Authenticator([SECRET.encode()], TokenRules()).authenticate(bearer(token)).subject == "me"
    )


def test_only_the_token_is_on_standard_output() -> None:
    """`$(cuebot-gateway token …)` is a token, also when there is something to warn about."""
    done = run("token", "--sub", "me", JWT_SECRET="short")
    assert done.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", done.stdout)
    assert "short" not in done.stderr


def test_a_token_has_what_the_settings_require() -> None:
    """When JWT_REQUIRED_CLAIMS asks for what `token` cannot give, it says so and prints none."""
    status, out, err = in_process(
        "token", "--sub", "me", JWT_SECRET=SECRET, JWT_REQUIRED_CLAIMS="sub,exp,role"
    )
    assert (status, out) == (2, "")
    assert "role" in err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--sub", "me", "--ttl", "soon"), id="no duration"),
        pytest.param(("--sub", "me", "--ttl", "-5s"), id="negative"),
        pytest.param(("--sub", "me", "--ttl", "9" * 30 + "h"), id="beyond 64 bits"),
        pytest.param(("--sub", "me", "--ttl", "9" * 400), id="infinite"),
        pytest.param(("--sub", "me", "--ttl", "0"), id="no time"),
        pytest.param(("--sub", "me", "--ttl", "500ms"), id="less than a second"),
        pytest.param(("--sub", ""), id="no subject"),
    ],
)
def test_token_refuses_what_makes_no_token(arguments: tuple[str, ...]) -> None:
    """What could not become a token that works is a usage error."""
    status, out, err = in_process("token", *arguments, JWT_SECRET=SECRET)
    assert (status, out) == (2, "")
    assert "--ttl" in err or "--sub" in err


# --- Wrong settings -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["serve", "token"])
@pytest.mark.parametrize(
    ("environ", "word"),
    [
        pytest.param({"JWT_SECRET": ""}, "JWT_SECRET", id="no secret"),
        pytest.param({"REST_PORT": "http"}, "REST_PORT", id="no port"),
        pytest.param({"DOCS": "x"}, "DOCS", id="no choice"),
        pytest.param({"GATEWAY_CONFIG": "/nowhere.toml"}, "/nowhere.toml", id="no file"),
        pytest.param({"JWT_ALGORITHMS": "none"}, "JWT_ALGORITHMS", id="alg none"),
        pytest.param(
            {"JWT_SECRET": "", "JWT_SECRET_FILE": "/nowhere"}, "JWT_SECRET_FILE", id="secret file"
        ),
    ],
)
def test_wrong_settings_end_a_command_with_one_line(
    name: str, environ: dict[str, str], word: str
) -> None:
    """Exit status 2, one line on standard error that names the key, no traceback, no secret."""
    given = {"JWT_SECRET": SECRET, "REST_PORT": "0", "REST_HOST": "127.0.0.1"} | environ
    if name == "serve":
        done = run("serve", **given)
        status, out, err = done.returncode, done.stdout, done.stderr
    else:
        status, out, err = in_process("token", "--sub", "me", **given)
    assert (status, out) == (2, "")
    assert_one_line(err, word)


def assert_one_line(err: str, word: str) -> None:
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("cuebot-gateway: ")
    assert word in lines[0]
    assert SECRET not in err


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        pytest.param({"DESCRIPTOR_SOURCE": "magic"}, "DESCRIPTOR_SOURCE", id="source"),
        pytest.param({"DESCRIPTOR_SOURCE": "x.binpb"}, "DESCRIPTOR_SOURCE", id="source file"),
        pytest.param({"REST_HOST": "256.256.256.256"}, "256.256.256.256", id="no address"),
        pytest.param({"REST_HOST": "127.0.0..1"}, "127.0.0..1", id="two dots"),
        pytest.param({"REST_HOST": "192.0.2.1"}, "192.0.2.1", id="somebody else's address"),
        pytest.param({"JWT_SECRET": "ssh-rsa AAAAB3Nz lena@studio"}, "JWT_SECRET", id="ssh key"),
        pytest.param({"KEEPALIVE_TIME": "10000h"}, "KEEPALIVE_TIME", id="keepalive for ever"),
    ],
)
def test_what_serve_cannot_do_is_one_line(environ: dict[str, str], word: str) -> None:
    """What turns out wrong only when the gateway is built is told in the same way."""
    given = {"JWT_SECRET": SECRET, "REST_PORT": "0", "REST_HOST": "127.0.0.1"} | environ
    with started("serve", **given) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert_one_line(err, word)
    assert process.returncode == 2


def test_a_port_in_use_is_one_line() -> None:
    """The line names the port and what to do; nothing else is printed."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run("serve", JWT_SECRET=SECRET, REST_HOST="127.0.0.1", REST_PORT=port)
    assert done.returncode == 2
    assert_one_line(done.stderr, port)
    assert "REST_PORT" in done.stderr


# --- serve ----------------------------------------------------------------------------------


@contextmanager
def started(*arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A child process that does not outlive the test."""
    with subprocess.Popen(  # noqa: S603 - it is our own command
        command(*arguments),
        env=clean_environment(**environ),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def answering(url: str, process: subprocess.Popen[str]) -> httpx.Response:
    """The first answer of a server that is starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx.get(url, trust_env=False, timeout=5)
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "it does not listen"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_serve_answers_and_stops_cleanly(number: signal.Signals) -> None:
    """`serve` listens on REST_PORT although Cuebot is absent, and a signal ends it with 0."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with started(
        "serve",
        JWT_SECRET=SECRET,
        REST_HOST="127.0.0.1",
        REST_PORT=str(port),
        CUEBOT_ENDPOINT=f"127.0.0.1:{free_port()}",
        LOG_LEVEL="error",
    ) as process:
        health = answering(f"{url}/healthz", process)
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 503
        token = minted("--sub", "me")
        answer = httpx.post(
            f"{url}/show.ShowInterface/GetShows",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err == ""
