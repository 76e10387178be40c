"""`make without FEATURE=watch`: the proof that a feature can be taken out.

In a copy of the checkout it removes the feature, and those that need it: their folders, tests,
pages and lines in `FEATURES`. Then it runs lint, types, a start of the gateway, a build of the
wheel, and the fast tests of what remains. `server` and `http2` are no features, and go as well:
uvicorn and grpcio take over.
"""

import argparse
import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from gateway.feature import Feature
from gateway.features import FEATURES
from tests.support.needs import named_in, needed_by

ROOT = Path(__file__).parent.parent
ENGINES = {
    "server": ("gateway/server", "tests/server"),
    "http2": ("gateway/core/upstream/http2", "tests/core/upstream/http2"),
}
ALSO = {
    "connect": ("docs/protocol-clients.md",),
    "object_rights": ("docs/rights.py", "docs/access-methods.md"),
}
"""What else a feature has in docs/, beside the page of its name."""
OUTSIDE = (
    *("benchmarks", "tests/benchmarks", "tests/chaos", "tests/clients", "tests/conformance"),
    *("tests/contract", "tests/cuectl", "tests/deploy", "tests/fuzz", "tests/release"),
    *("tests/simulator", "tests/test_recipes.py"),
)
"""What uses many features, and is neither type-checked nor run."""
PACKAGES = (
    *("gateway", "gateway_cli", "gateway_client", "cuectl", "cuebot_simulator", "tests", "docs"),
)
LIST = "gateway/features/__init__.py"
SETTINGS = "config/gateway.toml"
START_SECONDS = 60.0


class Red(Exception):
    """What is not green, in a line."""


# --- What is removed ------------------------------------------------------------------------


def removable(features: Iterable[type[Feature]] = FEATURES) -> list[str]:
    return sorted([*(each.name for each in features), *ENGINES])


def in_turn(names: Sequence[str], commits: int) -> str:
    """One for each commit, so that all have been there after some."""
    return names[commits % len(names)]


def gone_with(name: str, features: Iterable[type[Feature]] = FEATURES) -> list[str]:
    """The feature of this name, and those that need it, in the order of `FEATURES`."""
    return [each.name for each in features if each.name == name or needs(each, name)]


def needs(feature: type[Feature], name: str) -> bool:
    return any(each.name == name or needs(each, name) for each in feature.needs)


def without_lines(source: str, feature: type[Feature]) -> str:
    """The module with `FEATURES`, without the two lines of a feature."""
    entry = re.compile(
        rf"^(?:from gateway\.features\.{feature.name} import .*|    {feature.__name__},)\n",
        re.MULTILINE,
    )
    rest, number = entry.subn("", source)
    if number != 2:
        raise Red(f"{LIST} has {number} lines of {feature.name}, not an import and an entry")
    return rest


def without_section(settings: str, name: str) -> str:
    """The file of settings without the section of a feature, which it says in its heading."""
    heading = rf"^# --- .* \(feature {name}\) -+\n"
    return re.sub(rf"{heading}(?:(?!# --- ).*\n)*", "", settings, flags=re.MULTILINE)


