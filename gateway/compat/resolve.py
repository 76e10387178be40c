"""What the compatibility profile means for one schema.

Its entries are resolved when a catalog is built: those that do not fit the schema, or that it has
no need of, are idle, with the reason. A request to a method without an entry pays nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.codec.fields import is_message
from gateway.codec.rewrite import Default, Rename, Rewrite
from gateway.compat.fieldpath import (
    Copies,
    FieldPath,
    Unfit,
    camel,
    copied,
    copies,
    field_at,
    needed_field,
    original,
    root_of,
    split,
)
from gateway.compat.profile import After, Before, Profile, Reading
from gateway.schema.method import Method

NATIVE = "Cuebot has it itself"
"""Why an entry is idle that is not needed; all other reasons are that it does not fit."""


@dataclass(frozen=True, slots=True)
class Idle:
    """An entry of the profile that does nothing here, and why."""

    entry: str
    reason: str

    @property
    def unfit(self) -> bool:
        """Whether it would do something if it were another one, or the schema."""
        return self.reason != NATIVE


@dataclass(frozen=True, slots=True)
class LookUp:
    """A call before the call, for what the request says otherwise than Cuebot wants it."""

    given: FieldPath
    method: Method
    send: FieldPath
    take: FieldPath
    place: FieldPath
    """Where clients may have given it themselves (JSON names)."""
    put: FieldPath
    """The same place in original names."""
    documented: bool
    """Whether Cuebot does not have what is given."""


@dataclass(frozen=True, slots=True)
class Rereading:
    """The call that shows what follow-ups have led to: `take` is the same in both answers."""

    method: Method
    copies: Copies
    take: FieldPath


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A call after the call, which the request asks for with a field of its own."""

    given: FieldPath
    method: Method
    send: FieldPath
    copies: Copies
    rereading: Rereading | None


@dataclass(frozen=True, slots=True)
class Steps:
    """What surrounds a call."""

    before: tuple[LookUp, ...] = ()
    after: tuple[FollowUp, ...] = ()


