"""What calls are about: the facts of the objects in their requests.

Cuebot is asked for facts. A request may say anything beside an id.
"""

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from gateway.core.calls.failures import Ambiguous
from gateway.core.calls.ids import check_length, is_name
from gateway.core.calls.invoke import Call, parsed, reworded
from gateway.core.calls.plan import Found
from gateway.core.calls.rows import rows_with
from gateway.core.codec.xml_text import TooMuchXml, UnreadableXml, reading_texts
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import in_turns, let_others_run
from gateway.core.schema.method import FieldPath, Method, set_at, value_at
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.names.aspect import RequestNames
from gateway.features.object_rights.aspect import About, Asked, LiesIn, Objects, Spec, Subject
from gateway.features.object_rights.conditions import Facts
from gateway.features.object_rights.visibility import NOTHINGS_NAME, Sight

MOST_OBJECTS = 100
"""In one request: each may be a call."""
REMEMBERED_OBJECTS = 20_000
OUTCOMES = ("asked", "remembered", "failed")


class ObjectInRequest(NamedTuple):
    """An object in a request, and its facts."""

    place: str
    facts: Facts
    subject: Subject
    told_by: tuple[str, ...] = ()
    """The paths of the reads that tell the facts."""
    unknown: str = ""


class ObjectFacts(NamedTuple):
    """An object's own facts, and those of what it belongs to."""

    id: str
    facts: Facts
    told_by: tuple[str, ...]


Ask = Callable[[], Awaitable[list[ObjectFacts]]]
"""All that an object is about, or several. Raises NotKnown, GatewayError, with a sight NotThere."""


class ObjectRead(NamedTuple):
    """An object in the answer of a read."""

    id: str
    facts: Facts
    owners: tuple[str, ...]
    """Ids of what the object belongs to."""
    named_owners: tuple[str, ...]


Key = tuple[object, ...]
"""A way to ask, and all values of the object that it depends on."""


class NotKnown(Exception):
    """Nobody says what an object is about. The text says why, or is empty."""


def why_unknown(one: ObjectInRequest) -> str:
    if one.unknown:
        return f"{one.place}: {one.unknown}"
    return f"Cuebot does not say what {one.place} belongs to"


class NotThere(Exception):
    """An object is not there, or may not be seen: then its facts are known."""

    def __init__(self, hidden: ObjectFacts | None = None) -> None:
        super().__init__()
        self.hidden = hidden
        self.what = ""
        """Its kind and name, if a request has them in criteria."""


class Unseen(GatewayError):
    """The 404 for an object in a request that may not be seen, or is not there."""

    def __init__(self, place: str, subject: Subject, thing: object, error: NotThere) -> None:
        if subject.spec is not None:
            what = "no such show, or none that you may see"
        else:
            asked = error.what or quoted(subject.about, id_of(thing) or getattr(thing, "name", ""))
            what = f"no {asked} that you may see"
        super().__init__(Code.NOT_FOUND, f"{place}: there is {what}")
        self.hidden = None if error.hidden is None else error.hidden.facts
        """Its facts, if it is there."""


class NotRemembered(Exception):
    """Cuebot would have to be asked."""


Recall = Literal["where known", "only", "never"]
"""Whether look-ups take what is remembered."""


