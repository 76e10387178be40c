"""The requests of verbs: what options and arguments put into them."""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from math import isfinite
from typing import Any

import click

from cuectl.errors import InvalidCall
from cuectl.rows import SIZES
from cuectl.session import Session, Verb

SUBJECT = "$sub"
GIVEN = "{}"
"""The place in a condition of what is given with an option."""
SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(?:([KMGTP])I?B?|B)", re.ASCII | re.IGNORECASE)


def is_flag(about: Verb) -> bool:
    """Whether nothing is written behind an option."""
    return "value" in about or ("where" in about and GIVEN not in about["where"])


def quoted(text: str) -> str:
    """A text in a condition."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def parameter(name: str) -> str:
    """A parameter's name for click; options that all verbs have begin otherwise."""
    return f"of_{name.replace('-', '_')}"


def put(body: dict[str, Any], path: str, value: object) -> None:
    *above, last = path.split(".")
    at = body
    for name in above:
        at = at.setdefault(name, {})
    before = at.get(last)
    at[last] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value


def request_of(verb: Verb, given: Mapping[str, Any], session: Session) -> dict[str, Any]:
    """The request, before arguments are put into it."""
    body: dict[str, Any] = deepcopy(dict(verb.get("request", {})))
    for _, about, value in sent_by(verb, given):
        put(body, about["put"], resolved(value, session))
    return body


def sent_by(verb: Verb, given: Mapping[str, Any]) -> list[tuple[str, Verb, Any]]:
    """The options that send something, each with what it sends; defaults only for what is left."""
    sent = [
        (name, about, given.get(parameter(name)))
        for name, about in verb.get("options", {}).items()
        if "put" in about
    ]
    found = [
        (name, about, about.get("value", list(value) if isinstance(value, tuple) else value))
        for name, about, value in sent
        if value not in (None, (), "", False)
    ]
    taken = {about["put"] for _, about, _ in found}
    return found + [
        (name, about, about["default"])
        for name, about, _ in sent
        if "default" in about and about["put"] not in taken
    ]


def is_value_of(about: Verb, word: str) -> bool:
    """Whether an option's pattern matches the word, or what it splits."""
    patterns = (about.get("pattern", ""), about.get("splits", ""))
    return any(re.fullmatch(each, word, re.ASCII) for each in patterns)


def join_of(name: str, about: Verb) -> Callable[[Sequence[str]], str] | None:
    """How several texts become one: ranges of numbers do, with commas."""
    if not (pattern := about.get("pattern")):
        return None

    def join(texts: Sequence[str]) -> str:
        joined = ",".join(texts)
        if not re.fullmatch(pattern, joined, re.ASCII):
            raise click.UsageError(f"--{name}: {joined!r} does not fit{example_of(about)}")
        return joined

    return join


def example_of(about: Verb) -> str:
    example = about.get("example")
    return f"; write it like {example}" if example else ""


def quotes_hint(last: Verb) -> str:
    """Of words too many where the last argument is any text."""
    if last.keys() & {"names", "values", "pattern", "repeats", "example", "type", "help"}:
        return ""
    return f"a {last['name']} of several words needs quotes"


def with_split_options(verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """With the options that are in another: `--range 1011-comp` has a layer. Raises InvalidCall."""
    found = dict(given)
    options: Mapping[str, Verb] = verb.get("options", {})
    for name, about in options.items():
        value = given.get(parameter(name))
        if "splits" not in about or not value:
            continue
        parts = re.fullmatch(about["splits"], value, re.ASCII)
        if parts is None:
            continue
        for part, text in parts.groupdict().items():
            if part != name and given.get(parameter(part)):
                raise InvalidCall(
                    f"--{name} {value} has a {part}, too: leave out --{part},"
                    f" or write --{name} {parts[name]}"
                )
            found[parameter(part)] = (text,) if options[part].get("many") else text
    return found


def with_defaults(verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """With arguments that are left out: they are as others."""
    found = dict(given)
    for about in verb.get("arguments", ()):
        if "default" in about and found[parameter(about["name"])] is None:
            found[parameter(about["name"])] = found[parameter(about["default"])]
    return found


def resolved(value: Any, session: Session) -> Any:
    """The value of a flag, with who asks for `$sub`."""
    if isinstance(value, list):
        return [resolved(each, session) for each in value]
    if value != SUBJECT:
        return value
    subject = session.subject
    if not subject:
        raise InvalidCall("the token has no sub, so it is not known who you are")
    return subject


def put_arguments(
    body: dict[str, Any], arguments: Sequence[Verb], given: Mapping[str, Any], name: str | None
) -> dict[str, Any]:
    """The request with arguments; the one that repeats is `name`."""
    body = deepcopy(body)
    for about in arguments:
        value: object = name if about.get("repeats") else given[parameter(about["name"])]
        if about.get("many"):
            put(body, about["put"], str(value).split(","))
        else:
            put(body, about["put"], number_of(about, str(value)) or value)
    return body


def number_of(about: Verb, text: str) -> str | None:
    """A number as the request has it, if people write it otherwise: `16GB`, or cores of which a
    request has hundredths. None for any other text. Raises InvalidCall for what would become 0.
    """
    found = SIZE.fullmatch(text)
    if found is not None and (unit := SIZES.get(about.get("unit", ""))):
        amount = float(found[1]) * 1024 ** " KMGTP".index((found[2] or " ").upper()) / unit
    elif "per" in about and isfinite(float(text)):
        amount = round(float(text) * about["per"], 6)
    else:
        return None
    if 0 < amount < 1:
        raise InvalidCall(f"{text} is too little: it would be 0")
    return str(int(amount))
