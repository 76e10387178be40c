"""A method that can be called, with its codecs and the calls around it."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.decode import Decoders, DecodeValue
from gateway.core.codec.encode import Encode, Encoders
from gateway.core.codec.fields import is_message, message_of
from gateway.core.codec.rewrite import BodyPath, Default, Rename, Rewrite
from gateway.core.schema.description import SchemaSource
from gateway.core.schema.method_search import Described
from gateway.features.views.compiled_view import Views
from gateway.features.views.paths import OtherNames
from gateway.features.views.units import BYTES_IN, NO_UNITS, Unit, Units, unit_of

SETTER = "Set"
FieldPath = tuple[str, ...]
"""Proto names of fields, from a message down."""
Copies = tuple[tuple[FieldPath, FieldPath], ...]
"""Paths of single values: from an answer to a request."""


def value_at(message: Any, path: FieldPath) -> Any:
    for name in path:
        message = getattr(message, name)
    return message


def set_at(message: Any, path: FieldPath, content: object) -> None:
    setattr(value_at(message, path[:-1]), path[-1], content)


@dataclass(frozen=True, eq=False)
class Method:
    path: str
    """`/job.JobInterface/GetJobs`, as on the wire."""
    descriptor: MethodDescriptor
    encoders: Encoders = field(repr=False)
    decoders: Decoders = field(repr=False)
    rewrites: tuple[Rewrite, ...] = ()
    """Documented names, and defaults, in requests."""
    steps: "Steps | None" = None
    """Calls before and after."""
    references: tuple["Reference", ...] = ()
    """Objects in requests that a name will do for."""
    written: frozenset[str] = frozenset()
    """Paths of objects in requests that callers write themselves, not taken from an answer."""
    source: SchemaSource = "files"
    """Where its descriptor comes from."""
    profile_read: bool = False
    """Whether the profile lists it as a read."""
    identity: "Identity | None" = None
    """The caller's name in requests."""
    instead: "Instead | None" = None
    """Calls that answer for the method, since Cuebot lacks it or finds nothing."""
    row_limit: "RowLimit | None" = None
    namesakes: "Listing | None" = None
    """The list that tells apart objects of one name."""
    signs: "ErrorSigns | None" = None
    """The meaning of errors with status INTERNAL."""
    subjects: tuple["Subject", ...] = ()
    """The objects in requests that a call is about."""
    units: Units = field(default_factory=lambda: NO_UNITS, repr=False)
    """Units of numbers in answers and requests."""
    other_names: OtherNames | None = field(default=None, repr=False)
    """What fields of answers are called in views, besides their own names."""
    summary: str = ""
    """What it does, in one line without a full stop: of the profile, or of its comment."""
    not_judged: str = ""
    """Why nobody can say what all objects of a change are; empty if its subjects are all."""
    shown: "Mapping[str, RowFacts]" = field(default_factory=dict, repr=False)
    """What objects in answers say of themselves, by message type."""
    narrowed: tuple[tuple[str, FieldPath], ...] = ()
    """Facts, with the lists in requests that confine the answer to rows with such a fact."""
    pages: tuple[FieldPath, ...] = ()
    """Numbers in requests that count rows which may not be seen."""
    filters: "tuple[Filter, ...]" = ()
    """Names in requests that may be of nothing."""
    near: "Near | None" = None
    """The list of names in which a misspelled one is looked up."""
    named_rows: "NamedRows | None" = None
    """The list whose rows have the names that the method answers."""

    goes_on: "GoesOn | None" = None
    """The call by which an object that was found by its name is watched."""
    stays: "Stays | None" = None
    """What keeps rows in an answer that a watcher waits for."""
    not_watched: str = ""

    @cached_property
    def decode_value(self) -> DecodeValue:
        """Parsed JSON, in native names, to request bytes."""
        return self.decoders.value_decoder(self.descriptor.input_type, self.written)

    def parse_request(self, payload: bytes = b"") -> Any:
        """The message in a request's bytes."""
        return GetMessageClass(self.descriptor.input_type).FromString(payload)

    @cached_property
    def encode(self) -> Encode:
        """Answer bytes to JSON."""
        return self.encoders.encoder(self.descriptor.output_type)

    @cached_property
    def views(self) -> Views:
        return Views(self.descriptor.output_type, self.encoders, self.units, self.other_names)

    @cached_property
    def reads_only(self) -> bool:
        """Whether a call changes nothing, by the profile or its options in the schema.

        Names prove nothing: `GetOrCreate`.
        """
        options = self.descriptor.GetOptions()
        return self.profile_read or options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS

    @cached_property
    def takes_messages(self) -> bool:
        """Whether the profile leaves requests as they are: Cuebot takes what a client sends."""
        changed = (self.rewrites, self.steps, self.references, self.arguments, self.identity)
        return not any(changed)

    @cached_property
    def look_ups(self) -> "tuple[LookUp | Unique | Naming, ...]":
        before = self.steps.before if self.steps is not None else ()
        return (*before, *(Naming(each, by) for each in self.references for by in each.finders))

    @cached_property
    def besides(self) -> tuple[str, ...]:
        """Paths of arguments for look-ups that Cuebot has no fields for."""
        sources = [
            source
            for reference in self.references
            for finder in reference.finders
            for sent in finder.sends
            for source in sent.sources
        ]
        paths = [each.path for each in sources if not (each.inside or each.native)]
        return tuple(text for path in paths for text in (str(path), ".".join(path.original)))

    @cached_property
    def has_xml(self) -> bool:
        """Whether it, or a follow-up, takes a text with XML that is read."""
        after = self.steps.after if self.steps else ()
        called = (self, *(step.method for step in after))
        return any(each.identity is not None and each.identity.element for each in called)

    @cached_property
    def described(self) -> Described:
        """The method as it is searched for by words."""
        return Described(self.path, self.summary, self.reads_only)

    @cached_property
    def sizes(self) -> Mapping[str, Unit]:
        """The fields of requests that are sizes, in both spellings, with their units."""
        fields = ((each, unit_of(each, self.units)) for each in self.descriptor.input_type.fields)
        sizes = [(each, unit) for each, unit in fields if unit in BYTES_IN]
        return {name: unit for each, unit in sizes for name in (each.name, each.json_name)}

    @property
    def xml_field(self) -> BodyPath | None:
        """The field for a text with XML, which may be the whole body."""
        identity = self.identity
        return identity.field if identity is not None and identity.element else None

    @cached_property
    def named_places(self) -> frozenset[str]:
        """The paths, in both spellings, of objects in requests for which a text will do."""
        places = [each.place for each in self.references if not each.is_text]
        return frozenset(text for at in places for text in (str(at), ".".join(at.original)))

    @cached_property
    def arguments(self) -> "tuple[Argument, ...]":
        """Places where a request says what its objects lie in."""
        places = [
            each
            for subject in self.subjects
            for places in subject.arguments.values()
            for each in places
        ]
        return tuple(dict.fromkeys(places))

    @cached_property
    def value_names(self) -> tuple[str, ...]:
        """The names that requests may have for the value that a setter sets, Cuebot's own first.

        Without any of them, the value is 0, false or empty. A setter is a change whose name begins
        with `Set` and whose request has one field that is no object. Empty for other methods.
        """
        plain = [each for each in self.descriptor.input_type.fields if not is_message(each)]
        if len(plain) != 1 or self.reads_only or not self.descriptor.name.startswith(SETTER):
            return ()
        names = [plain[0].json_name, plain[0].name]
        for rewrite in self.rewrites:
            if isinstance(rewrite, Default | Rename) and rewrite.target.original == (names[1],):
                if isinstance(rewrite, Default):
                    return ()
                names += (rewrite.source.json[0], rewrite.source.original[0])
        return tuple(dict.fromkeys(names))

    @cached_property
    def streams(self) -> bool:
        return bool(self.descriptor.client_streaming or self.descriptor.server_streaming)

    @property
    def service(self) -> str:
        name: str = self.descriptor.containing_service.full_name
        return name


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller's name in requests."""

    field: BodyPath
    element: str = ""
    """If the field has XML: the name of its elements with the caller."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A call before the call, for a value that the request has in another form."""

    given: BodyPath
    """Its place in the client's request."""
    method: Method
    send: BodyPath
    """Its place in the look-up's request."""
    take: FieldPath
    """The value in the look-up's answer."""
    put: BodyPath
    """The value's place in the request. A client may set it there itself."""
    documented: bool
    """Whether Cuebot has no field `given`."""
    same: FieldPath = ()
    """Where the call's own answer repeats what is given. Another value there means that the look-up
    has found another object. Empty: that cannot be."""

    @property
    def asks(self) -> tuple[BodyPath, ...]:
        """Places of the search terms in the look-up's request."""
        return (self.send,)


