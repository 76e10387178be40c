"""Answers with no rows, with one, and with as many as make a piece or one more, in every format."""

import csv
import io
from typing import Any

import httpx
import orjson
import pytest

from gateway.codec.slices import SLICE_ITEMS
from tests.support.opencue import jobs
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
SIZES = (0, 1, SLICE_ITEMS - 1, SLICE_ITEMS, SLICE_ITEMS + 1, 4 * SLICE_ITEMS, 16 * SLICE_ITEMS)
FIRST, NONE = "sh0000-", "nobody"


def name(number: int) -> str:
    return f"demo-sh{number:04}-lena_comp"


def names_in(answer: httpx.Response, format_: str) -> list[str]:
    """The names of the rows of an answer, which is read as its format says."""
    if format_ == "json":
        found: Any = answer.json()
        return [row["name"] for row in found["jobs"]["jobs"]]
    if format_ == "ndjson":
        return [orjson.loads(line)["name"] for line in answer.content.splitlines()]
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["name"]
    return [row for (row,) in rows]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("format_", ["json", "ndjson", "csv"])
async def test_an_answer_has_its_rows_and_no_others(
    gateway: Gateway, cuebot: ScriptedCuebot, format_: str, size: int
) -> None:
    cuebot.answers(GET_JOBS, jobs(size))
    everything = [name(number) for number in range(size)]
    last = everything[-1] if everything else NONE
    for view, expected in (
        ("", everything),
        ("&_sort=-name", everything[::-1]),
        (f"&_where=name~{NONE}", []),
        (f"&_where=name~{FIRST}", everything[:1]),
        (f"&_where=name={last}", everything[-1:]),
        (f"&_where=name~{NONE}&_sort=name", []),
        ("&_limit=0", []),
        ("&_limit=1", everything[:1]),
        (f"&_limit={SLICE_ITEMS}", everything[:SLICE_ITEMS]),
    ):
        for verb, coding in (("GET", "gzip"), ("POST", "identity")):
            target = f"{gateway.url}{GET_JOBS}?_fields=name&_format={format_}{view}"
            answer = await gateway.client.request(verb, target, headers={"Accept-Encoding": coding})
            assert answer.status_code == 200, (view, verb, answer.text)
            assert names_in(answer, format_) == expected, (view, verb)
