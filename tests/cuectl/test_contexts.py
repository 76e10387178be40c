"""Contexts, and the tokens of their commands."""

import time
from pathlib import Path

import pytest

from cuectl import PROGRAM
from gateway_client.errors import Failure, WrongSetting
from gateway_client.terminal.exits import UNAVAILABLE, WRONG_USAGE
from gateway_client.tokens import TokenSource, claims_of
from tests.cuectl.calls import Cuectl, in_process
from tests.support.commands import Ran
from tests.support.servers import token

pytestmark = pytest.mark.anyio


def add(folder: Path, name: str, *options: str) -> Ran:
    return in_process("context", "add", name, *options, folder=folder)


def test_contexts_are_kept_for_their_user_alone(tmp_path: Path) -> None:
    assert add(tmp_path, "studio", "--url", "http://a:1/", "--token-command", "sso token") == Ran(
        0, b"", ""
    )
    assert add(tmp_path, "other", "--url", "http://b:2", "--token", "secret").status == 0
    ran = in_process("context", "list", folder=tmp_path)
    assert ran.text.splitlines() == [
        "   NAME    URL         TOKEN",
        "*  studio  http://a:1  command (sso …)",
        "   other   http://b:2  kept",
    ]
    (file,) = (tmp_path / "config").rglob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    told = in_process("context", "show", "studio", folder=tmp_path).text.splitlines()
    assert told == ["name   studio (current)", "url    http://a:1", "token  command: sso token"]
    assert "secret" not in in_process("context", "show", "other", folder=tmp_path).text
    assert in_process("context", "use", "other", folder=tmp_path).status == 0
    assert "*  other" in in_process("context", "list", folder=tmp_path).text
    assert in_process("context", "remove", "other", folder=tmp_path).status == 0
    assert "other" not in in_process("context", "list", folder=tmp_path).text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("SECRET=hunter2 sso", "command"),
        ("curl -u me:hunter2 https://sso", "command (curl …)"),
        ("/opt/sso/token", "command (/opt/sso/token)"),
        ("'hunter2' | x", "command"),
        ("echo$(hunter2)", "command"),
    ],
)
def test_a_list_of_contexts_shows_no_secrets(tmp_path: Path, command: str, shown: str) -> None:
    add(tmp_path, "studio", "--url", "http://a:1", "--token-command", command)
    told = in_process("context", "list", folder=tmp_path).text
    assert "hunter2" not in told
    assert told.splitlines()[1] == f"*  studio  http://a:1  {shown}"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("context show studdio", "there is no context 'studdio'; did you mean studio?"),
        ("context use studdio", "there is no context 'studdio'; did you mean studio?"),
        ("--context nope jobs", "there is no context 'nope'"),
        ("context add x --url ftp://h", "ftp://h"),
        ("context add x --url http://h --token a --token-command b", "not both"),
    ],
)
def test_what_is_wrong(tmp_path: Path, line: str, problem: str) -> None:
    add(tmp_path, "studio", "--url", "http://127.0.0.1:1")
    ran = in_process(*line.split(), folder=tmp_path)
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert ran.err.startswith(f"{PROGRAM}: ")
    assert problem in ran.err


def test_without_a_gateway(tmp_path: Path) -> None:
    ran = in_process("jobs", folder=tmp_path)
    assert ran.status == WRONG_USAGE
    assert "cuectl context add" in ran.err


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({}, ""),
        ({"GATEWAY_URL": "http://b:2", "TOKEN": "t"}, "GATEWAY_URL is set and comes before"),
        ({"TOKEN": "t"}, "TOKEN is set and comes before"),
    ],
)
@pytest.mark.parametrize("line", ["context use studio", "context list"])
def test_a_chosen_context_that_is_not_asked_is_told(
    tmp_path: Path, line: str, environ: dict[str, str], warning: str
) -> None:
    """Somebody would pause the jobs of another farm."""
    add(tmp_path, "studio", "--url", "http://a:1")
    ran = in_process(*line.split(), folder=tmp_path, **environ)
    assert ran.status == 0
    assert (warning in ran.err) if warning else ran.err == ""


@pytest.mark.parametrize(
    "line", ["context use s", "context remove s", "context show s", "--context s"]
)
def test_names_of_contexts_are_completed(tmp_path: Path, line: str) -> None:
    add(tmp_path, "studio", "--url", "http://a:1")
    add(tmp_path, "other", "--url", "http://b:2")
    ran = in_process(
        folder=tmp_path,
        _CUECTL_COMPLETE="bash_complete",
        COMP_WORDS=f"cuectl {line}",
        COMP_CWORD=str(len(line.split())),
    )
    assert ran.text.split() == ["plain,studio"]


@pytest.mark.slow
@pytest.mark.parametrize("line", ["jobs", "pause x y", "call Show/GetShows", "follow x"])
async def test_without_a_token(cuectl: Cuectl, line: str) -> None:
    cuectl.environ["TOKEN"] = ""
    ran = await cuectl(*line.split())
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert ran.err.startswith("cuectl: no token is known: set TOKEN, or give the context one: ")


@pytest.mark.slow
async def test_the_environment_comes_before_contexts(cuectl: Cuectl) -> None:
    command = f"printf %s {token('marco')}"
    url, folder = cuectl.gateway.url, cuectl.folder
    assert add(folder, "dead", "--url", "http://127.0.0.1:1").status == 0
    assert add(folder, "studio", "--url", url, "--token-command", command).status == 0
    lena = "demo-sh010-lena_comp_v003\n"
    marco = "demo-sh020-marco_smoke_v001\n"
    assert (await cuectl("jobs", "--mine", "-o", "name")).text == lena
    environ = cuectl.environ
    cuectl.environ = {}
    assert (await cuectl("jobs")).status == UNAVAILABLE
    line = ("jobs", "--mine", "-o", "name")
    assert (await cuectl("--context", "studio", *line)).text == marco
    assert (await cuectl(*line, CUECTL_CONTEXT="studio")).text == marco
    own = {"TOKEN": environ["TOKEN"]}
    assert (await cuectl(*line, CUECTL_CONTEXT="studio", **own)).text == lena
    # TOKEN may be for another gateway, which must not be told it.
    assert (await cuectl("--context", "studio", *line, **own)).text == marco
    assert add(folder, "bare", "--url", url).status == 0
    assert (await cuectl("--context", "bare", *line, **own)).text == lena


def test_a_token_command_runs_again_before_the_token_expires(tmp_path: Path) -> None:
    counter, soon = tmp_path / "count", token(seconds=20)
    tokens = TokenSource(command=f"echo x >> {counter}; echo {soon}")
    assert [tokens(), tokens()] == [soon, soon]
    assert counter.read_text(encoding="utf-8").count("x") == 2
    counter.unlink()
    tokens = TokenSource(command=f"echo x >> {counter}; echo {token(seconds=3600)}")
    tokens()
    tokens()
    assert counter.read_text(encoding="utf-8").count("x") == 1


@pytest.mark.parametrize("command", ["exit 3", "true", "no-such-program-at-all 2>/dev/null"])
def test_a_token_command_that_fails(command: str) -> None:
    with pytest.raises(Failure, match="the token command"):
        TokenSource(command=command)()


def test_what_is_no_token() -> None:
    with pytest.raises(WrongSetting, match="no token has"):
        TokenSource("a b")()
    assert claims_of("x") == claims_of("a.b.c") == claims_of("a.W10.c") == {}
    assert claims_of(token("lena"))["exp"] > time.time()
