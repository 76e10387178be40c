"""A method that can be called, with its codecs and the calls around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.decode import Decoders, DecodeValue
from gateway.core.codec.encode import Encode, Encoders
from gateway.core.codec.fields import is_message, message_of
from gateway.core.codec.rewrite import BodyPath, Default, Rename, Rewrite
from gateway.core.schema.description import SchemaSource
from gateway.core.schema.method_search import Described
from gateway.core.schema.rows import Rows, rows_of

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
    written: frozenset[str] = frozenset()
    """Paths of objects in requests that callers write themselves, not taken from an answer."""
    source: SchemaSource = "files"
    """Where its descriptor comes from."""
    profile_read: bool = False
    """Whether the profile lists it as a read."""
    instead: "Instead | None" = None
    """Calls that answer for the method, since Cuebot lacks it or finds nothing."""
    row_limit: "RowLimit | None" = None
    signs: "ErrorSigns | None" = None
    """The meaning of errors with status INTERNAL."""
    summary: str = ""
    """What it does, in one line without a full stop: of the profile, or of its comment."""
    aspects: Mapping[type, Any] = field(default_factory=dict, repr=False)
    """What features have compiled of it, by type; complete when its catalog is. What every call
    passes looks here itself, without the function (`of`) that an aspect has for it.
    """

    def with_aspect(self, aspect: object) -> "Method":
        """The same method with another aspect of that type."""
        return replace(self, aspects=MappingProxyType({**self.aspects, type(aspect): aspect}))

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
    def rows(self) -> Rows | None:
        """The one list of its answers."""
        return rows_of(self.descriptor.output_type)

    @cached_property
    def reads_only(self) -> bool:
        """Whether a call changes nothing, by the profile or its options in the schema.

        Names prove nothing: `GetOrCreate`.
        """
        options = self.descriptor.GetOptions()
        return self.profile_read or options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS

    @cached_property
    def described(self) -> Described:
        """The method as it is searched for by words."""
        return Described(self.path, self.summary, self.reads_only)

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


class Aspect:
    """What is compiled of a method when its catalog is built. An empty one can be made of it."""

    @classmethod
    def of(cls, method: Method) -> Self:
        """That of a method; an empty one if there is none."""
        found: Self | None = method.aspects.get(cls)
        made: Self = empty(cls) if found is None else found
        return made


empty: Callable[[Any], Any] = cache(lambda kind: kind())
"""An aspect that says nothing, by type: each is made once."""


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
class RowSearch:
    path: tuple[FieldDescriptor, ...]
    """From the answer down to the list."""
    where: tuple[tuple[FieldPath, FieldPath], ...]
    """Paths of equal values in the row and in the request."""

    @property
    def row(self) -> Descriptor:
        return message_of(self.path[-1])


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
    for_choice: int
    """If it has none, and the form of the answer chooses among the rows."""


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
