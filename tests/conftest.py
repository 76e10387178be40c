"""Fixtures for all tests: Cuebots, and gateways in front of them.

A module whose tests need another Cuebot overrides `cuebot`, and `gateway` stands in front of that:

    @pytest.fixture
    def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
        return simulated_cuebot

Tests that need gateways or Cuebots of their own start them with the functions of
`tests.support.servers` (`gateway_for`), `tests.support.farms` (`running_farm`) and, as processes,
of `tests.support.processes` and `tests.support.commands`.
"""

import gc
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from typing import Any

import hypothesis
import pytest
import structlog

from cuebot_simulator.server import SimulatedCuebot
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_folder
from gateway.core.discovery.refresh import warm as compile_all
from gateway.core.offload import planner as offload
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import COMPOSITION, Profile, build_catalog, load_profile
from gateway.features.settings import Settings
from tests.support import commands, servers
from tests.support.farms import running_farm, still_farm
from tests.support.needs import missing, reason, skipped
from tests.support.opencue import opencue
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    running_cuebot,
    running_gateway,
)

gc.disable()
if find_spec("sniffio") is None:
    # Or httpcore looks for it in all folders of the path, several times in each request.
    sys.modules["sniffio"] = None  # type: ignore[assignment]
hypothesis.settings.register_profile(
    # A machine that is busy with other things fails no test.
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "fast", parent=hypothesis.settings.get_profile("untimed"), max_examples=25
)
hypothesis.settings.load_profile("untimed")


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """One whose tests all need a feature that is not there is not imported."""
    return skipped(module_path, parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        why = reason(str(name) for mark in item.iter_markers("needs") for name in mark.args)
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_collection_finish() -> None:
    # Until here it rests; what is loaded stays, and looking through it takes a sixth of a run.
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the loop that the gateway runs on."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: object) -> AsyncIterator[None]:
    """One for the session: grpc.aio finishes calls on loops of tests that have ended."""
    yield  # noqa: PT022 - a fixture that returned would let the loop go


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """A logged traceback has no variables: with those of a gateway it would take half a minute."""
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])


@pytest.fixture(scope="session", autouse=True)
def opencue_read_once() -> Iterator[None]:
    """OpenCue's package is read once, and not for each of a thousand gateways."""
    spec = find_spec(OPENCUE_PACKAGE)
    assert spec is not None
    (installed,) = map(Path, spec.submodule_search_locations or ())
    schema = read_folder(installed, OPENCUE_PACKAGE)

    def read(folder: Path, name: str) -> Schema:
        return schema if folder == installed else read_folder(folder, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.core.discovery.files.read_folder", read)
        yield


@pytest.fixture(scope="session", autouse=True)
def opencue_built_once() -> Iterator[None]:
    """Nor is its catalog built and compiled, and the built-in profile read, for each of them."""
    profile, digest = load_profile("opencue"), opencue().digest
    built: dict[object, Catalog] = {}
    compiled: set[int] = set()
    """The ids of the methods of those in `built` whose codecs are there."""

    def load(wanted: str) -> Profile:
        return profile if wanted == "opencue" else load_profile(wanted)

    def build(schema: Schema, selection: Selection, adapted: Profile) -> Catalog:
        if schema.digest != digest or adapted is not profile:
            return build_catalog(schema, selection, adapted)
        same = schema.source, schema.skipped, selection
        if same not in built:
            built[same] = build_catalog(schema, selection, adapted)
        return replace(built[same], schema=schema)

    async def warm(catalog: Catalog) -> None:
        if id(catalog.methods) not in compiled:
            await compile_all(catalog)
            if any(catalog.methods is each.methods for each in built.values()):
                compiled.add(id(catalog.methods))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway_cli.client.cuebot.load_profile", load)
        patch.setattr("gateway_cli.client.cuebot.build_catalog", build)
        kept = replace(COMPOSITION, load_profile=load, build_catalog=build)
        patch.setattr("gateway.app.COMPOSITION", kept)
        patch.setattr("gateway.core.discovery.refresh.warm", warm)
        yield


@pytest.fixture
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """For files that mark themselves with `ON_EACH_TRANSPORT`: their tests run on each."""
    transport: str = request.param
    if transport == "http2" and (why := reason(["http2"])):
        pytest.skip(why)
    monkeypatch.setitem(servers.ALSO, "cuebot_transport", transport)
    return transport


@pytest.fixture(scope="session")
async def scripted_cuebot() -> AsyncIterator[ScriptedCuebot]:
    """The server behind `cuebot`, for fixtures that live longer than a test."""
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        yield cuebot


@pytest.fixture
def cuebot(scripted_cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """A Cuebot with OpenCue's schema that answers what the test says, and else empty messages."""
    scripted_cuebot.start_over()
    return scripted_cuebot


@pytest.fixture(scope="module")
async def simulated_cuebot() -> AsyncIterator[SimulatedCuebot]:
    """A Cuebot with the demo's farm, on which no time passes."""
    async with running_farm(still_farm()) as cuebot:
        yield cuebot


@pytest.fixture(scope="session")
def cuebot_process() -> Iterator[str]:
    with commands.cuebot_process() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
async def shared_gateway() -> AsyncIterator[SharedGateway]:
    """A function: the gateway at an endpoint with these settings, one for all who ask for it."""
    started: list[tuple[Settings, Gateway]] = []
    async with AsyncExitStack() as stack:

        async def gateway_with(endpoint: str, **more: object) -> Gateway:
            settings = servers.settings_for(endpoint, **servers.UNLIMITED | more)
            for known, gateway in started:
                if known == settings:
                    return gateway
            gateway = await stack.enter_async_context(running_gateway(settings))
            started.append((settings, gateway))
            return gateway

        yield gateway_with


@pytest.fixture
async def public(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway with public pages; `gateway` has the default, DOCS=token."""
    return await shared_gateway(cuebot.endpoint, docs="public")


@pytest.fixture
async def gateway(
    request: pytest.FixtureRequest,
    shared_gateway: SharedGateway,
    cuebot: ScriptedCuebot | SimulatedCuebot,
    monkeypatch: pytest.MonkeyPatch,
) -> Gateway:
    """The gateway in front of `cuebot`, shared in a module, without a rate limit.

    It keeps no lists of near names from one test to the next.

    Other settings come from marks: `@pytest.mark.gateway(max_body_mb=0.5)`, on the test or as the
    module's `pytestmark`.
    """
    settings: dict[str, object] = {}
    for mark in reversed(list(request.node.iter_markers("gateway"))):
        settings |= mark.kwargs
    if not missing(["names"]):
        monkeypatch.setattr("gateway.features.names.kept_names.KEPT_SECONDS", 0.0)
    return await shared_gateway(cuebot.endpoint, **settings)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Popen[bytes]]:
    """The processes for large bodies that have started during the test."""
    processes: list[Popen[bytes]] = []

    def noted(*command: Any, **options: Any) -> Popen[bytes]:
        processes.append(Popen(*command, **options))  # noqa: S603 - it is our own command
        return processes[-1]

    monkeypatch.setattr(offload, "Popen", noted)
    return processes
