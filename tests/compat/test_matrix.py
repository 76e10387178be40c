"""The same gateway next to every published version of OpenCue, and next to something else.

Each version is played by the simulated Cuebot, over the descriptors of that version.
"""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.messages import Messages
from cuebot_simulator.world.studio import build_farm
from gateway.codec.body import UnknownFieldPolicy
from gateway.codec.decode import Decoders
from gateway.codec.encode import Encoders
from gateway.compat.profile import load_profile
from gateway.compat.resolve import answer_aliases
from gateway.schema.catalog import Catalog
from gateway.schema.description import Schema, full_name
from gateway.schema.method import Naming
from tests.compat.reference import CALLS, Call, new_studio
from tests.support import versions
from tests.support.decoding import decoder
from tests.support.farms import running_farm
from tests.support.opencue import with_ids
from tests.support.protos import (
    AllButArguments,
    TestSchema,
    canonical,
    exact,
    examples,
    messages,
    opencue,
    oracle,
    parsed,
    respelled,
    trial,
)
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, running_cuebot
from tests.support.versions import WHEELS, Unreachable, fetched, published

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

Json = dict[str, Any]

DRY = {"X-Dry-Run": "1"}
EXAMPLES = 5
"""How many messages of each type are tried for each version; other tests try more of one."""
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

    @property
    def catalog(self) -> Catalog:
        return catalog_of(self.gateway)


def catalog_of(gateway: Gateway) -> Catalog:
    catalog: Catalog = gateway.catalog
    return catalog


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
COLUMNS_OF_LIMITS = [
    f"verbs.verb.limits.{each}"
    for each in ("columns.type", "columns.enforcement", "wide.hostCount")
]
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
    catalog, schema = version.catalog, version.schema
    assert catalog.schema.origin == f"reflection v1 of {version.cuebot.endpoint}"
    assert (catalog.schema.confirmed, catalog.schema.digest, catalog.skipped) == (
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
        **dict.fromkeys(COLUMNS_OF_LIMITS, "/limit.LimitInterface/GetBindings"),
        **dict.fromkeys(HISTORY, "/monitoring.MonitoringInterface/GetJobHistory"),
    }
    served = {method.path for method in catalog.methods}
    missing = {entry for entry, path in newer.items() if path not in served}
    assert {each.entry for each in catalog.unused_entries} == missing
    assert catalog.unused_globs == ()


async def test_every_method_is_routed(version: Version) -> None:
    catalog = version.catalog
    bodies = {method.path: with_ids(method) for method in catalog.methods}
    routed = {path: served.path for path, served in catalog.routes.items()}
    for path in declared(version.schema):
        if path[1:].startswith(WITHHELD):
            answer = await version.gateway.post(path, headers=DRY)
            assert (answer.status_code, path in catalog.withheld) == (404, True)
            continue
        service, _, method = path[1:].partition("/")
        names = [alias for alias, native in DOCUMENTED.items() if native == service]
        assert {routed[f"/{name}/{method}"] for name in (service, *names)} == {path}
    for path, native in routed.items():
        answer = await version.gateway.post(path, bodies[native], headers=DRY)
        assert answer.status_code == 200, answer.text
        assert answer.json()["method"] == native
    assert not version.cuebot.calls


async def test_every_method_reaches_cuebot(version: Version) -> None:
    new_studio(version.gateway, version.cuebot)
    methods = [method for method in version.catalog.methods if method.instead is None]
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
    near = {method.near.method.path for method in methods if method.near is not None}
    finders = [by for method in methods if method.path in near for by in method.look_ups]
    listings = [by.finder.listing for by in finders if isinstance(by, Naming)]
    near |= {by.method.path for by in (*finders, *filter(None, listings))}
    assert (Counter(called) - Counter(served)).keys() <= near


CHECKED: set[tuple[bytes, ...]] = set()
"""What the types that have been looked at in this process mean: few change with a version."""


@cache
def installed() -> set[tuple[bytes, ...]]:
    """What the types mean that `tests/codec` looks at: those of the installed version."""
    files = [file.name for file in opencue().files]
    return {meaning(each) for name in files for each in opencue().types_of(name)}


