"""Documented calls, for one schema: what the profile does with requests, and calls around them.

Entries that cannot apply, or that Cuebot does not need, are left out, with the reason: what reads
them raises NotApplicable. Methods without an entry cost nothing more.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import time

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.calls.instead import Instead
from gateway.core.calls.row_counts import RowLimit
from gateway.core.calls.steps import (
    FollowUp,
    LookUp,
    Needed,
    Rereading,
    Rewrites,
    Steps,
    Unique,
)
from gateway.core.codec.fields import INT32, INT64, UINT32, UINT64, is_message, message_of
from gateway.core.codec.interfaces import Derived
from gateway.core.codec.rewrite import BodyPath, Default, MostRows, Rename, Rewrite
from gateway.core.profile.resolve import aliased
from gateway.core.profile.schema_paths import (
    NotApplicable,
    body_path,
    copied,
    entry,
    field_at,
    fields_along,
    needed_field,
    needed_method,
    needed_path,
    proto_path,
    row_search,
    split,
)
from gateway.core.schema.catalog import NATIVE, UnusedEntry
from gateway.core.schema.method import Copies, FieldPath, Method
from gateway.features.reference.hops import Hop, Hops
from gateway.features.reference.profile import (
    After,
    Before,
    Reading,
    ReferenceTables,
    UniqueName,
)
from gateway.features.reference.profile import Hop as HopEntry

NOW = "now"
"""Default of an integer: the time of the request."""
INTEGERS = (*INT32, *INT64, *UINT32, *UINT64)


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves a profile against the served methods (by `service/Method`).

    `added` are the names of methods that only documents have. Entries that do nothing are added to
    `unused`.
    """

    tables: ReferenceTables
    methods: Mapping[str, Method]
    added: Collection[str]
    unused: list[UnusedEntry]

    def adapted(self) -> dict[str, list[object]]:
        """Aspects by `service/Method`. What only documents have is left out if nothing answers for
        it.
        """
        rewrites = {name: Rewrites(each) for name, each in self._rewrites().items() if each}
        kinds = (rewrites, self._steps(), self._instead(), self._row_limits())
        instead = kinds[2]
        return {
            name: [kind[name] for kind in kinds if name in kind]
            for name in self.methods
            if name in instead or name not in self.added
        }

    def _rewrites(self) -> defaultdict[str, list[Rewrite]]:
        found = defaultdict[str, list[Rewrite]](list)
        for name, paths in self.tables.requests.items():
            for source, target in paths.items():
                with entry(f"requests.{name}.{source}", self.unused):
                    found[name].append(rename(self._served(name), source, target))
        for name, texts in self.tables.defaults.items():
            for target, content in texts.items():
                with entry(f"defaults.{name}.{target}", self.unused):
                    found[name].append(default(self._served(name), target, content))
        for name, limits in self.tables.rows.items():
            for target, limit in limits.items():
                with entry(f"rows.{name}.{target}", self.unused):
                    found[name] += row_limit(self._served(name), target, limit.default)
        return found

    def _row_limits(self) -> dict[str, RowLimit]:
        """By method, if Cuebot has the field."""
        found = {}
        for name, limits in self.tables.rows.items():
            for target, limit in limits.items() if name in self.methods else ():
                request = self.methods[name].descriptor.input_type
                if field_at(request, split(target)) is None:
                    continue
                if limit.default is None or limit.views is None:
                    continue
                path, page = needed_path(request, target), None
                with entry(f"rows.{name}.{target}.page", self.unused):
                    page = proto_path(request, limit.page) if limit.page else None
                found[name] = RowLimit(str(path), path.original, page, limit.default, limit.views)
        return found

    def _steps(self) -> Mapping[str, Steps]:
        look_ups = defaultdict[str, tuple[LookUp | Unique, ...]](tuple)
        follow_ups = defaultdict[str, tuple[FollowUp, ...]](tuple)
        for before in self.tables.before:
            with entry(f"before.{before.method}.{before.given}", self.unused):
                look_ups[before.method] += (self._look_up(before),)
        for unique in self.tables.unique:
            with entry(f"unique.{unique.method}.{unique.given}", self.unused):
                look_ups[unique.method] += (self._unique(unique),)
        for after in self.tables.after:
            with entry(f"after.{after.method}.{after.given}", self.unused):
                follow_ups[after.method] += (self._follow_up(after),)
        needed = self._needed()
        names = dict.fromkeys((*look_ups, *follow_ups, *needed))
        return {
            name: Steps(look_ups[name], follow_ups[name], needed.get(name, ())) for name in names
        }

    def _needed(self) -> dict[str, tuple[Needed, ...]]:
        found: dict[str, tuple[Needed, ...]] = {}
        for name, fields in self.tables.needed.items():
            for path, says in fields.items():
                with entry(f"needed.{name}.{path}", self.unused):
                    field = needed_field(self._served(name).descriptor.input_type, (path,))
                    is_text = field.type == FieldDescriptor.TYPE_STRING
                    if field.is_repeated or not (is_message(field) or is_text):
                        raise NotApplicable(f"{path} is neither an object nor a text")
                    place = BodyPath((field.json_name,), (field.name,))
                    needed = Needed(place, says, is_text)
                    found[name] = (*found.get(name, ()), needed)
        return found

    def _instead(self) -> dict[str, Instead]:
        found = {}
        for each in self.tables.instead:
            with entry(f"instead.{each.method}", self.unused):
                main = self._served(each.method)
                if each.request and each.method not in self.added:
                    raise NotApplicable(NATIVE)
                hops = tuple(
                    self._hop(main, one, is_first=number == 0)
                    for number, one in enumerate(each.hops)
                )
                last = hops[-1]
                taken = last.rows.row if last.rows else last.method.descriptor.output_type
                if last.take:
                    taken = message_of(needed_field(taken, last.take))
                put = needed_field(main.descriptor.output_type, (each.put,))
                if put.is_repeated or put.message_type is not taken:
                    raise NotApplicable(f"{each.put} is not what the last call answers")
                asked = main.descriptor.input_type
                name = proto_path(asked, each.name) if each.name else None
                is_native = each.method not in self.added
                found[each.method] = Instead(Hops(hops, put.name, name).answer, is_native)
        return found

    def _hop(self, main: Method, each: HopEntry, *, is_first: bool) -> Hop:
        method, asked = self._served(each.call), main.descriptor.input_type
        request, answer = method.descriptor.input_type, method.descriptor.output_type
        if is_first == (each.send is not None):
            raise NotApplicable(f"{each.call}: all calls but the first send what was found before")
        rows = row_search(answer, each.rows, each.where, asked) if each.rows else None
        found = rows.row if rows else answer
        copies = []
        for target, source in each.with_.items():
            from_, _ = copied(asked, split(source), request, split(target))
            copies.append((from_, body_path(request, split(target))))
        return Hop(
            method,
            tuple(copies),
            needed_path(request, each.send) if each.send else None,
            rows,
            proto_path(found, each.take) if each.take else (),
        )

    def _look_up(self, wanted: Before) -> LookUp:
        main, method = self._served(wanted.method), self._served(wanted.call)
        request = main.descriptor.input_type
        given, put = split(wanted.given), split(wanted.put)
        native = field_at(request, given) is not None
        if native and given != put and given[: len(put)] == put:
            raise NotApplicable(NATIVE)
        take, _ = copied(method.descriptor.output_type, split(wanted.take), request, put)
        send, same = needed_path(method.descriptor.input_type, wanted.send), FieldPath()
        if wanted.same is not None:
            answer, asked = main.descriptor.output_type, method.descriptor.input_type
            same, _ = copied(answer, split(wanted.same), asked, split(wanted.send))
            if not main.reads_only:
                raise NotApplicable(f"{wanted.method} changes something before it is compared")
        return LookUp(
            given=body_path(request, given),
            method=method,
            send=send,
            take=take,
            put=body_path(request, put),
            documented=not native,
            same=same,
        )

    def _unique(self, wanted: UniqueName) -> Unique:
        main, method = self._served(wanted.method), self._served(wanted.call)
        answer, asked = method.descriptor.output_type, method.descriptor.input_type
        found, _ = copied(answer, split(wanted.found), asked, split(wanted.send))
        return Unique(
            given=needed_path(main.descriptor.input_type, wanted.given),
            method=method,
            send=needed_path(asked, wanted.send),
            found=found,
        )

    def _follow_up(self, wanted: After) -> FollowUp:
        main, method = self._served(wanted.method), self._served(wanted.call)
        request, given = main.descriptor.input_type, split(wanted.given)
        if field_at(request, given) is not None:
            raise NotApplicable(NATIVE)
        return FollowUp(
            given=body_path(request, given),
            method=method,
            send=needed_path(method.descriptor.input_type, wanted.send),
            copies=copies(main, method, wanted.with_),
            rereading=self._rereading(main, wanted.read) if wanted.read else None,
        )

    def _rereading(self, main: Method, wanted: Reading) -> Rereading:
        method, take = self._served(wanted.call), split(wanted.take)
        fields = [needed_field(each.descriptor.output_type, take) for each in (main, method)]
        kinds = {None if each.is_repeated else each.message_type for each in fields}
        if None in kinds or len(kinds) > 1:
            raise NotApplicable(f"{wanted.take} is not the same message in both answers")
        return Rereading(
            method,
            copies(main, method, wanted.with_),
            body_path(method.descriptor.output_type, take).original,
        )

    def _served(self, name: str) -> Method:
        return needed_method(self.methods, name)


