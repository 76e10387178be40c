"""The answers to failed calls to Cuebot."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.calls.plan import Calls
from gateway.core.codec.encode import details_to_json
from gateway.core.codec.fields import is_message, message_of
from gateway.core.errors import NO_DETAILS, RETRY_SOON, Code, Details, Fate, GatewayError, Sought
from gateway.core.profile.profile import Signs
from gateway.core.schema.description import SchemaSource
from gateway.core.schema.method import Aspect, FieldPath, Method, value_at
from gateway.core.suggestions import QUOTED_CHARS
from gateway.core.upstream.interface import CallFailed, Reason

UNREACHABLE = (Reason.NOT_CONNECTED, Reason.LOST)

TELLS_NOTHING = (Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE)
"""Statuses that Cuebot, or a proxy before it, may also give to a call that is still being made."""

LONGEST_ASKED_BYTES = 8 * 1024
"""Of a request with a name, for names that are near to be looked up."""

EXISTS = "this exists already, or its name is taken"

NO_METHOD = re.compile(r"Method not found: ([\w.]+/\w+)")


WAYS_OUT: Mapping[SchemaSource, str] = {
    "package": "the descriptors have it. To use its own:"
    " DESCRIPTOR_SOURCE=<your Cuebot's proto/src>",
    "files": "the descriptors that DESCRIPTOR_SOURCE names have it: they are newer than this"
    " Cuebot, or it leaves the service out. A newer Cuebot may have it",
    "reflection": "its reflection has it. If there are several Cuebots, are all of one version?",
}
"""By where the descriptors come from: why Cuebot may not have what they have, and what helps."""


class NotServed(GatewayError):
    """A method that the descriptors have and this Cuebot does not. `path` is the method's."""

    def __init__(self, method: str, source: SchemaSource) -> None:
        super().__init__(
            Code.UNIMPLEMENTED,
            f"Method not found: {method}; this Cuebot does not serve it, although"
            f" {WAYS_OUT[source]}",
        )
        self.path = f"/{method}"


class Ambiguous(GatewayError):
    """An ambiguous name: 409, nothing was changed."""

    def __init__(self, message: str, cuebot: str) -> None:
        super().__init__(Code.FAILED_PRECONDITION, message, status=409, cuebot=cuebot)


class Explainable(GatewayError):
    """An error of which an interceptor may find out more (`Interceptor.explain`)."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An object in the requests of a method."""

    kind: str
    """`job`."""
    path: FieldPath
    """Of the object, of its id, or of a list of either."""
    listed: bool = False
    is_text: bool = False
    """Whether there are ids, not objects."""
    by_name: bool = False
    """Whether Cuebot itself knows such objects by their names."""


@dataclass(frozen=True, slots=True)
class Wording(Aspect):
    """What the requests of a method are about, in the words of its errors."""

    mentions: tuple[Mention, ...] = ()
    things: frozenset[str] = frozenset()
    """JSON names of fields, of any method, with objects or their names."""
    sought: Callable[[Method, bytes], Sought] | None = None
    """What a request looks for by a name; None if no other names can be near."""
    tell_apart: Callable[[Ambiguous, Calls, Method, bytes], Awaitable[Ambiguous]] | None = None
    """Asks for the objects that have the name in a request, which is ambiguous."""
    explains_empty: bool = False
    """Whether a request may tell why an answer is empty (`Interceptor.explain_empty`)."""


NO_WORDING = Wording()


@dataclass(frozen=True, slots=True)
class OwnMeanings(Aspect):
    """What some of Cuebot's errors mean for this method alone."""

    read: Callable[[str, Method, bytes], GatewayError | None] = lambda text, method, payload: None
    """By the text and the request. None for all others."""


def may_be_explained(error: GatewayError) -> bool:
    """Whether Cuebot may tell more about it: other names, or what is in the way of a change."""
    return error.sought is not None or isinstance(error, Explainable)


def error_for(
    failed: CallFailed, method: Method | None = None, payload: bytes = b""
) -> GatewayError:
    """The answer for a failed call. Cuebot's status is passed on, unless the profile interprets
    its text (see `meant`).
    """
    error = translated(failed, method, payload)
    error.fate = "not sent" if isinstance(error, NotServed) else fate_of(failed)
    if error.code is not Code.NOT_FOUND or len(payload) > LONGEST_ASKED_BYTES:
        return error
    sought = None if method is None else Wording.of(method).sought
    if method is not None and sought is not None:
        error.sought = sought(method, payload)
        error.message, error.cuebot = error.sought.said, failed.details
    return error


def fate_of(failed: CallFailed) -> Fate:
    if not failed.may_have_reached_server:
        return "not sent"
    answered = failed.reason is Reason.STATUS and failed.code not in TELLS_NOTHING
    return "answered" if answered else "unknown"


