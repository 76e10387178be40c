"""The compatibility profile's file: read and checked at startup, or not there at all."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway.core.errors import ConfigurationError
from gateway.core.profile.build import build_catalog as build_core_catalog
from gateway.core.profile.profile import BUILT_IN
from gateway.core.profile.profile import Profile as CoreProfile
from gateway.core.profile.profile import load_profile as load_core_profile
from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.selection import Selection
from gateway.features.catalog import EMPTY, Profile, load_profile
from gateway.features.settings import load_settings
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.servers import SECRET, Gateway, ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def problem_of(folder: Path, text: str | bytes) -> str:
    """What is said about a profile with this text, after the name of its file."""
    path = folder / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as raised:
        load_profile(str(path))
    (line,) = raised.value.problems
    assert "\n" not in line
    start = f"COMPAT_PROFILE: {path}: "
    assert line.startswith(start)
    return line.removeprefix(start)


@needs("reference")
def test_the_one_for_opencue_is_built_in_and_the_default() -> None:
    wanted = load_settings({"JWT_SECRET": SECRET}).compat_profile
    profile = load_profile(wanted)
    assert profile.methods == {"job.LayerInterface/Kill": "job.LayerInterface/KillFrames"}
    text = (ROOT / "config" / "opencue.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text).keys() == {*type(profile).model_fields, *profile.idle}


def test_none_is_no_profile() -> None:
    assert load_profile("none") == EMPTY
    assert not any(EMPTY.model_dump(exclude_defaults=True).values())


@needs("reference")
def test_a_file_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[requests."a.BInterface/Do"]\nold = "new"\n', encoding="utf-8")
    profile = load_profile(str(path))
    assert profile.requests == {"a.BInterface/Do": {"old": "new"}}
    assert profile.model_copy(update={"requests": {}}) == EMPTY


def test_a_table_of_a_feature_that_is_not_there_is_idle(tmp_path: Path) -> None:
    """Which `check` says. Unknown tables are refused even so."""
    path = tmp_path / "mine.toml"
    path.write_text('[units.kB]\n"job.Frame" = ["maxRss"]\n', encoding="utf-8")
    profile = load_core_profile(str(path), CoreProfile)
    catalog = build_core_catalog(opencue(), Selection(), profile)
    assert catalog.unused_entries == (UnusedEntry("units", "no feature reads it"),)
    path.write_text("[unites]\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="unites: unknown key"):
        load_core_profile(str(path), CoreProfile)


def test_the_wheel_has_it() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    targets = build["build"]["targets"]
    content = tomllib.loads((ROOT / "config" / BUILT_IN).read_text(encoding="utf-8"))
    beside = [content[table] for table in Profile.companions]
    packaged = {f"config/{name}": f"gateway/{name}" for name in (BUILT_IN, *beside)}
    assert packaged.items() <= targets["wheel"]["force-include"].items()
    assert "config" in targets["sdist"]["include"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name, reason in (
        *(("no.toml", "No such file"), ("", "Is a directory")),
        ("bytes.toml", "it is not UTF-8"),
    ):
        path = tmp_path / name
        with pytest.raises(ConfigurationError) as raised:
            load_profile(str(path))
        (line,) = raised.value.problems
        assert line.startswith(f"COMPAT_PROFILE: cannot read {path}: {reason}")


BESIDE = {
    "summaries": '[methods."a.BInterface"]\nDo = "Do it"\n[fields."a.B"]\nx = "A size."\n',
    "panels": '[panels.all]\nmethod = "a.B/Do"\ncolumns = [{ path = "x" }]\n',
}
"""Tables that may be in a file of their own."""


@pytest.mark.parametrize("table", BESIDE)
def test_a_table_may_be_in_a_file_beside_the_profile(tmp_path: Path, table: str) -> None:
    (tmp_path / "words.toml").write_text(BESIDE[table], encoding="utf-8")
    (tmp_path / "mine.toml").write_text(f'{table} = "words.toml"', encoding="utf-8")
    beside = load_profile(str(tmp_path / "mine.toml"))
    inline = re.sub(r"^\[", f"[{table}.", BESIDE[table], flags=re.MULTILINE)
    (tmp_path / "mine.toml").write_text(inline, encoding="utf-8")
    assert beside == load_profile(str(tmp_path / "mine.toml")) != EMPTY


def test_a_file_with_summaries_that_is_no_use_is_told(tmp_path: Path) -> None:
    profile, beside = tmp_path / "mine.toml", tmp_path / "words.toml"
    profile.write_text('summaries = "words.toml"', encoding="utf-8")
    problems = {
        None: f"COMPAT_PROFILE: cannot read {beside}: No such file or directory",
        "[methods]\nnonsense\n": f"COMPAT_PROFILE: {beside}: .* line 2",
        "[lines]": f"COMPAT_PROFILE: {profile}: summaries.lines: unknown key",
    }
    for content, problem in problems.items():
        if content is not None:
            beside.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=problem):
            load_profile(str(profile))


def test_what_is_not_toml_is_told_with_its_place(tmp_path: Path) -> None:
    assert "line 2" in problem_of(tmp_path, "[methods]\nnonsense\n")


NO_METHOD = "is not a method such as job.JobInterface/GetJobs"
NO_PATH = "is not a path of fields such as show.name"
REQUESTS = '[requests."a.B/C"]'
NAMED = '[[named]]\nmessage = "a.B"\nfields = ["x"]\n'
SEND = 'by = { call = "a.B/C", take = "x.id", send = { name = ["x", "y."] } }'
NEAR = '[near."a.B/C"]\nkind = "x"\ncall = "a.B/D"\nnames = "y"\n'
ABOUT = '[about."job.Job".by]\ncall = "job.JobInterface/GetJob"\n'
AFTER = '[[after]]\nmethod = "a.B/C"\ngiven = "x"\ncall = "a.B/D"\nsend = "x"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[colours]", "colours: unknown key"),
        ('"two\\nlines" = 1', r"'two\nlines': unknown key"),
        ('[[before]]\nmethod = "a.B/C"', "before.0.given: field required"),
        ("before = 3", "before: input should be a valid"),
        ("a = " + "[" * 5000, ""),
        *(
            (ABOUT + more, "about.job.Job.by: expected either take or rows")
            for more in ("", 'take = "job"\nrows = "jobs.jobs"\n')
        ),
        ('[[unique]]\nmethod = "a.B/C"\ntake = "x"', "unique.0.given: field required"),
        ('[methods]\n"a.B" = "a.B/C"', f"methods.a.B: 'a.B' {NO_METHOD}"),
        ('[methods]\n"a.B/C" = "/a.B/D"', f"methods.a.B/C: '/a.B/D' {NO_METHOD}"),
        ('[missing]\n"a.B/C" = 3', "missing.a.B/C: input should be a valid string"),
        (f'{REQUESTS}\n"x..y" = "z"', f"requests.a.B/C.x..y: 'x..y' {NO_PATH}"),
        (f'{REQUESTS}\nx = "z[1]"', f"requests.a.B/C.x: 'z[1]' {NO_PATH} or r.shows[]"),
        (f'{REQUESTS}\n"x[]" = "z"', f"requests.a.B/C.x[]: 'x[]' {NO_PATH}"),
        ('[defaults."a.B/C"]\nx = 3.5', "defaults.a.B/C.x: 3.5 is not a text or an integer"),
        ('[defaults."a.B/C"]\nx = true', "defaults.a.B/C.x: true is not a text or an integer"),
        ('[[named]]\nfields = ["a"]', "named.0.message: field required"),
        (NAMED + 'by = { call = "a.B/C" }', "named.0.by.take: field required"),
        (NAMED + SEND, f"named.0.by.send.name.1: 'y.' {NO_PATH}"),
        (
            '[answers."a.B"]\n"x.y" = "z"',
            "answers.a.B.x.y: 'x.y' is not a field such as totalCores",
        ),
        ('[answers."a/B"]\nx = "z"', "answers.a/B: 'a/B' is not a message such as job.Job"),
        ('[units.GB]\n"a.B" = ["x"]', "units.GB: input should be 'bytes', 'kB', 'MB', 'seconds'"),
        ('[units.kB]\n"a.B" = ["x.y"]', "units.kB.a.B.0: 'x.y' is not a field such as totalCores"),
        (AFTER + "read = {}", "after.0.read.call: field required"),
        *(
            (f"summaries = {name!r}", f"summaries: {name!r} is not the name of a file")
            for name in ("/etc/words.toml", "../words.toml", "words", "")
        ),
        ('[summaries.methods.a]\nB = "x\\ny"', r"summaries.methods.a.B: 'x\ny' is not one line"),
        ('[summaries.methods.a]\nB = ""', "summaries.methods.a.B: '' is not one line of text"),
        (AFTER + "colour = 1", "after.0.colour: unknown key"),
        *(
            (NEAR + f'name = "{name}"', f"near.a.B/C.name: '{name}' is not a text with fields")
            for name in ("{", "{x.y}", "{x:99999}", "{x!r}", "{0}", "")
        ),
        *(
            (text, "verbs: a profile has none any more; cuectl takes those of a studio from")
            for text in ('verbs = "opencue-verbs.toml"', "[verbs.colors]\nDEAD = 'red'")
        ),
        ("[summaries.verbs]", "summaries.verbs: unknown key"),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problem_of(tmp_path, text).startswith(problem)


async def test_a_wrong_profile_stops_startup(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("colours = 1", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="colours: unknown key"):
        async with gateway_for("127.0.0.1:1", compat_profile=str(path), ready=False):
            raise AssertionError("it has started")


GROUP, SHOW, OWNER = "group.GroupInterface", "show.ShowInterface", "owner.OwnerInterface"
LAYER, GET_JOBS = "layer.LayerInterface", "job.JobInterface/GetJobs"


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
