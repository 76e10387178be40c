"""A catalog as an OpenAPI 3.1 document, in JSON and in YAML."""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from textwrap import indent

import orjson
import yaml

from gateway import __version__
from gateway.codec.fields import returned_types
from gateway.codec.rewrite import MostRows, Rename
from gateway.openapi import shared
from gateway.openapi.components import Components, described
from gateway.openapi.examples import Examples
from gateway.openapi.queries import get_operation, view_content, view_parameters
from gateway.openapi.values import Json
from gateway.schema.catalog import TAG_DIGITS, Catalog
from gateway.schema.description import comments_of
from gateway.schema.method import LookUp, Method, Unique

NESTED = 2
"""How many levels are split into blocks: paths, and the components of each kind."""
UNCONFIRMED = "\nCuebot has not confirmed this schema.\n"
"""Not where it comes from: that may be a path, and the document is for everybody."""


def build_document(
    catalog: Catalog, *, closed: bool, allowed: Container[str] | None = None
) -> Json:
    """The document, ready to be serialized: of all methods, or of those with the `allowed` paths.

    With `closed`, requests allow no fields but those of the schema (UNKNOWN_FIELDS is not
    `ignore`). The same catalog gives the same document. Takes a second for a thousand methods, so
    call it in a thread.
    """
    methods = [method for method in catalog.methods if not method.streams]
    comments = comments_of(catalog.schema.files)
    returned = returned_types(method.descriptor for method in methods)
    if allowed is not None:
        methods = [method for method in methods if method.path in allowed]
    aliases = methods[0].encoders.aliases if methods else {}
    messages = Components(comments, returned, aliases, closed=closed)
    examples, others = Examples(returned), other_paths(catalog)
    paths: Json = {}
    told = {method.path for method in methods}
    for method in methods:
        post = operation(method, comments, messages, examples, others[method.path], told)
        paths[method.path] = {"post": post}
        if method.reads_only:
            paths[method.path]["get"] = get_operation(post, method, messages, returned)
    note = "" if catalog.schema.confirmed else UNCONFIRMED
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cuebot",
            "version": f"{__version__}+{catalog.schema.digest[:TAG_DIGITS]}",
            "description": shared.SHARED["introduction"] + note,
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [*tags(methods, catalog.aliases, comments), {"name": "health"}],
        "paths": paths | shared.HEALTH_PATHS,
        "components": shared.components(dict(sorted(messages.schemas.items()))),
    }


def other_paths(catalog: Catalog) -> defaultdict[str, list[str]]:
    """By native path: the other paths of the same method."""
    found = defaultdict[str, list[str]](list)
    for path, method in catalog.routes.items():
        if path != method.path:
            found[method.path].append(path)
    return found


def tags(
    methods: Iterable[Method], aliases: Mapping[str, str], comments: Mapping[str, str]
) -> Iterator[Json]:
    """A tag for each interface, in the order of the methods."""
    for name in dict.fromkeys(method.service for method in methods):
        others = [f"Also `{alias}`." for alias, native in aliases.items() if native == name]
        yield {"name": name, **described(comments.get(name), *others)}


def operation(
    method: Method,
    comments: Mapping[str, str],
    messages: Components,
    examples: Examples,
    others: list[str],
    told: Container[str],
) -> Json:
    """The operation of one method, whose id is its full name. `others` are its other paths.

    Of other methods, it names those in `told` alone.
    """
    descriptor = method.descriptor
    request, response = descriptor.input_type, descriptor.output_type
    body = shared.json_of(messages.request(request), example=examples.body(request))
    success = {
        "description": f"`{response.full_name}`",
        "headers": shared.references("headers", shared.OF_SUCCESS),
        "content": view_content(method, messages.response(response)),
    }
    summary, rest = first_sentence(comments.get(descriptor.full_name, ""))
    served = f"Also served as {', '.join(f'`{path}`' for path in others)}." if others else ""
    return {
        "operationId": descriptor.full_name,
        "tags": [method.service],
        **({"summary": summary} if summary else {}),
        **described(rest, served, *also_accepted(method, told)),
        "parameters": [
            *shared.references("parameters", shared.OF_REQUESTS).values(),
            *view_parameters(method),
        ],
        "requestBody": {"content": body},
        "responses": {"200": success, **shared.references("responses", map(str, shared.ERRORS))},
        **({"x-aliases": others} if others else {}),
        **({"deprecated": True} if descriptor.GetOptions().deprecated else {}),
    }


def first_sentence(text: str) -> tuple[str, str]:
    """A comment's first sentence (or line), and the whole comment if it has more than that."""
    line, _, rest = text.partition("\n")
    sentence, stop, after = line.partition(". ")
    return sentence.removesuffix("."), text if rest or (stop and after) else ""


def also_accepted(method: Method, told: Container[str]) -> Iterator[str]:
    """Sentences on what the compatibility profile lets requests have besides, and refuses.

    What asks for a follow-up that is not in `told` would be denied. A look-up is made all the same.
    """

    names = [
        f"`{rewrite.source}` for `{rewrite.target}`"
        for rewrite in method.rewrites
        if isinstance(rewrite, Rename)
    ]
    names += [f"`{each.path}`" for each in method.rewrites if isinstance(each, MostRows)]
    if method.steps is not None:
        given = [step.given for step in method.steps.before if isinstance(step, LookUp)]
        given += [step.given for step in method.steps.after if step.method.path in told]
        names += [f"`{path}`" for path in given]
        for step in method.steps.before:
            if isinstance(step, Unique):
                found = f"`{step.method.path}` finds" if step.method.path in told else "there is"
                yield f"The answer is 409 if {found} one of that `{step.given}`."
    for reference in method.references:
        for finder in reference.finders:
            known = " and ".join(f"`{'` or `'.join(sent.names)}`" for sent in finder.sends)
            each = " (each of them)" if reference.listed else ""
            instead = "be a name" if reference.is_text else "have no `id`"
            path = finder.method.path
            found = f"`{path}` finds it" if path in told else "it can be found"
            yield f"`{reference.place}`{each} may {instead} if {found} by {known}."
    if names:
        yield f"Requests may also have, as in OpenCue's reference, {', '.join(names)}."


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
