"""SIGHUP: what follows the settings without a restart, and what a broken value does."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.access.tokens import TokenRules
from gateway_cli.tokens import mint_token
from tests.support.opencue import opencue
from tests.support.processes import Answer, Instance, instance, until
from tests.support.provider import rsa_key
from tests.support.servers import SECRET

pytestmark = pytest.mark.slow  # each of them starts a process

OTHER = "another-test-secret-of-more-than-32-bytes"
GET_JOBS = "/job.JobInterface/GetJobs"
FIND_JOB = "/job.JobInterface/FindJob"


class Configured:
    """A gateway whose settings are in a file."""

    def __init__(self, gateway: Instance, config: Path) -> None:
        self.gateway = gateway
        self.config = config
        self._reloads = 0

    def sets(self, *lines: str) -> None:
        """Write these settings, and reload."""
        self.config.write_text("\n".join(lines) + "\n")
        self.reload()

    def reload(self) -> None:
        """Send SIGHUP and wait until everything has followed."""
        self._reloads += 1
        self.gateway.send_signal(signal.SIGHUP)
        self.gateway.event("SIGHUP: reloaded", self._reloads)

    def problems(self) -> list[str]:
        return [each["problem"] for each in self.gateway.events('"level":"error"')]

    def status(self, secret: str, path: str = GET_JOBS) -> int:
        """That of a call whose token this secret has signed."""
        return self.answer(secret, path).status

    def answer(self, secret: str = SECRET, path: str = GET_JOBS) -> Answer:
        return self.ask(mint_token(secret.encode(), TokenRules(), "tester", 3600), path)

    def status_of(self, token: str) -> int:
        return self.ask(token).status

    def ask(self, token: str, path: str = GET_JOBS) -> Answer:
        with self.gateway.wire() as wire:
            start = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
            wire.send(f"{start}Authorization: Bearer {token}\r\n\r\n".encode())
            return wire.answer()


@pytest.fixture
def configured(cuebot_process: str, tmp_path: Path) -> Iterator[Configured]:
    config = tmp_path / "gateway.toml"
    config.write_text(f'jwt_secret = "{SECRET}"\nrate_limit_rps = 0\n')
    environ = {"GATEWAY_CONFIG": str(config), "JWT_SECRET": "", "RATE_LIMIT_RPS": ""}
    with instance(cuebot_process, environ) as gateway:
        yield Configured(gateway, config)


def test_another_secret(configured: Configured) -> None:
    """The new one is accepted, and tokens of the old one, though known, are not any more."""
    assert (configured.status(SECRET), configured.status(OTHER)) == (200, 403)
    with configured.gateway.wire() as old:
        assert old.ask(GET_JOBS).status == 200
        configured.sets(f'jwt_secret = "{OTHER}"', "rate_limit_rps = 0")
        assert old.ask(GET_JOBS).status == 403
    assert (configured.status(SECRET), configured.status(OTHER)) == (403, 200)
    assert configured.problems() == []


def test_a_rotation_in_a_file(configured: Configured, tmp_path: Path) -> None:
    """Add the new one, move the clients over, remove the old one: a file in three steps."""
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{SECRET}\n")
    configured.sets(f'jwt_secret_file = "{secrets}"', "rate_limit_rps = 0")
    assert (configured.status(SECRET), configured.status(OTHER)) == (200, 403)
    secrets.write_text(f"{SECRET}\n{OTHER}\n")
    assert (configured.status(SECRET), configured.status(OTHER)) == (200, 403)
    configured.reload()
    assert (configured.status(SECRET), configured.status(OTHER)) == (200, 200)
    secrets.write_text(f"{OTHER}\n")
    configured.reload()
    assert (configured.status(SECRET), configured.status(OTHER)) == (403, 200)


def test_a_half_written_file_of_secrets(configured: Configured, tmp_path: Path) -> None:
    """The old secrets stay, with an error, until the file is whole."""
    secrets = tmp_path / "secrets"
    secrets.write_text(f"# ours\n{SECRET}\n")
    configured.sets(f'jwt_secret_file = "{secrets}"', "rate_limit_rps = 0")
    for content in ("", f"# ours\n{SECRET}\n{OTHER}"[:-5]):
        secrets.write_text(content)
        configured.reload()
        assert (configured.status(SECRET), configured.status(OTHER[:-5])) == (200, 403)
    assert len(configured.problems()) == 2
    secrets.write_text(f"# ours\n{OTHER}\n")
    configured.reload()
    assert (configured.status(SECRET), configured.status(OTHER)) == (403, 200)
    assert configured.status("# ours") == 403


def test_keys_of_a_provider(configured: Configured, tmp_path: Path) -> None:
    """A file of keys that is new, and one that is broken; secrets are needed no more."""
    keys, now = tmp_path / "keys.json", int(time.time())
    one, two = rsa_key("one"), rsa_key("two")
    tokens = [key.token({"sub": "lena", "exp": now + 3600}, kid="1") for key in (one, two)]

    def statuses() -> list[int]:
        return [configured.status_of(token) for token in tokens]

    for key, expected in ((one, [200, 403]), (two, [403, 200])):
        keys.write_text(json.dumps({"keys": [key.jwk(kid="1")]}))
        configured.sets(f'jwt_jwks = "{keys}"', "rate_limit_rps = 0")
        assert statuses() == expected
        assert configured.status(SECRET) == 403
    assert configured.problems() == []
    keys.write_text('{"keys": [')
    configured.reload()
    assert statuses() == [403, 200]
    (problem,) = configured.problems()
    assert problem.startswith("JWT_JWKS: ")


def test_rules_for_tokens(configured: Configured) -> None:
    """Claims that are required from now on are missed in tokens that were good before."""
    assert configured.status(SECRET) == 200
    configured.sets(f'jwt_secret = "{SECRET}"', "rate_limit_rps = 0", 'jwt_audience = "farm"')
    assert configured.status(SECRET) == 403
    configured.sets(f'jwt_secret = "{SECRET}"', "rate_limit_rps = 0")
    assert configured.status(SECRET) == 200


def test_access_rules(configured: Configured) -> None:
    """They hold at once for tokens that are known already; a mistake leaves the old ones."""
    common = (f'jwt_secret = "{SECRET}"', "rate_limit_rps = 0", 'access_default = "deny"')
    reads = 'access = [{name = "reads", who = {}, may = ["reads"]}]'
    kill = "/job.JobInterface/Kill"
    assert configured.status(SECRET, kill) == 400  # it is allowed, and asks which job
    configured.sets(*common, reads)
    assert (configured.status(SECRET), configured.status(SECRET, kill)) == (200, 403)
    configured.sets(*common)
    assert configured.status(SECRET) == 403
    configured.sets(*common, reads.replace("reads", "kills"))
    assert configured.status(SECRET) == 403
    assert "access[0].may" in configured.problems()[0]
    configured.sets(*common, reads.replace('"reads"]', '"all", "!job.JobInterface/Kil"]'))
    assert configured.status(SECRET) == 403
    assert "!job.JobInterface/Kil matches nothing" in configured.problems()[1]
    configured.sets(*common[:2])
    assert configured.status(SECRET, kill) == 400


def test_rate_limits(configured: Configured) -> None:
    """From none to some, to others, and to none again."""
    secret = f'jwt_secret = "{SECRET}"'
    assert "x-ratelimit-limit" not in configured.answer().headers
    for burst in ("7", "3"):
        configured.sets(secret, "rate_limit_rps = 0.01", f"rate_limit_burst = {burst}")
        assert configured.answer().headers["x-ratelimit-limit"] == burst
    until(lambda: configured.status(SECRET) == 429, "the limit is reached")
    overrides = 'rate_limit_overrides = [{subjects = ["test*"], rps = 50, burst = 60}]'
    configured.sets(secret, "rate_limit_rps = 0.01", overrides)
    assert configured.answer().headers["x-ratelimit-limit"] == "60"
    configured.sets(secret, "rate_limit_rps = 0")
    answers = [configured.answer() for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert "x-ratelimit-limit" not in answers[0].headers


def test_services(configured: Configured) -> None:
    """What is included and excluded follows, and so does what was served before."""
    secret = f'jwt_secret = "{SECRET}"'
    configured.sets(secret, "rate_limit_rps = 0", 'exclude_services = ["job.JobInterface/Get*"]')
    assert configured.status(SECRET) == 404, "it holds at once"
    configured.sets(secret, "rate_limit_rps = 0", 'include_services = ["job.JobInterface/GetJobs"]')
    until(lambda: configured.status(SECRET) == 200, "it is served again")
    assert configured.status(SECRET, "/show.ShowInterface/GetShows") == 404
    configured.sets(secret, "rate_limit_rps = 0")
    until(lambda: configured.status(SECRET, "/show.ShowInterface/GetShows") == 200, "all are")


def test_an_exclusion_without_cuebot(cuebot_process: str, tmp_path: Path) -> None:
    """It holds once the reload is done, although Cuebot cannot be asked for its schema."""
    config, secret = tmp_path / "gateway.toml", f'jwt_secret = "{SECRET}"\nrate_limit_rps = 0\n'
    schema = tmp_path / "schema.binpb"
    files = FileDescriptorSet(file=opencue().files)
    schema.write_bytes(files.SerializeToString())
    config.write_text(secret)
    environ = {"GATEWAY_CONFIG": str(config), "JWT_SECRET": "", "RATE_LIMIT_RPS": ""}
    with instance(cuebot_process, environ, DESCRIPTOR_SOURCE=str(schema)) as gateway:
        configured = Configured(gateway, config)
        assert configured.status(SECRET) == 200
        schema.unlink()
        configured.sets(secret, 'exclude_services = "job.JobInterface/GetJobs"')
        assert configured.status(SECRET) == 404


def test_an_exclusion_of_nothing(configured: Configured) -> None:
    """The selection stays as it was, and an error says what is wrong with the new one."""
    good = (f'jwt_secret = "{SECRET}"', "rate_limit_rps = 0")
    configured.sets(*good, 'exclude_services = "job.JobInterface/GetJobs"')
    configured.sets(*good, 'exclude_services = "job.JobInterface/GetJobss"')
    assert configured.status(SECRET) == 404
    (problem,) = configured.problems()
    assert problem.startswith("EXCLUDE_SERVICES: job.JobInterface/GetJobss matches nothing")
    assert problem.endswith("; did you mean job.JobInterface/GetJobs?")


def test_the_profile(configured: Configured) -> None:
    """What is served is made again without it, and again with it."""
    secret = f'jwt_secret = "{SECRET}"'
    before = configured.answer().headers["x-schema"]
    configured.sets(secret, "rate_limit_rps = 0", 'compat_profile = "none"')
    configured.gateway.event("schema changed")
    configured.sets(secret, "rate_limit_rps = 0")
    configured.gateway.event("schema changed", 2)
    assert configured.answer().headers["x-schema"] == before


def test_the_log_level(configured: Configured) -> None:
    """The access lines of health checks come and go with it."""
    good = [f'jwt_secret = "{SECRET}"', "rate_limit_rps = 0"]
    gateway = configured.gateway
    gateway.get("/healthz")
    configured.sets(*good, 'log_level = "debug"')
    gateway.get("/healthz")
    gateway.event('"path":"/healthz"')
    configured.sets(*good, 'log_level = "info"')
    gateway.get("/healthz")
    configured.answer()
    gateway.event(GET_JOBS)
    assert len(gateway.events('"path":"/healthz"')) == 1


def spoil_config(tmp_path: Path) -> str:
    return "rate_limit_rps = ["


def binary_config(tmp_path: Path) -> str:
    return "\udcff"


def unknown_key(tmp_path: Path) -> str:
    return "rate_limit = 3"


def wrong_value(tmp_path: Path) -> str:
    return "rate_limit_rps = -3"


BROKEN_FILES: list[tuple[Callable[[Path], str], str]] = [
    (spoil_config, "gateway.toml"),
    (binary_config, "gateway.toml"),
    (unknown_key, "rate_limit"),
    (wrong_value, "rate_limit_rps"),
]


@pytest.mark.parametrize(
    ("spoil", "words"), BROKEN_FILES, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_broken_file_keeps_all_settings(
    configured: Configured, tmp_path: Path, spoil: Callable[[Path], str], words: str
) -> None:
    """One line of the log says what is wrong with it; the next good one is taken."""
    good = configured.config.read_bytes()
    content = f'jwt_secret = "{OTHER}"\n{spoil(tmp_path)}\n'
    configured.config.write_bytes(content.encode(errors="surrogateescape"))
    configured.reload()
    (problem,) = configured.problems()
    assert words in problem
    assert configured.status(SECRET) == 200
    configured.config.write_bytes(good.replace(SECRET.encode(), OTHER.encode()))
    configured.reload()
    assert (configured.status(SECRET), configured.status(OTHER)) == (403, 200)
    assert len(configured.problems()) == 1


def test_no_file_keeps_all_settings(configured: Configured) -> None:
    """So does a file that is not there."""
    configured.config.unlink()
    configured.reload()
    (problem,) = configured.problems()
    assert "gateway.toml" in problem
    assert configured.status(SECRET) == 200


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
    """One line says which part stays, and the other parts follow."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    (tmp_path / "wrong.toml").write_text("nothing = 1\n")
    kept = [] if line.startswith("jwt") else [f'jwt_secret = "{SECRET}"']
    limit = ["rate_limit_rps = 0.01", "rate_limit_burst = 77"]
    configured.sets(*kept, *limit, line.format(folder=tmp_path))
    (problem,) = configured.problems()
    assert words in problem
    answer = configured.answer()
    assert (answer.status, answer.headers["x-ratelimit-limit"]) == (200, "77")
    configured.sets(f'jwt_secret = "{OTHER}"', "rate_limit_rps = 0")
    assert configured.status(OTHER) == 200
    assert len(configured.problems()) == 1


