"""What Connect and gRPC-Web have in common: messages, errors, and what they refuse."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from gateway.core.calls.answer_form import SentRequest
from gateway.core.calls.invoke import Call
from gateway.core.calls.query import parsed, unread
from gateway.core.codec.encode import Encode
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.surface import Header
from gateway.core.schema.catalog import UnknownPath
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS

CUEBOTS_TEXT = b"x-cuebot"
LONGEST_TEXT = 500
"""Characters of Cuebot's own text in a header."""
NO_CALL_STATUSES = (405, 415)
"""Of requests that are no calls: another verb, another media type."""


@dataclass(frozen=True, slots=True)
class MessageForm:
    """All of an answer, as a message: an `AnswerForm`."""

    encode: Encode
    content_type: tuple[bytes, bytes]
    key: str
    is_message = True
    chooses = False
    is_timed = False
    second_call = None

    async def completed(
        self, sent: SentRequest, look_up: Method, answer: bytes, call: Call
    ) -> "MessageForm":
        return self


def cuebots_text(error: GatewayError) -> tuple[Header, ...]:
    """A header, or a trailer, with Cuebot's own text: percent-encoded, and cut."""
    if not error.cuebot:
        return ()
    return ((CUEBOTS_TEXT, quote(error.cuebot[:LONGEST_TEXT]).encode()),)


def code_of(error: GatewayError) -> Code:
    """An error's code for clients, to whom a path is a method. Metrics and logs have its own."""
    return Code.UNIMPLEMENTED if isinstance(error, UnknownPath) else error.code


def check_query(parameters: Iterable[tuple[str, str]], label: str, options: Container[str]) -> None:
    """Options are for plain JSON: the answers of other surfaces are the method's messages."""
    for name, _ in parameters:
        if name in options:
            raise GatewayError(
                Code.INVALID_ARGUMENT,
                f"?{name}: views are for plain JSON; {label} answers are whole messages",
            )


def read_post_query(
    query: bytes, policy: UnknownFieldPolicy, label: str, options: Container[str]
) -> tuple[str, ...]:
    """The parameters of a POST that nothing reads. Raises GatewayError (INVALID_ARGUMENT)."""
    if not query:
        return ()
    parameters = parsed(query, strict=False)
    check_query(parameters, label, options)
    return unread(parameters, policy)


def unsupported_media(
    media: bytes, supported: Iterable[str], problem: str = "is not supported"
) -> GatewayError:
    """415 with Accept-Post (RFC 9110 section 15.5.16)."""
    names = ", ".join(supported)
    text = media[:QUOTED_CHARS].decode("ascii", "replace")
    return GatewayError(
        Code.INVALID_ARGUMENT,
        f"a message of type {text} {problem}; use one of: {names}",
        status=415,
        headers={"Connection": "close", "Accept-Post": names},
    )


def unsupported_coding(coding: bytes, supported: str, header: str) -> GatewayError:
    text = coding[:QUOTED_CHARS].decode("ascii", "replace")
    return GatewayError(
        Code.UNIMPLEMENTED,
        f"a message compressed as {text} is not supported; use one of: {supported}",
        headers={"Connection": "close", header: supported},
    )
