"""The arguments of `call`: what they make of a request, by the schema or by a document."""

from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import click
import orjson
import pytest

from gateway.core.calls.steps import value_names
from gateway.features.openapi.document import as_json
from gateway.features.views.compiled_view import AnswerViews
from gateway_cli.client.cuebot import fields_of
from gateway_client.arguments import Fields, guess, read_arguments
from gateway_client.errors import CallError, Failure, InvalidCall
from gateway_client.openapi_document import read_document
from tests.features.openapi.documents import document
from tests.support.needs import needs
from tests.support.opencue import catalog

pytestmark = needs("openapi", "views")

CATALOG = catalog()
DOCUMENT = read_document(as_json(document()), "http://gateway/openapi")


def by_schema(path: str) -> Fields:
    return fields_of(CATALOG.routes[path].descriptor.input_type)


def by_document(path: str) -> Fields:
    return DOCUMENT.fields(DOCUMENT.operations[path])


@pytest.fixture(params=[by_schema, by_document])
def fields(request: pytest.FixtureRequest) -> Callable[[str], Fields]:
    """What finds the fields of a method's requests: by the schema, or by the document."""
    found: Callable[[str], Fields] = request.param
    return found


def made(fields: Fields, *words: str) -> object:
    """The request that these words make."""
    return orjson.loads(read_arguments(words).as_json(fields))


GET_JOBS = "/job.JobInterface/GetJobs"
KILL_FRAMES = "/job.JobInterface/KillFrames"


@pytest.mark.parametrize(
    ("path", "words", "expected"),
    [
        (GET_JOBS, [], {}),
        (GET_JOBS, ["r.shows=demo"], {"r": {"shows": ["demo"]}}),
        (GET_JOBS, ["r.shows=a", "r.shows=b"], {"r": {"shows": ["a", "b"]}}),
        (GET_JOBS, ["r.includeFinished=true"], {"r": {"includeFinished": True}}),
        (GET_JOBS, ["r.include_finished=false"], {"r": {"include_finished": False}}),
        (GET_JOBS, ["r.shows:=[]"], {"r": {"shows": []}}),
        (GET_JOBS, ['r:={"shows": ["x"]}'], {"r": {"shows": ["x"]}}),
        (GET_JOBS, ["r.show=true"], {"r": {"show": "true"}}),
        (GET_JOBS, ["r.substr=a=b:=c@d"], {"r": {"substr": ["a=b:=c@d"]}}),
        (GET_JOBS, ["r.substr="], {"r": {"substr": [""]}}),
        ("/job.JobInterface/FindJob", ["name=007"], {"name": "007"}),
        ("/job.JobInterface/SetPriority", ["job.id=x", "val=5"], {"job": {"id": "x"}, "val": "5"}),
        ("/job.JobInterface/FindJob", ['{"name": "a=b"}'], {"name": "a=b"}),
        (GET_JOBS, ['{"r": {"shows": ["a"], "users": ["b"]}}', "r.shows=c"],
         {"r": {"shows": ["c"], "users": ["b"]}}),
        (KILL_FRAMES, ["req.states.frameStates=DEAD", "job.id=x"],
         {"req": {"states": {"frameStates": ["DEAD"]}}, "job": {"id": "x"}}),
        ("/show.ShowInterface/CreateShow", ["name=1", "nobody.knows=2"],
         {"name": "1", "nobody": {"knows": "2"}}),
    ],
)  # fmt: skip
def test_arguments_make_a_request(
    fields: Callable[[str], Fields], path: str, words: list[str], expected: object
) -> None:
    assert made(fields(path), *words) == expected


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["r.shows.x=1"], "r.shows.x: r.shows is not one object"),
        (["r.shows=a", "r.shows:=[]"], "r.shows is there twice"),
        (["r.includeFinished=true", "r.includeFinished=true"], "is there twice, and is no list"),
        (["r:=1", "r.shows=a"], "r.shows: r is given as a whole, too"),
        (["[]", "r.shows=a"], "only be added to a JSON object"),
    ],
)
def test_what_makes_no_request(
    fields: Callable[[str], Fields], words: list[str], problem: str
) -> None:
    with pytest.raises(InvalidCall) as caught:
        made(fields(GET_JOBS), *words)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/department.DepartmentInterface/AddTasks", "tmap=x"),
        ("/department.DepartmentInterface/AddTasks", "tmap.sh010=1"),
        ("/limit.LimitInterface/ReportUsage", "reports=x"),
        ("/job.GroupInterface/ReparentJobs", "jobs.jobs=x"),
        ("/job.GroupInterface/ReparentJobs", "jobs.jobs.id=x"),
    ],
)
def test_maps_and_lists_of_objects_need_json(
    fields: Callable[[str], Fields], path: str, word: str
) -> None:
    with pytest.raises(InvalidCall, match=r"give it as (tmap|reports|jobs\.jobs):=JSON"):
        made(fields(path), word)


