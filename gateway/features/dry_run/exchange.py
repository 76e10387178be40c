"""Dry runs (`X-Dry-Run: 1`): the calls that a request would make, which are not made."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Receive, Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.exchange import Exchange, Inherited
from gateway.core.pipeline.form import form_for
from gateway.core.pipeline.options import Options
from gateway.core.pipeline.request import CallRequest
from gateway.core.pipeline.respond import Responder
from gateway.core.pipeline.state import Slot
from gateway.core.schema.method import Method
from gateway.features.dry_run.preview import preview

DRY_RUN_KEY = b"x-dry-run"
MISSPELLED = (b"dry-run", b"x-dryrun", b"dryrun")
ON, OFF = (b"1", b"true"), (b"0", b"false")
DRY_RUN_ANSWER = (DRY_RUN_KEY, b"1")
"""On every answer to a dry run: this gateway knows the header, and nothing was called."""
DEFAULTS = "_defaults"


@dataclass(slots=True)
class State:
    """Of a request that is a dry run."""

    defaults: bool = False
    """Whether fields that are not set are shown."""


STATE = Slot(State)


def is_dry_run(context: RequestContext) -> bool:
    return bool(context.states) and STATE.peek(context) is not None


def add_dry_run(context: RequestContext, fields: dict[str, object]) -> None:
    """To lines in logs."""
    if is_dry_run(context):
        fields["dry_run"] = True


def begin(context: RequestContext) -> None:
    """Find out whether a request is a dry run. Raises GatewayError (INVALID_ARGUMENT)."""
    if asks_dry_run(context.request.headers):
        STATE.of(context)
        context.response.headers.append(DRY_RUN_ANSWER)


def asks_dry_run(headers: Mapping[bytes, bytes]) -> bool:
    """`1` or `true`, `0` or `false`. Raises GatewayError (INVALID_ARGUMENT): a misspelled dry run
    must not make the call.
    """
    text = headers.get(DRY_RUN_KEY)
    if text is None:
        if any(name in headers for name in MISSPELLED):
            problem = "for a dry run, send the header X-Dry-Run: 1; nothing was called"
            raise GatewayError(Code.INVALID_ARGUMENT, problem)
        return False
    value = text.strip().lower()
    if value not in ON + OFF:
        raise GatewayError(Code.INVALID_ARGUMENT, "X-Dry-Run: expected 1 or 0; nothing was called")
    return value in ON


class DryRunOptionReader:
    """`_defaults=true`, of dry runs alone."""

    parameters: tuple[str, ...] = ()
    other_ways: Mapping[str, str] = {}

    def needs(self, accept: bytes) -> bool:
        return False

    def read(self, context: RequestContext, method: Method, options: Options) -> None:
        if is_dry_run(context):
            options.takes_json = True
            STATE.of(context).defaults = "true" in options.take(DEFAULTS)


class DryRuns(Exchange):
    headers = frozenset((DRY_RUN_KEY, *MISSPELLED))

    def __init__(self, calls: CallMaker, responder: Responder) -> None:
        self._calls = calls
        self._responder = responder

    def read_head(self, context: RequestContext) -> None:
        begin(context)

    def inherited(self, context: RequestContext) -> Inherited | None:
        begin(context)
        value = context.request.headers.get(DRY_RUN_KEY)
        return None if value is None else Inherited(DRY_RUN_KEY, lambda _: value)

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        return is_dry_run(context)

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        if context.surface is not None:
            problem = f"a dry run is answered in plain JSON, not in {context.surface.name}"
            raise GatewayError(Code.INVALID_ARGUMENT, f"X-Dry-Run: {problem}; nothing was called")
        form = form_for(context, preview(request.plan, defaults=STATE.of(context).defaults))
        with CancelOnDisconnect(context, receive):
            await self._calls.try_out(context, request)
            context.response.code = Code.OK
            await self._responder.send(context, form, send, within=request.timeout)