@dataclass(frozen=True, slots=True)
class Source:
    """A place in requests for a search term."""

    path: BodyPath
    inside: bool
    """Whether the path begins in the object, not in the request."""
    native: bool
    """Whether Cuebot has this field."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A value in a look-up's request, from the first source that has one."""

    send: BodyPath
    sources: tuple[Source, ...]
    lower: bool = False
    """Whether a text is sent in lower case."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(source.path) for source in self.sources))


@dataclass(frozen=True, slots=True)
class Finder:
    method: Method
    sends: tuple[Sent, ...]
    take: FieldPath
    """The object's id in the answer."""
    listing: "Listing | None" = None
    """A list of objects, also of those that the call does not find."""
    only: str = ""
    """For messages: the only objects that the call finds."""

    @property
    def asks(self) -> tuple[BodyPath, ...]:
        """Places of the search terms in the look-up's request."""
        return tuple(each.send for each in self.sends)


@dataclass(frozen=True, slots=True)
class RowSearch:
    path: tuple[FieldDescriptor, ...]
    """From the answer down to the list."""
    where: tuple[tuple[FieldPath, FieldPath], ...]
    """Paths of equal values in the row and in the request."""

    @property
    def row(self) -> Descriptor:
        return message_of(self.path[-1])


@dataclass(frozen=True, slots=True)
class Listing:
    """A call for a list, and the choice among its rows."""

    method: Method
    copies: tuple[tuple[FieldPath, BodyPath, bool], ...]
    """Paths of values in the look-up's request and in this one, and whether that is a list."""
    constants: tuple[tuple[BodyPath, object], ...]
    rows: RowSearch
    """Rows that match the look-up's request."""
    newest: FieldPath = ()
    """Time of rows, to choose the newest. Empty: several rows are ambiguous."""
    only_with: FieldPath = ()
    """A field that requests have to set to get a row. Empty: none."""
    given: tuple[tuple[BodyPath, BodyPath], ...] = ()
    """Paths of values for look-ups before the look-up: in the client's request and in this one."""
    says: str = ""
    """For messages about rows that the look-up does not find: `is finished`. Changes to them are
    refused. Empty: the list only tells namesakes apart."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object in requests that Cuebot identifies by its id alone."""

    place: BodyPath
    """The place of an object, an id, or a list of either."""
    kind: str
    """`job`."""
    listed: bool = False
    is_text: bool = False
    """Whether the place has ids, not objects. A text that cannot be an id is a name."""
    finders: tuple[Finder, ...] = ()
    """The first for which the request has all values is used. None: only an id will do."""
    name_parts: "re.Pattern[str] | None" = None
    """What names say: a pattern with a group for each field."""
    by_name: bool = False
    """Whether Cuebot itself knows such objects by their names, which need no look-up."""


