"""A catalog as an OpenAPI 3.1 document."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor import ServiceDescriptor

from gateway import __version__
from gateway.codec.rewrite import Rename
from gateway.openapi import shared
from gateway.openapi.comments import comments_of
from gateway.openapi.examples import Examples
from gateway.openapi.scalars import Json
from gateway.openapi.schemas import Schemas, described
from gateway.schema.catalog import TAG_DIGITS, Catalog
from gateway.schema.method import Method
from gateway.schema.types import returned_types

INTRODUCTION = """\
Every method of this Cuebot, as JSON over HTTP. The message of a request is the body of a POST, and
the message of the answer that of a 200.

- Names of fields are camelCase here; requests may use those of the protos as well. `null` is "not
  set", and everything may be left out.
- 64-bit integers are strings in answers; in requests they may be numbers. Enums are names; requests
  may have numbers, and an answer has one for a value that the schema has no name for.
- A field that a method does not know is an error, or is named in `X-Ignored-Fields`.
- Other paths of a method, such as those of OpenCue's reference, are in its `x-aliases`.
"""
ASSUMED = "\nCuebot has not said all this itself: the schema comes from {origin}.\n"


def build_document(catalog: Catalog, *, closed: bool) -> Json:
    """The document, ready to be written as JSON.

    With `closed`, requests have no other fields than those of the schema (UNKNOWN_FIELDS is not
    `ignore`). The same catalog gives the same document. Takes a second for a thousand methods: to
    be called in a thread.
    """
    methods = [method for method in catalog.methods if not method.streams]
    comments = comments_of(catalog.files)
    returned = returned_types(method.descriptor for method in methods)
    aliases = methods[0].encoders.aliases if methods else {}
    schemas = Schemas(comments, returned, aliases, closed=closed)
    operations = Operations(comments, schemas, Examples(returned), other_paths(catalog))
    paths = {method.path: {"post": operations.of(method)} for method in methods}
    components = shared.components()
    components["schemas"] |= dict(sorted(schemas.components.items()))
    assumed = "" if catalog.confirmed else ASSUMED.format(origin=catalog.origin)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cuebot",
            "version": f"{__version__}+{catalog.digest[:TAG_DIGITS]}",
            "description": INTRODUCTION + assumed,
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [*tags(methods, catalog.aliases, comments), {"name": "health"}],
        "paths": paths | shared.health_paths(),
        "components": components,
    }


def other_paths(catalog: Catalog) -> dict[str, list[str]]:
    """Native path to the aliases that lead to the same method."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, method in catalog.routes.items():
        if path != method.path:
            found[method.path].append(path)
    return found


def tags(
    methods: Iterable[Method], aliases: Mapping[str, str], comments: Mapping[str, str]
) -> Iterator[Json]:
    """A tag for each interface, in the order of the methods."""
    services: dict[str, ServiceDescriptor] = {}
    for method in methods:
        services.setdefault(method.service, method.descriptor.containing_service)
    for name in services:
        others = [f"Also `{alias}`." for alias, native in aliases.items() if native == name]
        yield {"name": name, **described(comments.get(name), *others)}


class Operations:
    """The operations of one document."""

    def __init__(
        self,
        comments: Mapping[str, str],
        schemas: Schemas,
        examples: Examples,
        paths: Mapping[str, list[str]],
    ) -> None:
        self._comments = comments
        self._schemas = schemas
        self._examples = examples
        self._paths = paths
        self._parameters = list(shared.references("parameters", tuple(shared.PARAMETERS)).values())
        self._headers = shared.references("headers", shared.OF_SUCCESS)
        self._errors = {
            str(status): {"$ref": f"#/components/responses/{status}"} for status in shared.ERRORS
        }

    def of(self, method: Method) -> Json:
        """The operation of one method. Its id is the method's full name."""
        descriptor = method.descriptor
        paths = self._paths.get(method.path, [])
        summary, rest = first_sentence(self._comments.get(descriptor.full_name, ""))
        operation: Json = {
            "operationId": descriptor.full_name,
            "tags": [method.service],
            **({"summary": summary} if summary else {}),
            **described(rest, *also_served(paths), *also_taken(method)),
            "parameters": self._parameters,
            "requestBody": {"content": self._body(method)},
            "responses": {"200": self._success(method), **self._errors},
        }
        if paths:
            operation["x-aliases"] = paths
        if descriptor.GetOptions().deprecated:
            operation["deprecated"] = True
        return operation

    def _body(self, method: Method) -> Json:
        request = method.descriptor.input_type
        return shared.json_of(self._schemas.request(request), example=self._examples.body(request))

    def _success(self, method: Method) -> Json:
        answer = method.descriptor.output_type
        return {
            "description": f"`{answer.full_name}`",
            "headers": self._headers,
            "content": shared.json_of(self._schemas.answer(answer)),
        }


def first_sentence(text: str) -> tuple[str, str]:
    """What fits into one line of a comment, and the whole comment if there is more to it."""
    line, _, rest = text.partition("\n")
    sentence, stop, after = line.partition(". ")
    return sentence.removesuffix("."), text if rest or (stop and after) else ""


def also_served(paths: Iterable[str]) -> Iterator[str]:
    """The aliases, in words."""
    if names := ", ".join(f"`{path}`" for path in paths):
        yield f"Also served as {names}."


def also_taken(method: Method) -> Iterator[str]:
    """What requests may have in other words than Cuebot's, by the compatibility profile."""
    names = [
        f"`{rewrite.source}` for `{rewrite.target}`"
        for rewrite in method.rewrites
        if isinstance(rewrite, Rename)
    ]
    if method.steps is not None:
        given = [step.given for step in method.steps.before]
        given += [step.given for step in method.steps.after]
        names += [f"`{path}`" for path in given]
    if names:
        yield f"Requests may have, as in OpenCue's reference, {', '.join(names)}."
