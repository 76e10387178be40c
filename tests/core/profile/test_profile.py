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
from tests.support.opencue import opencue
from tests.support.profiles import problem_of
from tests.support.servers import SECRET, gateway_for

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


def test_the_one_for_opencue_is_built_in_and_the_default() -> None:
    wanted = load_settings({"JWT_SECRET": SECRET}).compat_profile
    profile = load_profile(wanted)
    assert profile.probe == "service.ServiceInterface/GetDefaultServices"
    text = (ROOT / "config" / "opencue.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text).keys() == {*type(profile).model_fields, *profile.idle}


def test_none_is_no_profile() -> None:
    assert load_profile("none") == EMPTY
    assert not any(EMPTY.model_dump(exclude_defaults=True).values())


def test_a_file_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('probe = "a.BInterface/Do"\n', encoding="utf-8")
    profile = load_profile(str(path))
    assert profile.probe == "a.BInterface/Do"
    assert profile.model_copy(update={"probe": None}) == EMPTY


def test_a_table_of_a_feature_that_is_not_there_is_idle(tmp_path: Path) -> None:
    """Which `check` says. Unknown tables are refused even so."""
    path = tmp_path / "mine.toml"
    path.write_text('[units.kB]\n"job.Frame" = ["maxRss"]\n', encoding="utf-8")
    profile = load_core_profile(str(path), CoreProfile)
    catalog = build_core_catalog(opencue(), Selection(), profile)
    assert catalog.idle.entries == (UnusedEntry("units", "no feature reads it"),)
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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[colours]", "colours: unknown key"),
        ('"two\\nlines" = 1', r"'two\nlines': unknown key"),
        ("a = " + "[" * 5000, ""),
        *(
            (f"summaries = {name!r}", f"summaries: {name!r} is not the name of a file")
            for name in ("/etc/words.toml", "../words.toml", "words", "")
        ),
        ('[summaries.methods.a]\nB = "x\\ny"', r"summaries.methods.a.B: 'x\ny' is not one line"),
        ('[summaries.methods.a]\nB = ""', "summaries.methods.a.B: '' is not one line of text"),
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
