"""The packages of the code: their order, what the code imports, and the picture of both.

`make map` draws docs/static/packages.svg. tests/test_architecture.py checks that the code keeps the
order and that the picture is up to date.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "static" / "packages.svg"

GATEWAY = "gateway"
COMMANDS = "gateway_cli"
CLIENT = "cuectl"
SHARED = "gateway_client"
SIMULATOR = "cuebot_simulator"
PACKAGES = (
    *(COMMANDS, CLIENT, SHARED, "asgi", "server", "app", "features", "feature"),
    *("core/assembly", "core/gateway", "core/refusals", "core/pipeline", "core/offload"),
    *("core/calls", "core/discovery", "core/listening"),
    *("core/principal", "core/profile", "core/schema", "core/upstream", "core/shared_store"),
    *("core/codec", "core/logs", "core/settings", "core/findings", "core/fair_quota"),
    *(
        "core/readiness",
        "core/routes",
        "core/starting",
        "core/direct_connection",
        "core/errors",
        "core/suggestions",
    ),
    *(
        "core/processes",
        "core/loop_lag",
        "core/long_work",
        "core/rates",
        "core/families",
        "core/open_files",
    ),
    "core/write_buffer",
)
"""The commands and the packages of gateway/, top to bottom. Each imports only from those below;
`cuectl` only from `gateway_client`, which imports from none of them."""
HOUSES = ("core",)
"""Folders of gateway/ whose parts are packages of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The commands, or a folder or a module directly in gateway/."""

    name: str
    label: str
    """Its name, with `.py` when it is a module."""
    purpose: str
    """The first sentence of its docstring."""
    lines: int
    imports: frozenset[str]
    """The names of the other packages that it imports from."""


# --- Reading the code -----------------------------------------------------------------------


def modules(package: str) -> dict[str, Path]:
    """The package's modules by full name, `package` itself and those of all folders included."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {module_name(file.relative_to(ROOT)): file for file in files}


