"""A catalog as an OpenAPI document (https://spec.openapis.org/oas/v3.1.1.html)."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

import orjson
import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway import __version__
from gateway.core.calls.steps import LookUp, Rewrites, Steps, Unique, value_names
from gateway.core.calls.xml_body import XmlField
from gateway.core.codec.fields import (
    INT32,
    INT64,
    NULL_VALUE,
    UINT32,
    UINT64,
    enum_of,
    has_text,
    is_enum,
    is_map,
    is_message,
    message_of,
    returned_types,
    type_name,
)
from gateway.core.codec.rewrite import MostRows, Rename
from gateway.core.codec.wellknown import JSON_SCHEMAS, WRAPPERS, is_object
from gateway.core.profile.summaries import FieldNotes
from gateway.core.schema.catalog import TAG_DIGITS, Catalog
from gateway.core.schema.description import comments_of
from gateway.core.schema.method import Method
from gateway.feature import Description
from gateway.features.openapi.parts import Json, Parts, json_of, references
from gateway.features.openapi.schemas import Components, described

YAML_BLOCK_LEVELS = 2
"""Levels whose objects are serialized in pieces: paths, and the components of each kind."""
UNCONFIRMED = "\nCuebot has not confirmed this schema.\n"
"""Names no source, which may be a path: the document is for everybody."""
PARAMETER_MAX_DEPTH = 4
TEXTS = ("google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask")
"""Types whose JSON is a string."""
LOOKED_UP_BY = ("id", "name")
"""The fields by which Cuebot finds an object; it ignores others."""
EXAMPLE_MAX_DEPTH = 4
GET_ENDING = "_get"
"""Ends the operation id of a GET, which otherwise is that of the POST."""
PAGE = {"page": 1, "limit": 100}
"""Some methods return nothing without these."""
NUMBERS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT, *INT32, *UINT32)
LONG_NUMBERS = (*INT64, *UINT64)


def build_document(
    catalog: Catalog, parts: Parts, *, closed: bool, allowed: Container[str] | None = None
) -> Json:
    """The document of all methods, or of those with the `allowed` paths; `parts` are of features.

    With `closed` (UNKNOWN_FIELDS is not `ignore`), requests allow no unknown fields. The same
    catalog gives the same document. Takes a second per thousand methods: call it in a thread.
    """
    methods = [method for method in catalog.methods if not method.streams]
    comments = {**comments_of(catalog.schema.files), **FieldNotes.of(catalog).texts}
    returned = returned_types(method.descriptor for method in methods)
    ids = operation_ids(methods)
    if allowed is not None:
        methods = [method for method in methods if method.path in allowed]
    aliases = methods[0].encoders.aliases if methods else {}
    listed = {method.path for method in methods}
    told = {
        method.path: [describe(method, listed) for describe in parts.describe] for method in methods
    }
    more = {
        name: each for some in told.values() for one in some for name, each in one.fields.items()
    }
    messages = Components(comments, returned, aliases, closed=closed, more=more)
    examples, others = Examples(returned), other_paths(catalog)
    paths: Json = {}
    for method in methods:
        path = method.path
        about = About(
            comments.get(method.descriptor.full_name, ""), others[path], listed, told[path]
        )
        post = {
            "operationId": ids[path],
            **operation(method, about, messages, examples, parts),
        }
        paths[path] = {"post": post}
        if method.reads_only:
            post |= parts.text["reads"]
            paths[path]["get"] = get_operation(post, method, messages, returned, parts)
    note = "" if catalog.schema.confirmed else UNCONFIRMED
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cuebot",
            "version": f"{__version__}+{catalog.schema.digest[:TAG_DIGITS]}",
            "description": parts.introduction + note,
        },
        "servers": [{"url": "/"}],
        "security": parts.text["security"],
        "tags": [*tags(methods, catalog.directory.aliases, comments), *parts.text["tags"]],
        "paths": paths | parts.paths(),
        "components": parts.components(dict(sorted(messages.schemas.items()))),
    }


def operation_ids(methods: Iterable[Method]) -> Mapping[str, str]:
    """By native path: the id of the method's POST; that of its GET ends in GET_ENDING.

    It is `JobInterface_GetJobs`, or `job_JobInterface_GetJobs` if another operation could have the
    same; if not even that tells them apart, the path with a slash at its end.
    """
    possible = {method.path: possible_ids(method) for method in methods}
    uses = Counter(
        id_ for ids in possible.values() for post in {*ids} for id_ in (post, post + GET_ENDING)
    )
    return {
        path: next(id_ for id_ in ids if uses[id_] == uses[id_ + GET_ENDING] == 1)
        for path, ids in possible.items()
    }


def possible_ids(method: Method) -> tuple[str, str, str]:
    """The best first. No other operation can have the last: names have no slashes."""
    with_package = method.path[1:].replace(".", "_").replace("/", "_")
    service = method.service.rpartition(".")[2]
    return f"{service}_{method.descriptor.name}", with_package, f"{method.path}/"


def other_paths(catalog: Catalog) -> defaultdict[str, list[str]]:
    """By native path: the other paths of the method."""
    found = defaultdict[str, list[str]](list)
    for path, method in catalog.routes.items():
        if path != method.path:
            found[method.path].append(path)
    return found


def tags(
    methods: Iterable[Method], aliases: Mapping[str, str], comments: Mapping[str, str]
) -> Iterator[Json]:
    for name in dict.fromkeys(method.service for method in methods):
        others = [f"Also `{alias}`." for alias, native in aliases.items() if native == name]
        yield {"name": name, **described(comments.get(name), *others)}


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a method."""

    comment: str
    others: list[str]
    """Its other paths."""
    listed: Container[str]
    """The paths of the methods that may be named."""
    told: list[Description]
    """By features."""


