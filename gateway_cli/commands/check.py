"""`cuebot-gateway check`, and what the access rules decide about a token (`--as`)."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import orjson
import uvloop
from click.core import ParameterSource

from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.pipeline.invoke import calls_within
from gateway.core.principal import SIGNED_BY
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.model import Settings
from gateway.core.upstream.cuebot import open_upstream
from gateway.features.access.rights import Rule
from gateway.features.object_rights.aspect import ByName
from gateway.features.object_rights.conditions import FACTS
from gateway.features.object_rights.facts import FactFinder
from gateway.features.object_rights.restriction import InCatalog, ObjectConditions
from gateway.features.rules import access_rules
from gateway.features.settings import misspelled
from gateway_cli.checks import Findings, Report, run_checks
from gateway_cli.client.cuebot import DISCOVERY_TIMEOUT_SECONDS, discover
from gateway_cli.client.method_names import find_method
from gateway_cli.common_options import Way, config_option, json_option, settings_from, way_options
from gateway_cli.exits import complain
from gateway_cli.gateway_checks import GatewayReport, check_gateway
from gateway_cli.tokens import claims_from, token_source
from gateway_client.errors import InvalidCall
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, WRONG_USAGE
from gateway_client.terminal.text import counted, json_text, printable_lines


@click.command()
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--as",
    "claims",
    metavar="CLAIM=VALUE",
    multiple=True,
    help="Explain what a token with this claim may do. May be repeated; JSON works, too.",
)
@click.option(
    "--about",
    "facts",
    metavar="FACT=VALUE",
    multiple=True,
    help="With --as, what METHOD would change: user=lena, show=demo. May be repeated.",
)
@click.argument("method", required=False)
@json_option
@way_options
@config_option
@click.pass_context
def check(
    context: click.Context,
    strict: bool,
    claims: tuple[str, ...],
    facts: tuple[str, ...],
    method: str | None,
    as_json: bool,
    way: Way,
    config: Path | None,
) -> None:
    """Check whether a gateway serves, or could, and what.

    With --url or GATEWAY_URL, asks that gateway: whether it is ready, which Cuebot and schema it
    has, whether it accepts the token, what the token may call (and METHOD, if given), and whether
    the clocks agree.

    Otherwise, or with --direct, checks the settings and secrets of this machine, calls Cuebot,
    discovers the schema, and reports which methods would be served, under which other names, and
    which are withheld and why.

    With --as, explains instead which access rule of the settings decides about a token with these
    claims, and whether it may call METHOD: with --about, for what it would change.

    \b
    Example:
      cuebot-gateway check --url http://gateway:8448 Job/Kill
      cuebot-gateway check --direct --config /etc/cuebot-gateway.toml
      cuebot-gateway check --as role=artist job.JobInterface/Kill
      cuebot-gateway check --as role=artist --as sub=lena --about user=bo Job/Kill

    \b
    Exit status:
      0  all is well; METHOD may be called
      1  no gateway or Cuebot answers, or it is not ready; the token is refused;
         METHOD may not be called; there is no schema, or nothing to serve;
         with --strict, there are warnings
      2  wrong usage or settings, such as globs that match nothing
    """
    if claims:
        given = context.get_parameter_source("url") is ParameterSource.COMMANDLINE
        if given or way.token is not None or way.sub is not None:
            raise click.UsageError(
                "--as is about the rules in the settings of this machine;"
                " leave out --url, --token and --sub"
            )
        explain(claims, facts, method, as_json, config)
        return
    if facts:
        raise click.UsageError("--about is for --as: who would change it?")
    if way.url is not None:
        ask_gateway(way.url, way, method, strict=strict, as_json=as_json, config=config)
        return
    if method is not None:
        raise click.UsageError("METHOD needs a gateway to ask (--url), or --as: who would call it?")
    report = Report()
    with report.settings():  # without which there is nothing to ask
        report = uvloop.run(run_checks(settings_from(config)))
    report.warnings += misspelled(os.environ)
    tell(report, strict=strict, as_json=as_json)


def ask_gateway(
    url: str, way: Way, method: str | None, *, strict: bool, as_json: bool, config: Path | None
) -> None:
    settings, problem = settings_from(config), ""
    try:
        token = token_source(settings, way.token, way.sub)()
    except ConfigurationError as error:
        token, problem = "", str(error)

    async def run() -> GatewayReport:
        async with gateway_client(url, lambda: token, DISCOVERY_TIMEOUT_SECONDS) as client:
            return await check_gateway(client, token or None, method)

    try:
        report = asyncio.run(run())
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    if config is not None:
        report.warnings.append(
            f"{config} was not checked: this asks the gateway at {url} (--direct checks it)"
        )
    if problem:
        report.settings_wrong = True
        report.problems.append(problem)
    elif not report.accepted and report.readiness is not None and way.token_from_environment:
        report.warnings.append("the token came from TOKEN; unset it, or sign one with --sub")
    tell(report, strict=strict, as_json=as_json)


def tell(report: Findings, *, strict: bool, as_json: bool) -> None:
    """Print a report, and exit with 1 or 2 if the check has failed."""
    fine = not report.problems and not (strict and report.warnings)
    if as_json:
        click.echo(json_text({"ok": fine} | report.as_object()))
    else:
        click.echo(printable_lines("\n".join(report.lines())))
    if not fine:
        problems, warnings = len(report.problems), len(report.warnings)
        complain(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
        sys.exit(WRONG_USAGE if report.settings_wrong else FAILED)


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
        if method is not None:
            rule, _ = rule_for(settings, token)
            conditions = ObjectConditions.of(rule)
            needed = () if conditions is None else conditions.facts
            about = uvloop.run(with_known(settings, catalog, method, about, needed))
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
    method: str | None = None
    """The native path of the method in question."""
    reads: bool = False
    problem: str = ""
    """The error of a call, if it is refused."""
    only: str = ""
    """The condition on what the call is about or shows, unless the facts were given."""


def facts_from(written: Iterable[str]) -> dict[str, str]:
    """Facts from `user=lena`. Raises InvalidCall."""
    found = {}
    for text in written:
        name, equals, value = text.partition("=")
        if name not in FACTS or not equals:
            raise InvalidCall(
                f"--about: {text!r} is not of the form FACT=VALUE, such as user=lena; facts are"
                f" {', '.join(FACTS)}"
            )
        found[name] = value
    return found


async def with_known(
    settings: Settings,
    catalog: Catalog,
    written: str,
    facts: dict[str, str],
    needed: Iterable[str],
) -> dict[str, str]:
    """The facts, and what Cuebot knows of the object that one of them names.

    Cuebot is asked only for facts that are needed and not given. Raises InvalidCall for an unknown
    method, and GatewayError if there is no such object.
    """
    missing = set(needed) - facts.keys()
    named = [
        (about, facts[fact])
        for fact, about in catalog.aspects[ByName].items()
        if fact in facts and missing.intersection(name for name, _ in about.facts)
    ]
    if len(named) != 1:
        return facts
    (about, name), method = named[0], find_method(written, catalog)
    upstream = open_upstream(settings)
    try:
        call = calls_within(DISCOVERY_TIMEOUT_SECONDS, upstream, ())
        return {**await FactFinder(Counter()).of_name(about, name, method, call), **facts}
    except GatewayError as error:
        problem = f"Cuebot does not tell of {about.kind} {name!r} ({error.message})"
        hint = "say what it is about: --about user=… --about show=…"
        raise GatewayError(error.code, f"--about: {problem}; {hint}") from None
    finally:
        await upstream.close()


def rule_for(settings: Settings, claims: dict[str, object]) -> tuple[Rule, dict[str, object]]:
    """The rule that decides about a token with these claims, and all claims of such a token."""
    by_secret = settings.jwt_jwks is None or settings.jwt_secret or settings.jwt_secret_file
    complete = claims | {SIGNED_BY: claims.get(SIGNED_BY, "secret" if by_secret else "provider")}
    return access_rules(settings).rule_for(complete), complete


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
    of_objects, applied = ObjectConditions.of(rule), InCatalog.of(rule, catalog)
    decision = Decision(
        claims=claims,
        rule=rule.name,
        identity=rule.identity,
        conditions={} if of_objects is None else of_objects.as_written,
        allowed=tuple(sorted(rule.allowed(catalog))),
        methods=len(set(catalog.routes.values())),
    )
    if written is None:
        return decision
    method, problem, only = find_method(written, catalog), "", ""
    known = (claims.get(name) for name in settings.jwt_subject_claim)
    subject = str(next((each for each in known if each is not None), ""))
    try:
        rule.check(method, catalog, subject)
        conditions = {} if applied is None else applied.applying_to(method)
        if not facts:
            only = " and ".join(condition.text for condition in conditions.values())
        for key, condition in conditions.items() if facts else ():
            if condition.holds(facts, claims | {"sub": subject}):
                continue
            names = ", ".join(f"{name} {value!r}" for name, value in facts.items())
            if key == "see":
                raise GatewayError(
                    Code.NOT_FOUND,
                    f"{names} may not be seen: a 404, as of what is not there (access rule"
                    f" {rule.name!r})",
                )
            raise rule.refusal(method, subject, problem=f"it has {names}")
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
    yield f"{'May call':10}{number} of {counted(decision.methods, 'method')}"
    if decision.method is not None:
        kind = "reads" if decision.reads else "changes something"
        yield f"{'Method':10}{decision.method} ({kind})"
        outcome = f"denied: {decision.problem}" if decision.problem else "allowed"
        if decision.only:
            whose = "what fits" if decision.reads else "if"
            outcome += f" {whose} {decision.only} (--about user=… says whether)"
        yield f"{'Decision':10}{outcome}"
