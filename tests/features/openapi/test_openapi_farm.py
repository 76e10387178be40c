"""The OpenAPI document against the simulated farm: what it promises is what happens."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf.descriptor import Descriptor

from cuebot_simulator.server import SimulatedCuebot
from gateway.core.codec.fields import is_map, is_message, message_of
from gateway.core.schema.method import Method
from gateway.features.openapi.parts import Json
from tests.features.openapi.documents import PARTS, document, response_schema, validator
from tests.support.commands import tool
from tests.support.farms import running_farm, still_farm
from tests.support.javascript import node_with
from tests.support.needs import needs
from tests.support.servers import Gateway, gateway_for, token

pytestmark = [
    needs("pages"),
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.gateway(grpc_timeout="5s"),
]

TIMEOUT = 500  # seconds that a tool may take before it counts as stuck
BIN = Path(sys.executable).parent
CHECKS = (
    "status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth"
)
AN_ID = "0a5c9b2e-4f0d-4c8e-9d5b-6d1f0c3e7a21"
"""Of nothing: a dry run looks up names, and takes ids as they are."""
PAGE = (Path(__file__).parents[3] / "docs" / "openapi.md").read_text(encoding="utf-8")
PAUSED = """
import sys
from client import AuthenticatedClient, models
from client.api.job_job_interface import job_interface_find_job as find_job
from client.api.job_job_interface import job_interface_pause as pause
from client.api.show_show_interface import show_interface_get_shows as get_shows
from client.models import JobJobFindJobRequest, JobJobInput, JobJobPauseRequest, JobJobState

url, token, name = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=token, raise_on_unexpected_status=True)

found = get_shows.sync(client=client)
print(found.shows.shows[0].name)
wanted = JobJobFindJobRequest(name=name)
job = find_job.sync(client=client, body=wanted).job
print(job.name, job.is_paused, job.state is JobJobState.PENDING, job.min_cores + 0.5)
pause.sync(client=client, body=JobJobPauseRequest(job=JobJobInput(id=job.id)))
print(find_job.sync(client=client, body=wanted).job.is_paused)
missing = find_job.sync(client=client, body=JobJobFindJobRequest(name="no such job"))
print(missing.error, missing.code)
print("client.models.host_host" in sys.modules)
for name in models.PLACES:
    getattr(models, name)
print("client.models.host_host" in sys.modules)
"""
CALLS = Path(__file__).parent / "calls.mts"
CALLED = """\
shows demo,harbor,northwind
job demo-sh010-artist1_light_v012 2 false
job demo-sh010-lena_comp_v003 0 false
job demo-sh020-marco_smoke_v001 0 true
GET lena
csv "name","user"
cores number
memory true true
states true 3
host OPEN true
changed true 120 12
comment plates
error 404 true 5 undefined
dry run 1
ready true
"""


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    return simulated_cuebot


async def run(folder: Path, *command: str) -> str:
    environ = {"PATH": f"{BIN}:/usr/bin:/bin", "PYTHONPATH": str(folder)}
    status, text = await tool(*command, folder=folder, environ=environ, timeout=TIMEOUT)
    assert status == 0, text[-6000:]
    return text


def things(descriptor: Descriptor, value: Any) -> Iterator[tuple[str, Json]]:
    """Every object in an answer, with the name of its type in lower case."""
    yield descriptor.name.lower(), value
    for field in descriptor.fields:
        inner = value.get(field.json_name)
        if is_message(field) and not is_map(field) and inner:
            for each in inner if field.is_repeated else [inner]:
                yield from things(message_of(field), each)


def filled(value: Any, known: dict[str, Json], own: str) -> Any:
    """An example with what the farm has for `<job id>`, `<name>` and the like."""
    if isinstance(value, dict):
        return {key: filled(each, known, own) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known, own) for each in value]
    if not isinstance(value, str) or not (found := re.fullmatch(r"<(?:(\w+) )?(\w+)>", value)):
        return value
    kind, name = found[1] or own, found[2]
    return known.get(kind, {}).get(name) or known.get(name, {}).get("name") or value


async def check(gateway: Gateway, method: Method, known: dict[str, Json]) -> int:
    """Call a method as its example says, and hold the answer against the document: its status."""
    operation = document()["paths"][method.path]["post"]
    body = operation["requestBody"]["content"]["application/json"]["example"]
    own = method.service.rpartition(".")[2].removesuffix("Interface").lower()
    answer = await gateway.post(method.path, filled(body, known, own))
    status = answer.status_code
    assert str(status) in operation["responses"], answer.text
    components = document()["components"]["schemas"]
    validator(response_schema(operation, status), components).validate(answer.json())
    if status == 200:
        known.update(things(method.descriptor.output_type, answer.json()))
    return status


async def test_every_answer_of_the_farm_fits(gateway: Gateway) -> None:
    """Whatever comes of examples, filled in with the farm's ids, is documented; most succeed."""
    methods: list[Method] = sorted(gateway.catalog.methods, key=lambda each: "Delete" in each.path)
    known: dict[str, Json] = {}
    for _ in range(3):  # what one says is what another is asked with
        for method in methods:
            if method.reads_only:
                await check(gateway, method, known)
    statuses = [await check(gateway, method, known) for method in methods]
    assert statuses.count(200) > len(methods) * 0.6