class FactFinder:
    """Finds facts of objects. Those that do not change are asked for once."""

    def __init__(self, lookups: Counter[str], remembered: int = REMEMBERED_OBJECTS) -> None:
        """Look-ups are counted by outcome in `lookups`: OUTCOMES."""
        self.lookups = lookups
        self._remembered = remembered
        self._known: OrderedDict[Key, ObjectRead] = OrderedDict()

    async def about(
        self,
        method: Method,
        payload: bytes,
        found: Sequence[Found],
        names: Sequence[str],
        call: Call,
        holders: Sequence[tuple[str, str]] = (),
        sight: Sight | None = None,
    ) -> list[ObjectInRequest]:
        """The facts of all objects that a call is about; `names` are those that are needed.

        `holders` are places and texts of arguments that say what objects lie in. Raises Cuebot's
        error for an object that is not there, INVALID_ARGUMENT for too many objects, and Unseen for
        one that is not in `sight` or not there. Cuebot gets the same calls for both.
        """
        request = method.parse_request(payload)
        inquiry = Inquiry(
            self, method, call, sight, found=found, holders=dict(holders), facts=names
        )
        in_request: list[ObjectInRequest] = []
        objects = [*islice(objects_of(method, request), MOST_OBJECTS + 1)]
        for subject, place, thing in objects:  # before anything is asked
            inquiry.count(subject.name)
            if subject.spec is None:
                check_length(place, id_of(thing))
        for place, text in holders:
            check_length(place, text)
        found_before: dict[tuple[int, bool, object], list[ObjectFacts]] = {}
        for subject, place, thing in objects:
            asked = (id(subject.about), subject.by_name, whole(thing))
            try:
                known = found_before.get(asked) or await inquiry.known(subject, place, thing)
            except NotThere as error:
                raise Unseen(place, subject, thing, error) from None
            except NotKnown as reason:
                in_request.append(ObjectInRequest(place, {}, subject, unknown=str(reason)))
            else:
                if id_of(thing):
                    found_before[asked] = known
                in_request += [
                    ObjectInRequest(place, it.facts, subject, it.told_by) for it in known
                ]
        return in_request

    async def of_names(self, sight: Sight, method: Method, call: Call) -> bool:
        """Find out about the names in an answer whether all of their objects are in sight.

        False if nothing has to be found out. Of too many names, the rest is not.
        """
        unknown = [each for each, is_shown in sight.named.items() if is_shown is None]
        inquiry = Inquiry(self, method, call, sight, facts=sight.facts)
        for about, name in unknown[:MOST_OBJECTS]:
            ask = partial(inquiry.of_name, about, name)
            sight.named[about, name] = not name or await inquiry.is_in_sight(about, ask)
        return bool(unknown)

    async def of_name(self, about: About, name: str, method: Method, call: Call) -> Facts:
        """Raises NOT_FOUND without one."""
        try:
            known = await Inquiry(self, method, call).of_name(about, name)
        except NotKnown as error:
            raise GatewayError(Code.NOT_FOUND, str(error)) from None
        return known[0].facts

    async def of_owner(
        self, owner: About, id_: str, method: Method, call: Call, sight: Sight
    ) -> bool:
        """Whether an answer of the method is in sight that belongs to the object with this id."""
        inquiry = Inquiry(self, method, call, sight, facts=sight.facts)
        return await inquiry.is_in_sight(owner, partial(inquiry.of_object, owner, id_))

    def recall(self, key: Key) -> ObjectRead | None:
        read = self._known.get(key)
        if read is not None:
            self._known.move_to_end(key)
            self.lookups["remembered"] += 1
        return read

    def remember(self, key: Key, read: ObjectRead) -> None:
        self._known[key] = read
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)