class Adapting:
    """The profile, being resolved against the methods (by `service/Method`) that are served.

    `declared` names all that Cuebot has, also those that are not served.
    """

    def __init__(
        self, profile: Profile, methods: Mapping[str, Method], declared: Container[str]
    ) -> None:
        self._profile = profile
        self._methods = methods
        self._declared = declared
        self.idle: list[Idle] = []

    def adapted(self) -> list[Method]:
        """The methods, with what the profile has for their requests."""
        rewrites: dict[str, list[Rewrite]] = defaultdict(list)
        for name, paths in self._profile.requests.items():
            rewrites[name] += self._fitting(self._renames(name, paths))
        for name, texts in self._profile.defaults.items():
            rewrites[name] += self._fitting(self._defaults(name, texts))
        steps: dict[str, Steps] = {}
        for look_up in self._fitting(self._look_ups()):
            name, step = look_up
            known = steps.get(name, Steps())
            steps[name] = replace(known, before=(*known.before, step))
        for follow_up in self._fitting(self._follow_ups()):
            name, after = follow_up
            known = steps.get(name, Steps())
            steps[name] = replace(known, after=(*known.after, after))
        return [
            replace(method, rewrites=tuple(rewrites[name]), steps=steps.get(name))
            if name in steps or rewrites[name]
            else method
            for name, method in self._methods.items()
        ]

    def method_aliases(self) -> dict[str, str]:
        """Documented method to served one."""
        return dict(self._fitting(self._aliases()))

    def _fitting(self, entries: Iterator[tuple[str, Callable[[], Any]]]) -> Iterator[Any]:
        """What can be made of the entries; for each of the others a reason is kept."""
        for entry, make in entries:
            try:
                yield make()
            except Unfit as reason:
                self.idle.append(Idle(entry, str(reason)))

    def _aliases(self) -> Iterator[tuple[str, Callable[[], tuple[str, str]]]]:
        for alias, name in self._profile.methods.items():

            def make(alias: str = alias, name: str = name) -> tuple[str, str]:
                if alias in self._declared:
                    raise Unfit(NATIVE)
                self._served(name)
                return alias, name

            yield f"methods.{alias}", make

    def _renames(
        self, name: str, paths: Mapping[str, str]
    ) -> Iterator[tuple[str, Callable[[], Rename]]]:
        for source, target in paths.items():

            def make(source: str = source, target: str = target) -> Rename:
                request = self._served(name).descriptor.input_type
                path = split(source)
                if field_at(request, path) is not None:
                    raise Unfit(NATIVE)
                native = split(target.removesuffix("[]"))
                field = needed_field(request, native)
                as_list = target.endswith("[]")
                if as_list != field.is_repeated:
                    raise Unfit(f"{target} is {'a' if field.is_repeated else 'no'} list")
                return Rename(camel(path), camel(native), as_list, root_of(request, path))

            yield f"requests.{name}.{source}", make

    def _defaults(
        self, name: str, texts: Mapping[str, str]
    ) -> Iterator[tuple[str, Callable[[], Default]]]:
        for target, content in texts.items():

            def make(target: str = target, content: str = content) -> Default:
                field = needed_field(self._served(name).descriptor.input_type, split(target))
                if field.is_repeated or field.type != FieldDescriptor.TYPE_STRING:
                    raise Unfit(f"{target} is no text")
                return Default(camel(split(target)), content)

            yield f"defaults.{name}.{target}", make

    def _look_ups(self) -> Iterator[tuple[str, Callable[[], tuple[str, LookUp]]]]:
        for entry in self._profile.before:

            def make(entry: Before = entry) -> tuple[str, LookUp]:
                request = self._served(entry.method).descriptor.input_type
                method = self._served(entry.call)
                given, target = split(entry.given), split(entry.put)
                if given[: len(target)] == target and field_at(request, given) is not None:
                    raise Unfit(NATIVE)
                needed_field(method.descriptor.input_type, split(entry.send))
                take, put = copied(
                    method.descriptor.output_type, split(entry.take), request, target
                )
                return entry.method, LookUp(
                    camel(given),
                    method,
                    camel(split(entry.send)),
                    take,
                    camel(target),
                    put,
                    field_at(request, given) is None,
                )

            yield f"before.{entry.method}.{entry.given}", make

    def _follow_ups(self) -> Iterator[tuple[str, Callable[[], tuple[str, FollowUp]]]]:
        for entry in self._profile.after:

            def make(entry: After = entry) -> tuple[str, FollowUp]:
                main, method = self._served(entry.method), self._served(entry.call)
                if field_at(main.descriptor.input_type, split(entry.given)) is not None:
                    raise Unfit(NATIVE)
                needed_field(method.descriptor.input_type, split(entry.send))
                return entry.method, FollowUp(
                    camel(split(entry.given)),
                    method,
                    camel(split(entry.send)),
                    copies(main, method, entry.with_),
                    self._rereading(main, entry.read) if entry.read else None,
                )

            yield f"after.{entry.method}.{entry.given}", make

    def _rereading(self, main: Method, entry: Reading) -> Rereading:
        method, take = self._served(entry.call), split(entry.take)
        fields = [needed_field(each.descriptor.output_type, take) for each in (main, method)]
        kinds = {None if each.is_repeated else each.message_type for each in fields}
        if None in kinds or len(kinds) > 1:
            raise Unfit(f"{entry.take} is not the same message in both answers")
        return Rereading(
            method,
            copies(main, method, entry.with_),
            original(method.descriptor.output_type, take),
        )

    def _served(self, name: str) -> Method:
        """The method of that name. Raises Unfit when it cannot be called."""
        if name not in self._methods:
            raise Unfit(f"{name} is not served")
        if self._methods[name].streams:
            raise Unfit(f"{name} streams")
        return self._methods[name]


def answer_aliases(
    profile: Profile, pool: DescriptorPool, idle: list[Idle]
) -> dict[str, dict[str, str]]:
    """By full name of a message: documented name to the JSON name of the field that is meant."""
    found: dict[str, dict[str, str]] = {}
    for name, names in profile.answers.items():
        try:
            message = pool.FindMessageTypeByName(name)
        except KeyError:
            idle.append(Idle(f"answers.{name}", f"there is no message {name}"))
            continue
        for alias, native in names.items():
            try:
                found.setdefault(name, {})[alias] = aliased(message, alias, native)
            except Unfit as reason:
                idle.append(Idle(f"answers.{name}.{alias}", str(reason)))
    return found


def aliased(message: Descriptor, alias: str, native: str) -> str:
    """The JSON name of the field that an alias stands for. Raises Unfit."""
    if field_at(message, (alias,)) is not None:
        raise Unfit(NATIVE)
    field = needed_field(message, (native,))
    if field.is_repeated or is_message(field):
        raise Unfit(f"{native} is not a single value")
    name: str = field.json_name
    return name
