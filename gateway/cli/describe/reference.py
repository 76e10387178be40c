"""What `describe` prints: declarations with headings, or the candidates for a name."""

from collections.abc import Iterator

from gateway.cli.describe.find import find_declarations
from gateway.cli.describe.prototext import ProtoText, syntax_of
from gateway.cli.terminal.exits import Failure
from gateway.discovery.once import Discovery
from gateway.hints import did_you_mean
from gateway.schema.declarations import Declaration, declarations
from gateway.schema.pool import build_pool, well_known_files

LISTED = 40
"""How many candidates are listed."""


def description(name: str, found: Discovery) -> str:
    """The proto text of what has this name. Raises Failure if that is nothing, or ambiguous."""
    files = (well_known_files() | {file.name: file for file in found.schema.files}).values()
    declared = {each.name: each for each in declarations(files)}
    candidates = find_declarations(name, declared.values(), found.catalog.aliases)
    if not candidates:
        known = [*declared, *(each.rpartition(".")[2] for each in declared)]
        hint = did_you_mean(name.strip("/.").replace("/", "."), known)
        raise Failure(f"no message, enum, service or method is named {name!r}{hint}")
    if len(candidates) > 1:
        raise Failure("\n".join((f"{name!r} is ambiguous:", *listed(candidates))))
    pool, _ = build_pool(files)
    text = ProtoText(files, pool)
    return "\n\n".join(
        f"// {heading(each, found)}\n{text.of(each)}"
        for each in with_types(candidates[0], declared)
    )


def with_types(declared: Declaration, known: dict[str, Declaration]) -> Iterator[Declaration]:
    """The declaration and, if it is a method, those of its request and response."""
    yield declared
    if declared.kind == "method":
        types = (declared.proto.input_type, declared.proto.output_type)
        for name in dict.fromkeys(types):
            if found := known.get(name.removeprefix(".")):  # its file may be missing
                yield found


def heading(declared: Declaration, found: Discovery) -> str:
    """Where a method is served; for anything else, what it is and where it is declared."""
    if declared.kind != "method":
        return f"{declared.kind} {declared.name}, {declared.file.name} ({syntax_of(declared.file)})"
    service, _, method = declared.name.rpartition(".")
    native = f"/{service}/{method}"
    paths = [path for path, each in found.catalog.routes.items() if each.path == native]
    if paths:
        return f"POST {', also '.join(paths)}"
    rule = found.selection.withheld_by(service, method) or "see cuebot-gateway check"
    return f"{native} is not served: {rule}"


def listed(candidates: tuple[Declaration, ...]) -> Iterator[str]:
    """One line for each candidate, with a name that `describe` takes."""
    for each in candidates[:LISTED]:
        service, _, method = each.name.rpartition(".")
        yield f"  {each.kind} " + (f"/{service}/{method}" if each.kind == "method" else each.name)
    if len(candidates) > LISTED:
        yield "  …"
