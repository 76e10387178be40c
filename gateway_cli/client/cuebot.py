"""Cuebot without a gateway: its schema, and calls by the gateway's codecs, aliases and rules."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvloop
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.answer_form import AnswerForm, Asked, SecondCall, SentRequest
from gateway.core.calls.direct import Waited, together
from gateway.core.calls.invoke import Invocation, calls_within
from gateway.core.calls.plan import Plan, plan
from gateway.core.calls.query import refused
from gateway.core.calls.row_counts import ask_for_rows
from gateway.core.calls.rows import is_cut
from gateway.core.calls.steps import value_names
from gateway.core.codec.fields import field_called, is_message, message_of
from gateway.core.codec.unknown_fields import UNKNOWN_FIELD_POLICIES
from gateway.core.codec.wellknown import is_object, is_special
from gateway.core.discovery.files import OPENCUE_PACKAGE
from gateway.core.discovery.reflection import reflection_of
from gateway.core.discovery.refresh import WHAT_TO_DO
from gateway.core.discovery.source import NoReflection, NotReady, choose_source
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.request_headers import listed_paths
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import PACKAGE_PREFIX, NoSchema
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.core.settings.model import Settings
from gateway.core.upstream.cuebot import Cuebot, open_upstream
from gateway.features import FEATURES
from gateway.features.catalog import build_catalog, load_profile
from gateway_cli.client.method_names import find_method
from gateway_client.arguments import Arguments, Field, Fields, Kind
from gateway_client.client import IGNORED_FIELDS, NO_DRY_RUNS, PASSING, WHOLE, Answer, Client
from gateway_client.errors import CallError
from gateway_client.method_names import parse_name

DIRECT = together(each.direct for each in FEATURES)
NOT_THERE = "this gateway does not have the feature that reads it"
DISCOVERY_TIMEOUT_SECONDS = 10.0
OR_THE_PACKAGE = (
    "set CUEBOT_ENDPOINT to its address, or work without it:"
    f" DESCRIPTOR_SOURCE={PACKAGE_PREFIX}{OPENCUE_PACKAGE}"
)
OR_AUTO = "; DESCRIPTOR_SOURCE=auto falls back to the installed opencue-proto"


def discover(settings: Settings) -> Catalog:
    """The catalog for these settings.

    Raises GatewayError if Cuebot does not answer (UNAVAILABLE) or there is no schema
    (FAILED_PRECONDITION), and ConfigurationError for a wrong DESCRIPTOR_SOURCE.
    """
    return uvloop.run(discover_once(settings))


async def discover_once(settings: Settings) -> Catalog:
    upstream = open_upstream(settings)
    try:
        return await find_catalog(settings, upstream, DISCOVERY_TIMEOUT_SECONDS, OR_THE_PACKAGE)
    finally:
        await upstream.close()


async def find_catalog(
    settings: Settings, upstream: Cuebot, timeout: float, alternative: str
) -> Catalog:
    """The catalog, discovered within `timeout` seconds.

    Raises what `discover` does, with the `alternative` if Cuebot does not answer.
    """
    selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
    try:
        source = choose_source(settings.descriptor_source, reflection_of(upstream, timeout))
        async with asyncio.timeout(timeout):
            schema = await source.fetch()
        return build_catalog(schema, selection, load_profile(settings.compat_profile))
    except TimeoutError:
        slow = f"Cuebot at {upstream.endpoint} did not describe itself within {timeout:g} seconds"
        raise GatewayError(Code.UNAVAILABLE, f"{slow}; {alternative}") from None
    except NotReady as error:
        raise GatewayError(Code.UNAVAILABLE, f"{error}; {alternative}") from None
    except (NoReflection, NoSchema) as error:
        refused = isinstance(error, NoReflection) and settings.descriptor_source == "reflection"
        message = f"{error}{OR_AUTO * refused}. {WHAT_TO_DO}"
        raise GatewayError(Code.FAILED_PRECONDITION, message) from None


OR_A_GATEWAY = (
    "set CUEBOT_ENDPOINT to its address, or GATEWAY_URL (or --url) to call through a gateway"
)


@asynccontextmanager
async def cuebot_client(settings: Settings, timeout: float) -> AsyncIterator[Client]:
    """A client of CUEBOT_ENDPOINT whose calls may take `timeout` seconds each.

    The first call raises ConfigurationError if DESCRIPTOR_SOURCE cannot be used.
    """
    upstream = open_upstream(settings)
    try:
        yield CuebotClient(settings, upstream, timeout)
    finally:
        await upstream.close()


@dataclass(slots=True)
class CuebotClient:
    """A `Client` over gRPC. The first call discovers the schema."""

    settings: Settings
    upstream: Cuebot
    timeout: float
    catalog: Catalog | None = None

    async def call(
        self,
        name: str,
        request: Arguments,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        with as_call_errors():
            planned = await self._plan(name, request)
            if dry_run:
                if DIRECT.preview is None:
                    raise GatewayError(Code.UNIMPLEMENTED, NO_DRY_RUNS)
                try:
                    await Invocation(calls_within(self.timeout, self.upstream, ())).look_up(planned)
                except GatewayError as error:
                    raise await self._explained(error, planned.ignored) from None
                return Answer(content=b"".join(DIRECT.preview(planned)), ignored=planned.ignored)
            answer, _ = await self._answer(planned, view)
            return answer

    async def watch(
        self, name: str, request: Arguments, *, view: Mapping[str, str], every: float, until: str
    ) -> AsyncIterator[Answer | CallError]:
        planned = waited = None
        while True:
            is_done = False
            try:
                with as_call_errors():
                    if planned is None:
                        planned = await self._plan(name, request)
                        if until:
                            waited = waited_rows(planned.method, tuple(view.items()), until)
                            planned = waited.plan(planned)
                    result, is_done = await self._answer(planned, view, waited)
            except CallError as error:
                if until and error.code not in PASSING:
                    raise
                yield error
            else:
                yield result
            if is_done:
                return
            await asyncio.sleep(every)

    async def _answer(
        self, planned: Plan, view: Mapping[str, str], waited: Waited | None = None
    ) -> tuple[Answer, bool]:
        """The answer, and whether it has what is waited for."""
        method = planned.method
        asked_form = form_of(method, tuple(view.items()))
        if waited is not None:
            asked_form = waited.form(asked_form)
        rows = ask_for_rows(planned, asked_form)
        form = rows.form
        try:
            if form is None or form.second_call is None:
                call = calls_within(self.timeout, self.upstream, ())
                answer = await Invocation(call).answer(rows.plan)
            else:
                form, answer = await self._answer_in(form, form.second_call, rows.plan)
            content = b"".join((method.encode if form is None else form.encode)(answer))
        except GatewayError as error:
            raise await self._explained(error, planned.ignored) from None
        cut_at = rows.cut_at if await is_cut(method, answer, rows.cut_at) else 0
        is_done = waited is not None and await waited.has_come(answer, form)
        return Answer(content=content, ignored=planned.ignored, cut_at=cut_at), is_done

    async def _answer_in(
        self, form: AnswerForm, second: SecondCall, planned: Plan
    ) -> tuple[AnswerForm, bytes]:
        """The answer, and the form with what its second call finds."""
        assert self.catalog is not None, "it has been planned with a catalog"
        sent, call = SentRequest(planned.method), calls_within(self.timeout, self.upstream, ())
        answer = await Invocation(sent.around(call)).answer(planned)
        look_up = self.catalog.routes[second.call]
        return await form.completed(sent, look_up, answer, call), answer

    async def units(self, name: str) -> Mapping[str, str]:
        method = await self._method(name)
        return {} if DIRECT.units is None else DIRECT.units(method)

    async def _method(self, name: str) -> Method:
        parse_name(name)  # raises before the schema is discovered
        if self.catalog is None:
            timeout = min(self.timeout, DISCOVERY_TIMEOUT_SECONDS)
            self.catalog = await find_catalog(self.settings, self.upstream, timeout, OR_A_GATEWAY)
        return find_method(name, self.catalog)

    async def _plan(self, name: str, request: Arguments) -> Plan:
        method = await self._method(name)
        if method.streams:
            raise GatewayError(Code.UNIMPLEMENTED, f"{method.path} streams, which is not served")
        fields = fields_of(method.descriptor.input_type)
        body = request.as_json(fields, method.descriptor.name, value_names(method))
        return plan(method, body, UNKNOWN_FIELD_POLICIES[self.settings.unknown_fields])

    async def _explained(self, error: GatewayError, ignored: tuple[str, ...]) -> GatewayError:
        """The failure with the ignored fields in a header, and with advice if Cuebot is absent."""
        absent = error.code is Code.UNAVAILABLE and not await self.upstream.usable(0)
        message = f"{error.message}; {OR_A_GATEWAY}" if absent else error.message
        headers = {IGNORED_FIELDS: listed_paths(ignored).decode()}
        return GatewayError(error.code, message, details=error.details, headers=headers)


def form_of(method: Method, asked: Asked) -> AnswerForm | None:
    """Raises GatewayError (INVALID_ARGUMENT)."""
    if DIRECT.form is not None:
        return DIRECT.form(method, asked)
    for name, _ in asked:
        raise refused(name, NOT_THERE)
    return None


def waited_rows(method: Method, asked: Asked, until: str) -> Waited:
    """Raises GatewayError (INVALID_ARGUMENT)."""
    if DIRECT.waited is None:
        raise refused("_until", NOT_THERE)
    return DIRECT.waited(method, asked, until)


def fields_of(descriptor: Descriptor) -> Fields:

    def find(name: str) -> Field | None:
        found = field_called(descriptor, name)
        return None if found is None else as_field(found)

    return find


def as_field(found: FieldDescriptor) -> Field:
    if is_object(found):
        return Field(Kind.OBJECT, fields=fields_of(message_of(found)))
    if is_message(found) and not is_special(message_of(found)):
        return Field(Kind.WHOLE)
    kind = Kind.SWITCH if found.type == found.TYPE_BOOL else Kind.TEXT
    return Field(kind, is_list=bool(found.is_repeated))


@contextmanager
def as_call_errors() -> Iterator[None]:
    """Errors as those of a gateway's answers."""
    try:
        yield
    except GatewayError as error:
        raise CallError(
            error.code.name,
            error.message,
            status=error.status,
            details=error.details.shown,
            headers=error.headers,
        ) from None