@dataclass(frozen=True, slots=True)
class Naming:
    reference: Reference
    finder: Finder

    @property
    def method(self) -> Method:
        return self.finder.method


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
class Filter:
    """Names in a read's request, without which it finds nothing."""

    place: str
    """`r.shows`."""
    path: FieldPath
    near: "Near"
    """All names that there are."""


@dataclass(frozen=True, slots=True)
class Near:
    """A list of names, for a name that its method does not find."""

    kind: str
    """`job`."""
    name: str
    """How fields of the method's request make the name: `{frame:04}-{layer}`."""
    parts: tuple[tuple[str, str], ...]
    """The fields in `name`: as they are written there, and Cuebot's names."""
    within: tuple[str, str] | None
    """The field that says what the names belong to, as in `parts`."""
    method: Method
    copies: tuple[tuple[FieldPath, BodyPath], ...]
    """From the method's request to that for the list."""
    constants: tuple[tuple[BodyPath, object], ...]
    rows: tuple[FieldDescriptor, ...]
    """From the answer down to a list of objects; empty for a list of names."""
    names: FieldPath
    """The place of the names in the answer, or of the name in a row."""
    part: BodyPath | None
    """The place, in the request for the list, of texts that names have to contain."""
    only: str = ""
    """`pending`: what alone is found, of the kind or of what it is in."""
    listing: Listing | None = None
    """A list of objects of the very name that the method does not find, and why it does not."""

    def name_in(self, asked: Any) -> str:
        """The name in a request of the method; empty for one that stands in a filter."""
        return self.name.format(**{part: getattr(asked, field) for part, field in self.parts})


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


