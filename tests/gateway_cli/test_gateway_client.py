"""Calls through a gateway over HTTP, whatever it is that answers."""

import json

import pytest

from gateway_cli.calling.views import OutputOptions
from gateway_client import gateway as client_module
from gateway_client.errors import WrongSetting
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, NOT_FOUND, UNAVAILABLE, WRONG_USAGE
from tests.gateway_cli.calls import JSON, LOSES, NO_PUT, NOWHERE, Reply, perform, stand_in
from tests.support.servers import token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_proxy_on_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:2/")
    done = await perform(gateway_client("http://gateway:8448", token, 5), "Show/GetShows")
    assert done.status == UNAVAILABLE
    assert "cannot be reached through the proxy 127.0.0.1:2 of http_proxy" in done.problem
    assert "secret" not in done.problem
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    done = await perform(gateway_client(f"http://{NOWHERE}", token, 5), "Show/GetShows")
    assert "proxy" not in done.problem


async def test_a_view_that_is_too_long_for_a_url_is_not_sent() -> None:
    options = OutputOptions(where=f"name='{'é' * 12_000}'")
    async with stand_in(POST=("200 OK", JSON, b"{}")) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/GetJobs", options=options)
    assert (done.status, server.seen) == (WRONG_USAGE, [])
    assert done.problem.startswith("INVALID_ARGUMENT: nothing was sent: ")
    assert len(done.problem) < 200


async def test_a_dry_run_through_a_gateway_asks_for_it() -> None:
    knows = {"X-Dry-Run": "1"} | JSON
    async with stand_in(PUT=(NO_PUT[0], knows, NO_PUT[2]), POST=("200 OK", knows, b"{}")) as server:
        client = gateway_client(server.url, token, 5)
        done = await perform(client, "Job/Kill", '{"a": 1}', dry_run=True)
    assert (done.status, done.out) == (0, "{}\n")
    verb, path, headers, body = server.seen[-1]
    assert (verb, path, body) == ("POST", "/job.JobInterface/Kill", b'{"a": 1}')
    assert headers["x-dry-run"] == "1"


async def test_an_answer_that_is_no_dry_run_is_an_alarm() -> None:
    knows = {"X-Dry-Run": "1"} | JSON
    async with stand_in(PUT=(NO_PUT[0], knows, NO_PUT[2]), POST=("200 OK", JSON, b"{}")) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill", dry_run=True)
    assert (done.status, done.out) == (FAILED, "")
    assert "MAY HAVE BEEN MADE" in done.problem


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        ("401 Unauthorized", 16, "UNAUTHENTICATED: why"),
        ("403 Forbidden", 7, "PERMISSION_DENIED: why"),
        ("429 Too Many Requests", 8, "RESOURCE_EXHAUSTED: why"),
    ],
)
async def test_a_dry_run_tells_what_has_refused_it(status: str, code: int, shown: str) -> None:
    refusal: Reply = (status, JSON, b'{"code": %d, "message": "why"}' % code)
    async with stand_in(PUT=refusal) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill", dry_run=True)
    assert (done.status, done.problem) == (FAILED, shown)


async def test_a_gateway_without_dry_runs_is_not_called() -> None:
    """It would make the call, so nothing is posted to it."""
    async with stand_in(PUT=NO_PUT, POST=("200 OK", JSON, b"{}")) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill", dry_run=True)
    assert done.status == FAILED
    assert "dry run" in done.problem
    assert [verb for verb, *_ in server.seen] == ["PUT"]


HTML = {"Content-Type": "text/html"}
NO_DOCUMENT: Reply = ("404 Not Found", JSON, b'{"code":5,"message":"nothing is served here"}')


def document(*parameters: object) -> Reply:
    """An OpenAPI document with a change that has these parameters."""
    content: object = {"content": {"application/json": {"schema": {}}}}
    change = {"requestBody": content, "responses": {"200": content}, "parameters": parameters}
    whole = {
        "info": {"version": "1"},
        "paths": {"/job.JobInterface/Kill": {"post": change}},
        "components": {"schemas": {}},
    }
    return "200 OK", JSON, json.dumps(whole).encode()


