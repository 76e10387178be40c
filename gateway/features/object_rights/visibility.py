"""What an access rule shows of an answer (`see`): the rows that fit, cut out of Cuebot's bytes.

Rows are left out before anything else looks at them, so views, counts, ETags and look-ups by name
know nothing of them.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.body import MAX_DEPTH
from gateway.core.codec.fields import is_map, is_message, message_of, owner_of
from gateway.core.codec.slices import LENGTH, Layout, places_in, records_in, survey, varint
from gateway.core.errors import GatewayError
from gateway.core.long_work import STEP, Step
from gateway.core.schema.method import FieldPath, Method, value_at
from gateway.features.object_rights.aspect import About, Objects, RowFacts
from gateway.features.object_rights.conditions import Claims, Condition, Texts

NOTHINGS_NAME = "00000000-0000-0000-0000-000000000000"
"""A name, or an id, that nothing has."""
MOST_VERDICTS = 10_000
"""Different facts of rows, for which a request remembers whether they fit."""

Fits = Callable[[Any], bool]
"""Whether an object is shown."""


class Hidden(Exception):
    """The answer is an object that the caller may not see."""


class InSight(NamedTuple):
    """What may be seen of a message."""

    content: bytes
    has_rows: bool
    """Whether an object that fits is in it, at any depth."""


@dataclass(eq=False, slots=True)
class Node:
    """A message type in answers, and what is looked at in it."""

    descriptor: Descriptor
    names: tuple[str, ...]
    """The facts that decide whether an object is shown; empty if its place decides."""
    facts: Callable[[Any], object]
    """The texts of these facts: one, or a tuple."""
    is_whole: bool
    """Whether fields are shown that are not looked at."""
    is_for_rows: bool = False
    """Whether an object is shown only if an object that fits is in it."""
    children: "dict[int, Node]" = field(default_factory=dict)
    """By field number. Types may lead back to themselves."""
    ids: Mapping[int, int] = field(default_factory=dict)
    """Lists of ids, by field number, with those of the objects that have them."""
    dropped: frozenset[int] = frozenset()
    """Numbers of fields that are never shown."""
    named: tuple[tuple[FieldPath, About], ...] = ()
    """Places of names of other objects, all of which have to be shown."""
    looked_at: dict[int, FieldDescriptor] = field(default_factory=dict)
    """By number: the fields that are not shown as they are."""

    @property
    def is_judged(self) -> bool:
        return bool(self.names or self.named)

    @property
    def is_for_what_fits(self) -> bool:
        """Whether an object is shown only if it fits, or one in it."""
        return self.is_judged or self.is_for_rows

    @property
    def is_cut(self) -> bool:
        return bool(self.children or self.dropped)


@dataclass(frozen=True, slots=True)
class Visibility:
    """How the condition of a rule applies to a read."""

    method: Method
    """The read, with those objects in its request that have such facts."""
    rows: Node | None = None
    """What an answer shows if nothing else decides; None if nothing in it has facts."""
    by_request: bool = False
    """Whether objects in its request decide."""
    rest: Node | None = None
    """What is left out of an answer if they fit; None for nothing."""
    owner: tuple[FieldPath, About] | None = None
    """If the answer is one object: the place of its owner's id, and how Cuebot is asked about the
    owner."""
    is_about_known: bool = False
    """Whether the rule always shows, by other reads, whether what the request is about is there."""

    @property
    def is_judged(self) -> bool:
        """Whether the rule can decide at all."""
        return self.by_request or self.rows is not None or self.owner is not None


class Sight:
    def __init__(self, condition: Condition, claims: Claims) -> None:
        self._condition = condition
        self._claims = claims
        self.facts = condition.facts
        self.may_show = condition.may_hold
        """Whether an object can be shown of which only these facts are ever known."""
        self._of: dict[Node, Fits] = {}
        self.named: dict[tuple[About, str], bool | None] = {}
        """Names of objects, and whether all objects of that name are shown; None: not yet known."""

    def shows(self, facts: Mapping[str, str]) -> bool:
        try:
            return self._condition.holds(facts, self._claims)
        except GatewayError:  # its patterns are too much work
            return False

    def of(self, node: Node) -> Fits:
        """Whether an object of the node's type is shown."""
        found = self._of.get(node)
        if found is None:
            found = self._of[node] = self._by_names(node) if node.named else self._by_facts(node)
        return found

    def _by_facts(self, node: Node) -> Fits:
        names, facts = node.names, node.facts
        verdicts: dict[object, bool] = {}

        def fits(row: Any) -> bool:
            texts: Any = facts(row)
            verdict = verdicts.get(texts)
            if verdict is None:
                each = texts if len(names) > 1 else (texts,)
                known = {name: text for name, text in zip(names, each, strict=True) if text}
                verdict = self.shows(known)
                if len(verdicts) < MOST_VERDICTS:
                    verdicts[texts] = verdict
            return verdict

        return fits

    def _by_names(self, node: Node) -> Fits:
        def fits(row: Any) -> bool:
            verdicts = [
                self.named.setdefault((about, value_at(row, place)), None)
                for place, about in node.named
            ]
            return all(verdicts)

        return fits

    def confined(self, method: Method, payload: bytes) -> bytes:
        """The request, confined to what may be seen where its fields can say so."""
        if not Objects.of(method).narrowed:
            return payload
        wanted = [
            (place, texts)
            for fact, place in Objects.of(method).narrowed
            for name, values in self._condition.confines
            if name == fact and (texts := self._texts(values)) is not None
        ]
        if not wanted:
            return payload
        request: Any = GetMessageClass(method.descriptor.input_type).FromString(payload)
        for place, texts in wanted:
            asked = value_at(request, place)
            left = [text for text in asked if text in texts] if asked else list(texts)
            del asked[:]
            asked.extend(left or [NOTHINGS_NAME])  # an empty list would ask for all
        confined: bytes = request.SerializeToString()
        return confined

    def _texts(self, values: Iterable[Texts]) -> list[str] | None:
        """In an order of their own: who sees the same asks the same, and shares the call. None if a
        claim is not there.
        """
        found: set[str] = set()
        for each in values:
            texts = each(self._claims)
            if texts is None:
                return None
            found.update(texts)
        return sorted(found)


