"""A demo to take pictures of."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_demo() -> Iterator[tuple[str, str]]:
    """The URL and the token of a demo on a free port."""
    command = [sys.executable, "-m", "gateway_cli", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            found = {}
            for line in process.stdout:
                if told := re.fullmatch(r"\s+export (GATEWAY_URL|TOKEN)=(\S+)\s*", line):
                    found[told[1]] = told[2]
                if len(found) == 2:
                    break
            yield found["GATEWAY_URL"], found["TOKEN"]
        finally:
            process.terminate()