def test_what_needs_a_restart_is_named(configured: Configured) -> None:
    """Such a change is said at every reload, and nothing else is affected by it."""
    good = [f'jwt_secret = "{SECRET}"', "rate_limit_rps = 1000", "rate_limit_burst = 80"]
    configured.sets(*good)
    assert not configured.gateway.events("restart is needed")
    configured.sets(*good, "max_body_mb = 1", 'cuebot_endpoint = "127.0.0.1:1"', "workers = 4")
    # What the environment says counts for more than the file.
    named = configured.gateway.event("restart is needed")["settings"]
    assert sorted(named) == ["MAX_BODY_MB", "WORKERS"]
    assert configured.answer().headers["x-ratelimit-limit"] == "80"
    configured.sets(*good)
    assert len(configured.gateway.events("restart is needed")) == 1


def test_no_token_or_secret_is_logged(configured: Configured, tmp_path: Path) -> None:
    """Not when it changes, nor when it is what is broken."""
    configured.sets(f'jwt_secret = ["{OTHER}"]')
    configured.sets(f'jwt_secret = "{OTHER}')
    configured.sets(f'jwt_secret = "{OTHER}"')
    assert len(configured.problems()) == 2
    assert not [line for line in configured.gateway.lines if OTHER in line or SECRET in line]