def translated(failed: CallFailed, method: Method | None, payload: bytes) -> GatewayError:
    code, message = failed.code, failed.details
    if code is Code.UNIMPLEMENTED and (absent := NO_METHOD.fullmatch(message)):
        return NotServed(absent[1], "files" if method is None else method.source)
    if method is not None and (error := meant(failed, method, payload)) is not None:
        return error
    status: int | None = None
    if code is Code.NOT_FOUND and method is not None and says_nothing(method, message):
        what = f"{subjects(method, payload)}{related(method)} is not there"
        return GatewayError(code, what, cuebot=message)
    if failed.reason is Reason.TOO_LARGE:
        status = 502
        message = (
            f"Cuebot's answer is larger than GRPC_MAX_RECV_MSG_MB ({message});"
            " ask for less, or raise that limit"
        )
    elif code is Code.UNAVAILABLE and failed.reason in UNREACHABLE:
        message = f"Cuebot cannot be reached: {message}"
    packed = failed.status_details
    return GatewayError(
        code,
        message,
        status=status,
        details=Details(details_to_json(packed), packed) if packed else NO_DETAILS,
        headers=RETRY_SOON if code is Code.UNAVAILABLE else None,
        cause="answer_memory" if failed.reason is Reason.NO_MEMORY else None,
    )


def says_nothing(method: Method, text: str) -> bool:
    """Whether a text is Cuebot's for anything that is not there."""
    signs: Signs | None = method.aspects.get(Signs)
    return signs is not None and any(each.fits(text) for each in signs.nothing)


def meant(failed: CallFailed, method: Method, payload: bytes) -> GatewayError | None:
    """The error for an object that is missing, ambiguous, there already or not in the state for it,
    if Cuebot's text reports one.

    Errors of changes to several objects are passed on: some may have been changed.
    """
    signs: Signs | None = method.aspects.get(Signs)
    text = failed.details
    if signs is None or failed.reason is not Reason.STATUS:
        return None
    if signs.ambiguous is not None and signs.ambiguous.fits(text):
        return Ambiguous(f"there are several {called(method, payload)}", text)
    if signs.malformed is not None and signs.malformed.fits(text):
        problem = f"{subjects(method, payload)} cannot be a name"
        if signs.malformed.means:
            problem = f"{problem}: {signs.malformed.means}"
        return GatewayError(Code.INVALID_ARGUMENT, problem, cuebot=text)
    if failed.code is not Code.INTERNAL:
        return None
    if not method.reads_only and any(each.listed for each in Wording.of(method).mentions):
        return None
    if (error := as_things_are(signs, text, method, payload)) is not None:
        return error
    if signs.not_found is None or not signs.not_found.fits(text):
        return None
    what = f"{subjects(method, payload)}{related(method)}"
    return GatewayError(Code.NOT_FOUND, f"{what} is not there", cuebot=text)


def as_things_are(signs: Signs, text: str, method: Method, payload: bytes) -> GatewayError | None:
    """The error for what is there already, or is refused as things are."""
    if (error := OwnMeanings.of(method).read(text, method, payload)) is not None:
        return error
    for sign in signs.exists:
        if sign.fits(text):
            return GatewayError(Code.ALREADY_EXISTS, sign.means or EXISTS, cuebot=text)
    for sign in signs.refused:
        if sign.fits(text):
            said = sign.means or in_words(text)
            return GatewayError(Code.FAILED_PRECONDITION, said, cuebot=text)
    return None


def in_words(text: str) -> str:
    """The sentence of a Java exception: its text without its class and what is below."""
    first = text.partition("\n")[0]
    return first.partition(": ")[2] or first


def subjects(method: Method, payload: bytes, joint: str = " or ", *, named: bool = False) -> str:
    """`host 'render-node-01'`, or `job '…' or group '…'`; without any id or name, the values.

    With `named`, the first object alone, by its name if the request has it.
    """
    request, wording = method.parse_request(payload), Wording.of(method)
    found = [
        f"{each.kind} {text!r:.{QUOTED_CHARS}}"
        for each in wording.mentions
        if not each.listed
        for text in [id_at(request, each.path, each.is_text)]
        if text
    ]
    if named and found:
        each = next(each for each in wording.mentions if not each.listed)
        thing = value_at(request, each.path)
        name = "" if each.is_text else getattr(thing, "name", "")
        return f"{each.kind} {name!r:.{QUOTED_CHARS}}" if name else found[0]
    if found:
        found += [
            f"{field.json_name} {value!r:.{QUOTED_CHARS}}"
            for field, value in request.ListFields()
            if field.json_name in wording.things
            if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated
        ]
    return joint.join(dict.fromkeys(found or values_of(request))) or "what is asked for"


def called(method: Method, payload: bytes) -> str:
    """`groups called 'comp' in show 'demo'`: what a name that is ambiguous may mean."""
    find = Wording.of(method).sought
    if find is None:
        return f"of {subjects(method, payload, ' and ')}"
    sought = find(method, payload)
    within = "" if sought.within is None else " in {} {!r}".format(*sought.within)
    return f"{sought.kind}s called {sought.name!r}{within}"


def related(method: Method) -> str:
    """` or its deed`: the object in a method's answer, which may be missing instead."""
    fields = method.descriptor.output_type.fields
    if len(fields) != 1 or method.rows is not None or not is_message(fields[0]):
        return ""
    kind = message_of(fields[0]).name.lower()
    kinds = {each.kind for each in Wording.of(method).mentions if not each.by_name}
    return f" or its {kind}" if kinds and kind not in kinds else ""


def id_at(request: Any, path: FieldPath, is_text: bool) -> str:
    found = value_at(request, path)
    return str(found if is_text else found.id)


def values_of(request: Any) -> Iterator[str]:
    for field, value in request.ListFields():
        if field.is_repeated:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            value = getattr(value, "name", "")
        if value:
            yield f"{field.json_name} {value!r:.{QUOTED_CHARS}}"
