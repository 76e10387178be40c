"""A report of the checks as text and as JSON."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from gateway.cli.check.checks import Report, ServedSchema
from gateway.cli.terminal.text import counted

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
        "schema": None if report.schema is None else asdict(report.schema),
    }


def lines(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    if report.endpoints:
        first, *others = (
            f"{endpoint} {'answers' if answers else 'does not answer'}"
            for endpoint, answers in report.endpoints.items()
        )
        yield from entry("Cuebot", first, others)
        yield from entry("Secrets", str(report.secrets or "none"))
    if report.schema is not None:
        yield from schema_lines(report.schema)
    yield from entry("Warnings", str(len(report.warnings) or "none"), report.warnings)
    yield from entry("Problems", str(len(report.problems) or "none"), report.problems)


def schema_lines(schema: ServedSchema) -> Iterator[str]:
    """What would be served, and what would not."""
    kind = "confirmed by Cuebot" if schema.confirmed else "assumed, not confirmed by Cuebot"
    yield from entry("Schema", f"{schema.source} ({kind})")
    yield from entry("Digest", schema.digest)
    served = f"{counted(schema.methods, 'method')} of {counted(schema.services, 'service')}"
    yield from entry("Served", f"{served}, at {counted(schema.paths, 'path')}")
    for each in schema.differences:
        yield from entry("Differs", f"{', '.join(each.endpoints)}: digest {each.digest}")
    aliases = [f"{alias} is {name}" for alias, name in schema.aliases.items()]
    yield from entry("Aliases", counted(len(aliases), "service"), aliases)
    withheld = counted(len(schema.withheld), "method")
    yield from entry("Withheld", withheld, withheld_lines(schema.withheld))
    skipped = [f"{skip.service}: {skip.reason}" for skip in schema.skipped]
    yield from entry("Skipped", counted(len(skipped), "service"), skipped)
    yield from entry("Idle globs", str(len(schema.idle_globs) or "none"), schema.idle_globs)
    idle = [f"{each.entry}: {each.reason}" for each in schema.idle_entries]
    yield from entry("Profile", counted(len(idle), "idle entry", "idle entries"), idle)
    streaming = counted(len(schema.streaming), "method")
    answered = ", answered with 501" * bool(schema.streaming)
    yield from entry("Streaming", streaming + answered, schema.streaming)


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