@pytest.mark.parametrize(
    ("path", "words", "problem"),
    [
        ("/job.LayerInterface/SetThreadable", ["layer=comp", "job=x"],
         "threadable is missing; write threadable=true or threadable=false"),
        ("/group.GroupInterface/SetMinCores", ["group=x"], "minCores is missing; write minCores=…"),
        pytest.param(
            "/group.GroupInterface/SetMinCores", ["group=x", "cores=3"], "",
            marks=needs("reference"),
        ),
        ("/group.GroupInterface/SetMinCores", ["group=x", "min_cores:=3"], ""),
        pytest.param(
            "/group.GroupInterface/SetMinCores", ['{"cores": 3}', "group=x"], "",
            marks=needs("reference"),
        ),
        ("/job.JobInterface/SetPriority", ["job=x", "val:=null"], ""),
        ("/job.JobInterface/SetPriority", ['job:={"id": "x"}'], ""),
        ("/job.LayerInterface/SetTags", ["layer.id=x"], "tags is missing; write tags=…"),
        ("/job.JobInterface/SetGroup", ["job=x", "group=fx"],
         "groupId is missing; write groupId=… instead of group=…"),
        ("/job.LayerInterface/SetStartAfter", ["layer.id=x"], ""),
        ("/job.GroupInterface/SetGroup", ["group.id=x"], ""),
        ("/job.JobInterface/Kill", ["job=x"], ""),
    ],
)  # fmt: skip
def test_a_setter_needs_its_value(path: str, words: list[str], problem: str) -> None:
    """Its only field that is no object, under any of its names; the document has the same names."""
    method, operation = CATALOG.routes[path], DOCUMENT.operations[path]
    assert operation.sets == value_names(method)
    arguments, name = read_arguments(words), method.descriptor.name
    for fields in (by_schema(path), by_document(path)):
        if not problem:
            assert arguments.as_json(fields, name, operation.sets)
            continue
        with pytest.raises(InvalidCall) as caught:
            arguments.as_json(fields, name, operation.sets)
        assert str(caught.value) == f"{name}: {problem}"


def test_json_that_is_none_is_told_as_for_bodies() -> None:
    with pytest.raises(CallError, match="JSON has double quotes") as caught:
        made(by_schema(GET_JOBS), "{'r': 1}", "r.shows=x")
    assert caught.value.code == "INVALID_ARGUMENT"


def test_without_a_schema_arguments_are_guessed() -> None:
    assert made(guess, "a.on=true", "a.b.c=5", "a.x=1", "a.x=2", "y:=3") == {
        "a": {"on": True, "b": {"c": "5"}, "x": ["1", "2"]},
        "y": 3,
    }


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["abc"], "'abc' is no argument; say what it is, such as job=abc: key=value"),
        (["=x"], "'=x' is no argument"),
        (["a..b=x"], "'a..b' is no path"),
        (["r.shows:=demo"], "r.shows:=demo: this is not JSON"),
        (["r.shows:=demo"], "for a text, use r.shows=demo"),
        (["{}", "{}"], "the request is there twice"),
        (["-", "a@-"], "a@-: standard input can be read once only"),
    ],
)
def test_words_that_are_no_arguments(
    words: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"{}")))
    with pytest.raises(click.UsageError) as caught:
        read_arguments(words)
    assert problem in caught.value.message


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, body = tmp_path / "job.xml", tmp_path / "body.json"
    spec.write_text("<spec a='1'/>\n", encoding="utf-8")
    body.write_text('{"name": "x"}', encoding="utf-8")
    launch = by_schema("/job.JobInterface/LaunchSpec")
    assert made(launch, f"spec@{spec}") == {"spec": "<spec a='1'/>\n"}
    assert made(by_schema("/job.JobInterface/FindJob"), f"@{body}") == {"name": "x"}
    for word in ("-", "@-"):
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"a": 1}')))
        assert made(guess, word, "b=2") == {"a": 1, "b": "2"}
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"text")))
    assert made(launch, "spec@-") == {"spec": "text"}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="spec@none: cannot read none: No such file"):
        read_arguments(["spec@none"])
    with pytest.raises(Failure, match="@: cannot read it"):
        read_arguments(["@"])
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(Failure, match="is not text in UTF-8"):
        read_arguments([f"spec@{binary}"])


def test_a_document_knows_every_path() -> None:
    assert {path: each.path for path, each in DOCUMENT.operations.items()} == {
        path: method.path for path, method in CATALOG.routes.items()
    }


def test_a_document_has_the_units_of_rows() -> None:
    for path, method in CATALOG.routes.items():
        found = DOCUMENT.units(DOCUMENT.operations[path])  # also under documented names
        assert found.items() >= AnswerViews.of(method).row_units.items(), path
    jobs = DOCUMENT.units(DOCUMENT.operations[GET_JOBS])
    assert (jobs["startTime"], jobs["jobStats.maxRss"]) == ("time", "kB")
    job = DOCUMENT.units(DOCUMENT.operations["/job.JobInterface/FindJob"])
    assert job == jobs, "of the one object in an answer without rows"
    assert not DOCUMENT.units(DOCUMENT.operations["/job.JobInterface/GetJobNames"])


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"paths": {"/a": 1}}', b'{"paths": {}, "info": {}}']
)
def test_what_is_no_document(content: bytes) -> None:
    with pytest.raises(CallError, match="http://g is not a cuebot-gateway's document"):
        read_document(content, "http://g")


def test_a_foreign_document_may_lack_things() -> None:
    content = b'{"paths":{"/a":{"get":{}}},"info":{"version":"1"},"components":{"schemas":{}}}'
    assert not read_document(content, "http://g").operations
