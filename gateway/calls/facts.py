"""What calls are about: the facts of the objects in their requests, asked of Cuebot.

Never taken from the request, which may say anything beside an id.
"""

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.access.conditions import Facts
from gateway.access.visibility import Sight
from gateway.calls.invoke import Call, Found, reworded
from gateway.codec.encode import unreadable
from gateway.errors import Code, GatewayError
from gateway.schema.method import About, Method, Subject, set_at, value_at
from gateway.suggestions import QUOTED_CHARS

MOST_OBJECTS = 100
"""In one request: each may be a call."""
REMEMBERED_OBJECTS = 20_000
NOBODYS_ID = "00000000-0000-0000-0000-000000000000"
OUTCOMES = ("asked", "remembered", "failed")


class Judged(NamedTuple):
    """An object in a request, and its facts."""

    place: str
    facts: Facts
    subject: Subject


class NotThere(Exception):
    """An object is not there, which the caller is told as `Unseen`."""


class Unseen(GatewayError):
    """The 404 for an object that the caller may not see, or that is not there."""

    def __init__(
        self, place: str, about: About, thing: object, judged: Judged | None = None
    ) -> None:
        what = f"no {about.kind} {str(id_of(thing))!r:.{QUOTED_CHARS}} that you may see"
        super().__init__(Code.NOT_FOUND, f"{place}: there is {what}")
        self.judged = judged
        """The object, if it is there."""


class FactFinder:
    """Finds facts of objects. Those that do not change are asked for once."""

    def __init__(self, lookups: Counter[str], remembered: int = REMEMBERED_OBJECTS) -> None:
        """Look-ups are counted by outcome in `lookups`: OUTCOMES."""
        self._lookups = lookups
        self._remembered = remembered
        self._known: OrderedDict[tuple[str, bytes], Facts] = OrderedDict()

    async def about(
        self,
        method: Method,
        payload: bytes,
        found: Sequence[Found],
        names: Sequence[str],
        call: Call,
        sight: Sight | None = None,
    ) -> list[Judged]:
        """The facts of all objects that a call is about; `names` are those that are needed.

        Raises GatewayError: that of Cuebot for an object that is not there, INVALID_ARGUMENT for
        too many objects, and Unseen for one that is not in `sight`, or not there. Cuebot gets the
        same calls for both.
        """
        request = GetMessageClass(method.descriptor.input_type).FromString(payload)
        judged: list[Judged] = []
        for subject in method.subjects:
            for place, thing in objects_at(request, subject):
                if len(judged) == MOST_OBJECTS:
                    problem = f"more than {MOST_OBJECTS} objects, and rights depend on each of them"
                    raise GatewayError(Code.INVALID_ARGUMENT, f"{subject.name}: {problem}")
                asked = partial(self._ask, names=names, call=call, sight=sight)
                try:
                    facts = await self._facts_of(subject.about, thing, place, found, asked)
                except NotThere:
                    raise Unseen(place, subject.about, thing) from None
                judged.append(Judged(place, facts, subject))
                if sight is not None and facts and not sight.shows(facts):
                    raise Unseen(place, subject.about, thing, judged[-1])
        return judged

    async def of_owner(
        self, about: About, thing: object, names: Sequence[str], call: Call, sight: Sight
    ) -> Facts:
        """The facts of the owner of an answer. Raises GatewayError; without one, they are empty."""
        try:
            return await self._ask(about, thing, names=names, call=call, sight=sight)
        except NotThere:
            return {}

    async def _facts_of(
        self,
        about: About,
        thing: object,
        place: str,
        found: Sequence[Found],
        ask: Callable[[About, object], Awaitable[Facts]],
    ) -> Facts:
        for each in found:
            if each.place == place and each.value == id_of(thing):
                for path, name, owner in about.found_by:
                    if each.method.path == path:
                        asked_type = each.method.descriptor.input_type
                        asked = GetMessageClass(asked_type).FromString(each.asked)
                        return await ask(owner, value_at(asked, name))
        return await ask(about, thing)

    async def _ask(
        self,
        about: About,
        thing: object,
        *,
        names: Sequence[str],
        call: Call,
        sight: Sight | None = None,
    ) -> Facts:
        """Ask about an object, or the text that stands for it in the call's request.

        Raises NotThere, with `sight`, for one that is not there. What is remembered of one that is
        not in sight is asked again: as many calls as for one that is not there.
        """
        if about.asked_by is None:
            return {}
        method, sends, take = about.asked_by.method, about.asked_by.sends, about.asked_by.take
        request: Any = GetMessageClass(method.descriptor.input_type)()
        for source, target in sends:
            text = thing if isinstance(thing, str) else value_at(thing, source)
            if not text:
                return {}
            set_at(request, target, text)
        asked = request.SerializeToString()
        changing = (about.owner or about).changing
        known = self._known.get((method.path, asked)) if changing.isdisjoint(names) else None
        if known is not None and (sight is None or sight.shows(known)):
            self._known.move_to_end((method.path, asked))
            self._lookups["remembered"] += 1
            return known
        try:
            shown = value_at(await self._answer(method, asked, call), take)
        except GatewayError as error:
            if sight is None or error.code is not Code.NOT_FOUND:
                raise
            if about.owner is not None:
                with suppress(NotThere):
                    await self._ask(about.owner, NOBODYS_ID, names=names, call=call, sight=sight)
            raise NotThere from None
        if about.owner is not None:
            owner_id = value_at(shown, about.owner_id)
            facts = await self._ask(about.owner, owner_id, names=names, call=call, sight=sight)
        else:
            facts = {name: text for name, path in about.facts if (text := value_at(shown, path))}
        self._remember((method.path, asked), facts, about)
        return facts

    def _remember(self, asked: tuple[str, bytes], facts: Facts, about: About) -> None:
        changing = (about.owner or about).changing
        fixed = {name: text for name, text in facts.items() if name not in changing}
        all_fixed = {name for name, _ in (about.owner or about).facts} - changing
        if fixed and fixed.keys() >= all_fixed:
            self._known[asked] = fixed
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)

    async def _answer(self, method: Method, asked: bytes, call: Call) -> Any:
        try:
            answer = await call(method, asked)
        except GatewayError as error:
            self._lookups["failed"] += 1
            said = error.message or error.code.name
            problem = f"{method.path}, which tells whose it is, failed: {said}; nothing was changed"
            raise reworded(error, problem) from None
        self._lookups["asked"] += 1
        try:
            return GetMessageClass(method.descriptor.output_type).FromString(answer)
        except DecodeError as error:
            raise unreadable(method.descriptor.output_type, error) from error


def objects_at(request: Any, subject: Subject) -> Iterator[tuple[str, object]]:
    """The objects, or their ids, at a place, with the place of each."""
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
