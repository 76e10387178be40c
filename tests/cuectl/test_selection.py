"""What a verb is about: names, patterns, options, standard input."""

import pytest

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.state import by_name
from gateway_client.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LENA, ARTIST = "demo-sh010-lena_comp_v003", "demo-sh010-artist1_light_v012"
MARCO = "demo-sh020-marco_smoke_v001"  # is paused
HARBOR = ["harbor-hb110-tomas_light_v004", "harbor-hb120-artist2_anim_v021"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("--mine", [LENA]),
        ("--show harbor", HARBOR),
        ("--show harbor --show demo --user tomas,lena", [LENA, HARBOR[0]]),
        ("--shot sh020", [MARCO]),
        ("--match smoke", [MARCO]),
        ("--failed", [HARBOR[0], ARTIST]),
        ("--paused", [MARCO]),
        (f"{LENA} harbor-*", [LENA, *HARBOR]),
        (f"{LENA.upper()[:4].lower()}*lena*", [LENA]),
        ("DEMO-SH02?-*", [MARCO]),
        ("harbor-* --failed", [HARBOR[0]]),
    ],
)
async def test_lists(reading: Cuectl, line: str, names: list[str]) -> None:
    ran = await reading("jobs", *line.split(), "-q")
    assert (ran.status, ran.err) == (0, "")
    assert sorted(ran.text.split()) == sorted(names)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{LENA}", f"priority: {LENA} -> 7"),
        (f"{LENA} {ARTIST}", "priority: 2 jobs -> 7"),
        ("harbor-*", "priority: 2 jobs -> 7"),
        ("--show harbor", "priority: 2 jobs -> 7"),
        (f"--show demo {LENA}", f"priority: {LENA} -> 7"),
        ("--where user=lena --where dead>=0", f"priority: {LENA} -> 7"),
        ("--all --yes", "priority: 7 jobs -> 7"),
        (f"{LENA} -q", ""),
    ],
)
async def test_changes(cuectl: Cuectl, line: str, told: str) -> None:
    ran = await cuectl("priority", *line.split(), "7")
    assert (ran.status, ran.out) == (0, b"")
    assert ran.err == (f"cuectl: {told}\n" if told else "")


async def test_names_from_a_pipe(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    names = (await cuectl("jobs", "--show", "harbor", "-q")).text
    ran = await cuectl("priority", "-", "9", given=names + "\n\n")
    assert ran.err == "cuectl: priority: 2 jobs -> 9\n"
    assert by_name(cuebot.farm.jobs, HARBOR[1]).priority == 9
    ran = await cuectl("priority", "-", "9", given="\n")
    assert (ran.status, ran.err) == (WRONG_USAGE, "cuectl: there is no name on standard input\n")


@pytest.mark.parametrize(
    ("line", "status", "problem"),
    [
        ("priority 7", WRONG_USAGE, "which jobs? Give names or patterns"),
        (
            f"priority {LENA} tpyo 7",
            NOT_FOUND,
            "no pending job 'tpyo' (1 of 2 names; nothing was done)",
        ),
        (
            f"priority {LENA} {LENA}x 7",
            NOT_FOUND,
            f"no pending job '{LENA}x'; did you mean {LENA}?",
        ),
        (f"priority {LENA} nope-* 7", NOT_FOUND, "no pending job's name fits 'nope-*'"),
        (f"priority {LENA} --show harbor 7", WRONG_USAGE, "not among the jobs that --show harbor"),
        (
            f"priority {LENA} --user zoe 7",
            WRONG_USAGE,
            "not among the jobs that --user zoe chooses",
        ),
        ("priority --show harbour 7", NOT_FOUND, "did you mean 'harbor'?"),
        (
            "priority --all 7",
            FAILED,
            "priority all 7 jobs -> 7? (no terminal to ask on: add --yes)",
        ),
        (f"priority {LENA} high", WRONG_USAGE, "'high' is no whole number"),
        ("priority --where 2 7", WRONG_USAGE, "quote the condition"),
        ("jobs --where 'nope=1'", WRONG_USAGE, "no field 'nope'"),
        ("jobs demo-sh010-lena_comp_v03", NOT_FOUND, f"did you mean {LENA}?"),
        ("jobs --show demoo", NOT_FOUND, "did you mean 'demo'?"),
        ("comments --show dmeo -o name", NOT_FOUND, "nothing is called so: --show dmeo"),
        ("host-comments --alloc nosuch", NOT_FOUND, "nothing is called so: --alloc nosuch"),
        ("eat --user lenaa", NOT_FOUND, "nothing is called so: --user lenaa; did you mean 'lena'?"),
        ("jobs --fields nmae", WRONG_USAGE, "no such column: "),
    ],
)
async def test_what_is_wrong_changes_nothing(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, status: int, problem: str
) -> None:
    before = by_name(cuebot.farm.jobs, LENA).priority
    ran = await cuectl(*line.replace("'", "").split())
    assert (ran.status, ran.out) == (status, b"")
    assert problem in ran.err
    assert by_name(cuebot.farm.jobs, LENA).priority == before


async def test_what_is_so_already_is_left_out_unless_it_is_named(cuectl: Cuectl) -> None:
    assert (await cuectl("pause", "--show", "demo")).err == "cuectl: pause: 2 jobs\n"
    ran = await cuectl("pause", "--show", "demo")
    assert (ran.status, ran.err) == (0, "there are no such jobs that this would change\n")
    assert (await cuectl("pause", MARCO)).err == f"cuectl: pause: {MARCO}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("jobs --show demo --show dmeo", "--show dmeo; did you mean 'demo'?"),
        ("jobs --mine --user lenaa", "--user lenaa; did you mean 'lena'?"),
        ("pause --show demo,nosuch", "--show nosuch"),
        ("frames --show demo --show nosuch", "--show nosuch"),
        ("hosts --alloc local.general --alloc local.genral", "--alloc local.genral"),
        ("lock --alloc local.general,local.genral", "--alloc local.genral"),
        ("procs --show demo,nosuch", "--show nosuch"),
        ("unbook --show demo --show nosuch --yes", "--show nosuch"),
    ],
)
async def test_a_misspelled_value_beside_a_right_one_is_told(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, told: str
) -> None:
    """And nothing is done."""
    ran = await cuectl(*line.split())
    assert (ran.status, ran.out) == (NOT_FOUND, b"")
    assert f"nothing is called so: {told}" in ran.err
    methods = {path.rpartition("/")[2] for path, *_ in cuebot.calls}
    assert all(each.startswith("Get") for each in methods)


