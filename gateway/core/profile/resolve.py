"""The compatibility profile applied to one schema, when a catalog is built.

Entries that cannot apply, or that Cuebot does not need, are left out, with the reason: what reads
them raises NotApplicable. Methods without an entry cost nothing more.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from time import time

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.fields import INT32, INT64, UINT32, UINT64, is_message, message_of
from gateway.core.codec.interfaces import Derived
from gateway.core.codec.rewrite import BodyPath, Default, MostRows, Rename, Rewrite
from gateway.core.profile.columns import add_column, computed_column
from gateway.core.profile.profile import (
    After,
    Before,
    Named,
    Profile,
    Reading,
    Start,
    UniqueName,
    Watched,
)
from gateway.core.profile.profile import Hop as HopEntry
from gateway.core.profile.references import (
    by_argument,
    finder,
    listing_of,
    references_at,
    row_search,
    with_reference,
)
from gateway.core.profile.schema_paths import (
    NotApplicable,
    body_path,
    copied,
    entry,
    field_at,
    fields_along,
    needed_field,
    needed_message,
    needed_method,
    needed_path,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.catalog import NATIVE, UnusedEntry
from gateway.core.schema.method import (
    Copies,
    FieldPath,
    Finder,
    FollowUp,
    GoesOn,
    Hop,
    Identity,
    Instead,
    Listing,
    LookUp,
    Method,
    Needed,
    Reference,
    Rereading,
    RowLimit,
    Stays,
    Steps,
    Unique,
)
from gateway.core.schema.selection import chosen
from gateway.features.views.paths import Beginning, Meant
from gateway.features.views.row_conditions import NUMBERS
from gateway.features.views.units import Unit

NOW = "now"
"""Default of an integer: the time of the request."""
INTEGERS = (*INT32, *INT64, *UINT32, *UINT64)
SUMMED = (*INT32, *UINT32)
"""Types that are numbers in JSON, not texts."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves a profile against the served methods (by `service/Method`).

    `declared` are the names of all methods of Cuebot, `added` those of methods that only documents
    have. Entries that do nothing are added to `unused`.
    """

    profile: Profile
    methods: Mapping[str, Method]
    declared: Collection[str]
    added: Collection[str]
    unused: list[UnusedEntry]

    def adapted(self) -> list[Method]:
        rewrites, steps = self._rewrites(), self._steps()
        references, namesakes = self._references(steps)
        steps = {name: telling_apart(each, namesakes) for name, each in steps.items()}
        instead = self._instead(references, namesakes)
        row_limits = self._row_limits()
        adapted = {
            name: replace(
                method,
                rewrites=tuple(rewrites[name]),
                steps=steps.get(name),
                references=references[name],
                namesakes=namesakes.get(name),
                instead=instead.get(name),
                row_limit=row_limits.get(name),
            )
            for name, method in self.methods.items()
            if name in instead or name not in self.added
        }
        return [*with_watched(self.profile, adapted, self.unused).values()]

    def probe(self) -> str:
        """Empty without a probe."""
        if self.profile.probe is not None:
            with entry("probe", self.unused):
                return self._served(self.profile.probe).path
        return ""

    def method_aliases(self) -> dict[str, str]:
        """Documented name to served method."""
        found = {}
        for alias, name in self.profile.methods.items():
            with entry(f"methods.{alias}", self.unused):
                if alias in self.declared:
                    raise NotApplicable(NATIVE)
                self._served(name)
                found[alias] = name
        return found

    def missing_methods(self) -> dict[str, str]:
        """Hints by name, for methods that a service has only in documents."""
        services = {name.partition("/")[0] for name in self.declared}
        found = {}
        for name, text in self.profile.missing.items():
            service, _, _ = name.partition("/")
            with entry(f"missing.{name}", self.unused):
                if service not in services:
                    raise NotApplicable(f"there is no service {service}")
                if name in self.declared:
                    raise NotApplicable(NATIVE)
                found[name] = text
        return found

    def _rewrites(self) -> defaultdict[str, list[Rewrite]]:
        found = defaultdict[str, list[Rewrite]](list)
        for name, paths in self.profile.requests.items():
            for source, target in paths.items():
                with entry(f"requests.{name}.{source}", self.unused):
                    found[name].append(rename(self._served(name), source, target))
        for name, texts in self.profile.defaults.items():
            for target, content in texts.items():
                with entry(f"defaults.{name}.{target}", self.unused):
                    found[name].append(default(self._served(name), target, content))
        for name, limits in self.profile.rows.items():
            for target, limit in limits.items():
                with entry(f"rows.{name}.{target}", self.unused):
                    found[name] += row_limit(self._served(name), target, limit.default)
        return found

    def _row_limits(self) -> dict[str, RowLimit]:
        """By method, if Cuebot has the field."""
        found = {}
        for name, limits in self.profile.rows.items():
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
        for before in self.profile.before:
            with entry(f"before.{before.method}.{before.given}", self.unused):
                look_ups[before.method] += (self._look_up(before),)
        for unique in self.profile.unique:
            with entry(f"unique.{unique.method}.{unique.given}", self.unused):
                look_ups[unique.method] += (self._unique(unique),)
        for after in self.profile.after:
            with entry(f"after.{after.method}.{after.given}", self.unused):
                follow_ups[after.method] += (self._follow_up(after),)
        needed = self._needed()
        names = dict.fromkeys((*look_ups, *follow_ups, *needed))
        return {
            name: Steps(look_ups[name], follow_ups[name], needed.get(name, ())) for name in names
        }

    def _needed(self) -> dict[str, tuple[Needed, ...]]:
        found: dict[str, tuple[Needed, ...]] = {}
        for name, fields in self.profile.needed.items():
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

    def _references(
        self, steps: Mapping[str, Steps]
    ) -> tuple[defaultdict[str, tuple[Reference, ...]], dict[str, Listing]]:
        """By method: its references; and by finding method: the list of namesakes.

        A look-up uses the entries before its own only, so that there are no circles.
        """
        found = defaultdict[str, tuple[Reference, ...]](tuple)
        namesakes: dict[str, Listing] = {}
        methods = by_argument(self.methods) if self.profile.named else {}
        for each in self.profile.named:
            for path in (*each.fields, *each.ids):
                with entry(f"named.{each.message}.{path}", self.unused):
                    by = self._finder(each, found, namesakes, steps) if each.by else None
                    for name, reference in references_at(path, each, methods, by):
                        found[name] = with_reference(found[name], reference)
        return found, namesakes

    def _finder(
        self,
        each: Named,
        references: Mapping[str, tuple[Reference, ...]],
        namesakes: dict[str, Listing],
        steps: Mapping[str, Steps],
    ) -> Callable[[Descriptor, Descriptor, bool], Finder]:
        """A factory of finders, which use these references and steps.

        A list that tells namesakes apart is added to `namesakes`.
        """
        assert each.by is not None
        call, listing = self._served(each.by.call), None
        if each.list is not None:
            rows = self._served(each.list.call)
            rows = replace(rows, references=references[each.list.call])
            before = steps[each.by.call].before if each.by.call in steps else ()
            listing = listing_of(each.list, rows, call.descriptor.input_type, before)
        name = each.by.call
        if listing is not None and not listing.says:
            namesakes[name] = listing
        call = replace(
            call,
            references=references[name],
            steps=steps.get(name),
            namesakes=namesakes.get(name),
        )
        return partial(finder, each, call, listing)

    def _instead(
        self, references: Mapping[str, tuple[Reference, ...]], namesakes: Mapping[str, Listing]
    ) -> dict[str, Instead]:
        found = {}
        for each in self.profile.instead:
            with entry(f"instead.{each.method}", self.unused):
                main = self._served(each.method)
                if each.request and each.method not in self.added:
                    raise NotApplicable(NATIVE)
                hops = tuple(
                    self._hop(main, one, references, namesakes, is_first=number == 0)
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
                found[each.method] = Instead(hops, put.name, is_native, name)
        return found

    def _hop(
        self,
        main: Method,
        each: HopEntry,
        references: Mapping[str, tuple[Reference, ...]],
        namesakes: Mapping[str, Listing],
        *,
        is_first: bool,
    ) -> Hop:
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
            replace(
                method,
                references=references.get(each.call, ()),
                namesakes=namesakes.get(each.call),
            ),
            tuple(copies),
            needed_path(request, each.send) if each.send else None,
            rows,
            proto_path(found, each.take) if each.take else (),
        )

    def _look_up(self, entry: Before) -> LookUp:
        main, method = self._served(entry.method), self._served(entry.call)
        request = main.descriptor.input_type
        given, put = split(entry.given), split(entry.put)
        native = field_at(request, given) is not None
        if native and given != put and given[: len(put)] == put:
            raise NotApplicable(NATIVE)
        take, _ = copied(method.descriptor.output_type, split(entry.take), request, put)
        send, same = needed_path(method.descriptor.input_type, entry.send), FieldPath()
        if entry.same is not None:
            answer, asked = main.descriptor.output_type, method.descriptor.input_type
            same, _ = copied(answer, split(entry.same), asked, split(entry.send))
            if not main.reads_only:
                raise NotApplicable(f"{entry.method} changes something before it is compared")
        return LookUp(
            given=body_path(request, given),
            method=method,
            send=send,
            take=take,
            put=body_path(request, put),
            documented=not native,
            same=same,
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
        return needed_method(self.methods, name)


def telling_apart(steps: Steps, namesakes: Mapping[str, Listing]) -> Steps:
    before = tuple(
        replace(each, method=replace(each.method, namesakes=namesakes.get(each.method.path[1:])))
        for each in steps.before
    )
    return replace(steps, before=before)


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
    if method.views.rows is None:
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
    profile: Profile, pool: DescriptorPool, unused: list[UnusedEntry]
) -> dict[str, dict[str, Derived]]:
    """By full name of a message: documented name to native field or fields."""
    found: dict[str, dict[str, Derived]] = defaultdict(dict)
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


def names_in_views(
    profile: Profile,
    pool: DescriptorPool,
    aliases: Mapping[str, Mapping[str, Derived]],
    unused: list[UnusedEntry],
) -> dict[str, dict[str, Meant]]:
    """By full name of a message: what names mean in views that no field has, besides `aliases`."""
    found: dict[str, dict[str, Meant]] = {name: {**each} for name, each in aliases.items()}
    for name, natives in profile.called.items():
        with entry(f"called.{name}", unused):
            message = needed_message(pool, name)
            for other, native in natives.items():
                with entry(f"called.{name}.{other}", unused):
                    found.setdefault(name, {})[other] = called(message, other, native)
    for name, texts in profile.elsewhere.items():
        with entry(f"elsewhere.{name}", unused):
            needed_message(pool, name)
            found.setdefault(name, {}).update(texts)
    for name, columns in profile.columns.items():
        with entry(f"columns.{name}", unused):
            message = needed_message(pool, name)
            for other, computed in columns.items():
                with entry(f"columns.{name}.{other}", unused):
                    column = computed_column(message, other, computed)
                    add_column(found.setdefault(name, {}), column)
    return found


def called(message: Descriptor, name: str, native: str | Start) -> Meant:
    """Raises NotApplicable."""
    if isinstance(native, str):
        return aliased(message, name, native)
    aliased(message, name, native.field)
    field = needed_field(message, (native.field,))
    if field.type != FieldDescriptor.TYPE_STRING:
        raise NotApplicable(f"{native.field} is no text")
    return Beginning(field.json_name, native.before)


def units_of(profile: Profile, pool: DescriptorPool, unused: list[UnusedEntry]) -> dict[str, Unit]:
    """Units by full name of a field. Fields that an older Cuebot lacks need none."""
    found: dict[str, Unit] = {}
    for unit, messages in profile.units.items():
        for name, fields in messages.items():
            with suppress(KeyError):
                message = pool.FindMessageTypeByName(name)
                for each in fields:
                    field = field_at(message, (each,))
                    with entry(f"units.{unit}.{name}.{each}", unused):
                        if field is not None and field.type not in NUMBERS:
                            raise NotApplicable(f"{each} is no number")
                        if field is not None:
                            found[field.full_name] = unit
    return found


def aliased(message: Descriptor, alias: str, native: str | tuple[str, ...] | bool) -> Derived:
    """Raises NotApplicable."""
    if field_at(message, (alias,)) is not None:
        raise NotApplicable(NATIVE)
    if isinstance(native, bool):
        return native
    names = (native,) if isinstance(native, str) else native
    fields = [needed_field(message, (name,)) for name in names]
    for field in fields:
        if field.is_repeated or is_message(field):
            raise NotApplicable(f"{field.name} is not a single value")
        if len(fields) > 1 and (field.type not in SUMMED or field.has_presence):
            raise NotApplicable(f"{field.name} cannot be part of a sum")
    return tuple(field.json_name for field in fields)


def copies(main: Method, method: Method, paths: Mapping[str, str]) -> Copies:
    """Values that `method`'s request takes from `main`'s answer. Raises NotApplicable."""
    answer, request = main.descriptor.output_type, method.descriptor.input_type
    return tuple(
        copied(answer, split(source), request, split(target)) for source, target in paths.items()
    )


def with_written(
    profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]
) -> dict[str, Method]:
    """Adds the objects that callers write themselves."""
    found = dict(methods)
    for path, globs in profile.written.items():
        with entry(f"written.{path}", unused):
            names = [
                name
                for name, method in found.items()
                if chosen((name,), globs) and field_at(method.descriptor.input_type, split(path))
            ]
            if not names:
                raise NotApplicable(f"there is no request with {path}")
            for name in names:
                place = needed_path(found[name].descriptor.input_type, path)
                both = {str(place), ".".join(place.original)}
                found[name] = replace(found[name], written=found[name].written | both)
    return found


def with_watched(
    profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]
) -> dict[str, Method]:
    """Adds what watchers need."""
    found = dict(methods)
    for name, each in profile.watched.items():
        with entry(f"watched.{name}", unused):
            method = needed_method(methods, name)
            if each.never is not None:
                found[name] = replace(method, not_watched=each.never)
            elif each.call is None:
                found[name] = replace(method, stays=stays(method, each))
            else:
                other = needed_method(methods, each.call)
                found[name] = replace(method, goes_on=goes_on(method, other, each))
    return found


def goes_on(method: Method, other: Method, each: Watched) -> GoesOn:
    """Raises NotApplicable unless the other method's answers are read the same way."""
    answer, same = (each.descriptor.output_type for each in (method, other))
    if not (method.reads_only and other.reads_only) or shape(answer) != shape(same):
        raise NotApplicable(f"{other.path} does not answer the same")
    request = other.descriptor.input_type
    paths = tuple(
        copied(answer, split(source), request, split(target))
        for target, source in each.send.items()
    )
    return GoesOn(other, paths, paths[0][1] if other is method else None)


