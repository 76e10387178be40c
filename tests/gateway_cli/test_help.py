"""What all commands have: help, a version, usage errors."""

import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Context

from gateway import __version__
from gateway_cli import main
from tests.support.commands import OPENCUE, Ran, child, in_process
from tests.support.needs import needs
from tests.support.servers import SECRET

DOCS = Path(__file__).parents[2] / "docs"


NAMES = main.list_commands(Context(main))


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str) -> None:
    """It fits a terminal. Commands that scripts ask for something list their exit statuses."""
    ran = in_process(name, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith("Usage: ")
    assert max(map(len, ran.text.splitlines())) <= 80
    assert "Example:" in ran.text
    assert ("Exit status" in ran.text) == (name not in ("serve", "demo", "token", "completion"))
    assert in_process(name, "-h") == ran


def test_help_lists_the_commands() -> None:
    ran = in_process("--help")
    assert (ran.status, ran.err) == (0, "")
    for command in NAMES:
        assert re.search(rf"^  {command} +\S", ran.text, re.MULTILINE)
    assert max(map(len, ran.text.splitlines())) <= 80
    assert in_process("-h") == ran


def test_version() -> None:
    ran = in_process("--version")
    assert ran.status == 0
    assert __version__ in ran.text


@pytest.mark.slow
def test_python_dash_m_is_the_same_command() -> None:
    ran = child("--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith("Usage: cuebot-gateway ")


def from_line(line: str, **environ: str) -> Ran:
    """Run a line as it would be typed, with variables before the command."""
    words = shlex.split(line)
    while re.match("[A-Z_]+=", words[0]):
        name, _, environ[name] = words.pop(0).partition("=")
    return in_process(*words, **environ)


@pytest.fixture
def sighup_as_before() -> Iterator[None]:
    """`serve` changes what this process does at a SIGHUP."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


BOTH = "compare --other http://a --url http://b"
CHECK = f"check --config {DOCS.parent}/config/access.toml"
TOKEN = "token --sub me"
SETTINGS = [
    ("REST_PORT=http", "REST_PORT"),
    ("GATEWAY_CONFIG=/nowhere.toml", "/nowhere.toml"),
]
SCHEMA = [*SETTINGS, *((f"DESCRIPTOR_SOURCE={name}", name) for name in ("magic", "/no/x.binpb"))]
SERVED = [*SETTINGS, ("DOCS=x", "DOCS")]
SIGNED = [
    ("JWT_SECRET=", "JWT_SECRET"),
    ("JWT_SECRET= JWT_SECRET_FILE=/nowhere", "JWT_SECRET_FILE"),
    ("JWT_ALGORITHMS=none", "JWT_ALGORITHMS"),
]
WRONG_ABOUT_TOKENS = [
    ("token", "--sub"),
    ("JWT_SECRET= call a/B --url http://h", "TOKEN"),
    (f"{TOKEN} --ttl soon", "--ttl"),
    (f"{TOKEN} --ttl {'9' * 400}", "--ttl"),
    (f"{TOKEN} --ttl 0", "--ttl"),
    (f"{TOKEN} --ttl 500ms", "--ttl"),
    (f"JWT_REQUIRED_CLAIMS=sub,exp,role {TOKEN}", "role"),
    (f"JWT_SECRET= JWT_JWKS=https://idp.studio/certs {TOKEN}", "JWT_JWKS"),
    *((f"{given} {TOKEN}", word) for given, word in (*SERVED, *SIGNED)),
    *((f"{given} serve", word) for given, word in SIGNED),
]
WRONG = [
    ("nothing", "No such command"),
    ("serve --nothing", "No such option"),
    ("call", "INTERFACE/METHOD"),
    ("call aB", "INTERFACE/METHOD"),
    ("call a/B --watch 0", "--watch"),
    ("call a/B --timeout 40d", "--timeout"),
    ("call a/B --fields ' ,'", "--fields"),
    ("call a/B --url http://h --direct", "--direct"),
    ("call a/B --sub me", "--url"),
    ("TOKEN=x call a/B --url h:1", "URL"),
    ("CUEBOT_ENDPOINT=x call a/B", "CUEBOT_ENDPOINT"),
    ("DESCRIPTOR_SOURCE=x call a/B", "DESCRIPTOR_SOURCE"),
    ("call Job/GetJobs -o name --fields id", "-o name prints names only"),
    ("call Job/GetJobs -o name --count", "-o name prints names of rows; for groups, use -o csv"),
    ("call Job/GetJobs -o xml", "'xml' is not one of"),
    ("call Job/GetJobs --limit -1", "--limit"),
    ("TOKEN=x compare --url http://a", "--other"),
    ("TOKEN=x compare --other http://a", "--url"),
    ("TOKEN=x compare --other http://a --url http://a/", "same gateway"),
    ("TOKEN=x compare --other ftp://a --url http://a", "ftp://a"),
    (f"TOKEN=x {BOTH} --rate 0", "rate"),
    (f"{CHECK} job.JobInterface/Kill", "or --as: who would call it?"),
    pytest.param(
        f"DESCRIPTOR_SOURCE={OPENCUE} {CHECK} --as role=x Job/Kil",
        "did you mean Kill?",
        marks=needs("identity", "object_rights"),  # their settings are in the file
    ),
    *(pytest.param(*row, marks=needs("tokens")) for row in WRONG_ABOUT_TOKENS),
    *((f"{given} serve", word) for given, word in SERVED),
    *(
        (f"{given} {name}", word)
        for given, word in SCHEMA
        for name in ("routes", "describe Job", "snapshot -")
    ),
]


@pytest.mark.usefixtures("sighup_as_before")
@pytest.mark.parametrize(("line", "word"), WRONG, ids=lambda text: text[:60])
def test_wrong_usage(line: str, word: str) -> None:
    ran = from_line(line, REST_HOST="127.0.0.1", REST_PORT="0", JWT_SECRET=SECRET)
    assert (ran.status, ran.out) == (2, b"")
    assert word in ran.err
    assert "Usage:" in ran.err or len(ran.err.splitlines()) == 1
    assert "Traceback" not in ran.err
    assert SECRET not in ran.err


def test_every_tool_has_a_section() -> None:
    page = (DOCS / "tools.md").read_text(encoding="utf-8")
    for name in ("routes", "describe", "snapshot", "check", "compare", "audit", "mcp"):
        assert f"\n## {name}\n" in page


def test_every_option_and_status_of_call_is_documented() -> None:
    page = (DOCS / "call.md").read_text(encoding="utf-8")
    words = in_process("call", "--help").text
    options = set(re.findall(r"--[a-z-]+", words)) - {"--help"}
    assert len(options) > 8
    assert not [option for option in options if f"`{option}" not in page]
    for status in re.findall(r"^    (\d+) ", words, re.MULTILINE):
        assert f"\n| {status} |" in page
