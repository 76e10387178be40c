"""The words of a command line that make a request: `r.shows=demo`, `job:={…}`, `@job.json`."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click
import orjson

from gateway_cli.client.arguments import Arguments, Text
from gateway_cli.terminal.exits import Failure

STANDARD_INPUT = "-"
WORD = re.compile(r"([^\s=:@{}\[\]\"']+)(:=|=|@)(.*)", re.DOTALL)
"""The path of a field, what kind of value follows, and the value."""
FORMS = "key=value, key:=JSON, key@FILE, @FILE, or the request as JSON"


@dataclass(slots=True)
class Words:
    """Reads the words of one command line."""

    bodies: list[bytes] = field(default_factory=list)
    given: list[tuple[str, object]] = field(default_factory=list)
    standard_input: bool = False
    """Whether it has been read."""

    def take(self, word: str) -> None:
        """Read one more. Raises click.UsageError, and Failure for a file that cannot be read."""
        if word == STANDARD_INPUT or word.startswith("@"):
            self.bodies.append(self.content(word, word.removeprefix("@")))
        elif not word.strip() or word.lstrip()[0] in "{[":
            self.bodies.append(word.encode(errors="surrogateescape"))
        elif found := WORD.fullmatch(word):
            path, kind, value = found.groups()
            if not all(path.split(".")):
                raise click.UsageError(f"{word}: {path!r} is no path of a field, such as job.name")
            self.given.append((path, self.value(word, path, kind, value)))
        else:
            raise click.UsageError(f"{word!r} is no argument; expected {FORMS}")

    def value(self, word: str, path: str, kind: str, value: str) -> object:
        if kind == "=":
            return Text(value)
        if kind == "@":
            try:
                return Text(self.content(word, value).decode())
            except UnicodeDecodeError:
                raise Failure(f"{word}: {value} is not text in UTF-8") from None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise click.UsageError(
                f"{word}: this is not JSON ({error}); for a text, use {path}={value}"
            ) from None

    def content(self, word: str, name: str) -> bytes:
        """What is in a file, or on standard input (`-`)."""
        if name != STANDARD_INPUT:
            try:
                return Path(name).read_bytes()
            except OSError as error:
                raise Failure(f"{word}: cannot read {name or 'it'}: {error.strerror}") from None
        if self.standard_input:
            raise click.UsageError(f"{word}: standard input can be read once only")
        self.standard_input = True
        return sys.stdin.buffer.read()


def read_arguments(words: Iterable[str]) -> Arguments:
    """The arguments that these words are.

    Raises click.UsageError, and Failure for a file that cannot be read.
    """
    found = Words()
    for word in words:
        found.take(word)
    if len(found.bodies) > 1:
        raise click.UsageError("the request is there twice: give one JSON object or file")
    return Arguments(found.bodies[0] if found.bodies else b"{}", tuple(found.given))
