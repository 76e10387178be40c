"""The arguments of a call: from the words of a command line to the request's JSON.

A word is JSON, a file (`@job.json`), or a field (`r.shows=demo`, `job:={…}`, `spec@job.xml`)."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

import click
import orjson

from gateway_client.errors import CallError, Failure, InvalidCall

STANDARD_INPUT = "-"
WORD = re.compile(r"([^\s=:@{}\[\]\"']+)(:=|=|@)(.*)", re.DOTALL)
"""The path of a field, the kind of its value, and the value."""
BOOLEANS = {"true": True, "false": False}
SINGLE_QUOTES = re.compile(rb"\s*[{\[]\s*'")
FORMS = "key=value, key:=JSON, key@FILE, @FILE, or the request as JSON"


class Kind(Enum):
    """The kind of a field's values, for an argument."""

    TEXT = auto()
    """A text, a number or an enum: a string in JSON will do."""
    SWITCH = auto()
    OBJECT = auto()
    WHOLE = auto()
    """A map or a list of objects, which must be given as JSON."""
    GUESS = auto()
    """Unknown, without a schema."""


@dataclass(frozen=True, slots=True)
class Field:
    kind: Kind
    is_list: bool = False
    fields: "Fields | None" = None


Fields = Callable[[str], Field | None]
"""The field with a name, in either naming, of one message type; None without one."""


def unknown(name: str) -> Field | None:
    """Finds nothing: the fields of an unknown type."""
    return None


def guess(name: str) -> Field | None:
    return Field(Kind.GUESS, fields=guess)


@dataclass(frozen=True, slots=True)
class Text:
    """The value of `key=value`, whose type the schema has."""

    text: str


@dataclass(frozen=True, slots=True)
class Arguments:
    body: bytes = b"{}"
    """JSON, to which `given` is added."""
    given: tuple[tuple[str, object], ...] = ()
    """Paths with values: a `Text`, or parsed JSON."""

    @property
    def need_schema(self) -> bool:
        """Whether the types of fields matter."""
        return any(isinstance(value, Text) for _, value in self.given)

    def as_json(self, fields: Fields, method: str = "", sets: Sequence[str] = ()) -> bytes:
        """The request for a type with these fields; unknown names are in it as they are.

        `sets` are the names of the value that a setter, `method`, sets: arguments like key=value
        need it, a request as JSON may leave it out, as over HTTP. Raises InvalidCall for an
        argument, and CallError for broken JSON.
        """
        if not self.given:
            return self.body
        whole = parse(self.body)
        if not isinstance(whole, dict):
            raise InvalidCall("arguments like key=value can only be added to a JSON object")
        added: dict[str, object] = {}
        for path, value in self.given:
            put(added, fields, path, value)
        if sets and self.need_schema and not {*whole, *added}.intersection(sets):
            near = [name for name in added if fields(name) is None and sets[0].startswith(name)]
            raise InvalidCall(f"{method}: {missing_value(sets[0], fields(sets[0]), near)}")
        return orjson.dumps(merged(whole, added))


def missing_value(name: str, found: Field | None, near: Sequence[str]) -> str:
    is_switch = found is not None and found.kind is Kind.SWITCH
    ways = f"{name}=true or {name}=false" if is_switch else f"{name}=…"
    instead = f" instead of {', '.join(f'{each}=…' for each in near)}" if near else ""
    return f"{name} is missing; write {ways}{instead}"


def merged(old: object, new: object) -> object:
    """The objects as one; the new value wins where both have one."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {name: merged(old.get(name), value) for name, value in new.items()}


def put(body: dict[str, object], fields: Fields, path: str, value: object) -> None:
    """Set the field at a path. Raises InvalidCall."""
    *above, last = path.split(".")
    at, names = body, []
    for part in above:
        names.append(part)
        found = fields(part)
        if found is not None and (found.kind is Kind.WHOLE or found.is_list):
            name = ".".join(names)
            raise InvalidCall(
                f"{path}: {name} is not one object whose fields can be set; give it as {name}:=JSON"
            )
        fields = unknown if found is None or found.fields is None else found.fields
        inner = at.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InvalidCall(f"{path}: {'.'.join(names)} is given as a whole, too")
        at = inner
    found = fields(last)
    is_list = found is not None and found.is_list
    if isinstance(value, Text):
        value = read(path, found, value.text)
        if last not in at:
            at[last] = [value] if is_list else value
            return
        if is_list or found is None or found.kind is Kind.GUESS:
            before = at[last]
            at[last] = [*(before if isinstance(before, list) else [before]), value]
            return
    elif last not in at:
        at[last] = value
        return
    raise InvalidCall(f"{path} is there twice, and is no list")


def read(path: str, found: Field | None, text: str) -> object:
    """A text as a JSON value: a number may be a string, true and false may not."""
    if found is None or found.kind is Kind.OBJECT:  # of an object: its name, or its id
        return text
    if found.kind is Kind.WHOLE:
        raise InvalidCall(f"{path} is a map or a list of objects; give it as {path}:=JSON")
    return text if found.kind is Kind.TEXT else BOOLEANS.get(text, text)


def parse(body: bytes) -> object:
    """The JSON value of a request. Raises CallError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            return {}
        hint = "; JSON has double quotes" if SINGLE_QUOTES.match(body) else ""
        raise CallError("INVALID_ARGUMENT", f"body: not valid JSON: {error}{hint}") from None


@dataclass(slots=True)
class Words:
    """The words of one command line, read so far."""

    bodies: list[bytes] = field(default_factory=list)
    given: list[tuple[str, object]] = field(default_factory=list)
    standard_input: bool = False

    def take(self, word: str) -> None:
        """Read a word. Raises click.UsageError, and Failure for an unreadable file."""
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
            raise click.UsageError(
                f"{word!r} is no argument; say what it is, such as job={word}: {FORMS}"
            )

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
        """The content of a file or of standard input (`-`)."""
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
    """The arguments in these words. Raises click.UsageError, and Failure for unreadable files."""
    found = Words()
    for word in words:
        found.take(word)
    if len(found.bodies) > 1:
        raise click.UsageError("the request is there twice: give one JSON object or file")
    return Arguments(found.bodies[0] if found.bodies else b"{}", tuple(found.given))
