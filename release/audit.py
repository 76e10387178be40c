"""`make audit`: whether a dependency has a known vulnerability, as pip-audit finds them.

release/audit.toml has those that are accepted, with the reasons. Exit status: 0 without others, 1
with others, 2 if the service that knows them cannot be asked (with `--may-be-unreachable`, 0).
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCEPTED = Path(__file__).with_name("audit.toml")


@dataclass(frozen=True, slots=True)
class Audit:
    """What pip-audit has found."""

    audited: int = 0
    """How many packages it knows about."""
    unknown: tuple[str, ...] = ()
    """Those it does not, with the reasons."""
    findings: tuple[str, ...] = ()
    """Vulnerabilities that are not accepted."""
    accepted: frozenset[tuple[str, str]] = field(default=frozenset())
    """Package and id of those that are."""


def audit(report: Mapping[str, Any], accepted: Mapping[tuple[str, str], str]) -> Audit:
    """Judge pip-audit's JSON report. `accepted` has reasons by package and id (or an alias)."""
    audited, unknown, findings, found = 0, [], [], set()
    for package in report["dependencies"]:
        name = package["name"]
        if "skip_reason" in package:
            unknown.append(f"{name}: {package['skip_reason']}")
            continue
        audited += 1
        for each in package["vulns"]:
            names = {(name, known) for known in (each["id"], *each["aliases"])}
            if names & accepted.keys():
                found |= names & accepted.keys()
            else:
                fixed = ", ".join(each["fix_versions"]) or "no version"
                findings.append(f"{name} {package['version']}: {each['id']}, fixed in {fixed}")
    return Audit(audited, tuple(unknown), tuple(findings), frozenset(found))


def lines(result: Audit, accepted: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """What to tell people."""
    for finding in result.findings:
        yield f"vulnerable: {finding}; update it, or accept it with a reason in release/audit.toml"
    for package, known in sorted(accepted):
        if (package, known) in result.accepted:
            yield f"accepted: {package}: {known}: {accepted[package, known].strip()}"
        elif result.audited:
            yield f"not found: {package}: {known}; take it out of release/audit.toml"
    if result.audited:
        for each in result.unknown:
            yield f"not checked: {each}"
        yield f"{result.audited} packages checked, {len(result.findings)} vulnerabilities"


def read_accepted(path: Path = ACCEPTED) -> dict[tuple[str, str], str]:
    """The reasons, by package and id."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["accepted"]
    return {(each["package"], each["id"]): each["reason"] for each in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("requirements", help="a file of pinned requirements")
    parser.add_argument("--may-be-unreachable", action="store_true")
    given = parser.parse_args()
    options = ("--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off")
    ran = subprocess.run(  # noqa: S603 - our own file, and a tool that we install
        [sys.executable, "-m", "pip_audit", *options, "--requirement", given.requirements],
        capture_output=True,
        text=True,
        check=False,
    )
    accepted = read_accepted()
    result = audit(json.loads(ran.stdout) if ran.stdout else {"dependencies": []}, accepted)
    for line in lines(result, accepted):
        print(line)
    if result.findings:
        return 1
    if not result.audited:
        reason = result.unknown[0] if result.unknown else ran.stderr.strip().rpartition("\n")[2]
        print(f"nothing was checked: the vulnerability service cannot be asked ({reason})")
        return 0 if given.may_be_unreachable else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
