"""The document as JSON and as YAML."""

from collections.abc import Iterator
from textwrap import indent

import orjson
import yaml

from gateway.openapi.values import Json

NESTED = 2
"""How many levels are split into blocks: paths, and the components of each kind."""


def as_json(document: Json) -> bytes:
    return orjson.dumps(document)


def as_yaml(document: Json) -> bytes:
    """YAML without anchors, in the document's order."""
    return "".join(blocks(document, NESTED)).encode()


def blocks(value: Json, depth: int) -> Iterator[str]:
    """The YAML of an object in pieces, since libyaml holds the GIL while it writes one."""
    for key, inner in value.items():
        if depth and inner and isinstance(inner, dict):
            yield yaml_of({key: 0}).removesuffix(" 0\n") + "\n"
            yield from (indent(block, "  ") for block in blocks(inner, depth - 1))
        else:
            yield yaml_of({key: inner})


def yaml_of(value: Json) -> str:
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return text


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # chosen here
    """The faster of PyYAML's dumpers that is installed, without references to shared objects."""

    def ignore_aliases(self, data: object) -> bool:
        return True
