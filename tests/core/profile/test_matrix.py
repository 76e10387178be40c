"""The same gateway next to every published version of OpenCue, and next to something else.

Each version is played by the simulated Cuebot, over the descriptors of that version.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.messages import Messages
from cuebot_simulator.world.studio import build_farm
from gateway.core.calls.instead import Instead
from gateway.core.calls.plan import steps_of
from gateway.core.codec.decode import Decoders
from gateway.core.codec.encode import Encoders
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.schema.description import Schema, full_name
from gateway.features.catalog import load_profile
from gateway.features.names.aspect import RequestNames
from gateway.features.names.naming import Naming
from gateway.features.reference.resolve import answer_aliases
from tests.features.names.ids import with_ids
from tests.features.reference.documented import CALLS, Call, new_studio
from tests.support.decoding import decoder
from tests.support.farms import running_farm
from tests.support.needs import needs
from tests.support.protos import (
    AllButArguments,
    TestSchema,
    canonical,
    examples,
    messages,
    oracle,
    parsed,
    trial,
)
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, running_cuebot
from tests.support.versions import WHEELS, Unreachable, published

pytestmark = [pytest.mark.anyio, pytest.mark.slow, needs("names", "reference")]

Json = dict[str, Any]

DRY = {"X-Dry-Run": "1"}
EXAMPLES = 5
"""How many messages of each type are tried for each version; `tests/codec` tries more of one."""
WITHHELD = ("report.RqdReportInterface", "rqd.")
DOCUMENTED = {
    "frame.FrameInterface": "job.FrameInterface",
    "layer.LayerInterface": "job.LayerInterface",
    "group.GroupInterface": "job.GroupInterface",
    "owner.OwnerInterface": "host.OwnerInterface",
    "proc.ProcInterface": "host.ProcInterface",
    "deed.DeedInterface": "host.DeedInterface",
}
"""Services under the names of OpenCue's reference, where that has others."""

SIZES = {
    "1.11.66": (27, 294, 684),
    "1.13.8": (27, 295, 686),
    "1.19.1": (28, 301, 712),
    "1.34.22": (28, 315, 745),
    "1.37.0": (28, 315, 745),
}
"""How many services, methods and message types there are."""


@dataclass
class Version:
    """A gateway in front of a simulated Cuebot of one version."""

    name: str
    schema: Schema
    gateway: Gateway
    cuebot: SimulatedCuebot