class Inquiry:
    def __init__(
        self,
        finder: FactFinder,
        method: Method,
        call: Call,
        sight: Sight | None = None,
        *,
        found: Sequence[Found] = (),
        holders: Mapping[str, str] = MappingProxyType({}),
        facts: Sequence[str] = (),
    ) -> None:
        self._finder = finder
        self._method = method
        self._call = call
        self._sight = sight
        self._found = found
        self._holders = holders
        self._facts = facts
        self._recall: Recall = "where known"
        self._objects = 0

    def count(self, name: str) -> None:
        if self._objects == MOST_OBJECTS:
            problem = f"more than {MOST_OBJECTS} objects, and rights depend on each of them"
            raise GatewayError(Code.INVALID_ARGUMENT, f"{name}: {problem}")
        self._objects += 1

    async def known(self, subject: Subject, place: str, thing: object) -> list[ObjectFacts]:
        """Raises NotKnown, and with a sight NotThere."""
        if subject.spec is not None:  # its names are not remembered
            return await self._of_spec(subject.spec, place, str(thing))
        return await self._in_sight(subject.about, partial(self._known, subject, place, thing))

    async def is_in_sight(self, about: About, ask: Ask) -> bool:
        try:
            return bool(await self._in_sight(about, ask))
        except (NotThere, NotKnown):
            return False

    async def _in_sight(self, about: About, ask: Ask) -> list[ObjectFacts]:
        """What `ask` returns. Of what is not in sight, nothing is taken that is remembered, so that
        Cuebot gets as many calls as for what is not there.
        """
        if self._sight is None:
            return await ask()
        if not self._sight.may_show(about.fact_names()):
            raise NotKnown("it has no fact that the rule is about")
        objects, self._recall = self._objects, "only"
        with suppress(NotRemembered, NotThere, NotKnown):
            return await ask()
        self._objects, self._recall = objects, "never"
        return await ask()

    async def _known(self, subject: Subject, place: str, thing: object) -> list[ObjectFacts]:
        about = subject.about
        if about.confined_to:
            return await self._of_criteria(subject, thing)
        for each in self._found:
            if each.place == place and each.value == id_of(thing):
                for by in about.found_by:
                    if each.method.path == by.path:
                        name = value_at(each.method.parse_request(each.asked), by.place)
                        return await self._by_name(by.owner, name, None)
        if subject.by_name and about.named is not None:
            return await self._by_name(about, str(thing), subject)
        return await self.of_object(about, thing, subject)

    async def of_object(
        self, about: About, thing: object, subject: Subject | None = None
    ) -> list[ObjectFacts]:
        if about.asked is not None:
            return await self._of(about, about.asked, thing, subject)
        if not about.lies_in:
            raise NotKnown("")
        assert subject is not None, "what is found by an id alone has no holder"
        lying, text = self._holder(about, subject)
        if is_name(text):
            holders = await self._named(lying.holder, text, subject)
        else:
            holders = await self.of_object(lying.holder, text, subject)
        return [
            each
            for holder in holders
            for each in await self._of(about, lying.asked, thing, subject, holder)
        ]

    def _holder(self, about: About, subject: Subject) -> tuple[LiesIn, str]:
        """The list that an object is said to be in, and the name or id of what has that list."""
        for lying in about.lies_in:
            for argument in subject.arguments.get(lying.argument, ()):
                text = self._holders.get(str(argument.path))
                if text:
                    return lying, text
        raise NotKnown(how_to_ask(about, subject, self._method))

    async def _named(self, about: About, name: str, subject: Subject | None) -> list[ObjectFacts]:
        if about.named is None:
            raise NotKnown(f"{about.kind} {name!r} is not found by its name; send its id")
        return await self._of(about, about.named, name, subject)

    async def _by_name(self, about: About, name: str, subject: Subject | None) -> list[ObjectFacts]:
        """As `_named`; with a sight, what that does not find (finished jobs) is looked for, too."""
        try:
            return await self._named(about, name, subject)
        except NotThere:
            if about.namesakes is None:
                raise
            return await self._of(about, about.namesakes, name, subject)

    async def _of_criteria(self, subject: Subject, criteria: object) -> list[ObjectFacts]:
        for path, owner in subject.about.confined_to:
            names = value_at(criteria, path)
            if names:
                known: list[ObjectFacts] = []
                for name in names:
                    self.count(subject.name)
                    check_length(f"{subject.name}.{path[-1]}", name)
                    try:
                        known += await self.of_name(owner, name)
                    except NotThere as error:
                        error.what = quoted(owner, name)
                        raise
                return known
        lists = [f"{subject.name}.{path[-1]}" for path, _ in subject.about.confined_to]
        raise NotKnown(f"it may be about anybody's; send {' or '.join(lists)}")

    async def _of_spec(self, spec: Spec, place: str, xml: str) -> list[ObjectFacts]:
        facts: dict[str, str] = {}
        told_by: list[str] = []
        for fact, element in spec.facts:
            facts[fact] = await self._only_text(place, xml, element)
        for element, about in spec.named:
            for each in await self.of_name(about, await self._only_text(place, xml, element)):
                facts |= each.facts
                told_by += each.told_by
        known = ObjectFacts("", facts, tuple(told_by))
        if self._sight is not None and not self._sight.shows(facts):
            raise NotThere(known)
        return [known]

    async def _only_text(self, place: str, xml: str, element: str) -> str:
        """Raises NotKnown, and GatewayError (INVALID_ARGUMENT) for XML beyond the bounds."""
        await let_others_run()
        try:
            texts = set(await in_turns(reading_texts(xml, element)))
        except TooMuchXml as error:
            raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {error}") from None
        except UnreadableXml as error:
            raise NotKnown(f"its <{element}> cannot be read: {error}") from None
        if len(texts) != 1 or not all(texts):
            raise NotKnown(f"it has {'no' if not any(texts) else 'more than one'} <{element}>")
        return texts.pop()

    async def of_name(self, about: About, name: str) -> list[ObjectFacts]:
        """All objects of a name; one at least."""
        asked = about.namesakes or about.named
        if not name or asked is None:
            raise NotKnown("")
        return await self._of(about, asked, name, None)

    async def _of(
        self,
        about: About,
        asked: Asked,
        thing: object,
        subject: Subject | None,
        holder: ObjectFacts | None = None,
    ) -> list[ObjectFacts]:
        known: list[ObjectFacts] = []
        objects = await self._read(about, asked, thing, holder)
        if self._sight is not None and not objects:
            await self._ask_as_if_there(about, subject)
            raise NotThere
        for read in objects:
            told_by = (asked.method.path,) if about.facts else ()
            own = ObjectFacts(read.id, read.facts, told_by)
            if holder is not None:
                own = merged(own, holder)
            owners = await self._owners_of(about, read, subject)
            known += [merged(own, each) for each in owners] if owners else [own]
        if not known:
            where = "" if holder is None else " where the request says that it is"
            raise NotKnown(f"there is no such {about.kind}{where}")
        if self._sight is not None and self._sight.may_show(about.fact_names()):
            for each in known:
                if not self._sight.shows(each.facts):
                    raise NotThere(each)
        return known

    async def _owners_of(
        self, about: About, read: ObjectRead, subject: Subject | None
    ) -> list[ObjectFacts]:
        """All owners are asked about, also if one of them is not there."""
        asked: list[Ask] = []
        for (_, owner), text in zip(about.owners, read.owners, strict=True):
            asked.append(partial(self.of_object, owner, text, subject))
        for (_, owner), text in zip(about.named_owners, read.named_owners, strict=True):
            asked.append(partial(self.of_name, owner, text))
        owners: list[ObjectFacts] = []
        is_absent, hidden = False, None
        for each in asked:
            try:
                owners += await each()
            except NotThere as error:
                is_absent, hidden = True, error.hidden
        if is_absent:
            raise NotThere(hidden)
        return owners

    async def _ask_as_if_there(self, about: About, subject: Subject | None) -> None:
        """Make the calls that would follow if an object were there."""
        for _, owner in about.owners:
            with suppress(NotThere, NotKnown):
                await self.of_object(owner, NOTHINGS_NAME, subject)
        for _, owner in about.named_owners:
            with suppress(NotThere, NotKnown):
                await self.of_name(owner, NOTHINGS_NAME)

    async def _read(
        self, about: About, asked: Asked, thing: object, holder: ObjectFacts | None
    ) -> list[ObjectRead]:
        sent = [text_of(thing, source) for source, _, _ in asked.sends]
        wanted = wanted_of(asked, thing) if asked.same else []
        held = "" if holder is None else holder.id
        if not all(sent) or (holder is not None and not held):
            raise NotKnown("")
        key = (asked, held, *sent, *wanted)
        is_fixed = asked is not about.named and asked is not about.namesakes
        if self._recall != "never" and is_fixed and about.changing.isdisjoint(self._facts):
            remembered = self._finder.recall(key)
            if remembered is not None:
                return [remembered]
        if self._recall == "only":
            raise NotRemembered
        request = request_for(asked, sent, held)
        try:
            objects = await self._ask(asked, request, wanted)
        except GatewayError as error:
            if self._sight is None or error.code is not Code.NOT_FOUND:
                raise
            return []
        found = [object_read(about, each) for each in objects]
        if is_fixed and len(found) == 1 and (fixed := fixed_of(about, found[0])) is not None:
            self._finder.remember(key, fixed)
        return found

    async def _ask(
        self, asked: Asked, request: bytes, wanted: Sequence[tuple[FieldPath, object]]
    ) -> list[Any]:
        method = asked.method
        try:
            answer = await self._call(method, request)
        except GatewayError as error:
            self._finder.lookups["failed"] += 1
            if self._sight is not None and isinstance(error, Ambiguous):
                return []
            said = error.message or error.code.name
            done = "" if self._method.reads_only else "; nothing was changed"
            problem = f"whose it is could not be asked: {said}{done}"
            raise reworded(error, problem) from None
        self._finder.lookups["asked"] += 1
        if asked.rows:
            return await rows_with(asked.rows, wanted, answer)
        shown = value_at(parsed(method, answer), asked.take)
        return [shown] if all(value_at(shown, at) == value for at, value in wanted) else []


