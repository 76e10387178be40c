"""Claims of tokens, as written on the command line."""

from collections.abc import Iterable

import orjson

from cuectl.errors import InvalidCall


def claims_from(written: Iterable[str], option: str) -> dict[str, object]:
    """Claims from `role=artist`, `shows=a,b` (a list), `realm.roles=td`, and JSON.

    A value that is JSON is taken as it is, and so is a whole object of claims. A claim that is
    repeated is a list. Raises InvalidCall for anything else.
    """
    found: dict[str, object] = {}
    for text in written:
        if text.startswith("{"):
            try:
                found |= orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise InvalidCall(f"{option}: {text!r} is no JSON object: {error}") from None
            continue
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidCall(
                f"{option}: {text!r} is not of the form CLAIM=VALUE, such as role=artist"
            )
        *parents, last = name.split(".")
        scope = found
        for parent in parents:
            inner = scope.setdefault(parent, {})
            if not isinstance(inner, dict):
                problem = f"{parent} has a value, so {name} cannot be inside of it"
                raise InvalidCall(f"{option}: {problem}")
            scope = inner
        new, before = value_of(value), scope.get(last)
        scope[last] = new if before is None else [*listed(before), *listed(new)]
    return found


def value_of(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [each.strip() for each in text.split(",")] if "," in text else text
    return found


def listed(claim: object) -> list[object]:
    return claim if isinstance(claim, list) else [claim]
