"""Lines that pages show, run as in a shell."""

import os
import re
import shlex
from contextlib import chdir
from pathlib import Path

from tests.support.commands import PROGRAM, run_beside, tool
from tests.support.javascript import program
from tests.support.servers import Gateway, token

PATH = f"{PROGRAM.parent}:{os.environ['PATH']}"
"""Of a shell that finds our commands."""


def asking(gateway: Gateway, subject: str = "lena") -> dict[str, str]:
    """The variables of a shell whose commands ask this gateway."""
    return {"GATEWAY_URL": gateway.url, "TOKEN": token(subject)}


async def in_shell(code: str, folder: Path, **environ: str) -> tuple[int | None, str]:
    """The exit status of these lines, and all that they print. Skips without curl or jq.

    One call of `cuebot-gateway` is made in this process, which takes a tenth of the time.
    """
    if words := words_of_call(code):
        with chdir(folder):
            ran = await run_beside(*words, **environ)
        return ran.status, ran.text + ran.err
    for name in ("curl", "jq"):
        if re.search(rf"\b{name}\b", code):
            program(name)
    given = {"PATH": PATH} | environ
    return await tool("/bin/sh", "-c", code, folder=folder, environ=given)


def words_of_call(code: str) -> list[str]:
    """The words after `cuebot-gateway`; none if the lines are more than a call of it."""
    if not re.fullmatch(r"cuebot-gateway [^$\n]+\n?", code):
        return []
    lexer = shlex.shlex(code, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    _, *words = lexer
    has_operators = any({*word} <= {*lexer.punctuation_chars} for word in words)
    return [] if has_operators else words
