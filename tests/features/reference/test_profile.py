"""The profile's tables of the reference, and what there is without a profile."""

from pathlib import Path

import pytest

from tests.support.profiles import NO_METHOD, NO_PATH, problem_of
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio

GROUP, SHOW, OWNER = "group.GroupInterface", "show.ShowInterface", "owner.OwnerInterface"
LAYER, GET_JOBS = "layer.LayerInterface", "job.JobInterface/GetJobs"
REQUESTS = '[requests."a.B/C"]'
AFTER = '[[after]]\nmethod = "a.B/C"\ngiven = "x"\ncall = "a.B/D"\nsend = "x"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[before]]\nmethod = "a.B/C"', "before.0.given: field required"),
        ("before = 3", "before: input should be a valid"),
        ('[[unique]]\nmethod = "a.B/C"\ntake = "x"', "unique.0.given: field required"),
        ('[methods]\n"a.B" = "a.B/C"', f"methods.a.B: 'a.B' {NO_METHOD}"),
        ('[methods]\n"a.B/C" = "/a.B/D"', f"methods.a.B/C: '/a.B/D' {NO_METHOD}"),
        ('[missing]\n"a.B/C" = 3', "missing.a.B/C: input should be a valid string"),
        (f'{REQUESTS}\n"x..y" = "z"', f"requests.a.B/C.x..y: 'x..y' {NO_PATH}"),
        (f'{REQUESTS}\nx = "z[1]"', f"requests.a.B/C.x: 'z[1]' {NO_PATH} or r.shows[]"),
        (f'{REQUESTS}\n"x[]" = "z"', f"requests.a.B/C.x[]: 'x[]' {NO_PATH}"),
        ('[defaults."a.B/C"]\nx = 3.5', "defaults.a.B/C.x: 3.5 is not a text or an integer"),
        ('[defaults."a.B/C"]\nx = true', "defaults.a.B/C.x: true is not a text or an integer"),
        (
            '[answers."a.B"]\n"x.y" = "z"',
            "answers.a.B.x.y: 'x.y' is not a field such as totalCores",
        ),
        ('[answers."a/B"]\nx = "z"', "answers.a/B: 'a/B' is not a message such as job.Job"),
        (AFTER + "read = {}", "after.0.read.call: field required"),
        (AFTER + "colour = 1", "after.0.colour: unknown key"),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problem_of(tmp_path, text).startswith(problem)


@pytest.mark.gateway(compat_profile="none")
@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (f"{GROUP}/SetMinCores", {"cores": 4}, "unknown field `cores`; did you mean `minCores`?"),
        (f"{SHOW}/CreateShow", {"defaultMinCores": 1}, "unknown field `defaultMinCores`"),
        (f"{OWNER}/TakeOwnership", {"host": {}}, "host: expected a string, got an object"),
        (f"{LAYER}/FindLayer", {"job": {}}, "job: expected a string, got an object"),
        (GET_JOBS, {"r": {"show": {}}}, "r: unknown field `show`; did you mean `shows`?"),
        (GET_JOBS, {"r": {"maxResults": 100}}, "r: unknown field `maxResults`"),
        (f"{LAYER}/GetFrames", {"req": {"page": 1}}, "unknown field `req`"),
    ],
)
async def test_without_a_profile_documented_calls_are_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: object, message: str
) -> None:
    """A criterion that Cuebot does not have would find more than was asked for."""
    answer = await gateway.post(f"/{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert answer.json()["message"].startswith(message)
    assert cuebot.seen == []


@pytest.mark.parametrize("spelling", ["maxResults", "max_results"])
async def test_what_documents_send_and_no_cuebot_knows_is_known(
    gateway: Gateway, cuebot: ScriptedCuebot, spelling: str
) -> None:
    answer = await gateway.post(f"/{GET_JOBS}", {"r": {spelling: 100}})
    assert (answer.status_code, "x-ignored-fields" in answer.headers) == (200, False)
    for path, body in (
        (f"/{GET_JOBS}", {spelling: 100}),
        (f"/{GET_JOBS}", {"r": {spelling: 100, "usr": ["lena"]}}),
        ("/job.JobInterface/GetJobNames", {"r": {spelling: 100}}),
    ):
        cuebot.seen.clear()
        answer = await gateway.post(path, body)
        assert (answer.status_code, cuebot.seen) == (400, [])


@pytest.mark.gateway(compat_profile="none")
async def test_without_a_profile_missing_methods_are_ordinary_ones(gateway: Gateway) -> None:
    answer = await gateway.post("/proc.ProcInterface/GetProc", {})
    assert answer.status_code == 404
    assert answer.json()["message"].endswith("has no method 'GetProc'; did you mean GetProcs?")