@pytest.fixture(scope="module", params=WHEELS)
def release(request: pytest.FixtureRequest) -> str:
    """The name of a version."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def schema(release: str) -> Schema:
    """What the wheel of that version holds."""
    found = published(release)
    if isinstance(found, Unreachable):
        pytest.skip(f"opencue-proto {release} cannot be fetched: {found}")
    return found


@pytest.fixture(scope="module")
async def version(release: str, schema: Schema) -> AsyncIterator[Version]:
    """A gateway that found that schema by reflection."""
    async with (
        running_farm(build_farm(Messages(schema))) as cuebot,
        gateway_for(cuebot.endpoint, descriptor_source="reflection") as gateway,
    ):
        yield Version(release, schema, gateway, cuebot)


MONITORING = "monitoring.MonitoringInterface"
HISTORY = [
    *(
        f"shown.monitoring.{each}"
        for each in ("HistoricalJob", "HistoricalFrame", "HistoricalLayer", "LayerMemoryRecord")
    ),
    *(f"pages.{MONITORING}/Get{each}History" for each in ("Job", "Frame", "Layer", "LayerMemory")),
    f"narrowed.{MONITORING}/GetJobHistory",
]


def declared(schema: Schema) -> list[str]:
    """The paths of all methods, as the files declare them."""
    return [
        f"/{full_name(file, service)}/{method.name}"
        for file in schema.files
        for service in file.service
        for method in service.method
    ]


async def test_a_version_is_discovered_whole(version: Version) -> None:
    catalog, schema = version.gateway.catalog, version.schema
    assert catalog.schema.origin == f"reflection v1 of {version.cuebot.endpoint}"
    assert (catalog.schema.confirmed, catalog.schema.digest, catalog.absent.skipped) == (
        True,
        schema.digest,
        (),
    )
    types = TestSchema(schema.files)
    assert types.broken == {}
    count = sum(len(types.types_of(file.name)) for file in schema.files)
    assert (len(schema.services), len(declared(schema)), count) == SIZES[version.name]
    newer = {
        "identity.job.LayerInterface/SetStartAfter": "/job.LayerInterface/SetStartAfter",
        "named.job.Layer.layerIds": "/limit.LimitInterface/GetBindings",
        "shown.limit.LimitBinding": "/limit.LimitInterface/GetBindings",
        **dict.fromkeys(HISTORY, "/monitoring.MonitoringInterface/GetJobHistory"),
    }
    served = {method.path for method in catalog.methods}
    missing = {entry for entry, path in newer.items() if path not in served}
    assert {each.entry for each in catalog.idle.entries} == missing
    assert catalog.idle.globs == ()


async def test_every_method_is_routed(version: Version) -> None:
    catalog = version.gateway.catalog
    routed = {path: served.path for path, served in catalog.routes.items()}
    for path in declared(version.schema):
        if path[1:].startswith(WITHHELD):
            answer = await version.gateway.post(path, headers=DRY)
            assert (answer.status_code, path in catalog.absent.withheld) == (404, True)
            continue
        service, _, method = path[1:].partition("/")
        names = [alias for alias, native in DOCUMENTED.items() if native == service]
        assert {routed[f"/{name}/{method}"] for name in (service, *names)} == {path}
    assert {*routed.values()} == {method.path for method in catalog.methods}


async def test_every_method_reaches_cuebot(version: Version) -> None:
    new_studio(version.gateway, version.cuebot)
    methods = [
        method for method in version.gateway.catalog.methods if Instead not in method.aspects
    ]
    served = [method.path for method in methods]
    for method in methods:
        answer = await version.gateway.post(method.path, with_ids(method))
        # UNKNOWN would be the simulation's own fault.
        assert answer.status_code == 200 or answer.json()["error"] != "UNKNOWN", answer.text
        assert answer.headers["x-schema"] == version.schema.digest[:12]
    called = [path for path, _ in version.cuebot.calls]
    rest = iter(called)
    assert all(path in rest for path in served), "each of them, in this order"
    # A list of names may be asked for behind a name that is not found, once a second.
    near = {
        found.method.path
        for method in methods
        if (found := RequestNames.of(method).near) is not None
    }
    finders = [by for method in methods if method.path in near for by in steps_of(method)]
    listings = [by.finder.listing for by in finders if isinstance(by, Naming)]
    near |= {by.method.path for by in (*finders, *filter(None, listings))}
    assert (Counter(called) - Counter(served)).keys() <= near


def test_what_answers_say_under_two_names_may_be_sent_back(schema: Schema) -> None:
    types = TestSchema(schema.files)
    aliases = answer_aliases(load_profile("opencue"), types.pool, [])
    served = Encoders(types.pool, aliases), Decoders(types.pool, AllButArguments(), aliases)
    for name in aliases:
        check_echo(types, types.message_type(name), *served)


def check_echo(
    schema: TestSchema, descriptor: Descriptor, encoders: Encoders, decoders: Decoders
) -> None:
    kind = schema.message_class(descriptor.full_name)
    encode, decode = encoders.encoder(descriptor), decoder(decoders, descriptor)

    @given(message=messages(schema, descriptor.full_name))
    @examples(EXAMPLES)
    def check(message: Any) -> None:
        said = parsed(b"".join(encode(message.SerializePartialToString())))
        found = decode(json.dumps(said).encode(), UnknownFieldPolicy.EVERYTHING)
        assert canonical(schema, kind.FromString(found.payload)) == canonical(schema, message)
        assert found.ignored == ()

    check()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.path[1:])
async def test_a_documented_call_does_what_the_document_says(version: Version, call: Call) -> None:
    if call.path not in version.gateway.catalog.routes:
        pytest.skip(f"OpenCue {version.name} has no {call.path}")
    studio = new_studio(version.gateway, version.cuebot)

    async def ask() -> Json:
        return await studio.ask(call.path, call.body)

    await call.check(studio, ask)


@pytest.fixture
async def other() -> AsyncIterator[tuple[Gateway, ScriptedCuebot]]:
    """A gateway in front of a server whose schema shares nothing with OpenCue's."""
    async with (
        running_cuebot(ScriptedCuebot(trial().files)) as server,
        gateway_for(server.endpoint, descriptor_source="reflection") as gateway,
    ):
        yield gateway, server


async def test_another_schema_is_served(other: tuple[Gateway, ScriptedCuebot]) -> None:
    """No error speaks of OpenCue there."""
    gateway, server = other
    catalog = gateway.catalog
    paths = [method.path for method in catalog.methods]
    assert {path.rpartition("/")[0] for path in paths} == {"/Bare", "/trial.wellknown.WellKnown"}
    assert sorted(catalog.routes) == sorted(paths)
    streaming = {"/Bare/Watch", "/Bare/Gather", "/Bare/Talk"}
    for path in paths:
        body = json.dumps(oracle(trial(), request_class(path)()))
        answer = await gateway.post(path, content=body, headers=DRY)
        if path in streaming:
            assert (answer.status_code, answer.json()["code"]) == (501, 12)
        else:
            assert (answer.status_code, answer.json()["method"]) == (200, path)
    note = {"text": "hello", "leaves": [{"name": "one"}]}
    server.answers("/Bare/Echo", trial().message_class("BareNote")(**note).SerializeToString())
    answer = await gateway.post("/Bare/Echo", note)
    assert (answer.status_code, answer.json()) == (200, note)
    assert [(path, request) for path, request, _ in server.seen] == [
        ("/Bare/Echo", trial().message_class("BareNote")(**note).SerializeToString())
    ]
    for path in ("/owner.OwnerInterface/SetMaxCores", "/host.OwnerInterface/SetMaxCores", "/Bare/"):
        message = (await gateway.post(path, {})).json()["message"]
        assert "nothing is served at" in message or "needs a method" in message
        assert "OpenCue" not in message
        assert "Cuebot" not in message


def request_class(path: str) -> Any:
    """The message that a method of the test schema takes."""
    service, _, method = path[1:].partition("/")
    descriptor = trial().pool.FindServiceByName(service).methods_by_name[method]
    return GetMessageClass(descriptor.input_type)
