"""What there is to know before serving: settings, secrets, Cuebot, schema, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.auth import is_weak, load_secrets
from gateway.cli.common import Failure
from gateway.cli.discovery import discover_once
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.schema.adapt import Idle
from gateway.schema.discovery import Discovery
from gateway.schema.sources import Skipped
from gateway.server.certificates import ends_soon, first_certificate, load_certificate
from gateway.settings import Settings
from gateway.upstream.channel import PING_FLOOR, GrpcUpstream

PATIENCE = 5.0
"""Seconds that Cuebot may take to answer a call."""
HEALTH = "/grpc.health.v1.Health/Check"
"""A call that changes nothing. The stock Cuebot does not know it, and says so."""
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
    idle_entries: tuple[Idle, ...]
    """Entries of the compatibility profile that do nothing here."""
    streaming: tuple[str, ...]
    """Native paths of methods that are answered with 501."""


@dataclass(kw_only=True)
class Report:
    """The findings. `problems` keep the gateway from serving, `warnings` do not."""

    endpoint: str | None = None
    """None as long as the settings do not say."""
    answers: bool = False
    secrets: int = 0
    found: Found | None = None
    settings_wrong: bool = False
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def blame_settings(self, error: ConfigurationError) -> None:
        """Note what is wrong with the settings."""
        self.settings_wrong = True
        self.problems += error.problems


async def examine(settings: Settings) -> Report:
    """Look at everything. Nothing is raised for what is wrong with the settings or Cuebot."""
    report = Report(endpoint=settings.cuebot_endpoint)
    examine_settings(settings, report)
    unreachable = await why_unreachable(settings)
    report.answers = unreachable is None
    if unreachable is not None:
        report.problems.append(unreachable)
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
    if certificate is not None and settings.tls_cert_file is not None:
        ends = ends_soon(first_certificate(settings.tls_cert_file))
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


async def why_unreachable(settings: Settings) -> str | None:
    """Why a call does not get an answer from Cuebot; None when it does."""
    upstream = GrpcUpstream(settings)
    try:
        await upstream.call(HEALTH, b"", PATIENCE, ())
    except GatewayError as error:
        if error.code in NO_ANSWER:
            return f"CUEBOT_ENDPOINT: {upstream.endpoint}: {error.message}"
    finally:
        await upstream.close()
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
        idle_globs=catalog.idle_globs,
        idle_entries=catalog.idle_entries,
        streaming=tuple(method.path for method in catalog.methods if method.streams),
    )
