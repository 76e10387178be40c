"""Content codings (RFC 9110 section 8.4), which a feature may bring: of answers and of bodies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import Code, GatewayError
from gateway.core.suggestions import QUOTED_CHARS

Headers = Sequence[tuple[bytes, bytes]]


class Coding(Protocol):
    """How an answer is coded. It can be hashed, and requests share it."""

    @property
    def name(self) -> str:
        """Empty for an answer as it is."""

    @property
    def vary(self) -> Headers:
        """Of answers without a body."""

    def coded(self, pieces: Iterable[bytes], /) -> tuple[Iterable[bytes], Headers]:
        """The pieces in this coding, unless they are too few, and the matching headers."""


class Decoder(Protocol):
    """Decodes a body while it arrives."""

    def feed(self, part: bytes, /) -> Iterator[bytes]:
        """Empty pieces are pauses. Raises GatewayError (INVALID_ARGUMENT) for invalid input."""

    def finish(self) -> None:
        """Call at the end of the body. Raises GatewayError if the stream is incomplete."""


@dataclass(frozen=True, slots=True)
class AsItIs:
    """No coding at all."""

    name = ""
    vary: Headers = ()

    def coded(self, pieces: Iterable[bytes], /) -> tuple[Iterable[bytes], Headers]:
        return pieces, self.vary


PLAIN: Coding = AsItIs()


def no_decoder(coding: bytes) -> Decoder:
    raise AssertionError("no coding is supported")


@dataclass(frozen=True, slots=True)
class Codings:
    choose: Callable[[bytes | None], Coding] = lambda accept_encoding: PLAIN
    """The coding of an answer, by the request's Accept-Encoding."""
    supported: str = "identity"
    """Those of bodies, as messages and Accept-Encoding have them."""
    readable: frozenset[bytes] = frozenset((b"identity",))
    """The same in lower case, with `identity`."""
    open: Callable[[bytes], Decoder] = no_decoder

    def check(self, coding: bytes | None) -> None:
        """Raise GatewayError (415) for a body in a coding that cannot be read."""
        if coding is not None and coding.lower() not in self.readable:
            shown = coding[:QUOTED_CHARS].decode("ascii", "replace")
            raise GatewayError(
                Code.INVALID_ARGUMENT,
                f"a body encoded as {shown} is not supported; use one of: {self.supported}",
                status=415,
                headers={"Connection": "close", "Accept-Encoding": self.supported},
            )

    def decoder(self, coding: bytes | None) -> Decoder | None:
        """None without a coding, and for `identity`. Raises GatewayError (415)."""
        self.check(coding)
        coding = b"identity" if coding is None else coding.lower()
        return None if coding == b"identity" else self.open(coding)


NO_CODINGS = Codings()
