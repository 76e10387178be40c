"""SIGHUP: what follows the settings without a restart, and what a broken value does."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.support.opencue import opencue
from tests.support.processes import Answer, Instance, instance, until
from tests.support.provider import rsa_key
from tests.support.servers import SECRET, token

pytestmark = pytest.mark.slow

OTHER = "another-test-secret-of-more-than-32-bytes"
GOOD = f'jwt_secret = "{SECRET}"'
UNLIMITED = "rate_limit_rps = 0"
GET_JOBS = "/job.JobInterface/GetJobs"
KILL = "/job.JobInterface/Kill"


class Configured:
    def __init__(self, gateway: Instance, config: Path) -> None:
        self.gateway = gateway
        self.config = config
        self._reloads = 0
        self._seen = 0
        """Lines of the log that are those of tests before."""

    def start_over(self) -> None:
        """What has been set and logged is that of another test."""
        self.sets(GOOD)
        self._seen = len(self.gateway.lines)

    def event(self, text: str, count: int = 1) -> dict[str, Any]:
        """The so-manieth line with this text of this test, once it is there."""
        before = sum(text in line for line in self.gateway.lines[: self._seen])
        return self.gateway.event(text, before + count)

    def events(self, text: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.gateway.lines[self._seen :] if text in line]

    def sets(self, *lines: str) -> None:
        """Write these settings, and reload. The rate limit is off, unless they say otherwise."""
        if not any(line.startswith("rate_limit_rps") for line in lines):
            lines = (UNLIMITED, *lines)
        self.config.write_text("\n".join(lines) + "\n")
        self.reload()

    def reload(self) -> None:
        self._reloads += 1
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.event("SIGHUP: reloaded", self._reloads)

    def problems(self) -> list[str]:
        return [each["problem"] for each in self.events('"level":"error"')]

    def statuses(self, path: str = GET_JOBS) -> tuple[int, int]:
        """Those of calls whose tokens SECRET and OTHER have signed."""
        return self.answer(SECRET, path).status, self.answer(OTHER, path).status

    def status(self, path: str = GET_JOBS) -> int:
        return self.answer(SECRET, path).status

    def answer(self, secret: str = SECRET, path: str = GET_JOBS) -> Answer:
        return self.ask(token(secret=secret), path)

    def limit(self) -> str | None:
        return self.answer().headers.get("x-ratelimit-limit")

    def ask(self, token: str, path: str = GET_JOBS) -> Answer:
        with self.gateway.wire() as wire:
            start = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
            wire.send(f"{start}Authorization: Bearer {token}\r\n\r\n".encode())
            return wire.answer()


@contextmanager
def configuring(cuebot: str, folder: Path, **environ: str) -> Iterator[Configured]:
    config = folder / "gateway.toml"
    config.write_text(f"{GOOD}\n{UNLIMITED}\n")
    environ |= {"GATEWAY_CONFIG": str(config), "JWT_SECRET": "", "RATE_LIMIT_RPS": ""}
    with instance(cuebot, environ) as gateway:
        yield Configured(gateway, config)


@pytest.fixture(scope="module")
def process(cuebot_process: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    with configuring(cuebot_process, tmp_path_factory.mktemp("configured")) as gateway:
        yield gateway


@pytest.fixture
def configured(process: Configured) -> Configured:
    process.start_over()
    return process


def test_tokens_of_an_old_secret_are_refused_also_known_ones(configured: Configured) -> None:
    assert configured.statuses() == (200, 403)
    with configured.gateway.wire() as old:
        assert old.ask(GET_JOBS).status == 200
        configured.sets(f'jwt_secret = "{OTHER}"')
        assert old.ask(GET_JOBS).status == 403
    assert configured.statuses() == (403, 200)
    assert configured.problems() == []


def test_a_rotation_in_a_file(configured: Configured, tmp_path: Path) -> None:
    """Add the new secret, move the clients over, remove the old one."""
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{SECRET}\n")
    configured.sets(f'jwt_secret_file = "{secrets}"')
    assert configured.statuses() == (200, 403)
    secrets.write_text(f"{SECRET}\n{OTHER}\n")
    assert configured.statuses() == (200, 403)
    configured.reload()
    assert configured.statuses() == (200, 200)
    secrets.write_text(f"{OTHER}\n")
    configured.reload()
    assert configured.statuses() == (403, 200)


def test_a_half_written_file_of_secrets(configured: Configured, tmp_path: Path) -> None:
    """The old secrets stay, with an error, until the file is whole."""
    secrets = tmp_path / "secrets"
    secrets.write_text(f"# ours\n{SECRET}\n")
    configured.sets(f'jwt_secret_file = "{secrets}"')
    for content in ("", f"# ours\n{SECRET}\n{OTHER}"[:-5]):
        secrets.write_text(content)
        configured.reload()
        assert configured.status() == 200
        assert configured.answer(OTHER[:-5]).status == 403
    assert len(configured.problems()) == 2
    secrets.write_text(f"# ours\n{OTHER}\n")
    configured.reload()
    assert configured.statuses() == (403, 200)
    assert configured.answer("# ours").status == 403


def test_keys_follow_their_file_unless_it_is_broken(configured: Configured, tmp_path: Path) -> None:
    keys, now = tmp_path / "keys.json", int(time.time())
    one, two = rsa_key("one"), rsa_key("two")
    tokens = [key.token({"sub": "lena", "exp": now + 3600}, kid="1") for key in (one, two)]

    def statuses() -> list[int]:
        return [configured.ask(token).status for token in tokens]

    for key, expected in ((one, [200, 403]), (two, [403, 200])):
        keys.write_text(json.dumps({"keys": [key.jwk(kid="1")]}))
        configured.sets(f'jwt_jwks = "{keys}"')
        assert statuses() == expected
        assert configured.status() == 403
    assert configured.problems() == []
    keys.write_text('{"keys": [')
    configured.reload()
    assert statuses() == [403, 200]
    (problem,) = configured.problems()
    assert problem.startswith("JWT_JWKS: ")


def test_a_claim_required_from_now_on_is_missed_in_known_tokens(configured: Configured) -> None:
    assert configured.status() == 200
    configured.sets(GOOD, 'jwt_audience = "farm"')
    assert configured.status() == 403
    configured.sets(GOOD)
    assert configured.status() == 200


def test_access_rules(configured: Configured) -> None:
    """They hold at once for known tokens; a mistake leaves the old ones."""
    common = (GOOD, 'access_default = "deny"')
    reads = 'access = [{name = "reads", who = {}, may = ["reads"]}]'
    assert configured.status(KILL) == 400  # it is allowed, and asks which job
    configured.sets(*common, reads)
    assert (configured.status(), configured.status(KILL)) == (200, 403)
    configured.sets(*common)
    assert configured.status() == 403
    configured.sets(*common, reads.replace("reads", "kills"))
    assert configured.status() == 403
    assert "access[0].may" in configured.problems()[0]
    configured.sets(*common, reads.replace('"reads"]', '"all", "!job.JobInterface/Kil"]'))
    assert configured.status() == 403
    assert "!job.JobInterface/Kil matches nothing" in configured.problems()[1]
    configured.sets(GOOD)
    assert configured.status(KILL) == 400


def test_rate_limits_follow_to_some_to_others_and_to_none(configured: Configured) -> None:
    assert configured.limit() is None
    for burst in ("7", "3"):
        configured.sets(GOOD, "rate_limit_rps = 0.01", f"rate_limit_burst = {burst}")
        assert configured.limit() == burst
    until(lambda: configured.status() == 429, "the limit is reached")
    overrides = 'rate_limit_overrides = [{subjects = ["test*"], rps = 50, burst = 60}]'
    configured.sets(GOOD, "rate_limit_rps = 0.01", overrides)
    assert configured.limit() == "60"
    assert {configured.status() for _ in range(5)} == {200}  # nothing is owed at this rate
    configured.sets(GOOD)
    assert {configured.status() for _ in range(5)} == {200}
    assert configured.limit() is None


def test_services(configured: Configured) -> None:
    """An exclusion holds at once; what is included is served soon."""
    get_shows = "/show.ShowInterface/GetShows"
    configured.sets(GOOD, 'exclude_services = ["job.JobInterface/Get*"]')
    assert configured.status() == 404
    configured.sets(GOOD, 'include_services = ["job.JobInterface/GetJobs"]')
    until(lambda: configured.status() == 200, "it is served again")
    assert configured.status(get_shows) == 404
    configured.sets(GOOD)
    until(lambda: configured.status(get_shows) == 200, "all are")


def test_an_exclusion_holds_while_cuebot_is_away(cuebot_process: str, tmp_path: Path) -> None:
    schema = tmp_path / "schema.binpb"
    schema.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())
    with configuring(cuebot_process, tmp_path, DESCRIPTOR_SOURCE=str(schema)) as configured:
        assert configured.status() == 200
        schema.unlink()
        configured.sets(GOOD, 'exclude_services = "job.JobInterface/GetJobs"')
        assert configured.status() == 404


def test_an_exclusion_of_nothing_leaves_the_selection(configured: Configured) -> None:
    configured.sets(GOOD, 'exclude_services = "job.JobInterface/GetJobs"')
    configured.sets(GOOD, 'exclude_services = "job.JobInterface/GetJobss"')
    assert configured.status() == 404
    (problem,) = configured.problems()
    assert problem.startswith("EXCLUDE_SERVICES: job.JobInterface/GetJobss matches nothing")
    assert problem.endswith("; did you mean job.JobInterface/GetJobs?")


def test_the_catalog_is_built_again_without_the_profile_and_with_it(configured: Configured) -> None:
    before = configured.answer().headers["x-schema"]
    configured.sets(GOOD, 'compat_profile = "none"')
    configured.event("schema changed")
    configured.sets(GOOD)
    configured.event("schema changed", 2)
    assert configured.answer().headers["x-schema"] == before


def test_the_log_level(configured: Configured) -> None:
    """The access lines of health checks come and go with it."""
    gateway = configured.gateway
    gateway.get("/healthz")
    configured.sets(GOOD, 'log_level = "debug"')
    gateway.get("/healthz")
    configured.event('"path":"/healthz"')
    configured.sets(GOOD, 'log_level = "info"')
    gateway.get("/healthz")
    configured.answer()
    configured.event(GET_JOBS)
    assert len(configured.events('"path":"/healthz"')) == 1


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ("rate_limit_rps = [", "gateway.toml"),
        ("\udcff", "gateway.toml"),
        ("rate_limit = 3", "rate_limit"),
        ("rate_limit_rps = -3", "rate_limit_rps"),
        (None, "gateway.toml"),
    ],
    ids=ascii,
)
def test_a_broken_file_keeps_all(configured: Configured, spoilt: str | None, words: str) -> None:
    """One line says what is wrong with it, or that there is none; the next good one is taken."""
    if spoilt is None:
        configured.config.unlink()
    else:
        content = f'jwt_secret = "{OTHER}"\n{spoilt}\n'
        configured.config.write_bytes(content.encode(errors="surrogateescape"))
    configured.reload()
    (problem,) = configured.problems()
    assert words in problem
    assert configured.status() == 200
    configured.sets(f'jwt_secret = "{OTHER}"')
    assert configured.statuses() == (403, 200)
    assert len(configured.problems()) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('jwt_secret_file = "{folder}/none"', "JWT_SECRET_FILE"),
        ('jwt_secret_file = "{folder}"', "JWT_SECRET_FILE"),
        ('jwt_secret_file = "{folder}/empty"', "JWT_SECRET_FILE"),
        ('compat_profile = "{folder}/none.toml"', "COMPAT_PROFILE"),
        ('compat_profile = "{folder}"', "COMPAT_PROFILE"),
        ('compat_profile = "{folder}/binary"', "COMPAT_PROFILE"),
        ('compat_profile = "{folder}/wrong.toml"', "wrong.toml"),
    ],
)
def test_a_broken_part_keeps_the_old_one(
    configured: Configured, tmp_path: Path, line: str, words: str
) -> None:
    """One line says which, and the other parts follow."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    (tmp_path / "wrong.toml").write_text("nothing = 1\n")
    kept = [] if line.startswith("jwt") else [GOOD]
    limit = ["rate_limit_rps = 0.01", "rate_limit_burst = 77"]
    configured.sets(*kept, *limit, line.format(folder=tmp_path))
    (problem,) = configured.problems()
    assert words in problem
    answer = configured.answer()
    assert (answer.status, answer.headers["x-ratelimit-limit"]) == (200, "77")
    configured.sets(f'jwt_secret = "{OTHER}"')
    assert configured.answer(OTHER).status == 200
    assert len(configured.problems()) == 1