def rename(method: Method, source: str, target: str) -> Rename:
    """Raises NotApplicable."""
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


def root_of(request: Descriptor, source: FieldPath) -> BodyPath | None:
    """The part of a documented path that is an object unknown to Cuebot, if any."""
    for length, field in enumerate(fields_along(request, source[:-1]), 1):
        if field is None or not is_message(field):
            return body_path(request, source[:length])
    return None


def row_limit(method: Method, target: str, content: int | None) -> list[Rewrite]:
    """The rewrite of a number of rows. Raises NotApplicable."""
    request = method.descriptor.input_type
    if field_at(request, split(target)) is not None:
        return [] if content is None else [default(method, target, content)]
    if method.rows is None:
        raise NotApplicable(f"{method.path} does not answer one list")
    if len(split(target)) > 1:
        needed_field(request, split(target)[:-1])
    return [MostRows(body_path(request, split(target)))]


def default(method: Method, target: str, content: str | int) -> Default:
    """The default of a field: a text, an integer, or `now` (unix time of the request).

    It replaces an empty text, a time of 0, and an integer that is not set. Raises NotApplicable.
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
    tables: ReferenceTables, pool: DescriptorPool, unused: list[UnusedEntry]
) -> dict[str, dict[str, Derived]]:
    """By full name of a message: documented name to native field or fields."""
    found: dict[str, dict[str, Derived]] = defaultdict(dict)
    for name, names in tables.answers.items():
        try:
            message = pool.FindMessageTypeByName(name)
        except KeyError:
            unused.append(UnusedEntry(f"answers.{name}", f"there is no message {name}"))
            continue
        for alias, native in names.items():
            with entry(f"answers.{name}.{alias}", unused):
                found[name][alias] = aliased(message, alias, native)
    return dict(found)


def copies(main: Method, method: Method, paths: Mapping[str, str]) -> Copies:
    """Values that `method`'s request takes from `main`'s answer. Raises NotApplicable."""
    answer, request = main.descriptor.output_type, method.descriptor.input_type
    return tuple(
        copied(answer, split(source), request, split(target)) for source, target in paths.items()
    )