def visibility_of(method: Method, condition: Condition) -> Visibility:
    objects = Objects.of(method)
    if objects.named_rows is not None:
        return visibility_of(objects.named_rows.method, condition)
    may_hold, answer = condition.may_hold, method.descriptor.output_type
    about = tuple(each for each in objects.subjects if may_hold(each.about.fact_names()))
    by_request = bool(about)
    rows = node_of(answer, condition, objects.shown, is_whole=False)
    rest = node_of(answer, condition, objects.shown, is_whole=True) if by_request else None
    owner = None
    if rows is None and not by_request:
        owner = owner_in(answer, condition, objects.shown)
    if len(about) < len(objects.subjects):
        method = method.with_aspect(replace(objects, subjects=about))
    return Visibility(method, rows, by_request, rest, owner)


def owner_in(
    answer: Descriptor, condition: Condition, shown: Mapping[str, RowFacts]
) -> tuple[FieldPath, About] | None:
    """The owner of an object that is the whole answer."""
    if (
        len(answer.fields) == 1
        and is_message(answer.fields[0])
        and not answer.fields[0].is_repeated
    ):
        found = shown.get(message_of(answer.fields[0]).full_name)
        owner = None if found is None else found.owner
        if found is not None and owner is not None and condition.may_hold(owner.fact_names()):
            return (answer.fields[0].name, *found.owner_id), owner
    return None


def node_of(
    answer: Descriptor, condition: Condition, shown: Mapping[str, RowFacts], *, is_whole: bool
) -> Node | None:
    """What is looked at in answers of this type; None without objects that have such facts.

    With `is_whole`, everything else in it is shown as well, and objects are found at any depth.
    Otherwise, an answer shows nothing but such objects, in lists or by themselves.
    """
    made: dict[str, Node] = {}

    def make(message: Descriptor, *, is_answer: bool = False) -> Node:
        if message.full_name in made:
            return made[message.full_name]
        of_type = shown.get(message.full_name)
        facts = {} if of_type is None else of_type.facts
        own: tuple[str, ...] = ()
        if condition.may_hold(facts):
            own = tuple(name for name in condition.facts if name in facts)
        places = [".".join(facts[name]) for name in own]
        is_wrapper = len(message.fields) == 1 and message.fields[0].is_repeated
        is_open = own or is_whole or (of_type is not None and of_type.is_container)
        for_rows = of_type is not None and of_type.is_container and not (own or is_whole)
        get_facts = attrgetter(*places) if places else no_facts
        node = Node(message, own, get_facts, bool(is_open), for_rows)
        made[message.full_name] = node
        if is_open or is_wrapper or is_answer:
            for each in message.fields:
                if is_message(each) and not is_map(each):
                    node.children[each.number] = make(message_of(each))
        if of_type is not None:
            number = {each.name: each.number for each in message.fields}
            named = of_type.named if is_whole else ()
            node.named = tuple(each for each in named if condition.may_hold(each[1].fact_names()))
            node.dropped = frozenset(number[each] for each in of_type.hidden)
            node.ids = {number[ids]: number.get(objects, 0) for ids, objects in of_type.ids}
        return node

    root = make(answer, is_answer=True)
    for each in made.values():
        prune(each, shown.get(each.descriptor.full_name))
    return root if leads_to_facts(root) else None


