"""Access rules, as the settings have them."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.core.principal import OWN_READS, SIGNED_BY
from gateway.core.settings.model import Strict
from gateway.core.settings.types import parse_json

METHODS = re.compile(r"[^\s!/]+/[^\s!/]+|[^\s!/]+\.[^\s!/]+")
"""A glob of methods (`job.*/Get*`) or services (`job.JobInterface`)."""
CLAIM_MAX_DEPTH = 8
SIGNERS = ("secret", "provider")
"""What `who` may say of SIGNED_BY."""
Who = Mapping[str, Any]
"""Claims by name: a tuple of globs, or another `Who` for nested claims."""


def check_printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("expected printable characters")
    return value


def parse_who(value: object, depth: int = 0) -> object:
    """Claims by name: a glob, a list of globs, or a table for what is nested."""
    if not isinstance(value, dict) or depth > CLAIM_MAX_DEPTH:
        raise ValueError('expected a table of claims, such as { role = "artist" }')
    return {name: parse_claim(name, each, depth) for name, each in value.items()}


def parse_claim(name: str, value: object, depth: int) -> object:
    """A glob as a tuple of one; a list stays a list."""
    if isinstance(value, dict):
        return parse_who(value, depth + 1)
    globs = value if isinstance(value, list | tuple) else [value]
    if not globs or not all(isinstance(each, str) and each for each in globs):
        raise ValueError(f"{name}: expected a glob, a list of globs, or a table of nested claims")
    if name == SIGNED_BY and not depth and not set(globs) <= set(SIGNERS):
        raise ValueError(f"{name}: expected {' or '.join(SIGNERS)}")
    return tuple(globs)


def check_may(value: tuple[str, ...]) -> tuple[str, ...]:
    """`reads`, `changes`, `status`, `all` or globs of methods; `!` takes away from the others."""
    for each in value:
        plain = each.removeprefix("!")
        words = ("reads", *sorted(OWN_READS), "changes", "status", "all")
        if plain not in (*words, "*") and not METHODS.fullmatch(plain):
            expected = f"expected {', '.join(words)}, or a glob such as job.*/Kill"
            raise ValueError(f"{expected}, not {each!r}")
    if value and all(each.startswith("!") for each in value):
        raise ValueError("there is nothing to take away from; begin with all, reads or changes")
    return value


class AccessRule(Strict):
    """What tokens may do whose claims match `who`."""

    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(check_printable)]
    who: Annotated[Who, BeforeValidator(parse_who)]
    may: Annotated[tuple[str, ...], AfterValidator(check_may)]
    identity: Literal["trust"] | None = None


def check_access(value: tuple[AccessRule, ...]) -> tuple[AccessRule, ...]:
    """Names are unique, since answers, the log and `check` use them."""
    names = [each.name for each in value]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two rules are called {name!r}")
    return value


class AccessSettings(Strict):
    access_default: Literal["allow", "deny"] = "allow"
    access: Annotated[
        tuple[AccessRule, ...], BeforeValidator(parse_json), AfterValidator(check_access)
    ] = ()


@cache
def rule_type(keys: tuple[type[Strict], ...]) -> type[AccessRule]:
    """Rules with keys that other features add. Made once, so that a rule can be unpickled in
    another process: workers are given the settings.
    """

    class Rule(*keys, AccessRule):  # type: ignore[misc]  # mypy wants names
        def __reduce__(self) -> tuple[Any, ...]:
            return unpickled, (keys, self.model_dump(exclude_unset=True))

    return Rule


def unpickled(keys: tuple[type[Strict], ...], content: Mapping[str, object]) -> AccessRule:
    return rule_type(keys).model_validate(content)


def section_of(keys: Iterable[type[Strict]]) -> type[AccessSettings]:
    """The section, with the keys that other features add to rules."""
    rule = rule_type(tuple(keys))

    class Section(AccessSettings):
        access: Annotated[
            tuple[rule, ...],  # type: ignore[valid-type]  # made at startup
            BeforeValidator(parse_json),
            AfterValidator(check_access),
        ] = ()

    return Section