def module_name(file: Path) -> str:
    """`gateway.core.errors` for gateway/core/errors.py, `gateway.core.codec` for its `__init__`."""
    return ".".join(part for part in file.with_suffix("").parts if part != "__init__")


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(file: Path) -> Iterator[str]:
    """What a file imports, anywhere in it: `a.b` for `import a.b`, `a.b.c` for `from a.b import c`.

    Imports are absolute in this project, so relative ones are not resolved.
    """
    for node in ast.walk(parsed(file)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(*packages: str) -> dict[str, set[str]]:
    """Each module of the packages, with the modules among them that it imports."""
    known = {name: file for package in packages for name, file in modules(package).items()}
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        found = (nearest(target, known) for target in imported(file))
        graph[name] = {target for target in found if target is not None and target != name}
    return graph


def nearest(target: str, known: Iterable[str]) -> str | None:
    """The module that an import leads to: the target, or the one that the target is a name in."""
    while target and target not in known:
        target = target.rpartition(".")[0]
    return target or None


def package_of(module: str) -> str | None:
    """The package of a module; None for `gateway` itself, and for what starts the commands.

    Commands that features bring are the commands'.
    """
    package, _, inside = module.partition(".")
    if inside.startswith("features.") and inside.endswith(".commands"):
        return COMMANDS
    if package in (COMMANDS, CLIENT, SHARED):
        return package
    parts = inside.split(".")
    if inside in ("", "__main__", "core"):
        return None
    return "/".join(parts[: 2 if parts[0] in HOUSES else 1])


def packages() -> list[Package]:
    """The packages as the code has them, in the order of `PACKAGES`; unknown ones come last."""
    graph = import_graph(COMMANDS, CLIENT, SHARED, GATEWAY)
    files = modules(COMMANDS) | modules(CLIENT) | modules(SHARED) | modules(GATEWAY)
    inside: dict[str, list[str]] = {}
    for name in files:
        if package := package_of(name):
            inside.setdefault(package, []).append(name)
    found = []
    for name, parts in inside.items():
        reached = {package_of(target) for part in parts for target in graph[part]}
        found.append(
            Package(
                name=name,
                label=f"{name}.py" if (ROOT / GATEWAY / f"{name}.py").exists() else name,
                purpose=first_sentence(files[name if name in files else module_of(name)]),
                lines=sum(map(lines_of, (files[part] for part in parts))),
                imports=frozenset(package for package in reached if package not in (None, name)),
            )
        )
    return sorted(found, key=lambda package: rank(package.name))


def module_of(package: str) -> str:
    return f"{GATEWAY}.{package.replace('/', '.')}"


def rank(package: str) -> int:
    """The package's place from the top."""
    return PACKAGES.index(package) if package in PACKAGES else len(PACKAGES)


def first_sentence(file: Path) -> str:
    """That of the module's docstring, without its full stop."""
    text = ast.get_docstring(parsed(file)) or ""
    return re.split(r"\.(?:\s|$)", text, maxsplit=1)[0].replace("\n", " ")


def lines_of(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


# --- Drawing --------------------------------------------------------------------------------

LEFT, STEP, ROW = 448, 35, 44
"""Pixels: where the first node is, and how far the next one is to the right and down."""
MARGIN, NODE = 28, 6
LEGEND = (
    "Each dot is an import: by the package of its row, from the package at the foot of its column. "
    "All arrows point down."
)

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  text { fill: #59636e } .name { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .paper { fill: #ffffff; stroke: #d1d9e0 } .band { fill: #f6f8fa }
  path { fill: none; stroke: #8fa3b8; stroke-width: 1.4 }
  .guide { stroke: #d1d9e0; stroke-dasharray: 1 4 }
  .import { fill: #5b7894 } .head { fill: #5b7894; stroke: none }
  .node { fill: #0f6d8c } .upward { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .name { fill: #f0f6fc }
    .paper { fill: #0d1117; stroke: #3d444d } .band { fill: #151b23 }
    path { stroke: #56697d } .guide { stroke: #3d444d }
    .import, .head { fill: #8ba3bb } .node { fill: #5fb8d4 } .upward { fill: #ff7b72 }
  }
""".strip("\n")


def draw(packages: list[Package]) -> str:
    """An SVG with a row for each package, and a node in it; the nodes form a diagonal.

    Arrows leave a node to the right, and come down to the nodes of the packages that are imported.
    An import from a package above would be a red dot, left of the diagonal.
    """
    places = {
        package.name: (LEFT + STEP * number, MARGIN + ROW * number + ROW // 2)
        for number, package in enumerate(packages)
    }
    width, bottom = LEFT + STEP * len(packages), MARGIN + ROW * len(packages)
    height = bottom + 56
    frame = f'x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"'
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "<title>The commands and the packages of gateway/, and what each imports</title>",
        f"<style>\n{STYLE}\n</style>",
        f'<rect class="paper" {frame}/>',
    ]
    for part in (bands, arrows, nodes):
        lines += part(packages, places)
    return "\n".join((*lines, text(MARGIN, bottom + 30, escape(LEGEND)), "</svg>", ""))


Places = dict[str, tuple[int, int]]
"""Where the node of each package is."""


def bands(packages: list[Package], places: Places) -> Iterator[str]:
    """What guides the eye: every other row tinted, and dotted lines from the texts to the nodes."""
    right = LEFT + STEP * len(packages)
    for number, (x, y) in enumerate(places.values()):
        if number % 2 == 0:
            top = y - ROW // 2
            yield f'<rect class="band" x="1" y="{top}" width="{right - 2}" height="{ROW}"/>'
        yield f'<path class="guide" d="M{LEFT - 16} {y}H{x - 2 * NODE}"/>'


def arrows(packages: list[Package], places: Places) -> Iterator[str]:
    """A line down to each node from the first package that imports it, and one to the right of each
    node as far as the last package that it imports."""
    for package in packages:
        x, y = places[package.name]
        first = min(
            (places[each.name][1] for each in packages if package.name in each.imports), default=y
        )
        if first < y:
            tip = y - NODE - 3
            yield f'<path d="M{x} {first}V{tip - 7}"/>'
            yield f'<path class="head" d="M{x - 4} {tip - 7}h8l-4 7z"/>'
        last = max((places[name][0] for name in package.imports), default=x)
        if last > x:
            yield f'<path d="M{x} {y}H{last}"/>'


def nodes(packages: list[Package], places: Places) -> Iterator[str]:
    """Each package's node and texts, and a dot for each import."""
    for package in packages:
        x, y = places[package.name]
        for column in sorted(places[name][0] for name in package.imports):
            kind = "import" if column > x else "upward"
            yield f'<circle class="{kind}" cx="{column}" cy="{y}" r="2.8"/>'
        yield f'<circle class="node" cx="{x}" cy="{y}" r="{NODE}"/>'
        yield text(MARGIN, y - 3, package.label, 'class="name"')
        yield text(LEFT - 40, y - 3, f"{package.lines:,} lines", 'text-anchor="end"')
        yield text(MARGIN, y + 15, escape(package.purpose))


def text(x: int, y: int, words: str, attributes: str = "") -> str:
    return f'<text x="{x}" y="{y}"{attributes and " " + attributes}>{words}</text>'


def main() -> None:
    """Draw the picture."""
    PICTURE.write_text(draw(packages()), encoding="utf-8")


if __name__ == "__main__":
    main()
