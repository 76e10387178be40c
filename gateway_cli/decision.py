"""What the rules of access decide about a token with certain claims."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import orjson

from gateway.access.rights import AccessRules
from gateway.errors import GatewayError
from gateway.schema.catalog import Catalog
from gateway.settings.model import Settings
from gateway.settings.types import SIGNED_BY
from gateway_cli.client.invalid import InvalidCall
from gateway_cli.client.method_names import find_method
from gateway_cli.terminal.text import counted

LABEL = 10
"""The width of the column of labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a token with these claims may do, or whether it may call a method."""

    claims: dict[str, object]
    rule: str
    """The name of the rule that decides; `access_default` if none fits."""
    identity: str
    """What becomes of the fields that name the caller: fill, force or off."""
    allowed: tuple[str, ...]
    """The native paths of all methods that it may call."""
    methods: int
    """How many there are."""
    method: str | None = None
    """The native path of the method that was asked about."""
    reads: bool = False
    """Whether that one only reads."""
    problem: str = ""
    """The answer to a call of it, if it is refused."""


def claims_from(written: Iterable[str]) -> dict[str, object]:
    """`role=artist` and `realm_access.roles=artist` as claims; one that is repeated is a list.

    A JSON object is taken as it is. Raises InvalidCall for anything else.
    """
    found: dict[str, object] = {}
    for text in written:
        if text.startswith("{"):
            try:
                found |= orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise InvalidCall(f"--as: {text!r} is no JSON object: {error}") from None
            continue
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidCall(f"--as: {text!r} is not of the form CLAIM=VALUE, such as role=artist")
        *parents, last = name.split(".")
        scope = found
        for parent in parents:
            inner = scope.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise InvalidCall(f"--as: {parent} has a value, so {name} cannot be inside of it")
            scope = inner
        before = scope.get(last)
        if before is None:
            scope[last] = value
        else:
            scope[last] = [*before, value] if isinstance(before, list) else [before, value]
    return found


def decide(
    settings: Settings, catalog: Catalog, claims: dict[str, object], written: str | None
) -> Decision:
    """The decision about a method, by the name that somebody has written, or about all.

    Raises InvalidCall if there is no such method.
    """
    by_secret = settings.jwt_jwks is None or settings.jwt_secret or settings.jwt_secret_file
    complete = claims | {SIGNED_BY: claims.get(SIGNED_BY, "secret" if by_secret else "provider")}
    rule = AccessRules(settings).rule_for(complete)
    if SIGNED_BY in rule.decided_by:
        claims = complete
    decision = Decision(
        claims=claims,
        rule=rule.name,
        identity=rule.identity,
        allowed=tuple(sorted(rule.allowed(catalog))),
        methods=len(set(catalog.routes.values())),
    )
    if written is None:
        return decision
    method, problem = find_method(written, catalog), ""
    try:
        rule.check(method, catalog, str(claims.get("sub", "")))
    except GatewayError as error:
        problem = error.message
    return replace(decision, method=method.path, reads=method.reads_only, problem=problem)


def decision_lines(decision: Decision) -> Iterator[str]:
    """The decision as lines of text."""
    yield f"{'Claims':{LABEL}}{orjson.dumps(decision.claims).decode()}"
    yield f"{'Rule':{LABEL}}{decision.rule}"
    yield f"{'Identity':{LABEL}}{decision.identity}"
    number = len(decision.allowed)
    yield f"{'May call':{LABEL}}{number} of {counted(decision.methods, 'method')}"
    if decision.method is not None:
        kind = "reads" if decision.reads else "changes something"
        yield f"{'Method':{LABEL}}{decision.method} ({kind})"
        outcome = f"denied: {decision.problem}" if decision.problem else "allowed"
        yield f"{'Decision':{LABEL}}{outcome}"