def without_tests(source: str, gone: Sequence[str]) -> str:
    """A module without the tests that say that they need what is gone.

    A case that says it is skipped there.
    """
    lines = source.splitlines(keepends=True)
    for node in reversed([*ast.walk(ast.parse(source))]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
            marks = (each for each in node.decorator_list if ast.unparse(each).startswith("needs("))
            needed = {name for each in marks for name in named_in(each)}
            if not needed.isdisjoint(gone):
                del lines[node.decorator_list[0].lineno - 1 : node.end_lineno]
    return "".join(lines)


def remove(copy: Path, gone: Sequence[str]) -> None:
    for feature in (each for each in FEATURES if each.name in gone):
        page = f"docs/{feature.name.replace('_', '-')}.md"
        folders = (f"gateway/features/{feature.name}", f"tests/features/{feature.name}")
        for path in (*folders, page, *ALSO.get(feature.name, ())):
            delete(copy / path)
        file = copy / LIST
        file.write_text(without_lines(file.read_text("utf-8"), feature), "utf-8")
        file = copy / SETTINGS
        file.write_text(without_section(file.read_text("utf-8"), feature.name), "utf-8")
    for path in (path for name in gone for path in ENGINES.get(name, ())):
        delete(copy / path)
    for file in (copy / "tests").rglob("*.py"):
        source = file.read_text("utf-8")
        if "needs(" not in source:
            continue
        if not set(needed_by(source)).isdisjoint(gone):
            file.unlink()
        elif (rest := without_tests(source, gone)) != source:
            file.write_text(rest, "utf-8")


def delete(path: Path) -> None:
    """A folder or a file, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# --- What remains ---------------------------------------------------------------------------


def copy_checkout(copy: Path) -> None:
    """The files of the working tree that git knows, or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, copy / name
        if source.exists() and not source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    if (ROOT / ".mypy_cache").is_dir():  # what mypy knows of packages of others
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")


class Copy:
    """The copy, in which commands of the checkout's .venv run."""

    def __init__(self, folder: Path, gone: Sequence[str]) -> None:
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MAKE")
        } | {"PYTHONPATH": str(folder), "WITHOUT": " ".join(gone)}

    def run(self, *command: str) -> None:
        """Raises Red."""
        process = subprocess.run(  # noqa: S603
            [sys.executable, "-m", *command], cwd=self.folder, env=self.environment
        )
        if process.returncode != 0:
            raise Red(f"{command[0]}: exit status {process.returncode}")

    def check_place(self) -> None:
        """The gateway of the copy is imported, not that of the checkout. Raises Red."""
        found = subprocess.run(
            [sys.executable, "-c", "import gateway; print(gateway.__file__)"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        ).stdout.strip()
        if found != str(self.folder / "gateway" / "__init__.py"):
            raise Red(f"the gateway would be imported from {found}")

    def lint(self) -> None:
        code = [each for each in (*PACKAGES, "release") if (self.folder / each).exists()]
        # Imports that only removed tests have used go with them.
        self.run("ruff", "check", "--quiet", "--select", "F401,I001", "--fix-only", "tests")
        self.run("ruff", "format", "--quiet", "tests")
        self.run("ruff", "check", *code)
        self.run("ruff", "format", "--check", *code)

    def types(self) -> None:
        outside = "|".join(re.escape(each) for each in OUTSIDE)
        packages = (part for each in PACKAGES for part in ("-p", each))
        python = f"--python-executable={self.python_without_checkout()}"
        self.run("mypy", python, f"--exclude=^({outside})", *packages)

    def python_without_checkout(self) -> Path:
        """One with the packages of others. mypy would find what is gone in the checkout, where the
        editable install leads.
        """
        folder = self.folder / ".venv"
        venv.create(folder, symlinks=True)
        (mine,) = folder.glob("lib/*/site-packages")
        (mine / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
        return folder / "bin" / "python"

    def start(self) -> None:
        """Serve in front of a Cuebot that is away, answer a request, and stop. Raises Red."""
        settings = {
            "CUEBOT_ENDPOINT": "127.0.0.1:1",
            "DESCRIPTOR_SOURCE": "package:opencue_proto",
            "JWT_SECRET": "w" * 40,
            "REST_HOST": "127.0.0.1",
            "REST_PORT": "0",
            "LOG_FORMAT": "json",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway_cli", "serve"],
            cwd=self.folder,
            env=self.environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if (url := listening(line)) is not None:
                    break
            else:
                raise Red(f"the gateway does not start:\n{''.join(said)}")
            print(f"{url}/healthz: {status_of(f'{url}/healthz')}")
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=START_SECONDS)
            if process.returncode != 0:
                raise Red(f"the gateway stops with {process.returncode}:\n{''.join(said)}{rest}")
        finally:
            process.kill()
            process.wait()

    def wheel(self) -> None:
        self.run("build", "--no-isolation", "--wheel", "--outdir", "dist")

    def tests(self) -> None:
        ignored = [part for each in OUTSIDE for part in ("--ignore", each)]
        self.run(
            *("pytest", "--quiet", "--numprocesses", "auto", "--dist", "worksteal"),
            *("-p", "no:cacheprovider", "-m", "not (slow or thorough)"),
            *("--hypothesis-profile", "fast", "--continue-on-collection-errors", *ignored),
        )


def listening(line: str) -> str | None:
    """The URL in the log line of a gateway that is up."""
    with suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict) and entry.get("event") == "listening":
            return str(entry["url"])
    return None


def status_of(url: str) -> int:
    """Of the answer to GET. Raises Red without one."""
    try:
        with urllib.request.urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise Red(f"GET {url}: {error}") from None


def prove(name: str, folder: Path, *, quick: bool = False) -> Iterator[str]:
    """Take a feature out, in a copy in an empty folder: the steps that are red. `quick`: without
    tests.
    """
    gone = gone_with(name) or [name]
    print(f"without {', '.join(gone)}, in {folder}", flush=True)
    copy_checkout(folder)
    remove(folder, gone)
    copy = Copy(folder, gone)
    copy.check_place()
    steps: dict[str, Callable[[], None]] = {
        "lint": copy.lint,
        "types": copy.types,
        "a start": copy.start,
        "a wheel": copy.wheel,
    }
    if not quick:
        steps["fast tests"] = copy.tests
    for step, run in steps.items():
        began = monotonic()
        try:
            run()
            result = "green"
        except Red as red:
            result = f"red: {red}"
            yield step
        print(f"without {name}: {step}: {result} ({monotonic() - began:.0f} s)", flush=True)


def commits() -> int:
    counted = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return int(counted.stdout)


def main() -> int:
    names = removable()
    parser = argparse.ArgumentParser(prog="make without", description=__doc__)
    parser.add_argument("feature", nargs="?", choices=names, help="without: one in turn")
    parser.add_argument("--list", action="store_true", help="the names, as JSON")
    parser.add_argument("--quick", action="store_true", help="all but the tests")
    parser.add_argument("--keep", type=Path, help="an empty folder for the copy, which stays")
    options = parser.parse_args()
    if options.list:
        print(json.dumps(names))
        return 0
    name = options.feature or in_turn(names, commits())
    with tempfile.TemporaryDirectory(prefix="without-") as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            red = [*prove(name, folder, quick=options.quick)]
        except Red as problem:
            red = [str(problem)]
    print(f"without {name}: {'red: ' + ', '.join(red) if red else 'green'}")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