def test_every_message_of_a_version_round_trips(schema: Schema) -> None:
    types = TestSchema(schema.files)
    aliases = answer_aliases(load_profile("opencue"), types.pool, [])
    served = Encoders(types.pool, aliases), Decoders(types.pool, AllButArguments(), aliases)
    for file in schema.files:
        for descriptor in types.types_of(file.name):
            if (known := meaning(descriptor)) in CHECKED:
                continue
            CHECKED.add(known)
            if known not in installed():
                check_round_trip(types, descriptor)
            if contents(descriptor).keys() & aliases.keys():
                check_echo(types, descriptor, *served)


def contents(descriptor: Descriptor) -> dict[str, Descriptor]:
    """A message type and all that occur in it, by full name."""
    found: dict[str, Descriptor] = {}
    waiting = [descriptor]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            waiting += [each.message_type for each in descriptor.fields if each.message_type]
    return found


def meaning(descriptor: Descriptor) -> tuple[bytes, ...]:
    """The same for two types whose messages are the same, enums included."""
    inside = contents(descriptor)
    enums = {
        each.enum_type.full_name: each.enum_type
        for kind in inside.values()
        for each in kind.fields
        if each.enum_type
    }
    parts = [
        (name, proto_of(kind, proto))
        for proto, kinds in ((DescriptorProto, inside), (EnumDescriptorProto, enums))
        for name, kind in kinds.items()
    ]
    return (descriptor.full_name.encode(), *(part for _, part in sorted(parts)))


def proto_of(descriptor: Any, proto: Callable[[], Any]) -> bytes:
    """What a descriptor was made from."""
    copy = proto()
    descriptor.CopyToProto(copy)
    made: bytes = copy.SerializeToString(deterministic=True)
    return made


def check_round_trip(schema: TestSchema, descriptor: Descriptor) -> None:
    """Check messages of a type, whichever way their JSON is written."""
    kind = schema.message_class(descriptor.full_name)
    encode, decode = schema.encoders.encoder(descriptor), decoder(schema.decoders, descriptor)

    @given(message=messages(schema, descriptor.full_name), seed=st.integers(0, 2**32))
    @examples(EXAMPLES)
    def check(message: Any, seed: int) -> None:
        expected = oracle(schema, message)
        text = b"".join(encode(message.SerializePartialToString()))
        assert exact(parsed(text)) == exact(expected)
        body = respelled(schema, message, expected, Random(seed))  # noqa: S311
        found = kind.FromString(
            decode(json.dumps(body).encode(), UnknownFieldPolicy.EVERYTHING).payload
        )
        assert canonical(schema, found) == canonical(schema, message)

    check()


def check_echo(
    schema: TestSchema, descriptor: Descriptor, encoders: Encoders, decoders: Decoders
) -> None:
    """Check that what an answer says, under more than one name, may be sent back."""
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
    if call.path not in version.catalog.routes:
        pytest.skip(f"OpenCue {version.name} has no {call.path}")
    studio = new_studio(version.gateway, version.cuebot)

    async def ask() -> Json:
        return await studio.ask(call.path, call.body)

    studio.names |= {name: studio.names[other] for name, other in call.means.items()}
    await call.effect(studio, ask)


async def test_what_no_version_has_is_said_to_be_missing(version: Version) -> None:
    version.cuebot.calls.clear()
    path = "owner.OwnerInterface/SetMaxCores"
    answer = await version.gateway.post(f"/{path}", {})
    assert answer.status_code == 404
    assert answer.json()["message"].startswith(f"no Cuebot has {path}: ")
    assert not version.cuebot.calls


@pytest.fixture
async def other() -> AsyncIterator[tuple[Gateway, ScriptedCuebot]]:
    """A gateway in front of a server whose schema shares nothing with OpenCue's."""
    async with (
        running_cuebot(ScriptedCuebot(trial().files)) as server,
        gateway_for(server.endpoint, descriptor_source="reflection") as gateway,
    ):
        yield gateway, server


