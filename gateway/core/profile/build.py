"""Building a catalog from a schema and a profile."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.core.codec.decode import Decoders
from gateway.core.codec.encode import Encoders
from gateway.core.codec.fields import returned_types
from gateway.core.profile.documents import Documents
from gateway.core.profile.draft import Compile, Draft
from gateway.core.profile.profile import EMPTY, Profile, Signs
from gateway.core.profile.resolve import probe_of, with_written
from gateway.core.profile.summaries import (
    FieldNotes,
    field_notes,
    unused_summaries,
    with_summaries,
)
from gateway.core.schema.catalog import (
    TAG_DIGITS,
    Absent,
    Catalog,
    Directory,
    Idle,
    UnusedEntry,
    build_routes,
    by_service,
    declared_methods,
    names_by_service,
    paths_of,
    service_aliases,
)
from gateway.core.schema.description import (
    Schema,
    build_pool,
    comments_of,
    message_classes,
)
from gateway.core.schema.method import Method, path_of
from gateway.core.schema.selection import Selection, chosen


def build_catalog(
    schema: Schema,
    selection: Selection,
    profile: Profile = EMPTY,
    compilers: tuple[Compile, ...] = (),
    documents: type[Documents] = Documents,
) -> Catalog:
    """A service whose file is unusable is skipped, with the reason. `compilers` add the aspects of
    features to the methods. Raises NoSchema if no service is left.
    """
    unused = [UnusedEntry(table, "no feature reads it") for table in profile.idle]
    documented = documents(profile, unused)
    files, added = documented.with_methods(schema.files)
    pool, broken = build_pool(files)
    declared, skipped = declared_methods(schema, pool, broken)
    names = documented.answers(pool)
    encoders = Encoders(pool, names, classes=message_classes(pool, [each.name for each in files]))
    decoders = Decoders(pool, returned_types(declared), names)
    aliases = service_aliases(schema.services)
    aliases_of = by_service(aliases)
    native = {path_of(each)[1:] for each in declared}
    known = names_of(native, aliases_of, documented.method_names)
    served, withheld = {}, {}
    aspects: dict[str, dict[type, Any]] = {}
    of_adapted: dict[str, dict[type, Any]] = {}
    for descriptor in declared:
        path = path_of(descriptor)
        aspects[path[1:]] = {Signs: profile.errors}
        method = Method(
            path,
            descriptor,
            encoders,
            decoders,
            reads_only=chosen((path[1:],), profile.reads) or says_that_it_reads(descriptor),
            source=schema.source,
            aspects=MappingProxyType(aspects[path[1:]]),
        )
        if rule := selection.withheld_by(method.service, descriptor.name, known[path[1:]]):
            withheld[method.path] = rule
        else:
            served[method.path[1:]] = method
    served = with_written(profile, served, unused)
    summaries, comments = profile.summaries, comments_of(schema.files)
    served = with_summaries(summaries, served, comments)
    absent = documented.missing(native)
    for alias, name in documented.method_names.items():
        if f"/{name}" in withheld and alias not in native:
            absent[alias] = f"it is {name}, which is not served here"
    adapted = {}
    for name, own in documented.adapted(served, added).items():
        of_adapted[name] = {Signs: profile.errors} | {type(each): each for each in own}
        adapted[name] = replace(served[name], aspects=MappingProxyType(of_adapted[name]))
    probe = probe_of(profile, served, unused)
    draft = Draft(
        schema=schema,
        whole={FieldNotes: field_notes(summaries, pool, comments)},
        profile=profile,
        pool=pool,
        aliases=names,
        native=served,
        methods=adapted,
        unused=unused,
        aspects=aspects,
        of_adapted=of_adapted,
    )
    for compile_aspects in compilers:
        compile_aspects(draft)
    methods = [*adapted.values()]
    routes = build_routes(methods, aliases, documented.method_aliases(served, native))
    names_there = sorted({*schema.services, *aliases}.union(*known.values()))
    missing = {path: text for name, text in absent.items() for path in paths_of(name, aliases_of)}
    return Catalog(
        methods=tuple(methods),
        routes=MappingProxyType(routes),
        directory=Directory(
            names=MappingProxyType(names_by_service(routes)),
            aliases=MappingProxyType(aliases),
            known=names_there,
        ),
        absent=Absent(
            withheld=MappingProxyType(withheld),
            skipped=tuple(skipped),
            missing=MappingProxyType(
                {path: missing[path] for path in missing if path not in routes}
            ),
        ),
        idle=Idle(
            globs=selection.unused(names_there, [skip.service for skip in skipped]),
            entries=tuple(unused),
            summaries=tuple(unused_summaries(summaries, native, pool)),
        ),
        probe=probe,
        aspects=MappingProxyType(draft.whole),
        tag=(b"x-schema", schema.digest[:TAG_DIGITS].encode()),
        schema=schema,
        again=partial(build_catalog, schema, selection, profile, compilers, documents),
    )


def says_that_it_reads(method: MethodDescriptor) -> bool:
    level: int = method.GetOptions().idempotency_level
    return level == MethodOptions.NO_SIDE_EFFECTS


def names_of(
    native: Collection[str],
    aliases_of: Mapping[str, Sequence[str]],
    documented: Mapping[str, str],
) -> dict[str, set[str]]:
    """By native method (`service/Method`): all names of it and of its service.

    Those that documents have count, unless Cuebot has a method of that name.
    """
    names = {name: {name} for name in native}
    for alias, name in documented.items():
        if name in names and alias not in native:
            names[name].add(alias)
    return {
        name: {
            part
            for each in own
            for path in paths_of(each, aliases_of)
            for part in (path[1:], path[1:].partition("/")[0])
        }
        for name, own in names.items()
    }