def merged(one: ObjectFacts, other: ObjectFacts) -> ObjectFacts:
    return ObjectFacts(one.id, {**other.facts, **one.facts}, other.told_by + one.told_by)


def request_for(asked: Asked, sent: Iterable[object], held: str) -> bytes:
    request = asked.method.parse_request()
    for path, content in asked.constants:
        set_at(request, path, content)
    for (_, target, as_list), text in zip(asked.sends, sent, strict=True):
        if as_list:
            value_at(request, target).append(text)
        else:
            set_at(request, target, text)
    if held:
        set_at(request, asked.held, held)
    whole: bytes = request.SerializeToString()
    return whole


def wanted_of(asked: Asked, thing: object) -> list[tuple[FieldPath, object]]:
    """Values that are in what is shown. Raises NotKnown for an object without the first of them."""
    wanted: list[tuple[FieldPath, object]] = []
    for at, sources in asked.same:
        first, *others = [text_of(thing, source) for source in sources]
        if not first:
            raise NotKnown("")
        wanted += [(at, text) for text in (first, *others) if text]
    return wanted


def text_of(thing: object, path: FieldPath) -> object:
    return thing if isinstance(thing, str) else value_at(thing, path)


def object_read(about: About, row: Any) -> ObjectRead:
    return ObjectRead(
        getattr(row, "id", ""),
        {name: text for name, path in about.facts if (text := value_at(row, path))},
        tuple(value_at(row, path) for path, _ in about.owners),
        tuple(value_at(row, path) for path, _ in about.named_owners),
    )