@needs("dry_run")
async def test_a_dry_run_fits(gateway: Gateway) -> None:
    components = document()["components"]["schemas"]
    fits = validator({"$ref": "#/components/schemas/gateway-DryRun"}, components)
    host = (await gateway.post("/host.HostInterface/GetHosts")).json()["hosts"]["hosts"][0]["id"]
    for path, body in (
        ("/job.JobInterface/Pause", {"job": {"id": "x"}}),
        ("/show.ShowInterface/CreateShow", {"name": "x", "defaultMinCores": 1}),
        ("/host.OwnerInterface/TakeOwnership", {"host": {"id": host}, "owner": {"id": "y"}}),
    ):
        answer = await gateway.post(path, body, headers={"X-Dry-Run": "1"})
        assert answer.headers["x-dry-run"] == "1"
        fits.validate(answer.json())


@needs("health")
async def test_health_fits(gateway: Gateway) -> None:
    for path in ("/healthz", "/readyz"):
        content = document()["paths"][path]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        answer = await gateway.client.get(path)
        validator(schema, document()["components"]["schemas"]).validate(answer.json())


@needs("batch")
async def test_a_batch_fits(gateway: Gateway) -> None:
    operation = document()["paths"]["/batch"]["post"]
    components = document()["components"]["schemas"]
    content = operation["requestBody"]["content"]["application/json"]
    items = [
        *content["example"],
        {"method": "/show.ShowInterface/GetShows", "view": {"_limit": 1}, "request": {"no": 1}},
        {"method": "/show.ShowInterface/GetShows", "id": 7},
    ]
    for item in items:
        validator(content["schema"]["items"], components).validate(item)
    answer = await gateway.post("/batch", items)
    assert [each["status"] for each in answer.json()] == [404, 400, 200]
    for each in answer.json():
        validator(response_schema(operation, 200)["items"], components).validate(each)


def documented(language: str) -> str:
    """The code in this language in docs/openapi.md."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


async def fetched(gateway: Gateway) -> Any:
    return (await gateway.client.get("/openapi.json")).json()


async def test_a_generated_client_works(gateway: Gateway, cuebot: Any, tmp_path: Path) -> None:
    """A client that openapi-python-client makes of the document, without a warning, reads, changes,
    and gets errors. With the template of docs/openapi.md, it imports only the models that it uses.
    """
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(await fetched(gateway)))
    (tmp_path / "config.yaml").write_text("post_hooks: []  # it need not be beautiful\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "models_init.py.jinja").write_text(documented("jinja"))
    await run(
        tmp_path,
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--path", "openapi.json", "--output-path", "client", "--config", "config.yaml"),
        *("--custom-template-path", "templates", "--fail-on-warning"),
    )
    (tmp_path / "use.py").write_text(PAUSED, encoding="utf-8")
    name = next(job.name for job in cuebot.farm.jobs.values() if not job.is_paused)
    printed = await run(tmp_path, sys.executable, "use.py", gateway.url, token(), name)
    assert printed.splitlines() == [
        *("demo", f"{name} False True 1.5", "True", "NOT_FOUND 5", "False", "True")
    ]


async def test_a_typed_client_compiles_and_works(tmp_path: Path) -> None:
    """With the types that openapi-typescript makes of the document, calls compile, mistakes do not,
    and what has compiled is answered as its types say.
    """
    node = node_with(tmp_path, "openapi-fetch", "openapi-typescript", "typescript")
    (tmp_path / "calls.mts").write_bytes(CALLS.read_bytes())
    (tmp_path / "documented.mts").write_text(documented("ts"), encoding="utf-8")
    async with running_farm(still_farm()) as cuebot, gateway_for(cuebot.endpoint) as gateway:
        (tmp_path / "openapi.json").write_bytes(orjson.dumps(await fetched(gateway)))
        await run(
            tmp_path,
            *(node, "node_modules/openapi-typescript/bin/cli.js", "openapi.json"),
            *("--output", "schema.d.ts"),
        )
        await run(
            tmp_path,
            *(node, "node_modules/typescript/bin/tsc", "--strict", "--target", "es2022"),
            *("--lib", "es2022,dom", "--skipDefaultLibCheck"),
            *("--module", "nodenext", "calls.mts", "documented.mts"),
        )
        environ = {"GATEWAY_URL": gateway.url, "TOKEN": token()}
        status, printed = await tool(node, "calls.mjs", folder=tmp_path, environ=environ)
    assert (status, printed) == (0, CALLED)


async def test_schemathesis_finds_nothing(gateway: Gateway, tmp_path: Path) -> None:
    """Whatever is sent, right or wrong: the answer's status, headers and body are documented, and
    nothing is answered without a token.

    Without X-Dry-Run and views, whose answers OpenAPI cannot describe (docs/openapi.md), and
    without waiting. Of methods, which all have the same rules, a tenth has to do, and a part of
    their GETs.
    """
    found = await fetched(gateway)
    others = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in ("X-Dry-Run", "Prefer", *PARTS.text["parameters_of"]["rows"], "_fields")
    ]
    verbs = [(path, verb) for path, item in found["paths"].items() for verb in item]
    methods = [(path, verb) for path, verb in verbs if "Interface/" in path]
    gets = [each for each in methods if each[1] == "get"][::20]
    tested = {*verbs} - {*methods} | {*[each for each in methods if each[1] == "post"][::10], *gets}
    for path, item in found["paths"].items():
        found["paths"][path] = {verb: item[verb] for verb in item if (path, verb) in tested}
        for operation in found["paths"][path].values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [each for each in parameters if each not in others]
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(found))
    printed = await run(
        tmp_path,
        *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", gateway.url),
        *("--header", f"Authorization: Bearer {token()}", "--checks", CHECKS),
        *("--phases", "examples,fuzzing", "--mode", "all", "--max-examples", "3"),
        *("--seed", "1", "--workers", "2", "--warnings", "off"),
    )
    assert f"Tested: {len(tested)}" in printed
