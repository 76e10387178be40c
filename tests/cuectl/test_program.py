"""The program as a whole: its help, its examples, and words that are no verbs."""

import re
import shlex
from pathlib import Path

import click
import pytest

from cuectl.foreign import LINES
from cuectl.program import OWN, SECTIONS
from cuectl.verb import Verb
from gateway_client.terminal.exits import GAVE_UP, WRONG_USAGE
from tests.cuectl.calls import Cuectl, in_process
from tests.simulator.specs import spec_xml
from tests.support.needs import needs

pytestmark = pytest.mark.anyio

VERBS = {name: each for name, each in OWN.items() if isinstance(each, Verb)}
WAIT = ["--timeout", "0.1s"]
"""What makes an example end that would not on a farm that stands still."""


def test_help_is_one_page_without_a_gateway(tmp_path: Path) -> None:
    ran = in_process("--help", folder=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert len(ran.text.splitlines()) <= 100
    assert max(map(len, ran.text.splitlines())) <= 100
    for title, commands in SECTIONS.items():
        assert f"\n{title}:\n" in ran.text
        for each in commands:
            assert re.search(rf"^  {each.name}  +\S", ran.text, re.MULTILINE)


@pytest.mark.parametrize("name", OWN)
def test_each_verb_says_what_it_does(tmp_path: Path, name: str) -> None:
    ran = in_process(name, "--help", folder=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert max(map(len, ran.text.splitlines())) <= 100
    about = OWN[name].get_short_help_str(60)
    assert not about.endswith("..."), about  # the list of verbs would cut it
    assert "Example" in ran.text or isinstance(OWN[name], click.Group)


EXAMPLES = [
    pytest.param(name, line, id=line, marks=[needs("logs")] if name == "logs" else [])
    for name, each in VERBS.items()
    for line in each.examples
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "line"), EXAMPLES)
async def test_examples_of_help_run(cuectl: Cuectl, tmp_path: Path, name: str, line: str) -> None:
    """Each on a farm of its own. What else than cuectl `&&` or a pipe adds is the shell's."""
    *before, last = (each for each in line.split(" && ") if each.startswith("cuectl "))
    for each in before:
        assert (await cuectl(*shlex.split(each)[1:])).status == 0
    first, *rest = last.split(" | ")
    given = ""
    if first.startswith("cuectl") and rest and rest[0].startswith("cuectl"):
        given = (await cuectl(*shlex.split(first)[1:])).text
        first = rest[0]
    words = shlex.split(first)[1:]
    assert name in words
    if "--watch" in words:
        words.remove("--watch")
    if "job.xml" in words:
        spec = tmp_path / "job.xml"
        spec.write_text(spec_xml(), encoding="utf-8")
        words[words.index("job.xml")] = str(spec)
    yes = ["--yes"] if confirms(name) else []
    waits = name == "follow" or "--wait" in words
    ran = await cuectl(*words, *(WAIT if waits else ()), *yes, given=given)
    assert ran.status == (GAVE_UP if waits else 0), ran.err


def confirms(name: str) -> bool:
    return any(parameter.name == "yes" for parameter in OWN[name].params)


def test_no_word_of_another_program_is_a_verb() -> None:
    assert len(LINES) <= 20
    assert not LINES.keys() & OWN.keys()
    for line in LINES.values():
        assert line.split()[1] in OWN


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("unpause x", "type: cuectl resume JOB"),
        ("cancel x", "type: cuectl kill JOB"),
        ("stop x", "type: cuectl pause JOB (running frames go on), or cuectl kill JOB"),
        ("log x", "did you mean logs?"),
        ("CORDON x", "type: cuectl lock HOST"),
        ("history", "type: cuectl jobs --finished"),
        ("job pause x", None),
        ("pausee x", "did you mean pause?"),
        ("frobnicate", "cuectl --help lists them"),
    ],
)
async def test_what_is_no_verb_gets_the_line_to_type(
    reading: Cuectl, line: str, told: str | None
) -> None:
    """Nothing is done for it: words behind a verb are names."""
    ran = await reading(*line.split())
    if told is None:
        assert ran.status != 0
        assert "pause" in ran.err
    else:
        assert ran.status == WRONG_USAGE
        assert told in ran.err
    assert ran.out == b""
