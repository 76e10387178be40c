"""The parts of the OpenAPI document that do not depend on Cuebot's schema: each feature has a file
with its own, and `openapi.yaml` in this folder has what is true of every gateway.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from functools import cache, reduce
from inspect import getfile
from pathlib import Path
from typing import Any

import yaml

from gateway.core.errors import Code
from gateway.core.schema.method import Method
from gateway.feature import Description, Feature, needed_first

Json = dict[str, Any]
Describe = Callable[[Method, Container[str]], Description]

ERROR = "gateway-Error"
COMMON = Path(__file__).with_name("openapi.yaml")


class Parts:
    """Those of these features, put together."""

    def __init__(self, features: Iterable[type[Feature]]) -> None:
        known = needed_first(features)
        own = [part_of(each) for each in known if each.openapi]
        self.text: Json = reduce(merged, (*own, read(COMMON)))
        self.describe: tuple[Describe, ...] = tuple(
            each.describe for each in known if each.describe is not Feature.describe
        )
        self.errors: Mapping[int, Json] = dict(sorted(self.text["errors"].items()))
        """By the error status of a POST to a method: description, and headers."""
        self.headers = cache(self._headers)
        """References to the response headers of these groups; not to be changed."""
        self.parameters = cache(self._parameters)
        """References to the parameters of these groups; in each, headers come first. Not to be
        changed.
        """

    @property
    def introduction(self) -> str:
        notes = "".join(f"- {note}\n" for note in self.text["notes"])
        return f"{self.text['introduction']}{notes}"

    def paths(self) -> Json:
        """The gateway's own. Of what they refer to, some may not be there."""
        kinds = {**self.text["components"], "responses": map(str, self.errors)}
        there = {f"#/components/{kind}/{name}" for kind, names in kinds.items() for name in names}
        paths: Json = without_missing(self.text["paths"], there)
        return paths

    def _parameters(self, *groups: str) -> list[Json]:
        known = self.text["components"]["parameters"]
        names = (
            name
            for group in groups
            for name in sorted(
                self.text["parameters_of"][group], key=lambda name: known[name]["in"] != "header"
            )
        )
        return [*references("parameters", names).values()]

    def _headers(self, *groups: str) -> Json:
        names = (name for group in groups for name in self.text["headers_of"][group])
        return references("headers", names)

    def components(self, schemas: Json) -> Json:
        """With the schemas of Cuebot's messages."""
        own = self.text["components"]
        return {
            **own,
            "schemas": own["schemas"] | schemas,
            "responses": {str(status): self._error(status) for status in self.errors},
        }

    def _error(self, status: int) -> Json:
        names = ", ".join(code.name for code in Code if code.http_status == status)
        about = self.errors[status]
        more = references("headers", about.get("headers", ()))
        return {
            "description": f"{about['description']}" + f" ({names})" * bool(names),
            "headers": self.headers("any") | more,
            "content": json_of(reference(ERROR)),
        }


def part_of(feature: type[Feature]) -> Json:
    return read(Path(getfile(feature)).with_name(feature.openapi))


def read(file: Path) -> Json:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text: Json = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506 - as safe, and faster
    return text


def merged(one: Any, other: Any) -> Any:
    """Objects with what is in both, lists one after the other; of other values, the first."""
    if isinstance(one, dict):
        both = {key: merged(one[key], other[key]) for key in one.keys() & other.keys()}
        return one | other | both
    return one + other if isinstance(one, list) else one


def without_missing(value: Any, there: Container[str]) -> Any:
    """Without references but to what is `there`."""
    if isinstance(value, dict):
        return {
            name: without_missing(each, there)
            for name, each in value.items()
            if not is_missing(each, there)
        }
    if isinstance(value, list):
        return [without_missing(each, there) for each in value if not is_missing(each, there)]
    return value


def is_missing(value: object, there: Container[str]) -> bool:
    return isinstance(value, dict) and "$ref" in value and value["$ref"] not in there


def reference(component: str) -> Json:
    return {"$ref": f"#/components/schemas/{component}"}


def references(kind: str, names: Iterable[str]) -> Json:
    return {name: component_of(kind, name) for name in names}


@cache
def component_of(kind: str, name: str) -> Json:
    """The same object each time, not to be changed: hundreds of methods refer to it."""
    return {"$ref": f"#/components/{kind}/{name}"}


def json_of(schema: Json, **more: object) -> Json:
    return {"application/json": {"schema": schema, **more}}