def fixed_of(about: About, read: ObjectRead) -> ObjectRead | None:
    """What does not change; None unless all of that is known, or if there is nothing."""
    fixed = {name: text for name, text in read.facts.items() if name not in about.changing}
    links = (*read.owners, *read.named_owners)
    expected = {name for name, _ in about.facts}.difference(about.changing)
    if not all(links) or fixed.keys() != expected or not (links or fixed or about.lies_in):
        return None
    return read._replace(facts=fixed)


def how_to_ask(about: About, subject: Subject, method: Method) -> str:
    """`Cuebot does not say whose it is by its id alone; send "job" beside "frame"`."""
    ways = []
    for lying in about.lies_in:
        places = subject.arguments.get(lying.argument, ())
        if places:
            where = "beside" if len(places[-1].path.json) == 1 else "in"
            ways.append(f'"{lying.argument}" {where} "{subject.name}"')
    for reference in RequestNames.of(method).references if subject.about.found_by else ():
        if str(reference.place) == subject.name:
            sent = [name for by in reference.finders for each in by.sends for name in each.names]
            ways.append(f"{', '.join(dict.fromkeys(sent))} instead of the id")
    what = "Cuebot does not say whose it is by its id alone"
    return f"{what}; send {', or '.join(ways)}" if ways else what


def quoted(about: About, name: object) -> str:
    """`job 'comp'`"""
    return f"{about.kind} {str(name)[:QUOTED_CHARS]!r}"


def whole(thing: Any) -> object:
    """All that an object in a request says, to tell it from others."""
    return thing if isinstance(thing, str) else thing.SerializeToString(deterministic=True)


def objects_of(method: Method, request: Any) -> Iterator[tuple[Subject, str, object]]:
    """Objects, or texts that stand for them, with their places."""
    for subject in Objects.of(method).subjects:
        for place, thing in objects_at(request, subject):
            if thing or not subject.optional:
                yield subject, place, thing


def objects_at(request: Any, subject: Subject) -> Iterator[tuple[str, object]]:
    found = request
    for depth, name in enumerate(subject.place, 1):
        field = found.DESCRIPTOR.fields_by_name[name]
        if field.is_repeated:
            for number, each in enumerate(getattr(found, name)):
                yield f"{subject.name}[{number}]", each
            return
        if depth == len(subject.place):
            yield subject.name, getattr(found, name)
            return
        found = getattr(found, name)


def id_of(thing: object) -> object:
    return thing if isinstance(thing, str) else getattr(thing, "id", "")
