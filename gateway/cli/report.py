"""What there is to know before serving: settings, secrets, Cuebot, schema, and what comes of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.access.keys import is_weak, load_secrets
from gateway.calls.failures import error_for
from gateway.cli.client.discover import discover_once
from gateway.cli.terminal.failures import Failure
from gateway.discovery.once import Discovery
from gateway.errors import Code, ConfigurationError
from gateway.schema.catalog import UnusedEntry
from gateway.schema.description import OtherSchema, Skipped
from gateway.server.certificate import ends_soon, load_certificate
from gateway.settings.key_files import first_certificate, pair_of
from gateway.settings.model import Settings
from gateway.upstream.endpoint import HEALTH, Endpoint
from gateway.upstream.interface import CallFailed
from gateway.upstream.open import PING_FLOOR, open_upstream

PATIENCE = 5.0
"""Seconds that Cuebot may take to answer a call."""
NO_ANSWER = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
FROM_CUEBOT = ("auto", "reflection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a discovered schema would be served as."""

    source: str
    confirmed: bool
    """Whether Cuebot itself said so; otherwise the schema is assumed."""
    digest: str
    services: int
    methods: int
    paths: int
    aliases: Mapping[str, str]
    """Alias to the service's own name, for services that are served."""
    withheld: Mapping[str, str]
    """Native path to the rule."""
    skipped: tuple[Skipped, ...]
    idle_globs: tuple[str, ...]
    idle_entries: tuple[UnusedEntry, ...]
    """Entries of the compatibility profile that do nothing here."""
    streaming: tuple[str, ...]
    """Native paths of methods that are answered with 501."""
    differences: tuple[OtherSchema, ...]
    """What other endpoints have instead."""


@dataclass(kw_only=True)
class Report:
    """The findings. `problems` keep the gateway from serving, `warnings` do not."""

    endpoints: dict[str, bool] = field(default_factory=dict)
    """Each endpoint of Cuebot, and whether it answers; empty if the settings are in the way."""
    secrets: int = 0
    found: Found | None = None
    settings_wrong: bool = False
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def answers(self) -> bool:
        """Whether a Cuebot answers."""
        return any(self.endpoints.values())

    def blame_settings(self, error: ConfigurationError) -> None:
        """Note what is wrong with the settings."""
        self.settings_wrong = True
        self.problems += error.problems


async def examine(settings: Settings) -> Report:
    """Look at everything. Nothing is raised for what is wrong with the settings or Cuebot."""
    report = Report()
    examine_settings(settings, report)
    try:
        await examine_endpoints(settings, report)
    except ConfigurationError as error:
        report.blame_settings(error)
        return report
    if report.answers or settings.descriptor_source not in FROM_CUEBOT:
        await examine_schema(settings, report)
    return report


def examine_settings(settings: Settings, report: Report) -> None:
    """The secrets, and values that are valid and likely to be a mistake."""
    try:
        secrets = load_secrets(settings)
    except ConfigurationError as error:
        report.blame_settings(error)
        secrets = ()
    report.secrets = len(secrets)
    try:
        certificate = load_certificate(settings)
    except ConfigurationError as error:
        report.blame_settings(error)
        certificate = None
    pair = None if certificate is None else pair_of(settings, "tls")
    if pair is not None:
        ends = ends_soon(first_certificate(pair))
        report.warnings += [f"TLS_CERT_FILE: the certificate ends on {ends}"] * bool(ends)
    report.warnings += [
        f"JWT secret number {number} is easy to guess; use 32 random bytes or more"
        for number, secret in enumerate(secrets, 1)
        if is_weak(secret)
    ]
    if 0 < settings.keepalive_time < PING_FLOOR:
        report.warnings.append(
            f"KEEPALIVE_TIME is below the {PING_FLOOR} s that Cuebot permits; it will close"
            " connections"
        )


async def examine_endpoints(settings: Settings, report: Report) -> None:
    """Whether each endpoint answers. One that does not is a problem when no other one does.

    Raises ConfigurationError when the settings about TLS cannot work.
    """
    upstream = open_upstream(settings)
    try:
        reasons = await asyncio.gather(*map(why_unreachable, upstream.endpoints))
    finally:
        await upstream.close()
    report.endpoints = {
        each.endpoint: reason is None
        for each, reason in zip(upstream.endpoints, reasons, strict=True)
    }
    found = report.warnings if report.answers else report.problems
    found += [f"CUEBOT_ENDPOINT: {reason}" for reason in reasons if reason is not None]


async def why_unreachable(endpoint: Endpoint) -> str | None:
    """Why a call does not get an answer from there; None when it does."""
    try:
        await endpoint.call(HEALTH, b"", PATIENCE, ())
    except CallFailed as failure:
        if failure.code in NO_ANSWER:
            return f"{endpoint.endpoint}: {error_for(failure).message}"
    return None


async def examine_schema(settings: Settings, report: Report) -> None:
    """Discover, and note what would come of it."""
    try:
        discovery = await discover_once(settings)
    except ConfigurationError as error:
        report.blame_settings(error)
        return
    except Failure as error:
        report.problems.append(str(error))
        return
    found = report.found = what_is_served(discovery)
    if not found.methods:
        report.problems.append("nothing is served (INCLUDE_SERVICES, EXCLUDE_SERVICES)")
    if not found.confirmed:
        report.warnings.append(
            f"the schema is assumed: it is that of {found.source}, and Cuebot's may differ"
        )
    report.warnings += [
        f"{name}: does not describe itself, and is not compared"
        for name in discovery.schema.unasked
        if report.endpoints.get(name)
    ]
    report.warnings += [
        f"{', '.join(each.endpoints)}: another schema than that of {found.source}"
        for each in found.differences
    ]
    report.warnings += [f"{skip.service} is skipped: {skip.reason}" for skip in found.skipped]
    report.warnings += [f"{glob} names nothing that there is" for glob in found.idle_globs]


def what_is_served(discovery: Discovery) -> Found:
    """The figures and lists of a catalog."""
    catalog, selection = discovery.catalog, discovery.selection
    withheld = {}
    for path in sorted(catalog.withheld):
        service, _, method = path[1:].partition("/")
        withheld[path] = selection.withheld_by(service, method) or ""
    served = {method.service for method in catalog.methods}
    aliases = {alias: name for alias, name in catalog.aliases.items() if name in served}
    return Found(
        source=catalog.origin,
        confirmed=catalog.confirmed,
        digest=catalog.digest,
        services=len(served),
        methods=len(catalog.methods),
        paths=len(catalog.routes),
        aliases=dict(sorted(aliases.items())),
        withheld=withheld,
        skipped=catalog.skipped,
        idle_globs=catalog.unused_globs,
        idle_entries=catalog.unused_entries,
        streaming=tuple(method.path for method in catalog.methods if method.streams),
        differences=discovery.schema.others,
    )
