"""A gateway as the tools see it: the methods that the token may use, and calls of them."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial

from anyio import to_thread

from cuectl.farm import TIMEOUT_SECONDS, UNKNOWN_CALLER
from cuectl.methods import cached_methods, is_fresh, operation_named, renew, short_name
from cuectl.session import Session
from gateway.core.logs import escaped
from gateway_cli.assistant.marked import as_message
from gateway_client.arguments import Arguments
from gateway_client.client import WHOLE, Answer
from gateway_client.errors import CallError, Failure, InvalidCall, WrongSetting
from gateway_client.gateway import GatewayClient, gateway_client
from gateway_client.openapi_document import Document, Operation

VIA = "mcp"
"""What the gateway's logs say of its calls."""
CALLS_AT_ONCE = 8
"""More of them wait here, not at the gateway."""
UNCERTAIN = ("CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL", "UNKNOWN")
"""Codes of changes that may have been made."""
NO_METHODS = (
    "No method is known: the token may use none, or the gateway does not describe them (DOCS=off)."
)
COMMAND_FAILED = (
    "There is no token: the token command of the context failed. Run it in a terminal to see why."
)
FIND_IT = "Only methods that the token may use are known; search_methods finds them."


class Problem(Exception):
    """A tool has failed. The text says what to do, with what others have written as data."""


def client_of(
    session: Session, timeout: float = TIMEOUT_SECONDS
) -> AbstractAsyncContextManager[GatewayClient]:
    """A client of the session's gateway. Raises WrongSetting."""
    return gateway_client(session.context.url, session.tokens, timeout, via=VIA, exact=True)


@dataclass(slots=True)
class Farm:
    session: Session
    client: GatewayClient
    """A client with the session's context. Its tokens are not asked for."""
    _document: Document | None = None
    _renewal: asyncio.Task[Document] | None = None
    _token: asyncio.Lock = field(default_factory=asyncio.Lock)
    _calls: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, CALLS_AT_ONCE))

    async def methods(self) -> Document:
        """The methods that the token may use, from the cache for some minutes. Raises Problem.

        All who ask meanwhile wait for one answer of the gateway, or for its failure.
        """
        if self._document is not None and is_fresh(self.session):
            return self._document
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(look_at)
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> Document:
        try:
            if not is_fresh(self.session):
                await renew(self.session, await self._client_now())
            self._document = await to_thread.run_sync(cached_methods, self.session)
        except CallError as error:
            raise self._problem(error) from None
        except WrongSetting as error:
            raise Problem(str(error)) from None
        if self._document is None:
            raise Problem(NO_METHODS)
        return self._document

    async def method(self, written: str) -> tuple[Document, Operation]:
        """The method with a name that somebody writes. Raises Problem."""
        document = await self.methods()
        try:
            return document, operation_named(written, document)
        except InvalidCall as error:
            raise Problem(f"{escaped(str(error))}\n{FIND_IT}") from None

    async def call(
        self,
        operation: Operation,
        body: bytes,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        """Call a method with a request as JSON. Raises Problem."""
        name, changes = operation.path[1:], not (operation.reads_only or dry_run)
        async with self._calls:
            try:
                client = await self._client_now()
                return await client.call(name, Arguments(body), view=view, dry_run=dry_run)
            except CallError as error:
                raise self._problem(error, changes=changes) from None
            except InvalidCall as error:
                raise Problem(as_message(str(error))) from None

    async def _client_now(self) -> GatewayClient:
        """A client with the token of this moment. Raises Problem.

        A command may take its time to print one, and the loop has other requests meanwhile.
        """
        tokens = self.session.tokens
        try:
            if tokens.command:
                async with self._token:
                    token = await to_thread.run_sync(tokens, abandon_on_cancel=True)
            else:
                token = tokens()
        except Failure:  # whose text has the command, and that may have a secret
            raise Problem(COMMAND_FAILED) from None
        except WrongSetting as error:
            raise Problem(str(error)) from None
        return replace(self.client, token=lambda: token, read=self._document)

    def _problem(self, error: CallError, *, changes: bool = False) -> Problem:
        if error.code == "UNAUTHENTICATED" and not self.session.tokens.token:
            return Problem(UNKNOWN_CALLER)
        lines = [f"The call failed: {error.code}."]
        seconds = error.headers.get("Retry-After", "")
        if re.fullmatch("[0-9]{1,6}", seconds):
            lines.append(f"Try again in {seconds} s.")
        if changes and error.code in UNCERTAIN:
            lines.append("The change may have been made: look before you try again.")
        return Problem(f"{' '.join(lines)}\n{as_message(error.message)}")


def look_at(renewal: "asyncio.Task[Document]") -> None:
    """Python would complain of a failure that nobody has waited for."""
    if not renewal.cancelled():
        renewal.exception()


def name_of(operation: Operation, document: Document) -> str:
    """`Job/GetJobs`, or the path where others have that name, too."""
    short = short_name(operation.path)
    try:
        is_its_own = operation_named(short, document) is operation
    except InvalidCall:
        is_its_own = False
    return short if is_its_own else operation.path[1:]