def test_what_needs_a_restart_is_named(configured: Configured) -> None:
    good = [GOOD, "rate_limit_rps = 1000", "rate_limit_burst = 80"]
    configured.sets(*good)
    assert not configured.events("restart is needed")
    # The environment overrides the file, also for cuebot_endpoint.
    configured.sets(*good, "max_body_mb = 1", 'cuebot_endpoint = "127.0.0.1:1"', "workers = 4")
    named = configured.event("restart is needed")["settings"]
    assert sorted(named) == ["MAX_BODY_MB", "WORKERS"]
    assert configured.limit() == "80"
    configured.sets(*good)
    assert len(configured.events("restart is needed")) == 1


def test_no_token_or_secret_is_logged(configured: Configured) -> None:
    configured.sets(f'jwt_secret = ["{OTHER}"]')
    configured.sets(f'jwt_secret = "{OTHER}')
    configured.sets(f'jwt_secret = "{OTHER}"')
    assert len(configured.problems()) == 2
    assert not [line for line in configured.gateway.lines if OTHER in line or SECRET in line]


def test_of_many_signals_the_last_state_counts(configured: Configured, tmp_path: Path) -> None:
    for number in range(1, 60):
        fresh = tmp_path / "fresh.toml"
        fresh.write_text(f"{GOOD}\nrate_limit_rps = 1000\nrate_limit_burst = {number}\n")
        fresh.rename(configured.config)
        configured.gateway.send_signal(signal.SIGHUP)
    until(lambda: configured.limit() == "59", "the last one counts")
    assert configured.problems() == []


def test_no_call_fails_in_reloads_under_load(configured: Configured) -> None:
    stop, statuses, problems = Event(), set[int](), list[Exception]()

    def calls() -> None:
        try:
            with configured.gateway.wire() as wire:
                while not stop.is_set():
                    statuses.add(wire.ask(GET_JOBS).status)
        except Exception as problem:
            problems.append(problem)

    clients = [Thread(target=calls) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for number in range(6):
            profile = "none" if number % 2 else "opencue"
            limit = f"rate_limit_rps = {number % 3 * 100_000}"
            configured.sets(GOOD, limit, f'compat_profile = "{profile}"')
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert (statuses, problems) == ({200}, [])
