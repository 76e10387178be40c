"""Pages of the documentation that an assistant may read."""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Page:
    uri: str
    file: str
    title: str
    about: str

    @property
    def text(self) -> str:
        return folder_of(self.file).joinpath(self.file).read_text(encoding="utf-8")


PAGES = (
    Page(
        "cuebot-gateway://recipes",
        "recipes.md",
        "Recipes",
        "Twelve tasks of a wrangler, as calls with their requests.",
    ),
    Page(
        "cuebot-gateway://views",
        "reads.md",
        "Rules of views",
        "What fields, where and sort of the tool read may say (_fields, _where, _sort).",
    ),
)


def folder_of(file: str) -> Traversable:
    """In the package, or in docs/ of a checkout."""
    packaged = files("gateway_cli")
    if packaged.joinpath(file).is_file():
        return packaged
    return Path(__file__).parents[2] / "docs"
