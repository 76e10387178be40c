"""`cuebot-gateway demo` as people start it, whatever it was installed into."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.patience import PATIENCE
from tests.support.servers import clean_environment


@dataclass(frozen=True)
class Demo:
    process: "subprocess.Popen[str]"
    url: str
    token: str

    def post(self, path: str, json: object) -> Any:
        """A call with its token; the answer, which has to be 200."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(headers=headers, timeout=PATIENCE, trust_env=False) as client:
            return client.post(self.url + path, json=json).raise_for_status().json()

    def stop(self) -> tuple[int, str]:
        """Its exit status after SIGTERM, and the errors that it has printed."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


@contextmanager
def installed_demo(command: Sequence[str | Path], folder: Path) -> Iterator[Demo]:
    with subprocess.Popen(  # noqa: S603 - it is our own command
        [*command, "demo", "--port", "0"],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = _read_until(process, r"export GATEWAY_URL=(\S+)")
            yield Demo(process, url, _read_until(process, r"export TOKEN=(\S+)"))
        finally:
            if process.poll() is None:
                process.kill()


def _read_until(process: "subprocess.Popen[str]", pattern: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[1]
    assert process.stderr is not None
    raise AssertionError(f"no {pattern!r}: {process.stderr.read()}")
