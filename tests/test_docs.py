"""The documents say the same as the code."""

import re
from pathlib import Path

import pytest

from docs.conf import PARTS
from docs.sentences import section, with_section
from gateway.core.errors import Code
from gateway.core.settings.loading import synonyms
from gateway.core.settings.notes import Retired, noted
from gateway.feature import Feature
from gateway.features import FEATURES
from gateway.features.settings import Settings
from tests.support.needs import OF_ALL_FEATURES
from tests.support.opencue import catalog

ROOT = Path(__file__).parent.parent
HOUSES = ("gateway", "cuebot_simulator")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


@OF_ALL_FEATURES
def test_every_setting_is_documented_and_nothing_else() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURATION, re.MULTILINE)
    retired = {name for name, _ in noted(Settings, Retired)}
    assert sorted(rows) == sorted(name.upper() for name in Settings.model_fields.keys() - retired)


@pytest.mark.parametrize("name", [*synonyms(Settings), "GRPC_MAX_MESSAGE_SIZE", "GATEWAY_CONFIG"])
def test_every_other_name_is_documented(name: str) -> None:
    assert f"`{name}`" in CONFIGURATION


@OF_ALL_FEATURES
def test_the_readme_names_only_real_settings() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert names
    assert names <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_a_terminal_finds_the_command_before_it_is_called(page: str) -> None:
    """`make demo` and `make install` put it into .venv alone."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "BIN := .venv/bin\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    called = re.search(r"^(?:\$ )?(?:cuebot-gateway|cuectl) ", text, re.MULTILINE)
    assert called is not None
    assert "make demo" in text[: text.index('$ export PATH="$PWD/.venv/bin:$PATH"')]
    assert 'export PATH="$PWD/.venv/bin:$PATH"' in text[: called.start()]


def test_the_readme_has_the_two_commands_of_a_fresh_machine() -> None:
    """Beside one another, and the one that takes long says how long."""
    (block,) = re.findall(r"^```console\n(\$ make .*?)^```", README, re.MULTILINE | re.DOTALL)
    demo, tests, *_ = block.splitlines()
    assert demo.startswith("$ make demo ")
    assert re.match(r"\$ make test +# .*minutes on two cores", tests)
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_is_read_in_half_a_minute() -> None:
    lines = README.splitlines()
    bullets = [number for number, line in enumerate(lines) if line.startswith("- ")]
    assert bullets
    for number in bullets:
        assert len(re.sub(r"\]\([^)]+\)", "]", lines[number])) < 120
        assert not lines[number + 1].startswith("  ")
    pictures = [ROOT / file for file in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)]
    assert len(pictures) == 1
    assert all(picture.stat().st_size < 150_000 for picture in pictures)


def test_the_recording_is_small_and_ends() -> None:
    """It is one of a job that is done; pages load it at once."""
    recording = (ROOT / "docs" / "static" / "follow.svg").read_text(encoding="utf-8")
    assert len(recording.encode()) < 60_000
    assert recording.count("<g ") >= 10
    assert recording.rstrip().endswith(" is done</text></g>\n</svg>")


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_every_error_is_documented(code: Code) -> None:
    rows = [line for line in HTTP.splitlines() if line.startswith(f"| {code.http_status} ")]
    assert any(f"`{code.name}`" in row for row in rows)


@OF_ALL_FEATURES
def test_explained_messages_exist() -> None:
    """The messages of docs/errors.md are those that the gateway, or the demo's Cuebot, sends."""
    files = (file for house in HOUSES for file in (ROOT / house).rglob("*.py"))
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    code = re.sub(r'"\s+f?"', "", code)  # texts go on in the next line
    code += (ROOT / "config" / "opencue.toml").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \([45]\d\d\) \|", ERRORS, re.MULTILINE)
    assert len(rows) > 15
    for message in re.findall(r"`([^`]+)`", " ".join(rows)):
        for part in message.split("…"):
            assert part.strip("/'? ") in code, message


