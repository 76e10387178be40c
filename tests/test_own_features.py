"""A studio's own feature: a package with an entry point, as docs/features.md has it."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.app import create_app
from gateway.core.errors import ConfigurationError
from gateway.core.pipeline.interceptors import Interceptors
from gateway.feature import Feature, Interceptor, OwnCause, RequestContext, counter, gauge
from gateway.features import FEATURES
from gateway.features.installed import GROUP, Unusable, placed, with_installed
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.servers import settings_for

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|toml)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CODE, TEST = (text for language, text in BLOCKS if language == "python")
(PROJECT,) = (tomllib.loads(text) for language, text in BLOCKS if language == "toml")
ENTRY = PROJECT["project"]["entry-points"][GROUP]["hello"]

Python = Callable[..., "subprocess.CompletedProcess[str]"]


def install(folder: Path, code: str, entry: str = f"hello = {ENTRY}") -> None:
    """A distribution as pip leaves it."""
    (folder / "studio_hello.py").write_text(code, encoding="utf-8")
    about = folder / "studio_hello-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: studio-hello\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Run Python in the folder of the distribution."""

    def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"} | settings,
            capture_output=True,
            text=True,
        )

    return run


SETTINGS = {
    "CUEBOT_ENDPOINT": "127.0.0.1:1",
    "DESCRIPTOR_SOURCE": "package:opencue_proto",
    "JWT_SECRET": "w" * 40,
}


@pytest.mark.slow
def test_the_page_has_a_complete_feature_and_its_test(tmp_path: Path, python: Python) -> None:
    install(tmp_path, CODE)
    (tmp_path / "test_hello.py").write_text(TEST, encoding="utf-8")
    told = python("-m", "pytest", "--quiet", "-p", "no:schemathesis")
    assert told.returncode == 0, told.stdout
    assert "2 passed" in told.stdout


@pytest.mark.slow
def test_check_lists_it_and_knows_its_settings(tmp_path: Path, python: Python) -> None:
    install(tmp_path, CODE)
    (tmp_path / "gateway.toml").write_text("night_begins = 23\n")
    checked = python("-m", "gateway_cli", "check", "--config", "gateway.toml", **SETTINGS)
    assert "hello (studio-hello 1.0)" in checked.stdout, checked.stderr
    assert "night_begins" not in checked.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "entry", "problem"),
    [
        ("import nothing_here", f"hello = {ENTRY}", "ModuleNotFoundError: No module named 'noth"),
        (CODE, "hello = studio_hello:Hallo", "AttributeError"),
        (CODE, "hello = studio_hello:HelloSettings", "is no subclass of gateway.feature.Feature"),
        (CODE.replace('    name = "hello"\n', ""), f"hello = {ENTRY}", "has no `name`"),
        (
            CODE.replace('"hello"\n', '"hello"\n    after = "tokenz"\n'),
            f"hello = {ENTRY}",
            "tokens",
        ),
        (
            CODE.replace("def section(cls, added)", "def section(cls)"),
            f"hello = {ENTRY}",
            "cannot be read: TypeError: Hello.section() takes 1 positional argument",
        ),
        (
            CODE.replace("return HelloSettings", "return HelloSettings()"),
            f"hello = {ENTRY}",
            "its section is no subclass of gateway.feature.Strict",
        ),
        (
            CODE.replace('"hello"\n', '"hello"\n    families = ("greetings_total",)\n'),
            f"hello = {ENTRY}",
            "cannot be read: AttributeError",
        ),
    ],
)
def test_what_cannot_be_loaded_stops_the_startup(
    tmp_path: Path, python: Python, code: str, entry: str, problem: str
) -> None:
    install(tmp_path, code, entry)
    served = python("-m", "gateway_cli", "serve", **SETTINGS)
    name = entry.partition(" ")[0]
    assert served.returncode != 0
    assert f"the feature {name!r} of an installed package: " in served.stderr
    assert problem in served.stderr
    assert "Traceback" not in served.stderr


@pytest.mark.slow
@pytest.mark.parametrize("part", ["def middleware(self)", "def compile(draft)"])
def test_check_tells_what_does_not_start(tmp_path: Path, python: Python, part: str) -> None:
    install(tmp_path, breaking(part))
    checked = python("-m", "gateway_cli", "check", **SETTINGS)
    assert checked.returncode == 2
    name = re.sub(r".*def (\w+).*", r"\1", part)
    assert f"the feature 'hello' does not start: {name}(): RuntimeError: no farm" in checked.stdout


@pytest.mark.slow
def test_its_entry_point_may_have_another_name(tmp_path: Path, python: Python) -> None:
    install(tmp_path, CODE, f"greeting = {ENTRY}")
    checked = python("-m", "gateway_cli", "check", **SETTINGS)
    assert "hello (studio-hello 1.0)" in checked.stdout, checked.stderr


