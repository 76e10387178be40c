"""The table of features in docs/architecture.md, made from the code; `make map` writes it."""

import re
from collections.abc import Iterator
from pathlib import Path

from docs.packages import GATEWAY, ROOT, first_sentence, lines_of
from gateway.feature import Feature
from gateway.features import FEATURES

PAGE = Path(__file__).parent / "architecture.md"
ROOMS = ROOT / GATEWAY / "features"
SECTION = re.compile(
    r"(?<=\n\| Feature \| What it does \| Needs \| Lines \|\n\|---\|---\|---\|---:\|\n)(?:\|.*\n)+"
)


def rows() -> Iterator[str]:
    """A row for each feature, in the order of a request."""
    for feature in FEATURES:
        folder = ROOMS / feature.name
        purpose = first_sentence(folder / "__init__.py")
        lines = sum(map(lines_of, folder.rglob("*.py")))
        yield f"| `{feature.name}` | {purpose}. | {needs_of(feature)} | {lines} |\n"


def needs_of(feature: type[Feature]) -> str:
    return ", ".join(f"`{each.name}`" for each in feature.needs)


def page(text: str) -> str:
    """The page with the table as the code has it."""
    return SECTION.sub(lambda _: "".join(rows()), text)


def main() -> None:
    """Write the table."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