def prune(node: Node, of_type: RowFacts | None) -> None:
    """Forget children that lead to nothing. A container shows nothing of their kind: totals count
    what may not be seen, and of others nobody knows.
    """
    node.children = {at: child for at, child in node.children.items() if leads_to_facts(child)}
    if of_type is not None and of_type.is_container:
        others = {one.number for one in node.descriptor.fields if is_message(one)}
        node.dropped |= others.difference(node.children)
    fields = node.descriptor.fields_by_number
    node.looked_at = {at: fields[at] for at in (*node.children, *node.ids, *node.dropped)}


def leads_to_facts(node: Node) -> bool:
    """Whether an object with facts can be inside such a message."""
    seen: set[str] = set()
    left = [node]
    while left:
        one = left.pop()
        if one.is_judged or one.dropped:
            return True
        if one.descriptor.full_name not in seen:
            seen.add(one.descriptor.full_name)
            left += one.children.values()
    return False


def no_facts(row: object) -> object:
    return ""


def visible(
    payload: memoryview, node: Node, sight: Sight, step: Step = STEP, depth: int = 0
) -> Generator[bytes, None, InSight]:
    """The message without what may not be seen, yielding pauses.

    Raises Hidden if it consists of one object, at depth 0, and DecodeError.
    """
    if depth >= MAX_DEPTH:
        raise DecodeError("nested too deeply")
    layout = Layout()
    yield from survey(payload, node.looked_at, layout, step)
    parts: list[bytes | memoryview] = []
    has_rows = False
    if node.is_whole:
        parts += (payload[run.start : run.end] for run in layout.rest)
    kept: dict[int, set[str]] = {number: set() for number in node.ids.values()}
    for number, child in node.children.items():
        each = node.looked_at[number]
        runs = layout.long.get(number, [])
        found: Iterable[memoryview] = (payload[run.start : run.end] for run in runs)
        if not each.is_repeated and len(runs) > 1:  # parts of one message
            whole = b"".join(content for run in found for content in records_in(run))
            found = [memoryview(record_of(number, whole))]
        for records in found:
            ids = kept.get(number)
            shown, has = yield from visible_run(records, each, child, sight, step, depth, ids)
            if depth == 0 and child.is_for_what_fits and not (has or each.is_repeated):
                raise Hidden
            parts += shown
            has_rows = has_rows or has
    for number, objects in node.ids.items():
        for run in layout.long.get(number, []):
            parts += (
                record_of(number, content)
                for content in records_in(payload[run.start : run.end])
                if bytes(content).decode(errors="replace") in kept[objects]
            )
            yield from pause(step)
    return InSight(b"".join(parts), has_rows)


def visible_run(
    records: memoryview,
    one: FieldDescriptor,
    child: Node,
    sight: Sight,
    step: Step,
    depth: int,
    ids: set[str] | None = None,
) -> Generator[bytes, None, tuple[list[bytes | memoryview], bool]]:
    """The records of a run that may be seen, and whether an object that fits is in them. `ids`:
    filled in with those of the objects.
    """
    shown: list[bool] | None = None
    has_rows = False
    if child.is_judged:
        holder: Any = GetMessageClass(owner_of(one))
        rows = getattr(holder.FromString(records), one.name)
        rows = rows if one.is_repeated else (rows,)
        shown = list(map(sight.of(child), rows))
        if ids is not None:
            ids.update(row.id for row, is_shown in zip(rows, shown, strict=True) if is_shown)
        yield from pause(step)
        if not any(shown):
            return [], False
        has_rows = True
        if all(shown) and not child.is_cut:
            return [records], True
    parts: list[bytes | memoryview] = []
    begin = 0
    for number, (start, end) in enumerate(places_in(records)):
        if shown is None or shown[number]:
            if child.is_cut:
                inner = yield from visible(records[start:end], child, sight, step, depth + 1)
                has_rows = has_rows or inner.has_rows
                if inner.has_rows or not child.is_for_rows:
                    parts.append(record_of(one.number, inner.content))
            else:
                parts.append(records[begin:end])
        begin = end
    return parts, has_rows


def pause(step: Step) -> Iterator[bytes]:
    if step.is_over():
        yield b""
        step.begin()


def record_of(number: int, content: bytes | memoryview) -> bytes:
    return varint(number << 3 | LENGTH) + varint(len(content)) + bytes(content)
