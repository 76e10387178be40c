"""One method that can be called, with its codecs and the calls around it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.codec.decode import Decoders, DecodeValue
from gateway.codec.encode import Encode, Encoders
from gateway.codec.fields import message_of
from gateway.codec.rewrite import BodyPath, Rewrite
from gateway.views.compiled_view import Views

FieldPath = tuple[str, ...]
"""Names of fields from a message down, as the proto has them."""
Copies = tuple[tuple[FieldPath, FieldPath], ...]
"""From where in an answer to where in a request single values go."""


def value_at(message: Any, path: FieldPath) -> Any:
    """What a message has at a path."""
    for name in path:
        message = getattr(message, name)
    return message


def set_at(message: Any, path: FieldPath, content: object) -> None:
    """Set a single field at a path."""
    setattr(value_at(message, path[:-1]), path[-1], content)


@dataclass(frozen=True, eq=False)
class Method:
    """One native method, whatever aliases lead to it."""

    path: str
    """`/job.JobInterface/GetJobs`, as on the wire of gRPC."""
    descriptor: MethodDescriptor
    encoders: Encoders = field(repr=False)
    decoders: Decoders = field(repr=False)
    rewrites: tuple[Rewrite, ...] = ()
    """What requests may call otherwise than Cuebot does, or leave out."""
    steps: "Steps | None" = None
    """What surrounds a call, if the request asks for it."""
    references: tuple["Reference", ...] = ()
    """Where requests have objects that a name will do for."""
    profile_read: bool = False
    """Whether the profile says that calling it changes nothing."""
    identity: "Identity | None" = None
    """Where its requests say who is calling, if they do."""
    instead: "Instead | None" = None
    """What answers for it, because Cuebot does not have it or it finds nothing."""
    row_limit: "RowLimit | None" = None
    """Where its requests say how many rows Cuebot answers at most."""
    namesakes: "Listing | None" = None
    """The list that tells apart what it finds several of."""
    signs: "ErrorSigns | None" = None
    """What errors of Cuebot mean whose status does not say so; None if that is not known."""

    @cached_property
    def decode_value(self) -> DecodeValue:
        """Parsed JSON, in Cuebot's own names, to request bytes."""
        return self.decoders.value_decoder(self.descriptor.input_type)

    @cached_property
    def encode(self) -> Encode:
        """Answer bytes to JSON."""
        return self.encoders.encoder(self.descriptor.output_type)

    @cached_property
    def views(self) -> Views:
        """What can be seen of its answers."""
        return Views(self.descriptor.output_type, self.encoders)

    @cached_property
    def reads_only(self) -> bool:
        """Whether calling it changes nothing: the profile says so, or its options in the schema.

        Its name proves nothing, as that of `GetOrCreate`.
        """
        options = self.descriptor.GetOptions()
        return self.profile_read or options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS

    @cached_property
    def look_ups(self) -> "tuple[LookUp | Unique | Naming, ...]":
        """All that may be looked up before it is called."""
        before = self.steps.before if self.steps is not None else ()
        return (*before, *(Naming(each, by) for each in self.references for by in each.finders))

    @cached_property
    def besides(self) -> tuple[str, ...]:
        """The paths of arguments that help to find objects, and are no fields of Cuebot's."""
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
    def streams(self) -> bool:
        return bool(self.descriptor.client_streaming or self.descriptor.server_streaming)

    @property
    def service(self) -> str:
        """The full name of its service."""
        name: str = self.descriptor.containing_service.full_name
        return name


@dataclass(frozen=True, slots=True)
class Identity:
    """Where a request says who is calling."""

    field: BodyPath
    element: str = ""
    """If the field has XML: the name of the elements in it that say so."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A call before the call, for a value that the request does not have in Cuebot's form."""

    given: BodyPath
    """Where the client has it."""
    method: Method
    send: BodyPath
    """Where the look-up's request has it."""
    take: FieldPath
    """Where the look-up's answer has what is wanted."""
    put: BodyPath
    """Where the request has to have that. A client may have given it there itself."""
    documented: bool
    """Whether `given` is only in documents, and no field of Cuebot's."""
    same: FieldPath = ()
    """Where the answer of the call itself has what is given here. An answer that has something else
    is about something else that fits `take`. Empty: that cannot be."""

    @property
    def asks(self) -> tuple[BodyPath, ...]:
        """The places in the look-up's request that say what is looked for."""
        return (self.send,)


@dataclass(frozen=True, slots=True)
class Source:
    """A place where a client may have a value that helps to find an object."""

    path: BodyPath
    inside: bool
    """Whether the path begins in the object, and not beside it in the request."""
    native: bool
    """Whether Cuebot has this field."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A value of a look-up's request; the first source that has one counts."""

    send: BodyPath
    sources: tuple[Source, ...]
    lower: bool = False
    """Whether a text is sent in lower case, in which all of these names are."""

    @property
    def names(self) -> tuple[str, ...]:
        """What clients call it."""
        return tuple(dict.fromkeys(str(source.path) for source in self.sources))


@dataclass(frozen=True, slots=True)
class Finder:
    """The call that finds an object by something else than its id."""

    method: Method
    sends: tuple[Sent, ...]
    take: FieldPath
    """Where the answer has the object's id."""
    listing: "Listing | None" = None
    """A list that has the object, too, and others that the call does not find."""
    only: str = ""
    """What alone the call finds, for people."""

    @property
    def asks(self) -> tuple[BodyPath, ...]:
        """The places in the look-up's request that say what is looked for."""
        return tuple(each.send for each in self.sends)