@pytest.mark.slow
def test_a_setting_that_another_one_has_is_refused(tmp_path: Path, python: Python) -> None:
    install(tmp_path, CODE.replace("night_ends", "rest_port"))
    served = python("-m", "gateway_cli", "serve", **SETTINGS)
    assert "the feature 'hello' has the setting rest_port, as the gateway has" in served.stderr
    assert "Traceback" not in served.stderr


def breaking(part: str) -> str:
    """The page's feature, with a part that raises."""
    broken = f'    {part}:\n        raise RuntimeError("no farm")\n'
    return str(CODE).replace('    name = "hello"\n', f'    name = "hello"\n\n{broken}')


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", ["def __init__(self, gateway)", "async def first_look(self)", "def compile(draft)"]
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_does_not_start_stops_the_startup(
    tmp_path: Path, python: Python, part: str, workers: str
) -> None:
    install(tmp_path, breaking(part))
    served = python("-m", "gateway_cli", "serve", **SETTINGS, REST_PORT="0", WORKERS=workers)
    assert served.returncode == 2
    name = re.sub(r".*def (\w+).*", r"\1", part)
    assert f"the feature 'hello' does not start: {name}(): RuntimeError: no farm" in served.stderr
    assert "Traceback" not in served.stderr + served.stdout


@pytest.mark.slow
def test_a_demo_that_does_not_start_ends_with_a_line(tmp_path: Path, python: Python) -> None:
    install(tmp_path, breaking("def __init__(self, gateway)"))
    served = python("-m", "gateway_cli", "demo", "--port", "0")
    assert served.returncode == 2
    said = "the feature 'hello' does not start: __init__(): RuntimeError: no farm"
    assert served.stderr == f"cuebot-gateway: {said}\n"


@pytest.mark.slow
def test_another_server_tells_who_does_not_start(tmp_path: Path, python: Python) -> None:
    install(tmp_path, breaking("async def first_look(self)"))
    served = python("-m", "uvicorn", "gateway.asgi:app", "--port", "0", **SETTINGS)
    assert served.returncode != 0
    said = "the feature 'hello' does not start: first_look(): RuntimeError: no farm"
    assert said in served.stderr
    assert "Traceback" not in served.stderr + served.stdout


def breaks(*given: object) -> Iterable[Any]:
    raise RuntimeError("no farm")


@pytest.mark.parametrize(
    "part",
    ["__init__", "interceptors", "options", "exchanges", "middleware", "routes", "apps"],
)
def test_who_does_not_start_is_named(part: str) -> None:
    broken = type("Broken", (Feature,), {"name": "broken", part: breaks})
    settings = settings_for("127.0.0.1:1", open_to_all=True)
    with pytest.raises(ConfigurationError, match=rf"'broken' .* {part}\(\): RuntimeError: no farm"):
        create_app(settings, features=(broken,))


@pytest.mark.parametrize(
    ("ours", "own", "said"),
    [
        (Route("/a", breaks), Route("/a", breaks), "/a, which 'ours' answers (/a)"),
        (Route("/{x:path}", breaks), Route("/a", breaks), "/a, which 'ours' answers (/{x:path})"),
        (Route("/a/{x}", breaks), Route("/a/{y}", breaks), "/a/{y}, which 'ours' answers (/a/{x})"),
        (Route("/{x:int}", breaks), Route("/{x:int}", breaks), "/{x:int}, which 'ours' answers (/"),
        (Route("/a", PlainTextResponse("")), Route("/a", breaks), "/a, which 'ours' answers (/a)"),
        (Route("/a", breaks), Route("/a/b", breaks), ""),
        (Route("/{x:int}", breaks), Route("/a", breaks), ""),
        (Route("/a", breaks), Route("/a", breaks, methods=["POST"]), ""),
    ],
)
def test_a_page_that_another_one_answers_stops_the_startup(
    ours: Route, own: Route, said: str
) -> None:
    """It would never be reached."""
    features = [
        type(name, (Feature,), {"name": name, "routes": lambda self, route=route: [route]})
        for name, route in (("ours", ours), ("own", own))
    ]
    settings = settings_for("127.0.0.1:1", open_to_all=True)
    if not said:
        create_app(settings, features=features)
        return
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings, features=features)
    assert str(caught.value).startswith(f"the feature 'own' has the page {said}")


def test_a_feature_before_another_one_may_answer_its_pages() -> None:
    there: dict[str, object] = {"routes": lambda self: [Route("/a", breaks)]}
    own = type("Own", (Feature,), {"name": "own", "before": "ours", **there})
    ours = type("Ours", (Feature,), {"name": "ours", **there})
    create_app(settings_for("127.0.0.1:1", open_to_all=True), features=(own, ours))