def test_whoever_copies_a_launch_waits_for_it() -> None:
    """LaunchSpec's 200 is a place in a queue, which is lost with Cuebot."""
    launches = []
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        blocks = re.findall(
            r"^```(?:sh|console|python|js)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S
        )
        launches += [(page.name, *re.findall(r"LaunchSpec\w*", block)) for block in blocks]
    launches = [each for each in launches if len(each) > 1]
    assert {page for page, *_ in launches} == {"calls.md", "demo.md", "recipes.md", "specs.md"}
    assert {name for _, *names in launches for name in names} == {"LaunchSpecAndWait"}


def test_the_glossary_has_what_people_ask_for() -> None:
    """Each word with methods that are there, as `call` takes them."""
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = {word.lower() for word in re.findall(r"^\| \*\*(\w+)\*\*", page, re.MULTILINE)}
    assert words >= {
        *("eat", "nimby", "proc", "subscription", "allocation", "show", "job", "layer", "frame"),
        *("group", "limit", "facility", "rqd", "dispatch", "depend", "dead"),
    }
    known = {method.path.rpartition(".")[2] for method in catalog().methods}
    named = re.findall(r"`([A-Z][a-z]+)/(\w+)`", page)
    assert len(named) > 30
    assert [each for each in named if f"{each[0]}Interface/{each[1]}" not in known] == []


@OF_ALL_FEATURES
@pytest.mark.anyio
async def test_the_sentences_of_errors_are_up_to_date() -> None:
    """docs/errors.md has what a gateway answers, word by word."""
    assert with_section(ERRORS, await section()) == ERRORS, (
        "docs/errors.md is not what the gateway answers now. Run: make map"
    )


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_each_feature_has_its_page(feature: type[Feature]) -> None:
    """By its name, in the menu; it begins with a sentence."""
    name = feature.name.replace("_", "-")
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert re.match(r"# .+\n\n[^|#\n]", page)
    assert not page.partition("\n\n")[2].startswith("```")
    assert [name in pages for pages in PARTS.values()].count(True) == 1


@OF_ALL_FEATURES
@pytest.mark.parametrize("file", ["gateway.toml", "opencue.toml"])
def test_a_section_has_what_its_feature_reads(file: str) -> None:
    """Its settings, or its tables of the profile; and all of them stand there."""
    text = (ROOT / "config" / file).read_text(encoding="utf-8")
    parts = re.split(r"^# --- .*?(?: \(feature (\w+)\))? -+$", text, flags=re.MULTILINE)
    there = {name: named_in(part) for name, part in zip(parts[1::2], parts[2::2], strict=True)}
    for feature in FEATURES:
        read = feature.section(()) if file == "gateway.toml" else feature.tables
        retired = () if read is None else (name for name, _ in noted(read, Retired))
        names = {*(() if read is None else read.model_fields)}.difference(retired)
        # A file beside the profile is named before all tables.
        assert there.get(feature.name, set()) == names - named_in(parts[0]), feature.name


def named_in(part: str) -> set[str]:
    """The keys and tables of a piece of TOML, also those that are commented out."""
    keys = re.findall(r"^(?:# )?(\w+) = ", part.partition("\n[")[0], re.MULTILINE)
    return {*keys, *re.findall(r"^\[\[?(\w+)", part, re.MULTILINE)}


@OF_ALL_FEATURES
def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_files_to_deploy_are_shown() -> None:
    """docs/deployment.md has a link to each, and repeats none of them."""
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    folder = ROOT / "config" / "deploy"
    for file in filter(Path.is_file, folder.iterdir()):
        assert f"](../config/deploy/{file.name})" in page
        lines = {line.strip() for line in file.read_text(encoding="utf-8").splitlines()}
        blocks = re.findall(r"^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        for block in blocks:
            repeated = lines.intersection(line.strip() for line in block.splitlines())
            assert len([line for line in repeated if len(line) > 20]) < 3, file.name


@OF_ALL_FEATURES
def test_the_tests_of_promises_exist() -> None:
    """The files that the pages on promises name are there, and so are the targets of make."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("reliability.md", "security.md"):
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        files = re.findall(r"`(tests/[\w/.]+)`", page)
        assert len(files) > 5
        assert [file for file in files if not (ROOT / file).exists()] == []
        for target in re.findall(r"`make (\w+)", page):
            assert f"\n{target}: " in makefile, target
