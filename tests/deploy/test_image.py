"""The image and the compose file, as far as they can be checked without Docker."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from gateway.features.settings import Settings
from tests.deploy.places import DEPLOY, ROOT, program, text_of
from tests.support.commands import PROGRAM
from tests.support.demos import installed_demo
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, clean_environment

DOCKERFILE = text_of("Dockerfile").replace("\\\n", "")
FIRST, LAST = DOCKERFILE.split("\nFROM ")[1:]
COPIED = [path for line in re.findall("COPY (.*) /src/", FIRST) for path in line.split()]
COMPOSE = yaml.safe_load(text_of("compose.yaml"))
READ_ONLY = 'mount -o remount,ro,bind / && ! touch /tmp/x 2>&- && exec "$@"'
"""A root that nobody can write to, and /tmp with it; then a command."""
FORBIDDEN_CODE = (  # as MemoryDenyWriteExecute does, by prctl(PR_SET_MDWE, 1)
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)
"""Memory that can be written to is never run; then a command."""


def ignored(name: str) -> list[str]:
    """The lines of an ignore file that begin with what is kept of it."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


def contents(source: Path) -> list[str]:
    """What the wheel of these sources has in it. Raises OSError if something is missing."""
    builder = WheelBuilder(str(source))
    assert builder.metadata.core.readme
    return sorted(file.distribution_path for file in builder.recurse_included_files())


def test_the_context_has_what_is_copied_and_nothing_else() -> None:
    assert sorted(ignored(".dockerignore")) == sorted(COPIED)


def test_what_is_copied_is_enough(tmp_path: Path) -> None:
    for source in (source for path in COPIED for source in ROOT.glob(path)):
        target = tmp_path / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    assert contents(tmp_path) == contents(ROOT) != []


def test_the_last_stage_is_plain() -> None:
    assert re.match(r"python:3\.\d+\.\d+-slim-\w+\$", LAST)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", LAST, re.MULTILINE)
    assert not re.search("^RUN", LAST, re.MULTILINE)


def health_check(port: int) -> int:
    """The exit status of the image's HEALTHCHECK, run here."""
    command = re.search(r"^HEALTHCHECK .*?CMD (\[.*\])$", LAST, re.MULTILINE)
    assert command is not None
    python, *arguments = ast.literal_eval(command[1])
    assert python == "python"
    environ = clean_environment(REST_PORT=str(port), http_proxy="http://127.0.0.1:9")
    ran = subprocess.run(  # noqa: S603 - it is our own command
        [sys.executable, *arguments],
        env=environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return ran.returncode


@pytest.mark.anyio
async def test_the_health_check_tells_alive_from_dead(gateway: Gateway) -> None:
    from anyio.to_thread import run_sync

    assert await run_sync(health_check, gateway.port) == 0
    assert await run_sync(health_check, 1) != 0


@pytest.mark.slow
def test_a_gateway_writes_nothing(tmp_path: Path) -> None:
    alone = (program("unshare"), "--mount", "--map-root-user", "sh", "-c", READ_ONLY, "sh")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("this machine allows no mounts of our own")
    command: list[str | Path] = [*alone, sys.executable, "-c", FORBIDDEN_CODE, PROGRAM]
    with installed_demo(command, tmp_path) as demo:
        assert demo.post("/show.ShowInterface/GetShows", {})["shows"]["shows"]
        many = [f"nothing-{number}" for number in range(40_000)]
        assert demo.post("/job.JobInterface/GetJobs", {"r": {"jobs": many}}) == {
            "jobs": {"jobs": []}
        }
        status, said = demo.stop()
    assert status == 0
    assert re.fullmatch(r"cuebot-gateway: frames have no logs: .*\n", said)


@pytest.fixture
def service() -> Any:
    """The gateway's part of the compose file."""
    return COMPOSE["services"]["gateway"]


def test_the_gateway_is_confined(service: Any) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()


def test_its_settings_are_settings(service: Any) -> None:
    environ = service["environment"]
    assert {name.lower() for name in environ} <= Settings.model_fields.keys()
    assert environ["JWT_SECRET_FILE"] == f"/run/secrets/{service['secrets'][0]}"
    assert environ["DESCRIPTOR_SOURCE"] == "package:opencue_proto"
    assert service["build"]["args"]["EXTRAS"] == "opencue"
    build = service["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_every_name_in_it_is_declared() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert set(service.get("depends_on", ())) <= COMPOSE["services"].keys()


def test_secrets_do_not_get_into_the_repository() -> None:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    folders = {str(Path(each["file"]).parent) for each in COMPOSE["secrets"].values()}
    assert folders == {"secrets"}
    assert {"config/deploy/secrets/", "config/deploy/database/"} <= set(lines)


def test_a_stop_has_time(service: Any) -> None:
    waits = int(service["stop_grace_period"].removesuffix("s"))
    assert waits > Settings.model_fields["shutdown_timeout"].default
