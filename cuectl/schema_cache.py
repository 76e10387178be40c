"""A gateway's OpenAPI document in the user's cache folder, and names for completion."""

import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from cuectl.contexts import Context
from cuectl.folders import cache_folder, read_if_there, write_private

FRESH_SECONDS = 300.0
"""How long the document is used without asking whether it has changed."""
OF_FIELDS = ("type", "format", "$ref", "anyOf", "items", "properties", "additionalProperties")
OF_TYPES = ("enum", "x-unit")
OF_OPERATIONS = ("x-aliases", "x-sets", "x-named")
LONGEST_TEXT = 200
FORM = "2"
"""The form of what is kept: files of another form are not read."""

Json = dict[str, Any]


@dataclass(slots=True)
class SchemaCache:
    context: Context
    folder: Path
    key: str
    head: Json
    """`etag` and `checked`; empty before the first document."""
    kept: bytes = b""
    """The document since this process got it: a folder may be read-only."""

    @property
    def age(self) -> float:
        """Seconds since it was the gateway's document for certain."""
        return abs(time.time() - float(self.head.get("checked", 0)))

    def schema(self) -> bytes:
        """The document, with what `call` needs; empty without one."""
        return self.kept or read_if_there(self.folder / f"{self.key}-schema.json")

    def names(self) -> dict[str, list[str]]:
        """Names of jobs, shows and so on, as they were when somebody last looked."""
        return {
            kind: names for kind, (_, names) in self._named().items() if isinstance(names, list)
        }

    def names_age(self, kind: str) -> float:
        at, _ = self._named().get(kind, (0.0, []))
        return abs(time.time() - at)

    def keep_names(self, kind: str, names: list[str]) -> None:
        content = {**self._named(), kind: (time.time(), names)}
        self._write("names", orjson.dumps(content))

    def _named(self) -> dict[str, tuple[float, list[str]]]:
        try:
            found: dict[str, tuple[float, list[str]]] = orjson.loads(
                read_if_there(self.folder / f"{self.key}-names.json") or b"{}"
            )
        except ValueError:
            return {}
        return found

    def keep(self, etag: str, document: bytes | None) -> None:
        """Remember a document, or that it is still the same."""
        if document is not None:
            whole = orjson.loads(document)
            self.kept = orjson.dumps(reduced(whole))
            self._write("schema", self.kept)
            self.head = {"etag": etag}
        self.head["checked"] = time.time()
        self._write("head", orjson.dumps(self.head))

    def _write(self, kind: str, content: bytes) -> None:
        try:
            write_private(self.folder / f"{self.key}-{kind}.json", content)
        except OSError:  # what is not kept is asked for again
            return


def open_cache(context: Context) -> SchemaCache:
    folder = cache_folder()
    key = sha256(f"{context.cache_key}\n{FORM}".encode()).hexdigest()[:24]
    try:
        head = orjson.loads(read_if_there(folder / f"{key}-head.json") or b"{}")
    except ValueError:
        head = {}
    return SchemaCache(context, folder, key, head)


def reduced(document: Json) -> Json:
    """The document without what is read nowhere here."""
    from gateway_client.openapi_document import OF_ROWS, REPEATABLE

    paths = {}
    for path, item in document.get("paths", {}).items():
        operation = item.get("post")
        if operation is None or ("x-aliases" not in operation and path == "/batch"):
            continue
        kept: Json = {"summary": str(operation.get("summary", ""))[:LONGEST_TEXT]}
        kept |= {name: operation[name] for name in OF_OPERATIONS if name in operation}
        parameters = operation.get("parameters", ())
        kept["parameters"] = [each for each in (REPEATABLE, OF_ROWS) if each in parameters]
        kept["requestBody"] = content_of(operation.get("requestBody", {}))
        kept["responses"] = {"200": content_of(operation.get("responses", {}).get("200", {}))}
        paths[path] = {"post": kept} | ({"get": {}} if "get" in item else {})
    schemas = document.get("components", {}).get("schemas", {})
    return {
        "paths": paths,
        "components": {"schemas": {name: short(each) for name, each in schemas.items()}},
    }


def content_of(message: Json) -> Json:
    schema = message.get("content", {}).get("application/json", {}).get("schema", {})
    return {"content": {"application/json": {"schema": short(schema)}}}


def short(schema: Any) -> Any:
    """A schema reduced to types and first sentences."""
    if not isinstance(schema, dict):
        return schema
    found: Json = {}
    for name in OF_FIELDS:
        if name not in schema:
            continue
        value = schema[name]
        if name == "properties":
            found[name] = {field: short(each) for field, each in value.items()}
        elif name == "anyOf":
            found[name] = [short(each) for each in value]
        else:
            found[name] = short(value)
    for name in OF_TYPES:
        if name in schema:
            found[name] = schema[name]
    about = str(schema.get("description", "")).split("\n")[0][:LONGEST_TEXT]
    return found | ({"description": about} if about else {})
