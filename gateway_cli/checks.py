"""The checks before serving: settings, secrets, Cuebot, schema, and what would be served."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.app import create_app
from gateway.core import findings as core
from gateway.core.calls.failures import error_for
from gateway.core.discovery.reflection import REFUSALS
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.catalog import Catalog
from gateway.core.settings.key_files import first_certificate, pair_of, readable_by_all
from gateway.core.settings.loading import retired
from gateway.core.settings.model import Settings
from gateway.core.settings.reach import OPEN, check_open, reached_at
from gateway.core.upstream.cuebot import MIN_PING_SECONDS, open_upstream
from gateway.core.upstream.endpoint import HEALTH_CHECK_PATH, Endpoint
from gateway.core.upstream.interface import CallFailed, UpstreamCall
from gateway.feature import identify_callers
from gateway.features import FEATURES
from gateway.features.catalog import COMPOSITION
from gateway.features.installed import own_features
from gateway_cli.client.cuebot import discover_once
from gateway_cli.serving.listen import ends_soon, load_certificate
from gateway_client.terminal.text import counted

ENDPOINT_TIMEOUT_SECONDS = 5.0
NO_ANSWER = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
SOURCES_IN_CUEBOT = ("auto", "reflection")
LABEL_COLUMNS = 11
METHODS_LISTED = 5
"""Methods of a withheld service that the text lists; JSON has all of them."""


def unknown_facts() -> dict[str, object]:
    return {name: value for each in FEATURES for name, value in each.facts.items()}


class Findings(core.Findings):
    """As JSON and as text."""

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
    facts: dict[str, object] = field(default_factory=unknown_facts)
    catalog: Catalog | None = None
    features: list[str] = field(default_factory=lambda: own_features(FEATURES))
    """Those of installed packages."""

    @property
    def answers(self) -> bool:
        return any(self.endpoints.values())

    def as_object(self) -> dict[str, object]:
        return {
            **super().as_object(),
            "cuebot": {"endpoint": ",".join(self.endpoints) or None, "answers": self.answers},
            "endpoints": self.endpoints,
            **self.facts,
            "schema": None if self.catalog is None else schema_object(self.catalog),
            **({"features": self.features} if self.features else {}),
        }

    def lines(self) -> Iterator[str]:
        if self.endpoints:
            first, *others = (
                f"{endpoint} {'answers' if answers else 'does not answer'}"
                for endpoint, answers in self.endpoints.items()
            )
            yield from entry("Cuebot", first, others)
        for each in self.told:
            yield from entry(*each)
        if self.features:
            yield from entry("Features", self.features[0], self.features[1:])
        if self.catalog is not None:
            yield from schema_lines(self.catalog)
        yield from super().lines()


async def run_checks(settings: Settings) -> Report:
    report = Report()
    await check_settings(settings, report)
    if report.features and not report.settings_wrong:
        with report.settings():
            create_app(settings)
    with report.settings():
        await check_endpoints(settings, report)
        if report.answers or settings.descriptor_source not in SOURCES_IN_CUEBOT:
            await check_schema(settings, report)
    return report


async def check_settings(settings: Settings, report: Report) -> None:
    """What features find, certificates, and valid settings that are probably mistakes."""
    if not identify_callers(FEATURES):
        report.warnings.append(OPEN)
        with report.settings():
            check_open(settings, reached_at(settings, COMPOSITION.ports(settings)))
    for each in FEATURES:
        await each.check(settings, COMPOSITION, report)
    report.warnings += [*readable_by_all(settings), *retired(settings)]
    with report.settings():
        load_certificate(settings)
        pair = pair_of(settings, "tls")
        if pair is not None and (expires := ends_soon(first_certificate(pair))) is not None:
            report.warnings.append(f"TLS_CERT_FILE: the certificate expires on {expires}")
    if 0 < settings.keepalive_time < MIN_PING_SECONDS:
        report.warnings.append(
            f"KEEPALIVE_TIME is below the {MIN_PING_SECONDS} s that Cuebot allows;"
            " Cuebot will close connections"
        )


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
    if wrong := [*map(str, catalog.idle.globs)]:
        report.settings_wrong = True
        report.problems += wrong
    if not schema.confirmed:
        report.warnings.append(
            f"the schema is assumed: it comes from {schema.origin}, and Cuebot's may differ"
        )
    report.warnings += [
        f"{skip.service} is skipped: {skip.reason}" for skip in catalog.absent.skipped
    ]
    for each in FEATURES:
        each.check_catalog(settings, COMPOSITION, catalog, report)


def schema_object(catalog: Catalog) -> dict[str, Any]:
    return {
        "source": catalog.schema.origin,
        "confirmed": catalog.schema.confirmed,
        "digest": catalog.schema.digest,
        "services": len(served_services(catalog)),
        "methods": len(catalog.methods),
        "paths": len(catalog.routes),
        "aliases": served_aliases(catalog),
        "withheld": dict(catalog.absent.withheld),
        "skipped": [asdict(skip) for skip in catalog.absent.skipped],
        "idle_globs": [each.glob for each in catalog.idle.globs],
        "idle_entries": [asdict(each) for each in catalog.idle.entries],
        "idle_summaries": list(catalog.idle.summaries),
        "without_summary": without_summary(catalog),
        "streaming": streaming_paths(catalog),
    }


def served_services(catalog: Catalog) -> set[str]:
    return {method.service for method in catalog.methods}


def served_aliases(catalog: Catalog) -> dict[str, str]:
    """Alias to native name of the services that are served, sorted."""
    served = served_services(catalog)
    return {
        alias: name for alias, name in sorted(catalog.directory.aliases.items()) if name in served
    }


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
    withheld = counted(len(catalog.absent.withheld), "method")
    yield from entry("Withheld", withheld, withheld_lines(catalog.absent.withheld))
    skipped = [f"{skip.service}: {skip.reason}" for skip in catalog.absent.skipped]
    yield from entry("Skipped", counted(len(skipped), "service"), skipped)
    globs = [each.glob for each in catalog.idle.globs]
    yield from entry("Idle globs", str(len(globs) or "none"), globs)
    idle = [f"{each.entry}: {each.reason}" for each in catalog.idle.entries]
    yield from entry("Profile", counted(len(idle), "idle entry", "idle entries"), idle)
    lacking = without_summary(catalog)
    told = f"for {len(catalog.methods) - len(lacking)} of {methods}"
    mute = [f"{path} has none" for path in lacking]
    idle = [f"{name}: Cuebot does not have it" for name in catalog.idle.summaries]
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
