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
FORM = "3"
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
        """The document; empty without one."""
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
            self.kept = document
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
