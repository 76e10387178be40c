"""What the image installs: a lock that fits pyproject.toml, and a Dockerfile that goes by it."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.deploy.places import ROOT, text_of

LOCK = text_of("requirements.txt")
LINES = LOCK.replace("\\\n", "").splitlines()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
DOCKERFILE = text_of("Dockerfile")
PLATFORMS = [
    {"sys_platform": "linux", "platform_machine": machine, "python_version": "3.13"}
    for machine in ("x86_64", "aarch64")
]
"""Those that release.yml builds images for."""


def locked() -> Iterator[tuple[Requirement, list[str]]]:
    """Each package with its hashes."""
    for line in LINES:
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split("--hash=")
            yield Requirement(requirement.strip()), [each.strip() for each in hashes]


def version_of(requirement: Requirement) -> Version:
    """The one version that it is."""
    (only,) = requirement.specifier
    assert only.operator == "=="
    return Version(only.version)


def extras() -> list[str]:
    """Those that the image may have: all but the demo's, and the one for programs with assistants,
    which start a client of a gateway beside them."""
    return [name for name in PROJECT["optional-dependencies"] if name not in ("demo", "mcp")]


def wanted() -> list[Requirement]:
    """What is asked for: by the gateway, its extras, and by the build."""
    asked = [
        *PROJECT["dependencies"],
        *(each for name in extras() for each in PROJECT["optional-dependencies"][name]),
        *PYPROJECT["build-system"]["requires"],
    ]
    return [Requirement(each) for each in asked]


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda each: each["platform_machine"])
def test_the_lock_satisfies_what_is_asked_for(platform: dict[str, str]) -> None:
    there = {
        canonicalize_name(each.name): version_of(each)
        for each, _ in locked()
        if each.marker is None
        or each.marker.evaluate({**platform, "python_full_version": "3.13.14"})
    }
    for each in wanted():
        if each.marker is None or each.marker.evaluate(platform):
            name = canonicalize_name(each.name)
            assert name in there, f"{name} is not in the lock; run make lock"
            assert there[name] in each.specifier, f"{name}: run make lock"


def test_every_package_has_hashes_and_no_other_origin() -> None:
    found = list(locked())
    assert len(found) > 40
    names = [canonicalize_name(each.name) for each, _ in found]
    assert len(set(names)) == len(names)
    for requirement, hashes in found:
        assert requirement.url is None
        assert hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)
    assert "://" not in LOCK
    assert not re.search("^ *-", LOCK.replace("    --hash", ""), re.MULTILINE)


def test_the_image_is_made_of_the_lock_alone() -> None:
    download, install = re.findall(
        r"-m pip\b.*?(?:\n(?!  )|\Z)", DOCKERFILE.replace("\\\n", ""), re.S
    )
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(download.split())
    assert "config/deploy/requirements.txt" in download
    assert {"--no-index", "--find-links"} <= set(install.split())


def test_the_base_image_is_exact() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.13\.\d+-slim-\w+\$\{BASE_DIGEST:\+@\$BASE_DIGEST\}", bases[0])
    assert DOCKERFILE.index("ARG BASE_DIGEST=\n") < DOCKERFILE.index("\nFROM ")


def test_make_lock_makes_it() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (named,) = re.findall(r"^IMAGE_EXTRAS := (.*)$", makefile, re.MULTILINE)
    assert sorted(named.split()) == sorted(extras())
    assert "--python-version 3.13 " in makefile
    assert PYPROJECT["dependency-groups"]["image"] == PYPROJECT["build-system"]["requires"]
