"""`cuectl` with a schema that is not OpenCue's: its verbs are a few lines of a profile."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cuectl.terminal.exits import FAILED, NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl
from tests.support.protos import trial
from tests.support.servers import Context, ScriptedCuebot, gateway_for, running_cuebot

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PROFILE = """\
reads = ["Bare/Echo"]
[verbs.names.leaves]
method = "Bare/Echo"
path = "name"
[verbs.verb.leaves]
summary = "List leaves"
method = "Bare/Echo"
columns = ["name"]
sort = "-name"
options.tree = { put = "text", names = "leaves", help = "Leaves of this tree" }
[verbs.verb.drop]
summary = "Drop a leaf"
method = "trial.wellknown.WellKnown/GetLeaf"
arguments = [{ name = "leaf", put = "name", names = "leaves", repeats = true }]
confirm = "Drop {leaf}?"
"""
ECHO, DROP = "/Bare/Echo", "/trial.wellknown.WellKnown/GetLeaf"


@pytest.fixture
async def trees() -> AsyncIterator[ScriptedCuebot]:
    """A server of trees: each has an ash and an elm, but the bare one."""
    cuebot = ScriptedCuebot(trial().files)
    cuebot.start_over()
    note, leaf = trial().message_class("BareNote"), trial().message_class("trial.Leaf")

    async def echo(request: bytes, context: Context) -> bytes:
        is_bare = note.FromString(request).text == "bare"
        leaves = [] if is_bare else [leaf(name=name) for name in ("ash", "elm")]
        answer: bytes = note(leaves=leaves).SerializeToString()
        return answer

    cuebot.handlers[ECHO] = echo
    async with running_cuebot(cuebot):
        yield cuebot


@pytest.fixture
async def cuectl(trees: ScriptedCuebot, tmp_path: Path) -> AsyncIterator[Cuectl]:
    profile = tmp_path / "trees.toml"
    profile.write_text(PROFILE, encoding="utf-8")
    async with gateway_for(trees.endpoint, compat_profile=str(profile)) as gateway:
        yield Cuectl(gateway, tmp_path)


def dropped(trees: ScriptedCuebot) -> list[str]:
    leaf = trial().message_class("trial.Leaf")
    return [leaf.FromString(request).name for path, request, _ in trees.seen if path == DROP]


async def test_its_verbs_are_those_of_its_profile(cuectl: Cuectl) -> None:
    told = (await cuectl("--help")).text
    assert re.search(r"\n  leaves +List leaves\n", told)
    for name in ("jobs", "follow", "launch"):
        assert not re.search(rf"\n  {name} ", told)
    ran = await cuectl("leaves")
    assert (ran.status, ran.text, ran.err) == (0, "NAME\nelm\nash\n", "")
    ran = await cuectl("jobs")
    assert ran.status == WRONG_USAGE
    assert "No such command 'jobs'" in ran.err


async def test_its_verbs_have_all_that_verbs_have(cuectl: Cuectl, trees: ScriptedCuebot) -> None:
    assert (await cuectl("leaves", "--where", "name=ash", "-o", "csv")).text == '"name"\n"ash"\n'
    ran = await cuectl("leaves", "--tree", "bare", "-o", "name")
    assert (ran.status, ran.text) == (NOT_FOUND, "")
    assert ran.err == "cuectl: 'bare' is not among the leaves; there are ash, elm\n"
    ran = await cuectl("drop", "ash", "elm")
    assert (ran.status, dropped(trees)) == (FAILED, [])
    assert "not done: Drop ash, elm?" in ran.err
    ran = await cuectl("drop", "ash", "elm", "--yes")
    assert (ran.status, ran.err) == (0, "drop: 2 leafs\n")
    assert sorted(dropped(trees)) == ["ash", "elm"]
    ran = await cuectl("drop", "ash", "--yes", "--dry-run")
    assert ran.text.endswith('/GetLeaf {"name":"ash"}\n')


async def test_what_the_code_has_is_not_there(cuectl: Cuectl) -> None:
    """Its profile tells of nothing to follow."""
    ran = await cuectl("follow", "ash")
    assert ran.status == FAILED
    assert "does not say what can be followed" in ran.err
