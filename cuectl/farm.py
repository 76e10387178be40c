"""What verbs ask a farm: reads and changes, through one gateway."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
import orjson

from cuectl.session import Session
from gateway_client.errors import CallError, Failure, InvalidCall, WrongSetting
from gateway_client.tokens import subject_of

if TYPE_CHECKING:  # slow to import, and not needed for --help
    import asyncio

    from gateway_client.client import Answer
    from gateway_client.gateway import GatewayClient

Json = dict[str, Any]
NO_VIEW: Mapping[str, str] = {}
TIMEOUT_SECONDS = 30.0
UNKNOWN_CALLER = (
    "no token is known: set TOKEN, or give the context one:"
    " cuectl context add NAME --url URL --token-command COMMAND"
)


class Farm:
    """One gateway's farm: calls by the full names of methods (`job.JobInterface/GetJobs`).

    Requests are JSON, in which an object is its name. Each call raises CallError where it fails,
    and Failure where this Cuebot has no such method.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.timeout: float | None = None
        """Seconds for each call; None for the usual ones."""
        self._runner: asyncio.Runner | None = None
        self._open = AsyncExitStack()
        self._client: GatewayClient | None = None

    @property
    def me(self) -> str:
        """The token's user."""
        return subject_of(self.session.tokens())

    def call(self, method: str, request: Json) -> Json:
        """The answer to one call, which waits for the rate limit."""
        return self.read(method, request)[0]

    def read(
        self, method: str, request: Json, view: Mapping[str, str] = NO_VIEW
    ) -> tuple[Json, "Answer"]:
        """The answer of a read with a view (`_fields`, `_where`), and the gateway's notes on it."""
        from cuectl.many import patiently

        async def asked(client: "GatewayClient") -> "Answer":
            return await patiently(client, method, request, view)

        answer = self._run(asked, method)
        return answer.json, answer

    def rows(self, method: str, request: Json, view: Mapping[str, str] = NO_VIEW) -> list[Json]:
        """The rows of a read with one list."""
        return rows_in(self.read(method, request, view)[0])

    def each(
        self,
        method: str,
        requests: Mapping[str, Json],
        view: Mapping[str, str] = NO_VIEW,
    ) -> "dict[str, Answer | CallError]":
        """The answer, or the error, of one call for each name: in one request of the gateway's."""
        from cuectl.many import outcomes

        async def asked(client: "GatewayClient") -> "dict[str, Answer | CallError]":
            return await outcomes(client, method, requests, view)

        found: dict[str, Answer | CallError] = self._run(asked, method)
        return found

    def rehearse(self, method: str, request: Json) -> Json:
        """The request as Cuebot would get it, which does not. Raises CallError if it would fail."""

        async def asked(client: "GatewayClient") -> Json:
            from gateway_client.arguments import Arguments

            answer = await client.call(method, Arguments(orjson.dumps(request)), dry_run=True)
            found: Json = answer.json["request"]
            return found

        called: Json = self._run(asked, method)
        return called

    def run(self, work: "Callable[[GatewayClient], Any]") -> Any:
        """Run a coroutine function with the client, for what streams of its own need."""
        return self._run(work, "")

    def _run(self, work: "Callable[[GatewayClient], Any]", method: str) -> Any:
        if self._runner is None:
            import asyncio

            self._runner = asyncio.Runner()
        try:
            return self._runner.run(self._asked(work))
        except CallError as error:
            raise as_option(error) or error from None
        except InvalidCall as error:
            if not method:
                raise
            raise Failure(
                f"this gateway's Cuebot has no {method}, or the token may not see it"
                f" (cuectl whoami lists what it may do): {error}"
            ) from None

    async def _asked(self, work: "Callable[[GatewayClient], Any]") -> Any:
        if self._client is None:
            from gateway_client.gateway import gateway_client

            session, seconds = self.session, self.timeout or TIMEOUT_SECONDS
            opening = gateway_client(session.context.url, session.tokens, seconds, exact=True)
            self._client = await self._open.enter_async_context(opening)
        try:
            return await work(self._client)
        except CallError as error:
            if error.code == "UNAUTHENTICATED" and not self.session.tokens():
                raise WrongSetting(UNKNOWN_CALLER) from None
            raise

    def close(self) -> None:
        if self._runner is not None:
            self._runner.run(self._open.aclose())
            self._runner.close()


VIEW_OPTIONS = {"_fields": "no such column", "_where": "--where", "_until": "--until"}


def as_option(error: CallError) -> InvalidCall | None:
    """A problem of the gateway's view, in terms of the options."""
    if error.code != "INVALID_ARGUMENT":
        return None
    for name, option in VIEW_OPTIONS.items():
        if error.message.startswith(f"{name}: "):
            return InvalidCall(f"{option}{error.message.removeprefix(name)}")
    return None


def rows_in(answer: Any) -> list[Json]:
    """The rows of an answer with one list (`{"jobs": {"jobs": […]}}`), or its only object."""
    found = answer
    while isinstance(found, dict) and len(found) == 1:
        (inner,) = found.values()
        if not isinstance(inner, dict | list):
            break
        found = inner
    if isinstance(found, list):
        return found
    return [found] if found else []


def all_read(answers: "Mapping[str, Answer | CallError]") -> dict[str, list[Json]]:
    """The rows of several reads (`Farm.each`), by name. Raises the CallError of the first that has
    failed.
    """
    found = {}
    for name, answer in answers.items():
        if isinstance(answer, CallError):
            raise answer
        found[name] = rows_in(answer.json)
    return found


def pass_farm(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for the function of a Click command, which gets the Farm first."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        farm = Farm(click.get_current_context().ensure_object(Session))
        try:
            return command(farm, *arguments, **options)
        finally:
            farm.close()

    return run