async def test_who_does_not_let_others_start_is_named() -> None:
    broken = type("Broken", (Feature,), {"name": "broken", "first_look": breaks})
    app = create_app(settings_for("127.0.0.1:1", open_to_all=True), features=(broken,))
    with pytest.raises(
        ConfigurationError, match=r"'broken' .* first_look\(\): RuntimeError: no farm"
    ):
        async with app.router.lifespan_context(app):
            pass


def feature(name: str, *, after: str = "", before: str = "", **parts: Any) -> type[Feature]:
    return type(name, (Feature,), {"name": name, "after": after, "before": before, **parts})


OURS = [feature("one"), feature("two"), feature("three")]


@pytest.mark.parametrize(
    ("own", "order"),
    [
        ([feature("own")], "one two three own"),
        ([feature("own", after="one")], "one own two three"),
        ([feature("own", before="one")], "own one two three"),
        ([feature("a", after="b"), feature("b", after="one")], "one b a two three"),
    ],
)
def test_it_comes_where_it_says(own: list[type[Feature]], order: str) -> None:
    assert " ".join(each.name for each in placed(OURS, own)) == order


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        (feature("two"), "another feature has this name"),
        (feature("own", after="thre"), "did you mean three?"),
        (feature("own", after="one", before="three"), "one of them is enough"),
    ],
)
def test_where_it_cannot_come(own: type[Feature], problem: str) -> None:
    (unusable,) = (each for each in placed(OURS, [own]) if issubclass(each, Unusable))
    assert problem in unusable.problem


LATE, BUSY = OwnCause("late"), OwnCause("places")
GREETED = counter("greetings_total", "People who were greeted.")


@pytest.mark.parametrize(
    ("ours", "own", "problem"),
    [
        (
            {"refusals": {LATE: "Too late"}},
            {"other_refusals": {LATE: "Not yet"}},
            "it has the reason 'late' to refuse, as ours has",
        ),
        ({}, {"refusals": {BUSY: "Closed"}}, "it has the reason 'places' to refuse, as the g"),
        (
            {"families": (GREETED,)},
            {"families": (gauge("greetings_total", "Greetings that are due."),)},
            "it has the metric greetings_total, as ours has",
        ),
        ({"shows": {"/hello": ""}}, {"shows": {"/hello": ""}}, "it has the page /hello, as ours h"),
        ({"families": (GREETED,)}, {"families": (GREETED,)}, ""),
        ({"shows": {"/hello": ""}}, {"shows": {"/welcome": ""}}, ""),
    ],
)
def test_what_another_one_has_is_refused(
    ours: dict[str, Any], own: dict[str, Any], problem: str
) -> None:
    """A metric with the same meaning may be of both."""
    found = placed([feature("ours", **ours)], [feature("own", **own)])
    told = [each.problem for each in found if issubclass(each, Unusable)]
    assert bool(told) == bool(problem)
    assert problem in "".join(told)


@pytest.mark.parametrize("each", FEATURES, ids=lambda each: each.name)
def test_none_of_ours_has_what_another_one_has(each: type[Feature]) -> None:
    others = [other for other in FEATURES if other is not each]
    (found,) = set(placed(others, [each])) - set(others)
    assert not issubclass(found, Unusable)


def test_without_packages_there_are_ours() -> None:
    assert with_installed(*OURS) == tuple(OURS)


@pytest.mark.parametrize("stage", [Interceptors.admit, Interceptors.identify_again])
def test_whom_a_studio_has_identified_owns_what_is_shared(
    stage: Callable[[Interceptors, RequestContext], object],
) -> None:
    """Of calls, and of pages."""

    class Badges(Interceptor):
        def identify(self, context: RequestContext) -> None:
            context.subject = "lena"

    context = context_of("/a.B/C")
    stage(Interceptors([Badges()]), context)
    assert context.principal == "lena"


METRIC = """
    families = (counter("greetings_total", "People who were greeted."),)

    def numbers(self):
        return {("greetings_total",): 3}

    def routes(self):"""
SCRAPE = """
import asyncio
from gateway_cli.testing import gateway_with

async def scrape():
    async with gateway_with({}, metrics="public") as client:
        print((await client.get("/metrics")).text)

asyncio.run(scrape())
"""


@needs("metrics")
@pytest.mark.slow
def test_its_metrics_are_shown(tmp_path: Path, python: Python) -> None:
    code = CODE.replace("\n    def routes(self):", METRIC)
    install(tmp_path, code.replace("import Code, ", "import Code, counter, "))
    scraped = python("-c", SCRAPE)
    assert "# HELP cuebot_gateway_greetings_total People who were greeted." in scraped.stdout
    assert "cuebot_gateway_greetings_total 3.0" in scraped.stdout
