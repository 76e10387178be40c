"""The checks before serving: settings, secrets, Cuebot, schema, and what would be served."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

from gateway.core.discovery.reflection import REFUSALS
from gateway.core.errors import Code, ConfigurationError, GatewayError
from gateway.core.pipeline.failures import error_for
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.key_files import first_certificate, pair_of, readable_by_all
from gateway.core.settings.loading import retired
from gateway.core.settings.model import Settings
from gateway.core.settings.reach import reached_at
from gateway.core.shared_store import Link, RedisStore, StoreFailed
from gateway.core.upstream.cuebot import MIN_PING_SECONDS, open_upstream
from gateway.core.upstream.endpoint import HEALTH_CHECK_PATH, Endpoint
from gateway.core.upstream.interface import CallFailed, UpstreamCall
from gateway.features.access.rights import Rule, by_any_signer
from gateway.features.audit.audit_log import check_audit
from gateway.features.metrics.metrics_page import check_metrics
from gateway.features.object_rights.restriction import ObjectConditions
from gateway.features.rate_limits.shared_limiter import COUNT, KEY_PREFIX
from gateway.features.rules import access_rules
from gateway.features.tokens.identity_provider import KeySet, NoKeySet, load_key_set, unbound
from gateway.features.tokens.revocation import read_denied
from gateway.features.tokens.secrets import load_secrets, weaknesses
from gateway.features.traces.trace_settings import check_traces
from gateway_cli.client.cuebot import discover_once
from gateway_cli.serving.listen import ends_soon, load_certificate
from gateway_client.terminal.text import counted

ENDPOINT_TIMEOUT_SECONDS = 5.0
NO_ANSWER = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
SOURCES_IN_CUEBOT = ("auto", "reflection")
LABEL_COLUMNS = 11
METHODS_LISTED = 5
"""Methods of a withheld service that the text lists; JSON has all of them."""


@dataclass(kw_only=True)
class Findings:
    """The problems and warnings of a report; a problem makes the check fail."""

    settings_wrong: bool = False
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_object(self) -> dict[str, object]:
        """The report as a JSON object, with null for what is not known."""
        return {"problems": self.problems, "warnings": self.warnings}

    def lines(self) -> Iterator[str]:
        yield from entry("Warnings", str(len(self.warnings) or "none"), self.warnings)
        yield from entry("Problems", str(len(self.problems) or "none"), self.problems)


@dataclass(kw_only=True)
class Report(Findings):
    endpoints: dict[str, bool] = field(default_factory=dict)
    """Whether each endpoint of Cuebot answers; empty if wrong settings prevented asking."""
    secrets: int = 0
    keys: KeySet | None = None
    state: str = ""
    """Whether STATE answers."""
    catalog: Catalog | None = None

    @property
    def answers(self) -> bool:
        return any(self.endpoints.values())

    @contextmanager
    def settings(self) -> Iterator[None]:
        """A context that ends with wrong settings, which become problems."""
        try:
            yield
        except ConfigurationError as error:
            self.settings_wrong = True
            self.problems += error.problems

    def as_object(self) -> dict[str, object]:
        return {
            **super().as_object(),
            "cuebot": {"endpoint": ",".join(self.endpoints) or None, "answers": self.answers},
            "endpoints": self.endpoints,
            "secrets": self.secrets,
            "keys": None if self.keys is None else len(self.keys.keys),
            "state": self.state or None,
            "schema": None if self.catalog is None else schema_object(self.catalog),
        }

    def lines(self) -> Iterator[str]:
        if self.endpoints:
            first, *others = (
                f"{endpoint} {'answers' if answers else 'does not answer'}"
                for endpoint, answers in self.endpoints.items()
            )
            yield from entry("Cuebot", first, others)
            yield from entry("Secrets", str(self.secrets or "none"))
        if self.keys is not None:
            listed = [f"{each.kid or 'no kid'}: {each.algorithm}" for each in self.keys.keys]
            skipped = [f"skipped {each}" for each in self.keys.skipped]
            yield from entry("Keys", counted(len(listed), "key"), [*listed, *skipped])
        if self.state:
            yield from entry("State", self.state)
        if self.catalog is not None:
            yield from schema_lines(self.catalog)
        yield from super().lines()


async def run_checks(settings: Settings) -> Report:
    report = Report()
    check_settings(settings, report)
    if settings.jwt_jwks is not None:
        await check_keys(settings.jwt_jwks, report)
    if settings.state is not None:
        with report.settings():
            await check_state(RedisStore(settings), report, closed=settings.state_fail == "closed")
    with report.settings():
        await check_endpoints(settings, report)
        if report.answers or settings.descriptor_source not in SOURCES_IN_CUEBOT:
            await check_schema(settings, report)
    return report


def check_settings(settings: Settings, report: Report) -> None:
    """Check secrets, certificate, audit log, and valid settings that are probably mistakes."""
    with report.settings():
        secrets = load_secrets(settings, reached_at=reached_at(settings))
        report.secrets = len(secrets)
        report.warnings += weaknesses(settings, secrets)
    report.warnings += [*readable_by_all(settings), *by_any_signer(settings), *unbound(settings)]
    report.warnings += retired(settings)
    with report.settings():
        if settings.jwt_deny_file is not None:
            read_denied(settings.jwt_deny_file)
    with report.settings():
        load_certificate(settings)
        pair = pair_of(settings, "tls")
        if pair is not None and (expires := ends_soon(first_certificate(pair))) is not None:
            report.warnings.append(f"TLS_CERT_FILE: the certificate expires on {expires}")
    report.warnings += access_rules(settings).unreachable
    with report.settings():
        check_audit(settings)
    with report.settings():
        check_traces(settings)
    with report.settings():
        check_metrics(settings)
    if 0 < settings.keepalive_time < MIN_PING_SECONDS:
        report.warnings.append(
            f"KEEPALIVE_TIME is below the {MIN_PING_SECONDS} s that Cuebot allows;"
            " Cuebot will close connections"
        )


async def check_keys(source: str, report: Report) -> None:
    try:
        report.keys = await load_key_set(source)
    except NoKeySet as error:
        report.problems += error.problems


async def check_state(store: RedisStore, report: Report, *, closed: bool) -> None:
    """Count once in the store. Its absence is a problem only if it fails `closed`."""
    link = Link(store, "")
    try:
        await link.connect()
        began = monotonic()
        await link.in_time(store.run(COUNT, [KEY_PREFIX + "check"], [1, 1, 0]))
    except StoreFailed as failure:
        report.state = f"{store.name} does not answer"
        (report.problems if closed else report.warnings).append(f"STATE: {store.name}: {failure}")
    else:
        report.state = f"{store.name} answers within {(monotonic() - began) * 1000:.1f} ms"
    finally:
        await store.close()


async def check_endpoints(settings: Settings, report: Report) -> None:
    """Call each endpoint; one without an answer is only a warning if another answers.

    Raises ConfigurationError for unusable TLS settings.
    """
    upstream = open_upstream(settings)
    try:
        failures = await asyncio.gather(*map(failure_at, upstream.endpoints))
    finally:
        await upstream.close()
    failed = {
        each.endpoint: failure
        for each, failure in zip(upstream.endpoints, failures, strict=True)
        if failure is not None
    }
    absent = {name: each for name, each in failed.items() if each.code in NO_ANSWER}
    report.endpoints = {each.endpoint: each.endpoint not in absent for each in upstream.endpoints}
    found = report.warnings if report.answers else report.problems
    found += [
        f"CUEBOT_ENDPOINT: {name}: {error_for(each).message or each.code.name}"
        for name, each in absent.items()
    ]
    report.warnings += [
        f"CUEBOT_ENDPOINT: {name}: Cuebot refuses calls ({each.quoted})"
        for name, each in failed.items()
        if each.code in REFUSALS
    ]


async def failure_at(endpoint: Endpoint) -> CallFailed | None:
    """The failure of a health check, which the stock Cuebot does not know; None without one."""
    try:
        await endpoint.call(UpstreamCall(HEALTH_CHECK_PATH, b"", ENDPOINT_TIMEOUT_SECONDS))
    except CallFailed as failure:
        return failure
    return None


async def check_schema(settings: Settings, report: Report) -> None:
    """Discover the schema and what would be served. Raises ConfigurationError."""
    try:
        catalog = report.catalog = await discover_once(settings)
    except GatewayError as error:
        report.problems.append(error.message)
        return
    schema = catalog.schema
    if not catalog.methods:
        report.problems.append("no method is served; see INCLUDE_SERVICES and EXCLUDE_SERVICES")
    rules = access_rules(settings)
    if wrong := [*map(str, catalog.unused_globs), *rules.unmatched(catalog)]:
        report.settings_wrong = True
        report.problems += wrong
    if not schema.confirmed:
        report.warnings.append(
            f"the schema is assumed: it comes from {schema.origin}, and Cuebot's may differ"
        )
    report.warnings += [f"{skip.service} is skipped: {skip.reason}" for skip in catalog.skipped]
    report.warnings += [
        f"access rule {rule.name!r}: {glob} matches nothing"
        for rule in rules
        for glob in rule.idle(catalog)
    ]
    report.warnings += [line for rule in rules for line in never_allowed(rule, catalog)]


def never_allowed(rule: Rule, catalog: Catalog) -> Iterator[str]:
    """A line for the changes, and one for the reads, that a rule names in vain."""
    reads = {each.path for each in catalog.methods if each.reads_only}
    never, conditions = rule.never(catalog).keys(), ObjectConditions.of(rule)
    for paths, key, what, why in (
        (
            never - reads,
            "only" if conditions is not None and conditions.only else "see",
            "changes",
            "Cuebot does not say whose they are",
        ),
        (
            never & reads,
            "see",
            "reads",
            "nothing in them has its facts (`always` would allow them)",
        ),
    ):
        if paths:
            names = ", ".join(path[1:] for path in sorted(paths))
            yield (
                f"access rule {rule.name!r}: `{key}` can never allow these of its {what}, since"
                f" {why}: {names}"
            )


def schema_object(catalog: Catalog) -> dict[str, Any]:
    return {
        "source": catalog.schema.origin,
        "confirmed": catalog.schema.confirmed,
        "digest": catalog.schema.digest,
        "services": len(served_services(catalog)),
        "methods": len(catalog.methods),
        "paths": len(catalog.routes),
        "aliases": served_aliases(catalog),
        "withheld": dict(catalog.withheld),
        "skipped": [asdict(skip) for skip in catalog.skipped],
        "idle_globs": [each.glob for each in catalog.unused_globs],
        "idle_entries": [asdict(each) for each in catalog.unused_entries],
        "idle_summaries": list(catalog.unused_summaries),
        "without_summary": without_summary(catalog),
        "streaming": streaming_paths(catalog),
    }


def served_services(catalog: Catalog) -> set[str]:
    return {method.service for method in catalog.methods}


def served_aliases(catalog: Catalog) -> dict[str, str]:
    """Alias to native name of the services that are served, sorted."""
    served = served_services(catalog)
    return {alias: name for alias, name in sorted(catalog.aliases.items()) if name in served}


def streaming_paths(catalog: Catalog) -> list[str]:
    return [method.path for method in catalog.methods if method.streams]


def without_summary(catalog: Catalog) -> list[str]:
    return [method.path for method in catalog.methods if not method.summary]


def schema_lines(catalog: Catalog) -> Iterator[str]:
    schema = catalog.schema
    kind = "confirmed by Cuebot" if schema.confirmed else "assumed, not confirmed by Cuebot"
    yield from entry("Schema", f"{schema.origin} ({kind})")
    yield from entry("Digest", schema.digest)
    methods = counted(len(catalog.methods), "method")
    services = counted(len(served_services(catalog)), "service")
    paths = counted(len(catalog.routes), "path")
    yield from entry("Served", f"{methods} of {services}, at {paths}")
    aliases = [f"{alias} is {name}" for alias, name in served_aliases(catalog).items()]
    yield from entry("Aliases", counted(len(aliases), "service"), aliases)
    withheld = counted(len(catalog.withheld), "method")
    yield from entry("Withheld", withheld, withheld_lines(catalog.withheld))
    skipped = [f"{skip.service}: {skip.reason}" for skip in catalog.skipped]
    yield from entry("Skipped", counted(len(skipped), "service"), skipped)
    globs = [each.glob for each in catalog.unused_globs]
    yield from entry("Idle globs", str(len(globs) or "none"), globs)
    idle = [f"{each.entry}: {each.reason}" for each in catalog.unused_entries]
    yield from entry("Profile", counted(len(idle), "idle entry", "idle entries"), idle)
    lacking = without_summary(catalog)
    told = f"for {len(catalog.methods) - len(lacking)} of {methods}"
    mute = [f"{path} has none" for path in lacking]
    idle = [f"{name}: Cuebot does not have it" for name in catalog.unused_summaries]
    yield from entry("Summaries", told, [*mute, *idle])
    streaming = streaming_paths(catalog)
    answered = ", answered with 501" * bool(streaming)
    yield from entry("Streaming", counted(len(streaming), "method") + answered, streaming)


def withheld_lines(withheld: Mapping[str, str]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, rule in withheld.items():
        service, _, method = path[1:].partition("/")
        groups[service, rule].append(method)
    for (service, rule), methods in groups.items():
        more = ", …" * (len(methods) > METHODS_LISTED)
        yield f"{service}: {rule} ({', '.join(methods[:METHODS_LISTED])}{more})"


def entry(label: str, text: str, items: Iterable[str] = ()) -> Iterator[str]:
    """A label with its text, and items below it."""
    yield f"{label:{LABEL_COLUMNS}}{text}"
    for item in items:
        yield " " * LABEL_COLUMNS + item