DONE: Reply = ("200 OK", JSON, b"{}")
BUSY: Reply = ("409 Conflict", JSON | {"Retry-After": "1"}, b'{"code":10,"message":"under way"}')
WITH_KEYS = document({"$ref": "#/components/parameters/Idempotency-Key"})


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_PAUSES_SECONDS", (0.0, 0.0))


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize("answers", [[LOSES, DONE], [LOSES, LOSES, DONE], [LOSES, BUSY, DONE]])
async def test_a_lost_change_is_sent_again_with_its_key(answers: list[Reply]) -> None:
    async with stand_in(POST=[*answers], GET=WITH_KEYS) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill")
    assert (done.status, done.out, done.err) == (0, "{}\n", "")
    sent = [headers for verb, _, headers, _ in server.seen if verb == "POST"]
    assert len(sent) == len(answers)
    assert len({headers["idempotency-key"] for headers in sent}) == 1


@pytest.mark.usefixtures("without_pauses")
@pytest.mark.parametrize(
    ("answers", "served", "sent"),
    [
        ([LOSES], WITH_KEYS, 3),
        ([LOSES], document(), 1),
        ([LOSES], NO_DOCUMENT, 1),
    ],
    ids=["again and again", "no keys", "DOCS=off"],
)
async def test_an_outcome_that_is_not_known_is_told(
    answers: list[Reply], served: Reply, sent: int
) -> None:
    """Without a key nothing is sent a second time."""
    async with stand_in(POST=answers, GET=served) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill")
    assert done.status == UNAVAILABLE
    assert "it is not known whether the call was made" in done.problem
    assert [verb for verb, *_ in server.seen].count("POST") == sent


async def test_a_gateway_that_keeps_no_keys_is_called_without() -> None:
    message = b'{"code":12,"message":"Idempotency-Key cannot be kept here; nothing was called"}'
    refusal: Reply = ("501 Not Implemented", JSON, message)
    async with stand_in(POST=[refusal, DONE]) as server:
        done = await perform(gateway_client(server.url, token, 5), "Job/Kill")
    assert done.status == 0
    assert ["idempotency-key" in headers for *_, headers, _ in server.seen] == [True, False]


@pytest.mark.parametrize(
    ("reply", "status", "word"),
    [
        (("502 Bad Gateway", HTML, b"<p>"), UNAVAILABLE, "502 Bad"),
        (("200 OK", HTML, b"<p>"), FAILED, "not JSON"),
        (("302 Found", {"Location": "http://127.0.0.1:1/"}, b""), FAILED, "302"),
        (("404 Not Found", JSON, b'{"code":5,"message":"a"}'), NOT_FOUND, "NOT_FOUND: a"),
        (("500 Oops", JSON, b'{"code":99,"message":1}'), FAILED, "HTTP 500 Oops"),
        (("500 Oops", JSON, b'{"code":13,"message":"a","details":"x"}'), FAILED, "HTTP 500 Oops"),
        (("500 Oops", JSON, b'{"code":0,"message":"a"}'), FAILED, "HTTP 500 Oops"),
        (("200 OK", JSON, b'{"a":'), FAILED, 'broken JSON: {"a":'),
        (("200 OK", JSON | {"Content-Length": "99"}, b'{"jobs"'), UNAVAILABLE, "failed"),
    ],
)
async def test_what_is_no_answer_of_a_gateway_is_a_failure(
    reply: Reply, status: int, word: str
) -> None:
    async with stand_in(POST=reply, PUT=NO_PUT, GET=NO_DOCUMENT) as server:
        done = await perform(gateway_client(f"{server.url}/", token, 5), "Job/GetJobs")
    assert done.status == status
    assert word in done.problem


@pytest.mark.parametrize(
    "url", ["localhost:8448", "ftp://host", "http://", "http://me:secret@host", "http://h:x", "x y"]
)
async def test_what_is_no_url_of_a_gateway(url: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        await perform(gateway_client(url, token, 5), "Job/GetJobs")
    assert "secret" not in str(caught.value)