@pytest.mark.parametrize("verb", ["jobs", "layers", "frames", "depends", "comments"])
async def test_a_list_of_nothing_is_a_list(reading: Cuectl, verb: str) -> None:
    ran = await reading(verb, "--user", "zoe", "-o", "json")
    assert (ran.status, ran.text) == (0, "[]\n")


@pytest.mark.parametrize("verb", ["jobs", "eat", "pause"])
async def test_a_user_without_jobs_may_be_right(cuectl: Cuectl, verb: str) -> None:
    ran = await cuectl(verb, "--user", "zoe")
    assert (ran.status, ran.out) == (0, b"")
    assert "nothing is called so: --user zoe (of pending jobs)\n" in ran.err


async def test_a_dry_run_shows_the_calls(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    ran = await cuectl("priority", "--show", "harbor", "7", "--dry-run")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.splitlines() == [
        f'would call job.JobInterface/SetPriority {{"val":7,"job":{{"name":"{name}"}}}}'
        for name in HARBOR
    ]
    assert by_name(cuebot.farm.jobs, HARBOR[0]).priority != 7


async def test_an_id_of_nothing_stops_all(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    job, absent = by_name(cuebot.farm.jobs, LENA), "11111111-2222-3333-4444-555555555555"
    before = job.priority
    ran = await cuectl("priority", job.id, absent, "7")
    told = f"no pending job '{absent}' (1 of 2 names; nothing was done)"
    assert (ran.status, told in ran.err) == (NOT_FOUND, True), ran.err
    assert job.priority == before


DYING = HARBOR[0]
UNSET = ["\t", "\n", "\u00a0", " , ", ""]


@pytest.mark.parametrize("blank", UNSET)
@pytest.mark.parametrize(
    "line",
    [
        "pause --show X",
        "lock --alloc X",
        "drop-depends --user X",
        f"eat {DYING} --layer X",
        "unbook --show X --kill",
        "pause X",
        "create-group demo X",
        "create-limit X 5",
        "add-tags render-node-01 X",
        f"add-layer-limit {LENA} comp X",
        "move render-node-07 X",
    ],
)
async def test_a_variable_that_is_not_set_chooses_nothing(
    cuectl: Cuectl, cuebot: SimulatedCuebot, line: str, blank: str
) -> None:
    calls = len(cuebot.calls)
    ran = await cuectl(*(blank if word == "X" else word for word in line.split()), "--yes")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert "has no value" in ran.err or "an empty name" in ran.err
    assert len(cuebot.calls) == calls


@pytest.mark.parametrize(
    ("line", "piped", "problem"),
    [
        (f"retry {DYING} -", "", "there is no name on standard input"),
        (f"kill {DYING} - --yes", "\n\n", "there is no name on standard input"),
        ("pause -", "*\n", "'*' from standard input is a pattern, and no name"),
    ],
)
async def test_an_empty_pipe_changes_nothing(
    cuectl: Cuectl, line: str, piped: str, problem: str
) -> None:
    ran = await cuectl(*line.split(), given=piped)
    assert (ran.status, problem in ran.err) == (WRONG_USAGE, True)


async def test_one_job_named_twice_is_one(cuectl: Cuectl, cuebot: SimulatedCuebot) -> None:
    """In other case, and by its id."""
    id_ = by_name(cuebot.farm.jobs, DYING).id
    for other in (DYING.upper(), id_):
        ran = await cuectl("priority", DYING, other, "7", "--dry-run")
        assert ran.text.count("would call") == 1, other
    ran = await cuectl("eat", DYING, id_, "--dry-run")
    assert ran.text.count("would call") == 1


async def test_a_pattern_of_all_is_asked_about(cuectl: Cuectl) -> None:
    ran = await cuectl("pause", "*")
    assert ran.status == FAILED
    assert "pause all 6 jobs? (no terminal to ask on: add --yes)" in ran.err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"priority {LENA} 99999999999999999999999", "is no whole number"),
        (f"priority {LENA} \u0663", "is no whole number"),
        (f"min-memory {LENA} comp 99999999999999999999999TB", "is no size with a unit"),
        (f"frame-cores {LENA} comp nan", "is no number"),
        (f"frame-cores {LENA} comp 0", "0.1 cores at least"),
        ("jobs \udcff", "is not text in UTF-8"),
        ("--url http://127.0.0.1:99999 jobs", "is not a gateway's URL"),
        ("jobs --sum user", "--sum user: USER is no number that adds up"),
        ("hosts --sum seen", "--sum seen: SEEN is no number that adds up"),
        ("unbook render-node-01 --host render-node-02", "as names or as --host, not both"),
    ],
)
async def test_what_no_value_can_be(cuectl: Cuectl, line: str, problem: str) -> None:
    ran = await cuectl(*line.split())
    assert (ran.status, problem in ran.err) == (WRONG_USAGE, True), ran.err