@dataclass(frozen=True, slots=True)
class GoesOn:
    """A call that answers the same as another one, by an id in the other one's answer."""

    method: Method
    copies: Copies
    name: FieldPath | None = None
    """An id's place that may have a name. With an id there, the call is the same."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Fields that keep rows in the answer, set if the request names any."""

    named_by: tuple[FieldPath, ...]
    """Lists of names or ids."""
    constants: tuple[tuple[FieldPath, object], ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """One of several calls that answer together for a method."""

    method: Method
    copies: tuple[tuple[FieldPath, BodyPath], ...]
    """From the main request to this one."""
    send: BodyPath | None
    """Place for what the previous hop took; None for the first."""
    rows: RowSearch | None
    """The row that matches the main request; None for the whole answer."""
    take: FieldPath
    """What goes on, in the answer or the row; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Calls that answer for a method."""

    hops: tuple[Hop, ...]
    put: str
    """The field of the main answer for what the last hop takes."""
    is_native: bool
    """Whether Cuebot has the method: then these calls are made only if it finds nothing."""
    name: FieldPath | None = None
    """An id's place that may have a name. With an id there, only Cuebot's own method is called."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """The number of rows to ask for."""

    name: str
    """Name of the field in warnings."""
    path: FieldPath
    """The place of the number in requests."""
    page: FieldPath | None
    """The place of a page's number, from 1, if there are pages."""
    default: int
    """If a request has no number."""
    views: int
    """If it has none, and a view that chooses among rows."""


@dataclass(frozen=True, slots=True)
class Sign:
    """An error text: its beginning, and another part."""

    begins: str
    says: str = ""
    meaning: str = ""
    """In a sentence; empty for what Cuebot says itself."""

    def fits(self, text: str) -> bool:
        return text.startswith(self.begins) and self.says in text


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why Cuebot refuses a call as things are: what a read tells of the object."""

    sign: Sign
    says: str
    """The sentence for what the read finds (`{found}`) about the request's object (`{subject}`)."""
    says_one: str
    """For one row."""
    otherwise: str
    """Without the read, or if it finds nothing that explains it."""
    method: Method
    copies: Copies
    """From the request to that of the read."""
    rows: tuple[FieldDescriptor, ...]
    """From the answer down to the list of objects that are counted; empty for a value."""
    take: FieldPath
    """The value, in the answer."""
    unless: tuple[str, ...]
    """Values that explain nothing."""


@dataclass(frozen=True, slots=True)
class ErrorSigns:
    """The meaning of Cuebot's errors with status INTERNAL, and of one with NOT_FOUND."""

    not_found: Sign | None = None
    """An object does not exist."""
    ambiguous: Sign | None = None
    """Several objects where there should be one."""
    malformed: Sign | None = None
    """An impossible name."""
    nothing: tuple[Sign, ...] = ()
    """Texts with the status NOT_FOUND which say no more than that."""
    exists: tuple[Sign, ...] = ()
    """What a change would make is there, or its name is taken."""
    refused: tuple[Sign, ...] = ()
    """What Cuebot does not do as things are."""
    obstacle: Obstacle | None = None
    """Of this method."""
    things: frozenset[str] = frozenset()
    """Names of fields with objects, or their names."""


@dataclass(frozen=True, slots=True)
class Unique:
    """A look-up before the call, which is refused if the name is taken."""

    given: BodyPath
    """The new name in the request."""
    method: Method
    send: BodyPath
    """The name in the look-up's request."""
    found: FieldPath
    """The name in the look-up's answer."""


@dataclass(frozen=True, slots=True)
class Rereading:
    """A read after follow-ups: `take` replaces the same message of the main answer."""

    method: Method
    copies: Copies
    take: FieldPath


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A call after the call, which a field of the request asks for."""

    given: BodyPath
    method: Method
    send: BodyPath
    copies: Copies
    rereading: Rereading | None


@dataclass(frozen=True, slots=True)
class Needed:
    """An object or a text in requests without which a call does what nobody means."""

    place: BodyPath
    """A field of the request itself."""
    says: str
    is_text: bool = False

    @property
    def field(self) -> str:
        """Cuebot's name for it."""
        return self.place.original[0]

    def is_in(self, request: Any, *, is_braces: bool) -> bool:
        """Only an object that is written as `{}` is meant to be empty: criteria that come to
        nothing are those of a script whose variables are not set.
        """
        value = getattr(request, self.field)
        if self.is_text:
            return bool(value.strip())
        return request.HasField(self.field) and (is_braces or says_something(value))


def says_something(message: Any) -> bool:
    """Whether a message has a value, perhaps in one of its messages."""
    return any(
        field.is_repeated or not is_message(field) or says_something(value)
        for field, value in message.ListFields()
    )


@dataclass(frozen=True, slots=True)
class Steps:
    before: tuple[LookUp | Unique, ...] = ()
    after: tuple[FollowUp, ...] = ()
    needed: tuple[Needed, ...] = ()


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"
