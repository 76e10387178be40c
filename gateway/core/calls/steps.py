"""What is done with a request beside its call, where an API document promises more than one call
to Cuebot can do.
"""

from dataclasses import dataclass
from typing import Any

from gateway.core.codec.fields import is_message
from gateway.core.codec.rewrite import BodyPath, Default, Rename, Rewrite
from gateway.core.schema.method import Aspect, Copies, FieldPath, Method

SETTER = "Set"


class Rewrites(tuple[Rewrite, ...], Aspect):
    """Documented names, and defaults, in the requests of a method."""


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
class Steps(Aspect):
    """Calls before and after that of a method, and what its requests need."""

    before: tuple[LookUp | Unique, ...] = ()
    after: tuple[FollowUp, ...] = ()
    needed: tuple[Needed, ...] = ()


def value_names(method: Method) -> tuple[str, ...]:
    """The names that requests may have for the value that a setter sets, Cuebot's own first.

    Without any of them, the value is 0, false or empty. A setter is a change whose name begins
    with `Set` and whose request has one field that is no object. Empty for other methods.
    """
    plain = [each for each in method.descriptor.input_type.fields if not is_message(each)]
    if len(plain) != 1 or method.reads_only or not method.descriptor.name.startswith(SETTER):
        return ()
    names = [plain[0].json_name, plain[0].name]
    for rewrite in Rewrites.of(method):
        if isinstance(rewrite, Default | Rename) and rewrite.target.original == (names[1],):
            if isinstance(rewrite, Default):
                return ()
            names += (rewrite.source.json[0], rewrite.source.original[0])
    return tuple(dict.fromkeys(names))