async def test_another_schema_is_served(other: tuple[Gateway, ScriptedCuebot]) -> None:
    gateway, server = other
    catalog = catalog_of(gateway)
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


def request_class(path: str) -> Any:
    """The message that a method of the test schema takes."""
    service, _, method = path[1:].partition("/")
    descriptor = trial().pool.FindServiceByName(service).methods_by_name[method]
    return GetMessageClass(descriptor.input_type)


async def test_the_profile_is_silent_for_another_schema(
    other: tuple[Gateway, ScriptedCuebot],
) -> None:
    gateway, _ = other
    catalog, profile = catalog_of(gateway), load_profile("opencue")
    entries = {
        "probe",
        *(f"methods.{name}" for name in profile.methods),
        *(f"missing.{name}" for name in profile.missing),
        *(f"requests.{name}.{path}" for name, paths in profile.requests.items() for path in paths),
        *(f"rows.{name}.{path}" for name, paths in profile.rows.items() for path in paths),
        *(f"defaults.{name}.{path}" for name, paths in profile.defaults.items() for path in paths),
        *(f"answers.{name}" for name in profile.answers),
        *(f"identity.{name}" for name in profile.identity),
        *(f"identity_in_xml.{name}" for name in profile.identity_in_xml),
        *(f"{kind}.{step.method}.{step.given}" for kind, step in steps_of(profile)),
        *(f"named.{e.message}.{path}" for e in profile.named for path in (*e.fields, *e.ids)),
        *(f"instead.{each.method}" for each in profile.instead),
        *(f"about.{name}" for name in profile.about),
        *(f"shown.{name}" for name in profile.shown),
        *(f"narrowed.{name}" for name in profile.narrowed),
        *(f"names.{name}" for name in profile.names),
        *(f"pages.{name}" for name in profile.pages),
        *(f"panels.{name}" for name in profile.panels.panels),
        *(f"panels.objects.{each.title}" for each in profile.panels.objects),
        *(f"panels.completions.{each.method}" for each in profile.panels.completions),
        *(f"panels.destroys.{glob}" for glob in profile.panels.destroys),
        *(f"near.{name}" for name in profile.near),
        *(f"watched.{name}" for name in profile.watched),
        *(f"written.{path}" for path in profile.written),
        *(f"verbs.names.{name}" for name in profile.verbs.names),
        *(f"verbs.verb.{name}" for name in profile.verbs.verb),
        *(f"verbs.colors.{name}" for name in profile.verbs.colors),
        *("verbs.follow", "verbs.launch"),
    }
    assert {idle.entry for idle in catalog.unused_entries} == entries
    assert all(not method.rewrites and method.steps is None for method in catalog.methods)
    assert not any(method.references for method in catalog.methods)
    assert (catalog.aliases, catalog.missing, catalog.withheld) == ({}, {}, {})
    for path in ("/owner.OwnerInterface/SetMaxCores", "/host.OwnerInterface/SetMaxCores", "/Bare/"):
        message = (await gateway.post(path, {})).json()["message"]
        assert "nothing is served at" in message or "needs a method" in message
        assert "OpenCue" not in message
        assert "Cuebot" not in message


def steps_of(profile: Any) -> list[tuple[str, Any]]:
    """The look-ups and follow-ups, each with the name of its list."""
    return [
        (kind, step) for kind in ("before", "unique", "after") for step in getattr(profile, kind)
    ]


NO_REGISTRY = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}


def test_a_wheel_that_is_not_the_published_one_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_REGISTRY.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "1.37.0.whl").write_bytes(b"half of a whe")
    with pytest.raises(Unreachable, match=r"pip: .*opencue-proto==1\.37\.0"):
        fetched("1.37.0", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1.37.0.whl"]


def test_another_wheel_than_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "download", lambda version, folder: write(folder / "x.whl"))
    with pytest.raises(ValueError, match=r"1\.37\.0 is not the published one"):
        fetched("1.37.0", tmp_path)
    assert list(tmp_path.iterdir()) == []


def write(path: Path) -> None:
    path.write_bytes(b"another wheel")
