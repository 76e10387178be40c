"""Methods by the names that people write, and what their requests have, from the cache."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from cuectl.farm import Farm
from cuectl.session import Session
from gateway_client.errors import CallError, InvalidCall, WrongSetting
from gateway_client.method_names import path_of
from gateway_client.openapi_document import DOCUMENT as PATH
from gateway_client.openapi_document import Document, Json, Operation, read_document, types_of
from gateway_client.suggestions import did_you_mean
from gateway_client.terminal.layout import columns
from gateway_client.terminal.text import printable_lines

if TYPE_CHECKING:
    from gateway_client.gateway import GatewayClient

OK, NOT_MODIFIED = 200, 304
DOCUMENT = "document"
"""What the cache calls it."""
FRESH_SECONDS = 300.0
"""How long it is used without asking whether it has changed."""
MOST_SHOWN = 8
LONGEST_TEXT = 200
DEPTH = 3
"""Levels of objects whose fields are described."""


def known_methods(farm: Farm) -> Document | None:
    """The gateway's document, from the cache while it is fresh; None with DOCS=off.

    Raises CallError and WrongSetting.
    """
    if not is_fresh(farm.session):
        farm.run(partial(renew, farm.session))
    return cached_methods(farm.session)


def is_fresh(session: Session) -> bool:
    return session.cache.age(DOCUMENT) <= FRESH_SECONDS


async def renew(session: Session, client: "GatewayClient") -> None:
    """Keep the gateway's ETag and, on the lines below it, its document. Raises CallError."""
    from gateway_client.gateway import NO_METHOD, error_of

    kept = session.cache.read(DOCUMENT)
    etag = kept.partition(b"\n")[0].decode()
    headers = {"If-None-Match": etag} if etag else {}
    response = await client.send("GET", PATH, b"", headers)
    if response.status_code == OK:
        client.check_json(response)
        kept = response.headers.get("etag", "").encode() + b"\n" + response.content
    elif response.status_code == NO_METHOD:  # DOCS=off
        kept = b""
    elif response.status_code != NOT_MODIFIED:
        raise error_of(response)
    session.cache.keep(DOCUMENT, kept)


def cached_methods(session: Session) -> Document | None:
    """The document of the cache, however old it is; None without one, or with DOCS=off.

    Raises CallError and WrongSetting.
    """
    content = session.cache.read(DOCUMENT).partition(b"\n")[2]
    if not content:
        return None
    document = read_document(content, session.context.url)
    return document if document.methods else None


def operation_named(written: str, document: Document) -> Operation:
    return document.operations[f"/{native_name(written, document)}"]


def cached_document(session: Session) -> Document | None:
    """`cached_methods`, also without a context or with a broken cache: None then."""
    try:
        return cached_methods(session)
    except (WrongSetting, CallError):
        return None


def native_name(written: str, document: Document | None) -> str:
    """The name of a method as the client takes it. Raises InvalidCall."""
    if document is None:
        return path_of(written)[1:]
    name = written.strip("/").lower()
    exact = {path.lower(): path for path in document.operations}
    if path := exact.get(f"/{name}"):
        return path[1:]
    interface, _, method = (
        name.partition("/") if "/" in name else name.replace(".", "/").rpartition("/")
    )
    found = {
        each.path for each in document.methods if fits(each, interface.rpartition("/")[2], method)
    }
    if len(found) == 1:
        return found.pop()[1:]
    if found:
        listed = ", ".join(map(short_name, sorted(found)[:MOST_SHOWN]))
        raise InvalidCall(f"{written!r} is ambiguous: {listed}")
    if "/" in written or "." in written:
        path_of(written)  # raises for what is no name at all
    near = did_you_mean(short_name(f"/{written}"), names_in(document), several=True)
    raise InvalidCall(f"there is no method {written!r}{near}")


def fits(operation: Operation, interface: str, method: str) -> bool:
    """Whether a method has this name, in lower case; with an empty interface, in any."""
    for path in (operation.path, *operation.aliases):
        service, _, name = path[1:].lower().partition("/")
        plain = service.rpartition(".")[2]
        if name == method and interface in ("", service, plain, plain.removesuffix("interface")):
            return True
    return False


