"""The targets by name, what each of them is, and where its corpus lies."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 4096  # bytes of an input

TARGETS = {
    "decoder": "JSON bodies",
    "encoder": "protobuf answers",
    "bodies": "compressed bodies",
    "tokens": "Authorization headers",
    "requests": "HTTP/1.1 requests",
    "upstream": "HTTP/2 from Cuebot",
    "descriptors": "FileDescriptorSets",
    "profiles": "compatibility profiles",
    "cost": "costly requests",
}
"""Names of modules in this package, and what they are fed with."""
AT_RANDOM = ("cost",)
"""Targets that no code guides, whose inputs are recipes: see `costly.py`. The others are guided by
atheris."""


def load(name: str) -> Callable[[bytes], None]:
    found: Callable[[bytes], None] = import_module(f"tests.fuzz.{name}").one_input
    return found


def corpus(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())