def operation(
    method: Method, about: About, messages: Components, examples: "Examples", parts: Parts
) -> Json:
    """The POST of a method, without its id."""
    descriptor = method.descriptor
    request, response = descriptor.input_type, descriptor.output_type
    body = json_of(messages.request(request), example=examples.body(request))
    rows = ("rows",) if method.rows is not None else ()
    changes = () if method.reads_only else ("changes",)
    success = {
        "description": f"`{response.full_name}`",
        "headers": parts.headers("any", "success", *changes),
        "content": json_of(messages.response(response)),
    }
    rest = "" if about.comment.removesuffix(".") == method.summary else about.comment
    others = about.others
    served = f"Also served as {', '.join(f'`{path}`' for path in others)}." if others else ""
    return {
        "tags": [method.service],
        **({"summary": method.summary} if method.summary else {}),
        **described(rest, served, *also_accepted(method, about)),
        "parameters": parts.parameters("any", *rows, *changes),
        "requestBody": {"content": body},
        "responses": {"200": success, **references("responses", map(str, parts.errors))},
        **({"x-aliases": others} if others else {}),
        **({"x-sets": list(sets)} if (sets := value_names(method)) else {}),
        **{name: value for each in about.told for name, value in each.extensions.items()},
        **({"deprecated": True} if descriptor.GetOptions().deprecated else {}),
    }


def get_operation(
    post: Json, method: Method, messages: Components, returned: Container[str], parts: Parts
) -> Json:
    """The GET of a method that only reads, made from its POST."""
    responses = dict(post["responses"])
    success = responses["200"]
    responses["200"] = {**success, "headers": success["headers"] | parts.headers("gets")}
    for status, about in parts.text["gets"].items():
        responses[str(status)] = {**about, "headers": parts.headers("any", "gets")}
    operation = {key: value for key, value in post.items() if key != "requestBody"}
    return {
        **operation,
        "operationId": post["operationId"] + GET_ENDING,
        "parameters": [
            *query_parameters(method.descriptor.input_type, messages, returned),
            *post["parameters"],
            *parts.parameters("gets"),
        ],
        "responses": responses,
    }


def query_parameters(
    descriptor: Descriptor, messages: Components, returned: Container[str], above: str = ""
) -> Iterator[Json]:
    """A parameter for each field that a query string can set, nested ones included.

    Of an object that Cuebot has returned, only the fields by which Cuebot finds it.
    """
    looked_up = descriptor.full_name in returned
    for field in descriptor.fields:
        if looked_up and field.name not in LOOKED_UP_BY:
            continue
        name = f"{above}{field.json_name}"
        if can_be_text(field):
            yield {"name": name, "in": "query", "schema": messages.value(field)}
        elif is_object(field) and name.count(".") < PARAMETER_MAX_DEPTH:
            yield from query_parameters(message_of(field), messages, returned, f"{name}.")


def can_be_text(field: FieldDescriptor) -> bool:
    """Whether a parameter, or several for a list, can have the field's value."""
    if is_map(field):
        return False
    return not is_message(field) or message_of(field).full_name in (*TEXTS, *WRAPPERS)


