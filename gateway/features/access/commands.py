"""What the access rules decide about a token: `cuebot-gateway check --as`."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import orjson
import uvloop

from gateway.core.errors import GatewayError
from gateway.core.principal import OWN_READS, SIGNED_BY
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.model import Settings
from gateway.features import extensions_of
from gateway.features.access.feature import Access
from gateway.features.access.rights import AccessRules, AddedKeys, Rule
from gateway_cli.client.cuebot import discover
from gateway_cli.client.method_names import find_method
from gateway_cli.common_options import settings_from
from gateway_cli.tokens import claims_from
from gateway_client.errors import InvalidCall
from gateway_client.terminal.exits import FAILED
from gateway_client.terminal.text import counted, json_text, printable_lines

ADDED: tuple[AddedKeys, ...] = extensions_of(Access)


def explain(
    claims: tuple[str, ...],
    facts: tuple[str, ...],
    method: str | None,
    as_json: bool,
    config: Path | None,
) -> None:
    """Print the decision of the access rules; exit with 1 if METHOD is denied."""
    settings = settings_from(config)
    try:
        token = claims_from(claims, "--as")
        catalog, about = discover(settings), facts_from(facts)
        if method is not None and method not in OWN_READS:
            rule, _ = rule_for(settings, token)
            about = uvloop.run(with_known(settings, catalog, method, about, rule))
        decision = decide(settings, catalog, token, method, about)
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json_text(asdict(decision)))
    else:
        click.echo(printable_lines("\n".join(decision_lines(decision))))
    if decision.problem:
        sys.exit(FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a token with these claims may do, or whether it may call a method."""

    claims: dict[str, object]
    rule: str
    """The name of the rule that decides; `access_default` if none fits."""
    conditions: dict[str, str]
    """What the rule's `only` and `see` say."""
    identity: str
    """The treatment of fields that name the caller: fill, force or off."""
    allowed: tuple[str, ...]
    """The native paths of the methods that the token may call."""
    methods: int
    """The number of all methods."""
    may_read: tuple[str, ...]
    """What it may read beside methods, by its words in rules: `logs`."""
    method: str | None = None
    """The native path of the method in question."""
    reads: bool = False
    problem: str = ""
    """The error of a call, if it is refused."""
    only: str = ""
    """The condition on what the call is about or shows, unless the facts were given."""


def facts_from(written: Iterable[str]) -> dict[str, str]:
    """Facts from `user=lena`. Raises InvalidCall."""
    found, facts = {}, [fact for each in ADDED for fact in each.facts]
    for text in written:
        name, equals, value = text.partition("=")
        if name not in facts or not equals:
            raise InvalidCall(
                f"--about: {text!r} is not of the form FACT=VALUE, such as user=lena; facts are"
                f" {', '.join(facts)}"
            )
        found[name] = value
    return found


async def with_known(
    settings: Settings, catalog: Catalog, written: str, facts: dict[str, str], rule: Rule
) -> dict[str, str]:
    """The facts, and what Cuebot knows of what they name. Raises InvalidCall for an unknown method,
    and GatewayError if there is no such object.
    """
    method = find_method(written, catalog)
    for each in ADDED:
        if each.known is not None:
            facts = await each.known(settings, catalog, method, facts, rule)
    return facts


def rule_for(settings: Settings, claims: dict[str, object]) -> tuple[Rule, dict[str, object]]:
    """The rule that decides about a token with these claims, and all claims of such a token."""
    by_secret = settings.jwt_jwks is None or settings.jwt_secret or settings.jwt_secret_file
    complete = claims | {SIGNED_BY: claims.get(SIGNED_BY, "secret" if by_secret else "provider")}
    return AccessRules(settings, ADDED).rule_for(complete), complete


def decide(
    settings: Settings,
    catalog: Catalog,
    claims: dict[str, object],
    written: str | None,
    facts: dict[str, str],
) -> Decision:
    """The decision about the method with the name `written`, or all. Raises InvalidCall."""
    rule, complete = rule_for(settings, claims)
    if SIGNED_BY in rule.decided_by:
        claims = complete
    conditions: dict[str, str] = {}
    for each in rule.restrictions.values():
        conditions |= each.as_written
    decision = Decision(
        claims=claims,
        rule=rule.name,
        identity=rule.identity,
        conditions=conditions,
        allowed=tuple(sorted(rule.allowed(catalog))),
        methods=len(set(catalog.routes.values())),
        may_read=tuple(each for each in sorted(OWN_READS) if rule.reads(each)),
    )
    if written is None:
        return decision
    if written in OWN_READS:
        problem = "" if rule.reads(written) else f"access rule {rule.name!r} does not allow it"
        return replace(decision, method=written, reads=True, problem=problem)
    method, problem, only = find_method(written, catalog), "", ""
    known = (claims.get(name) for name in settings.jwt_subject_claim)
    subject = str(next((each for each in known if each is not None), ""))
    try:
        rule.check(method, catalog, subject)
        applied = rule.applied(catalog).values()
        if facts:
            for restriction in applied:
                restriction.check_facts(rule, method, facts, claims | {"sub": subject})
        else:
            only = " and ".join(text for each in applied for text in each.applying_to(method))
    except GatewayError as error:
        problem = error.message
    return replace(
        decision, method=method.path, reads=method.reads_only, problem=problem, only=only
    )


def decision_lines(decision: Decision) -> Iterator[str]:
    yield f"{'Claims':10}{orjson.dumps(decision.claims).decode()}"
    yield f"{'Rule':10}{decision.rule}"
    for key, text in decision.conditions.items():  # which refusals do not tell
        yield f"{key.capitalize():10}{text}"
    yield f"{'Identity':10}{decision.identity}"
    number = len(decision.allowed)
    more = f", and read {' and '.join(decision.may_read)}" if decision.may_read else ""
    yield f"{'May call':10}{number} of {counted(decision.methods, 'method')}{more}"
    if decision.method is not None:
        kind = "reads" if decision.reads else "changes something"
        yield f"{'Method':10}{decision.method} ({kind})"
        outcome = f"denied: {decision.problem}" if decision.problem else "allowed"
        if decision.only:
            whose = "what fits" if decision.reads else "if"
            outcome += f" {whose} {decision.only} (--about user=… says whether)"
        yield f"{'Decision':10}{outcome}"
