"""What the compatibility profile means for one schema.

Its entries are resolved when a catalog is built. Those that do not apply to the schema, or that it
has no need of, are left out, with the reason. A request to a method without an entry pays nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import time

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.fields import INT32, INT64, UINT32, UINT64, is_message
from gateway.codec.rewrite import Default, Ignored, Rename, Rewrite
from gateway.compat.message_paths import (
    NotApplicable,
    body_path,
    copied,
    field_at,
    needed_field,
    needed_path,
    root_of,
    split,
)
from gateway.compat.profile import After, Before, Profile, Reading, UniqueName
from gateway.compat.references import by_argument, references_at
from gateway.schema.catalog import NATIVE, UnusedEntry
from gateway.schema.method import (
    Copies,
    FollowUp,
    LookUp,
    Method,
    Reference,
    Rereading,
    Steps,
    Unique,
)

NOW = "now"
"""The default of an integer that stands for the time of the request."""
INTEGERS = (*INT32, *INT64, *UINT32, *UINT64)


class Resolver:
    """Resolves a profile against the methods (by `service/Method`) that are served.

    `declared` names all methods that Cuebot has, also those that are not served. Entries that come
    to nothing are added to `unused`.
    """

    def __init__(
        self,
        profile: Profile,
        methods: Mapping[str, Method],
        declared: Collection[str],
        unused: list[UnusedEntry],
    ) -> None:
        self._profile = profile
        self._methods = methods
        self._declared = declared
        self._unused = unused

    def adapted(self) -> list[Method]:
        """The methods, with what the profile has for their requests."""
        rewrites, steps, references = self._rewrites(), self._steps(), self._references()
        return [
            replace(
                method,
                rewrites=tuple(rewrites[name]),
                steps=steps.get(name),
                references=references[name],
            )
            if name in steps or rewrites[name] or references[name]
            else method
            for name, method in self._methods.items()
        ]

    def probe(self) -> str:
        """The path of the method that shows whether Cuebot answers; empty if there is none."""
        if self._profile.probe is not None:
            with entry("probe", self._unused):
                return self._served(self._profile.probe).path
        return ""

    def method_aliases(self) -> dict[str, str]:
        """Documented method to served one."""
        found = {}
        for alias, name in self._profile.methods.items():
            with entry(f"methods.{alias}", self._unused):
                if alias in self._declared:
                    raise NotApplicable(NATIVE)
                self._served(name)
                found[alias] = name
        return found

    def missing_methods(self) -> dict[str, str]:
        """Method to what to say of it, for methods that a service has only in documents."""
        services = {name.partition("/")[0] for name in self._declared}
        found = {}
        for name, text in self._profile.missing.items():
            service, _, _ = name.partition("/")
            with entry(f"missing.{name}", self._unused):
                if service not in services:
                    raise NotApplicable(f"there is no service {service}")
                if name in self._declared:
                    raise NotApplicable(NATIVE)
                found[name] = text
        return found

    def _rewrites(self) -> defaultdict[str, list[Rewrite]]:
        found = defaultdict[str, list[Rewrite]](list)
        for name, paths in self._profile.requests.items():
            for source, target in paths.items():
                with entry(f"requests.{name}.{source}", self._unused):
                    found[name].append(rename(self._served(name), source, target))
        for name, sources in self._profile.ignored.items():
            for source in sources:
                with entry(f"ignored.{name}.{source}", self._unused):
                    found[name].append(ignored(self._served(name), source))
        for name, texts in self._profile.defaults.items():
            for target, content in texts.items():
                with entry(f"defaults.{name}.{target}", self._unused):
                    found[name].append(default(self._served(name), target, content))
        return found

    def _steps(self) -> Mapping[str, Steps]:
        look_ups = defaultdict[str, tuple[LookUp | Unique, ...]](tuple)
        follow_ups = defaultdict[str, tuple[FollowUp, ...]](tuple)
        for before in self._profile.before:
            with entry(f"before.{before.method}.{before.given}", self._unused):
                look_ups[before.method] += (self._look_up(before),)
        for unique in self._profile.unique:
            with entry(f"unique.{unique.method}.{unique.given}", self._unused):
                look_ups[unique.method] += (self._unique(unique),)
        for after in self._profile.after:
            with entry(f"after.{after.method}.{after.given}", self._unused):
                follow_ups[after.method] += (self._follow_up(after),)
        names = dict.fromkeys((*look_ups, *follow_ups))
        return {name: Steps(look_ups[name], follow_ups[name]) for name in names}

    def _references(self) -> defaultdict[str, tuple[Reference, ...]]:
        """By method: the objects in its requests that a name will do for.

        A look-up may itself use what the entries before its own say, so that none goes in a circle.
        """
        found = defaultdict[str, tuple[Reference, ...]](tuple)
        methods = by_argument(self._methods) if self._profile.named else {}
        for each in self._profile.named:
            for path in each.fields:
                with entry(f"named.{each.message}.{path}", self._unused):
                    call = self._served(each.by.call) if each.by else None
                    if call is not None:
                        call = replace(call, references=found[call.path[1:]])
                    for name, reference in references_at(path, each, call, methods):
                        found[name] += (reference,)
        return found

    def _look_up(self, entry: Before) -> LookUp:
        main, method = self._served(entry.method), self._served(entry.call)
        request = main.descriptor.input_type
        given, put = split(entry.given), split(entry.put)
        native = field_at(request, given) is not None
        if native and given != put and given[: len(put)] == put:
            raise NotApplicable(NATIVE)
        take, _ = copied(method.descriptor.output_type, split(entry.take), request, put)
        return LookUp(
            given=body_path(request, given),
            method=method,
            send=needed_path(method.descriptor.input_type, entry.send),
            take=take,
            put=body_path(request, put),
            documented=not native,
            nothing=entry.nothing,
        )

    def _unique(self, entry: UniqueName) -> Unique:
        main, method = self._served(entry.method), self._served(entry.call)
        answer, asked = method.descriptor.output_type, method.descriptor.input_type
        found, _ = copied(answer, split(entry.found), asked, split(entry.send))
        return Unique(
            given=needed_path(main.descriptor.input_type, entry.given),
            method=method,
            send=needed_path(asked, entry.send),
            found=found,
            nothing=entry.nothing,
        )

    def _follow_up(self, entry: After) -> FollowUp:
        main, method = self._served(entry.method), self._served(entry.call)
        request, given = main.descriptor.input_type, split(entry.given)
        if field_at(request, given) is not None:
            raise NotApplicable(NATIVE)
        return FollowUp(
            given=body_path(request, given),
            method=method,
            send=needed_path(method.descriptor.input_type, entry.send),
            copies=copies(main, method, entry.with_),
            rereading=self._rereading(main, entry.read) if entry.read else None,
        )

    def _rereading(self, main: Method, entry: Reading) -> Rereading:
        method, take = self._served(entry.call), split(entry.take)
        fields = [needed_field(each.descriptor.output_type, take) for each in (main, method)]
        kinds = {None if each.is_repeated else each.message_type for each in fields}
        if None in kinds or len(kinds) > 1:
            raise NotApplicable(f"{entry.take} is not the same message in both answers")
        return Rereading(
            method,
            copies(main, method, entry.with_),
            body_path(method.descriptor.output_type, take).original,
        )

    def _served(self, name: str) -> Method:
        """The method of that name. Raises NotApplicable when it cannot be called."""
        if name not in self._methods:
            raise NotApplicable(f"{name} is not served")
        if self._methods[name].streams:
            raise NotApplicable(f"{name} streams")
        return self._methods[name]


@contextmanager
def entry(name: str, unused: list[UnusedEntry]) -> Iterator[None]:
    """Resolve an entry of that name inside. If it is not applicable, add it to `unused`."""
    try:
        yield
    except NotApplicable as reason:
        unused.append(UnusedEntry(name, str(reason)))


def rename(method: Method, source: str, target: str) -> Rename:
    """A documented path of a request, moved to a native one. Raises NotApplicable."""
    request, path = method.descriptor.input_type, split(source)
    if field_at(request, path) is not None:
        raise NotApplicable(NATIVE)
    native = split(target.removesuffix("[]"))
    field = needed_field(request, native)
    as_list = target.endswith("[]")
    if as_list != field.is_repeated:
        raise NotApplicable(f"{target} is {'a' if field.is_repeated else 'no'} list")
    return Rename(
        body_path(request, path), body_path(request, native), as_list, root_of(request, path)
    )


def ignored(method: Method, source: str) -> Ignored:
    """A documented path of a request that is no error. Raises NotApplicable if it is a field."""
    request, path = method.descriptor.input_type, split(source)
    if field_at(request, path) is not None:
        raise NotApplicable(NATIVE)
    if path[1:]:
        needed_field(request, path[:-1])
    place = body_path(request, path)
    return Ignored((".".join(place.json), ".".join(place.original)))


def default(method: Method, target: str, content: str | int) -> Default:
    """What a field is that a request does not set: this text; or this integer, or `now`.

    That is the time of the request, in seconds since 1970. An empty text counts as not set, and so
    does a time of 0; another integer that is given is left alone. Raises NotApplicable.
    """
    path = needed_path(method.descriptor.input_type, target)
    field = needed_field(method.descriptor.input_type, split(target))
    if type(content) is int and not field.is_repeated and field.type in INTEGERS:
        return Default(path, lambda: content, None)
    if not field.is_repeated and field.type == FieldDescriptor.TYPE_STRING:
        return Default(path, lambda: content, "")
    if content == NOW and not field.is_repeated and field.type in INTEGERS:
        return Default(path, lambda: int(time()), 0)
    raise NotApplicable(f"{target} cannot be {content!r}")


def answer_aliases(
    profile: Profile, pool: DescriptorPool, unused: list[UnusedEntry]
) -> dict[str, dict[str, str]]:
    """By full name of a message: documented name to the JSON name of the field that is meant.

    Entries that come to nothing are added to `unused`.
    """
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, names in profile.answers.items():
        try:
            message = pool.FindMessageTypeByName(name)
        except KeyError:
            unused.append(UnusedEntry(f"answers.{name}", f"there is no message {name}"))
            continue
        for alias, native in names.items():
            with entry(f"answers.{name}.{alias}", unused):
                found[name][alias] = aliased(message, alias, native)
    return dict(found)


def aliased(message: Descriptor, alias: str, native: str) -> str:
    """The JSON name of the field that an alias stands for. Raises NotApplicable."""
    if field_at(message, (alias,)) is not None:
        raise NotApplicable(NATIVE)
    field = needed_field(message, (native,))
    if field.is_repeated or is_message(field):
        raise NotApplicable(f"{native} is not a single value")
    name: str = field.json_name
    return name


def copies(main: Method, method: Method, paths: Mapping[str, str]) -> Copies:
    """What the request of `method` takes from the answer of `main`. Raises NotApplicable."""
    answer, request = main.descriptor.output_type, method.descriptor.input_type
    return tuple(
        copied(answer, split(source), request, split(target)) for source, target in paths.items()
    )