def also_accepted(method: Method, about: About) -> Iterator[str]:
    """Sentences on what is accepted in addition, and refused.

    A follow-up that is not `listed` would be denied; a look-up is made all the same.
    """
    listed, rewrites, steps = about.listed, Rewrites.of(method), Steps.of(method)
    names = [
        f"`{rewrite.source}` for `{rewrite.target}`"
        for rewrite in rewrites
        if isinstance(rewrite, Rename)
    ]
    names += [f"`{each.path}`" for each in rewrites if isinstance(each, MostRows)]
    given = [step.given for step in steps.before if isinstance(step, LookUp)]
    given += [step.given for step in steps.after if step.method.path in listed]
    names += [f"`{path}`" for path in given]
    for step in steps.before:
        if isinstance(step, Unique):
            found = f"`{step.method.path}` finds" if step.method.path in listed else "there is"
            yield f"The answer is 409 if {found} one of that `{step.given}`."
    yield from about_bodies(method)
    for each in about.told:
        yield from each.sentences
    if names:
        yield f"Requests may also have, as in OpenCue's reference, {', '.join(names)}."


def about_bodies(method: Method) -> Iterator[str]:
    for needed in Steps.of(method).needed:
        if needed.is_text:
            yield f"`{needed.field}` may not be empty."
        else:
            yield f"`{needed.field}` has to be there, and `{{}}` stands for all."
    if (xml := XmlField.of(method).place) is not None:
        yield f"The body may also be the XML of `{xml}`."


def as_json(document: Json) -> bytes:
    return orjson.dumps(document)


def as_yaml(document: Json) -> bytes:
    """YAML without anchors."""
    return "".join(blocks(document, YAML_BLOCK_LEVELS)).encode()


def blocks(value: Json, depth: int) -> Iterator[str]:
    """The YAML of an object in pieces: libyaml holds the GIL while it writes one."""
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
    """The faster of PyYAML's dumpers, without references to shared objects."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# --- examples ---------------------------------------------------------------------------------


class Examples:
    """Example requests: valid bodies, with placeholders such as `<job id>`.

    `returned` has the full names of the types that occur in responses."""

    def __init__(self, returned: Container[str]) -> None:
        self._returned = returned

    def body(self, request: Descriptor) -> Any:
        return self._message(request, request.name, 0)

    def _message(self, descriptor: Descriptor, word: str, depth: int) -> Any:
        name = descriptor.full_name
        if name in WRAPPERS:
            return self._scalar(descriptor.fields_by_name["value"], word, chosen=True)
        if name in JSON_SCHEMAS:
            return JSON_SCHEMAS[name].get("examples", [{}])[0]
        if depth and name in self._returned:
            for key in LOOKED_UP_BY:
                if has_text(descriptor, key):
                    return {key: f"<{word} {key}>"}
        found = {}
        only = len(descriptor.fields) == 1
        shown = [field for field in descriptor.fields if worth_showing(field, depth)]
        for field in shown or descriptor.fields:  # all of a deprecated method's may be deprecated
            value = self._field(field, depth, alone=only)
            if value is not None:
                found[field.json_name] = value
        return found

    def _field(self, field: FieldDescriptor, depth: int, *, alone: bool) -> Any:
        """A value for an argument; for a criterion among several, one that matches everything."""
        word = field.json_name
        chosen = depth == 0 or alone or field.is_required
        if is_map(field):
            return {}
        if is_message(field):
            if not chosen or depth >= EXAMPLE_MAX_DEPTH:
                return [] if field.is_repeated else None
            inner = message_of(field)
            value = self._message(inner, inner.name.lower(), depth + 1)
        elif field.is_repeated and not chosen:
            return []
        else:
            value = self._scalar(field, word, chosen=chosen)
        return [value] if field.is_repeated else value

    def _scalar(self, field: FieldDescriptor, word: str, *, chosen: bool) -> Any:
        if is_enum(field):
            return None if type_name(field) == NULL_VALUE else enum_of(field).values[0].name
        if field.type == field.TYPE_BOOL:
            return chosen
        if field.type in NUMBERS:
            return PAGE.get(word, int(chosen))
        if field.type in LONG_NUMBERS:
            return str(PAGE.get(word, int(chosen)))
        if field.type == field.TYPE_BYTES:
            return ""
        return f"<{word}>" if chosen else ""


def worth_showing(field: FieldDescriptor, depth: int) -> bool:
    """Not if deprecated, and only one member of a oneof."""
    oneof = field.containing_oneof
    if field.GetOptions().deprecated:
        return field.is_required
    return oneof is None or (depth == 0 and len(oneof.fields) > 1 and oneof.fields[0] is field)
