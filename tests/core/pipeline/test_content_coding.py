"""Content codings are a feature's: without it, all is as it is."""

import gzip
from collections.abc import AsyncIterator

import pytest

from gateway.features import FEATURES
from tests.support.needs import needs
from tests.support.opencue import jobs
from tests.support.servers import Gateway, ScriptedCuebot, running_gateway, settings_for

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
GZIP, WEB = {"Content-Encoding": "gzip"}, {"Content-Type": "application/grpc-web+proto"}


@pytest.fixture
async def plain(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    others = tuple(each for each in FEATURES if each.name != "compression")
    cuebot.answers(GET_JOBS, jobs(100))
    settings = settings_for(cuebot.endpoint, docs="public")
    async with running_gateway(settings, features=others) as gateway:
        yield gateway


@pytest.mark.parametrize("path", [GET_JOBS, pytest.param("/", marks=needs("pages"))])
async def test_answers_are_not_coded(plain: Gateway, path: str) -> None:
    headers = {"Accept-Encoding": "gzip, zstd", "Accept": "text/html, application/json"}
    answer = await plain.client.get(plain.url + path, headers=headers)
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
    assert "Accept-Encoding" not in answer.headers.get("vary", "")


async def test_coded_bodies_are_415(plain: Gateway, cuebot: ScriptedCuebot) -> None:
    refused = await plain.post(GET_JOBS, content=gzip.compress(b"{}"), headers=GZIP)
    assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "identity")
    said = "a body encoded as gzip is not supported; use one of: identity"
    assert refused.json()["message"] == said
    assert not cuebot.seen
    as_it_is = await plain.post(GET_JOBS, headers={"Content-Encoding": "identity"})
    assert as_it_is.status_code == 200


@needs("connect")
async def test_so_are_coded_messages(plain: Gateway, cuebot: ScriptedCuebot) -> None:
    headers = WEB | {"Grpc-Encoding": "gzip"}
    refused = await plain.post(GET_JOBS, content=b"\1" + bytes(4), headers=headers)
    assert refused.headers["grpc-accept-encoding"] == "identity"
    assert not cuebot.seen