def shape(message: Descriptor) -> list[tuple[object, ...]]:
    return [
        (each.name, each.number, each.type, each.message_type, each.is_repeated)
        for each in message.fields
    ]


def stays(method: Method, each: Watched) -> Stays:
    """Raises NotApplicable."""
    request = method.descriptor.input_type
    named_by = tuple(proto_path(request, path) for path in each.if_any)
    if not all(needed_field(request, path).is_repeated for path in named_by):
        raise NotApplicable(f"{' or '.join(each.if_any)} is no list")
    return Stays(named_by, proto_values(request, each.set))


def identified(
    profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]
) -> dict[str, Method]:
    """Adds the place of the caller's name in requests."""
    found = dict(methods)
    plain = [("identity", name, path, "") for name, path in profile.identity.items()]
    in_xml = [
        ("identity_in_xml", name, path, element)
        for name, elements in profile.identity_in_xml.items()
        for path, element in elements.items()
    ]
    for section, name, path, element in (*plain, *in_xml):
        with entry(f"{section}.{name}", unused):
            if name not in found:
                raise NotApplicable(f"{name} is not served")
            request = found[name].descriptor.input_type
            field = needed_field(request, split(path))
            if field.is_repeated or field.type != FieldDescriptor.TYPE_STRING:
                raise NotApplicable(f"{path} is no text")
            identity = Identity(needed_path(request, path), element)
            found[name] = replace(found[name], identity=identity)
    return found
