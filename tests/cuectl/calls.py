"""`cuectl`, run in a thread of this process beside the gateway that it asks."""

import asyncio
import os
from pathlib import Path

from click.testing import CliRunner

from cuectl.program import run
from tests.support.commands import Ran
from tests.support.servers import Gateway, clean_environment, token


def in_process(*arguments: str, folder: Path, given: str = "", **environ: str) -> Ran:
    """Run a command whose settings and caches are in this folder."""
    changed: dict[str, str | None] = dict.fromkeys(os.environ.keys() - clean_environment().keys())
    changed |= {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache")}
    with CliRunner(env={**changed, **environ}).isolation(input=given) as (out, err, _):
        try:
            run(args=arguments)
            status: int | str | None = 0
        except SystemExit as ended:
            status = ended.code
        assert isinstance(status, int)
        return Ran(status, out.getvalue(), err.getvalue().decode())


class Cuectl:
    """The program, with a gateway and a folder of its own."""

    def __init__(self, gateway: Gateway, folder: Path, subject: str = "lena") -> None:
        self.gateway = gateway
        self.folder = folder
        self.environ = {"GATEWAY_URL": gateway.url, "TOKEN": token(subject)}

    async def __call__(self, *arguments: str, given: str = "", **environ: str) -> Ran:
        return await asyncio.to_thread(
            in_process, *arguments, folder=self.folder, given=given, **{**self.environ, **environ}
        )
