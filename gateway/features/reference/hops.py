"""Several calls that answer together for a method that Cuebot lacks, or that finds nothing."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.failures import subjects
from gateway.core.calls.ids import check_length, has_name
from gateway.core.calls.invoke import parsed
from gateway.core.calls.plan import Calls, plan_of
from gateway.core.calls.rows import matching_rows
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import Code, GatewayError
from gateway.core.profile.schema_paths import RowSearch
from gateway.core.schema.method import FieldPath, Method, value_at


@dataclass(frozen=True, slots=True)
class Hop:
    """One of the calls."""

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
class Hops:
    hops: tuple[Hop, ...]
    put: str
    """The field of the main answer for what the last hop takes."""
    name: FieldPath | None = None
    """An id's place that may have a name. With an id there, only Cuebot's own method is called."""

    async def answer(
        self, calls: Calls, method: Method, payload: bytes, absent: GatewayError | None
    ) -> bytes:
        """See `Instead`."""
        if absent is None:
            self._check(method, payload)
            return await self._answer(calls, method, payload)
        if not has_name(method, payload, self.name):
            raise absent.again()
        self._check(method, payload)
        try:
            return await self._answer(calls, method, payload)
        except GatewayError as error:
            no_name = self.name is not None and error.code is Code.INVALID_ARGUMENT
            if not no_name and error.code is not Code.NOT_FOUND:
                raise
            if error.sought is not None:  # what was found by its name here has others that are near
                absent.sought = error.sought._replace(only="")  # and what is over is found as well
                absent.message = absent.sought.said
            raise absent.again() from None

    def _check(self, method: Method, payload: bytes) -> None:
        """Raises GatewayError (INVALID_ARGUMENT) if what is looked up has too long a name."""
        asked = method.parse_request(payload)
        for each in self.hops:
            for source, _ in each.copies:
                check_length(".".join(source), value_at(asked, source))

    async def _answer(self, calls: Calls, method: Method, payload: bytes) -> bytes:
        asked, found = method.parse_request(payload), None
        for each in self.hops:
            sent = [(target, value_at(asked, source)) for source, target in each.copies]
            if each.send is not None:
                sent.append((each.send, found))
            answer = await calls.answer(plan_of(each.method, sent))
            if each.rows is not None:
                rows = await matching_rows(each.rows, asked, answer)
                if not rows:
                    what = subjects(method, payload)
                    raise GatewayError(Code.NOT_FOUND, f"{what} is not there")
                found = rows[0]
            else:
                found = parsed(each.method, answer)
            found = value_at(found, each.take)
        message: Any = GetMessageClass(method.descriptor.output_type)()
        getattr(message, self.put).CopyFrom(found)
        whole: bytes = message.SerializeToString()
        return whole
