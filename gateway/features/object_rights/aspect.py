"""What a method is about, and what its answers show, compiled when a catalog is built."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.codec.rewrite import BodyPath
from gateway.core.schema.method import Aspect, Copies, FieldPath, Method


@dataclass(frozen=True, slots=True)
class About:
    """How Cuebot says what an object of one type belongs to."""

    kind: str
    """`job`."""
    facts: tuple[tuple[str, FieldPath], ...] = ()
    """The names of facts, with their places in the object that is shown."""
    changing: frozenset[str] = frozenset()
    asked: "Asked | None" = None
    """By id, or by what else Cuebot knows it by."""
    named: "Asked | None" = None
    """By a name alone."""
    namesakes: "Asked | None" = None
    """All objects of a name."""
    owners: tuple[tuple[FieldPath, "About"], ...] = ()
    """What the object belongs to, and shares the facts of: the place of its id."""
    named_owners: tuple[tuple[FieldPath, "About"], ...] = ()
    """What else the object belongs to: the place of a name, of which all objects are meant."""
    found_by: tuple["FoundBy", ...] = ()
    lies_in: tuple["LiesIn", ...] = ()
    """Lists that have the object. The request says which one of them."""
    confined_to: tuple[tuple[FieldPath, "About"], ...] = ()
    """For search criteria: lists of names, the first of which that is not empty decides."""
    shown: str = ""
    """The full name of the message that says so, which may be that of another object."""

    def is_told_by(self, paths: Container[str]) -> bool:
        """Whether one of the reads with these paths shows such an object."""
        asked = (self.asked, self.named, self.namesakes)
        return any(each is not None and each.method.path in paths for each in asked)

    def fact_names(self) -> set[str]:
        """The names of all facts that may be known of such an object."""
        others = [
            *(owner for _, owner in (*self.owners, *self.named_owners, *self.confined_to)),
            *(each.owner for each in self.found_by),
            *(each.holder for each in self.lies_in),
        ]
        return {name for name, _ in self.facts}.union(*(each.fact_names() for each in others))


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A read that shows an object, or a list with the object."""

    method: Method
    sends: tuple[tuple[FieldPath, FieldPath, bool], ...]
    """Places in the object and in the request, and whether that is a list."""
    constants: tuple[tuple[FieldPath, object], ...]
    take: FieldPath
    """The object in the answer."""
    rows: tuple[FieldDescriptor, ...] = ()
    """From the answer down to a list, instead of `take`."""
    same: tuple[tuple[FieldPath, tuple[FieldPath, ...]], ...] = ()
    """Places in what is shown, and those in the object that have to be equal: the first, and
    the others if they are not empty."""
    held: FieldPath = ()
    """The place in the request for the id of what the object lies in."""


@dataclass(frozen=True, slots=True)
class FoundBy:
    """A look-up that finds an object within another one."""

    path: str
    """The path of the method."""
    owner: "About"
    place: FieldPath
    """The place of the other object's name in the request of the look-up."""


@dataclass(frozen=True, slots=True)
class LiesIn:
    """A list of objects in another one, which the client has to name."""

    argument: str
    """`job`, in the object or beside it."""
    holder: About
    asked: Asked


@dataclass(frozen=True, slots=True)
class Argument:
    """A place in requests with the name or id of what an object lies in."""

    path: BodyPath
    native: bool
    """Whether Cuebot has this field."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A place of objects in requests, or of texts that stand for them."""

    place: FieldPath
    name: str
    """The place in JSON names."""
    about: About
    is_text: bool = False
    by_name: bool = False
    """Whether texts are names, not ids."""
    optional: bool = False
    """Whether an empty text stands for nothing, instead of something unknown."""
    arguments: Mapping[str, tuple[Argument, ...]] = field(default_factory=dict)
    """By name: the places where a request says what its objects lie in, the first one first."""
    spec: "Spec | None" = None
    """If the text is XML that says what it is about."""


@dataclass(frozen=True, slots=True)
class Spec:
    """XML that says what it is about."""

    facts: tuple[tuple[str, str], ...]
    """The names of facts, and of elements."""
    named: tuple[tuple[str, About], ...]
    """The names of elements that name an object."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What an object in an answer says of itself, or of what it belongs to."""

    facts: Mapping[str, FieldPath]
    owner: About | None = None
    """Asked about an object that is the whole answer, and has no facts of its own."""
    owner_id: FieldPath = ()
    is_container: bool = False
    """Whether it is shown for the objects in it, without facts of its own that fit."""
    ids: tuple[tuple[str, str], ...] = ()
    """Lists of ids, with the lists of objects that have them; empty if Cuebot has no such list."""
    hidden: tuple[str, ...] = ()
    """Fields that name what may not be seen."""
    named: tuple[tuple[FieldPath, About], ...] = ()
    """Places of names of other objects, all of which have to be seen."""


@dataclass(frozen=True, slots=True)
class NamedRows:
    """A list of objects, of which another method answers only the names."""

    method: Method
    copies: Copies
    """From the request for names to that for the list."""
    constants: tuple[tuple[FieldPath, object], ...]
    rows: tuple[FieldDescriptor, ...]
    name: FieldPath
    put: str
    """The field for the names."""


@dataclass(frozen=True)
class Objects(Aspect):
    """The objects that a method is about, and what its answers say of objects."""

    subjects: tuple[Subject, ...] = ()
    """Those in requests that a call is about."""
    not_judged: str = ""
    """Why nobody can say what all objects of a change are; empty if its subjects are all."""
    shown: Mapping[str, RowFacts] = field(default_factory=dict, repr=False)
    """What objects in answers say of themselves, by message type."""
    narrowed: tuple[tuple[str, FieldPath], ...] = ()
    """Facts, with the lists in requests that confine the answer to rows with such a fact."""
    pages: tuple[FieldPath, ...] = ()
    """Numbers in requests that count rows which may not be seen."""
    named_rows: NamedRows | None = None
    """The list whose rows have the names that the method answers."""

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """Places where a request says what its objects lie in."""
        places = [
            each
            for subject in self.subjects
            for places in subject.arguments.values()
            for each in places
        ]
        return tuple(dict.fromkeys(places))


class ByName(dict[str, About]):
    """By a fact that is an object's name (`job`): how Cuebot is asked about that object."""