@dataclass(frozen=True, slots=True)
class RowSearch:
    """The rows of a list in an answer that have the same values as a request."""

    path: tuple[FieldDescriptor, ...]
    """From the answer down to the list."""
    where: tuple[tuple[FieldPath, FieldPath], ...]
    """Where a row has a value, and where the request has the same."""

    @property
    def row(self) -> Descriptor:
        """The type of a row."""
        return message_of(self.path[-1])


@dataclass(frozen=True, slots=True)
class Listing:
    """A call whose answer is a list, and which of its rows are meant."""

    method: Method
    copies: tuple[tuple[FieldPath, BodyPath, bool], ...]
    """From where in the look-up's request to where in this one single values go, and whether that
    is a list, of this one."""
    constants: tuple[tuple[BodyPath, object], ...]
    """What this request has besides."""
    rows: RowSearch
    """Those that have the same values as the look-up's request."""
    newest: FieldPath = ()
    """Where rows have the time by which the newest is chosen. Empty: none is chosen of several."""
    only_with: FieldPath = ()
    """The field that a request has to set to get a row. Empty: it need not."""
    given: tuple[tuple[BodyPath, BodyPath], ...] = ()
    """From where clients have values for look-ups before the look-up, to where this request has
    them."""
    says: str = ""
    """What is said of a row that the look-up itself does not find: `is finished`. Changes are
    refused with it. Empty: the list is there only to tell several of one name apart."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object in requests that Cuebot knows by its id alone."""

    place: BodyPath
    """Where it is, or the list of them; or its id, or a list of ids."""
    kind: str
    """What it is called: `job`."""
    listed: bool = False
    is_text: bool = False
    """Whether ids stand there by themselves. What cannot be an id is a name."""
    finders: tuple[Finder, ...] = ()
    """The first for which the request has all values finds it. None: nothing does but the id."""


@dataclass(frozen=True, slots=True)
class Naming:
    """An object that a request names, and what finds it."""

    reference: Reference
    finder: Finder

    @property
    def method(self) -> Method:
        """The method that finds it."""
        return self.finder.method


@dataclass(frozen=True, slots=True)
class Hop:
    """One of several calls that answer together for one method."""

    method: Method
    copies: tuple[tuple[FieldPath, BodyPath], ...]
    """From the method's request to this one."""
    send: BodyPath | None
    """Where this request has what the hop before has taken; None for the first."""
    rows: RowSearch | None
    """One that has the same values as the method's request; None if all of the answer counts."""
    take: FieldPath
    """Where the answer, or the row, has what goes on; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Calls that answer for a method."""

    hops: tuple[Hop, ...]
    put: str
    """The field of the method's answer for what the last one takes."""
    is_native: bool
    """Whether Cuebot has the method: then it is asked first, and these when it finds nothing."""
    name: FieldPath | None = None
    """Where a request may have a name in the place of an id. With an id there, Cuebot alone is
    asked: it has been told all that there is to go by."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """How many rows Cuebot is asked for."""

    name: str
    """How answers call the field when it was left out of a request."""
    path: FieldPath
    """Where requests have the number."""
    page: FieldPath | None
    """Where they have the number of a page, from 1 on, if there are such."""
    default: int
    """What it is if a request leaves it out."""
    views: int
    """The same for a view that chooses among the rows."""


@dataclass(frozen=True, slots=True)
class Sign:
    """How an error text begins, and what else is in it."""

    begins: str
    says: str = ""

    def fits(self, text: str) -> bool:
        """Whether an error with this text is meant."""
        return text.startswith(self.begins) and self.says in text


@dataclass(frozen=True, slots=True)
class ErrorSigns:
    """What Cuebot's errors mean where their status is INTERNAL, whatever they are about."""

    not_found: Sign | None = None
    """Something is not there."""
    ambiguous: Sign | None = None
    """There are several where there should be one."""
    malformed: Sign | None = None
    """A name cannot be one."""
    things: frozenset[str] = frozenset()
    """What fields are called that have an object, or the name of one."""


@dataclass(frozen=True, slots=True)
class Unique:
    """A look-up before the call, which is refused if it would make what is found."""

    given: BodyPath
    """Where the request has the name of what it makes."""
    method: Method
    send: BodyPath
    """Where the look-up's request has that name."""
    found: FieldPath
    """Where the look-up's answer has the name of what it has found."""


@dataclass(frozen=True, slots=True)
class Rereading:
    """The call that shows what follow-ups have led to: `take` is the same in both answers."""

    method: Method
    copies: Copies
    take: FieldPath


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A call after the call, which the request asks for with a field of its own."""

    given: BodyPath
    method: Method
    send: BodyPath
    copies: Copies
    rereading: Rereading | None


@dataclass(frozen=True, slots=True)
class Steps:
    """What surrounds a call."""

    before: tuple[LookUp | Unique, ...] = ()
    after: tuple[FollowUp, ...] = ()


def path_of(method: MethodDescriptor) -> str:
    """The method's path on the wire of gRPC."""
    return f"/{method.containing_service.full_name}/{method.name}"