def short_name(path: str) -> str:
    """`Job/GetJobs` for `/job.JobInterface/GetJobs`."""
    service, slash, name = path.lstrip("/").rpartition("/")
    return f"{service.rpartition('.')[2].removesuffix('Interface')}{slash}{name}"


def names_in(document: Document) -> list[str]:
    """Short names, and those of methods alone where they are unique."""
    alone = Counter(each.path.rpartition("/")[2] for each in document.methods)
    unique = [name for name, count in alone.items() if count == 1]
    return [*(short_name(each.path) for each in document.methods), *unique]


def description(written: str, document: Document | None) -> str:
    """What a method does, and the fields of its request. Raises InvalidCall."""
    if document is None:
        raise InvalidCall("this gateway does not describe its methods (DOCS=off)")
    operation = document.operations[f"/{native_name(written, document)}"]
    lines = [*lines_about(operation, document), "", "The options of call: cuectl call --help"]
    return printable_lines("\n".join(lines))


def lines_about(operation: Operation, document: Document) -> Iterator[str]:
    yield from (short_name(operation.path), "", operation.summary, "", "Fields:")
    rows = described_fields(document, operation)
    yield from (f"  {line}" for line in columns(rows)) if rows else ["  none"]
    yield from example_of(operation, rows)


def described_fields(document: Document, operation: Operation) -> list[tuple[str, str, str]]:
    """The fields of a request. Of objects for which a name will do, only what finds them."""
    rows = []
    beside: dict[str, str] = {}
    all_fields = list(fields_in(document, operation.request))
    paths = {path for path, _, _ in all_fields}
    for path, kind, about in all_fields:
        place = next((each for each in operation.named if path.startswith(f"{each}.")), None)
        if path in operation.named:
            rows.append((path, "name" if kind != "object" else "name or object", about))
            for name in operation.named[path]:
                if name != "name" and not {f"{path}.{name}", name} & paths:
                    beside[name] = path
        elif place is None or path.removeprefix(f"{place}.") in ("id", *operation.named[place]):
            rows.append((path, kind, about))
    return rows + [(name, "name", f"that of the {path}") for name, path in beside.items()]


def example_of(operation: Operation, rows: list[tuple[str, str, str]]) -> list[str]:
    """How a setter, or a method of a named object, is called."""
    names = [path for path, kind, _ in rows if kind.startswith("name") and "." not in path]
    values = [name for name in operation.sets[:1] if name not in names]
    words = [f"{name}=NAME" for name in names] + [f"{name}=…" for name in values]
    call = f"  cuectl call {short_name(operation.path)} {' '.join(words)}"
    return ["", "Example:", call] if words else []


def fields_in(
    document: Document, schema: Json, prefix: str = "", depth: int = DEPTH
) -> Iterator[tuple[str, str, str]]:
    """The path, type and meaning of each field of a request, with those of objects."""
    properties: dict[str, Any] = document.resolved(schema).get("properties", {})
    for name, about in properties.items():
        path = f"{prefix}{name}"
        whole = document.resolved(about)
        yield path, type_name(document, about), first_line(about.get("description"))
        if "properties" in whole and depth > 1:
            yield from fields_in(document, about, f"{path}.", depth - 1)


def first_line(text: object) -> str:
    return str(text or "").partition("\n")[0][:LONGEST_TEXT]


def type_name(document: Document, schema: Json) -> str:
    whole = document.resolved(schema)
    if "array" in types_of(whole):
        return f"{type_name(document, whole.get('items', {}))}..."
    values = [value for choice in whole.get("anyOf", ()) for value in choice.get("enum", ())]
    values += whole.get("enum", ())
    if texts := [value for value in values if isinstance(value, str)]:
        return "|".join(texts[:MOST_SHOWN])
    if "properties" in whole:
        return "object"
    return "/".join(name for name in types_of(whole) if name != "null") or "any"
