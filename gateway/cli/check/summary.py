"""A report of the checks as text and as JSON."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from gateway.cli.check.checks import Report
from gateway.cli.terminal.text import counted
from gateway.schema.catalog import Catalog

LABEL = 11
"""The width of the column of labels."""
LISTED = 5
"""How many methods of a withheld service are listed; JSON has all of them."""


def as_object(report: Report) -> dict[str, object]:
    """The report as a JSON object. `schema` is null if there is none."""
    return {
        "problems": report.problems,
        "warnings": report.warnings,
        "cuebot": {"endpoint": ",".join(report.endpoints) or None, "answers": report.answers},
        "endpoints": report.endpoints,
        "secrets": report.secrets,
        "schema": None if report.catalog is None else schema_object(report.catalog),
    }


def schema_object(catalog: Catalog) -> dict[str, Any]:
    """What would be served, and what would not."""
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
        "idle_globs": catalog.unused_globs,
        "idle_entries": [asdict(each) for each in catalog.unused_entries],
        "streaming": streaming_paths(catalog),
        "differences": [asdict(each) for each in catalog.schema.others],
    }


def served_services(catalog: Catalog) -> set[str]:
    return {method.service for method in catalog.methods}


def served_aliases(catalog: Catalog) -> dict[str, str]:
    """Alias to native name, of services that are served, in order."""
    served = served_services(catalog)
    return {alias: name for alias, name in sorted(catalog.aliases.items()) if name in served}


def streaming_paths(catalog: Catalog) -> list[str]:
    """Native paths of methods that are answered with 501."""
    return [method.path for method in catalog.methods if method.streams]


def lines(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    if report.endpoints:
        first, *others = (
            f"{endpoint} {'answers' if answers else 'does not answer'}"
            for endpoint, answers in report.endpoints.items()
        )
        yield from entry("Cuebot", first, others)
        yield from entry("Secrets", str(report.secrets or "none"))
    if report.catalog is not None:
        yield from schema_lines(report.catalog)
    yield from entry("Warnings", str(len(report.warnings) or "none"), report.warnings)
    yield from entry("Problems", str(len(report.problems) or "none"), report.problems)


def schema_lines(catalog: Catalog) -> Iterator[str]:
    """What would be served, and what would not."""
    schema = catalog.schema
    kind = "confirmed by Cuebot" if schema.confirmed else "assumed, not confirmed by Cuebot"
    yield from entry("Schema", f"{schema.origin} ({kind})")
    yield from entry("Digest", schema.digest)
    methods = counted(len(catalog.methods), "method")
    services = counted(len(served_services(catalog)), "service")
    paths = counted(len(catalog.routes), "path")
    yield from entry("Served", f"{methods} of {services}, at {paths}")
    for each in schema.others:
        yield from entry("Differs", f"{', '.join(each.endpoints)}: digest {each.digest}")
    aliases = [f"{alias} is {name}" for alias, name in served_aliases(catalog).items()]
    yield from entry("Aliases", counted(len(aliases), "service"), aliases)
    withheld = counted(len(catalog.withheld), "method")
    yield from entry("Withheld", withheld, withheld_lines(catalog.withheld))
    skipped = [f"{skip.service}: {skip.reason}" for skip in catalog.skipped]
    yield from entry("Skipped", counted(len(skipped), "service"), skipped)
    globs = catalog.unused_globs
    yield from entry("Idle globs", str(len(globs) or "none"), globs)
    idle = [f"{each.entry}: {each.reason}" for each in catalog.unused_entries]
    yield from entry("Profile", counted(len(idle), "idle entry", "idle entries"), idle)
    streaming = streaming_paths(catalog)
    answered = ", answered with 501" * bool(streaming)
    yield from entry("Streaming", counted(len(streaming), "method") + answered, streaming)


def withheld_lines(withheld: Mapping[str, str]) -> Iterator[str]:
    """One line for each service and rule."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, rule in withheld.items():
        service, _, method = path[1:].partition("/")
        groups[service, rule].append(method)
    for (service, rule), methods in groups.items():
        more = ", …" * (len(methods) > LISTED)
        yield f"{service}: {rule} ({', '.join(methods[:LISTED])}{more})"


def entry(label: str, text: str, items: Iterable[str] = ()) -> Iterator[str]:
    """A label with its text, and items below it."""
    yield f"{label:{LABEL}}{text}"
    for item in items:
        yield " " * LABEL + item