def test_many_signals_at_once(configured: Configured, tmp_path: Path) -> None:
    """However many there are, the last state of the file is what counts."""
    for number in range(1, 60):
        fresh = tmp_path / "fresh.toml"
        fresh.write_text(
            f'jwt_secret = "{SECRET}"\nrate_limit_rps = 1000\nrate_limit_burst = {number}\n'
        )
        fresh.rename(configured.config)
        configured.gateway.send_signal(signal.SIGHUP)
    until(
        lambda: configured.answer().headers.get("x-ratelimit-limit") == "59", "the last one counts"
    )
    assert configured.problems() == []


def test_reloads_under_load(configured: Configured, tmp_path: Path) -> None:
    """No call fails while everything is reloaded again and again."""
    stop, statuses, problems = Event(), set[int](), list[Exception]()

    def calls() -> None:
        try:
            with configured.gateway.wire() as wire:
                while not stop.is_set():
                    statuses.add(wire.ask(GET_JOBS).status)
        except Exception as problem:
            problems.append(problem)

    clients = [Thread(target=calls) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for number in range(12):
            profile = "none" if number % 2 else "opencue"
            configured.sets(
                f'jwt_secret = "{SECRET}"',
                f"rate_limit_rps = {number % 3 * 100_000}",
                f'compat_profile = "{profile}"',
            )
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert (statuses, problems) == ({200}, [])
