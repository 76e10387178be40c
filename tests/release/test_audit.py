"""Known vulnerabilities of dependencies: what is reported, and what is accepted."""

from typing import Any

from release.audit import Audit, audit, lines, read_accepted

ACCEPTED = {("ecdsa", "CVE-1"): "it is not used"}


def package(name: str, *ids: str, aliases: tuple[str, ...] = ()) -> dict[str, Any]:
    """A package as pip-audit reports it."""
    vulns = [{"id": each, "aliases": [*aliases], "fix_versions": ["2"]} for each in ids]
    return {"name": name, "version": "1", "vulns": vulns}


def judged(*packages: dict[str, Any]) -> tuple[Audit, str]:
    result = audit({"dependencies": [*packages]}, ACCEPTED)
    return result, "\n".join(lines(result, ACCEPTED))


def test_a_vulnerability_is_a_finding() -> None:
    result, said = judged(package("a"), package("b", "GHSA-2"))
    assert result.findings == ("b 1: GHSA-2, fixed in 2",)
    assert "vulnerable: b 1: GHSA-2, fixed in 2" in said
    assert "2 packages checked, 1 vulnerabilities" in said


def test_an_accepted_one_is_none() -> None:
    for given in (package("ecdsa", "CVE-1"), package("ecdsa", "GHSA-1", aliases=("CVE-1",))):
        result, said = judged(given)
        assert not result.findings
        assert "it is not used" in said


def test_another_packages_exception_does_not_count() -> None:
    result, said = judged(package("b", "CVE-1"))
    assert len(result.findings) == 1
    assert "take it out" in said


def test_what_could_not_be_checked_is_said() -> None:
    skipped = {"name": "b", "skip_reason": "not found"}
    result, said = judged(package("a"), skipped)
    assert "not checked: b: not found" in said
    result, _ = judged(skipped)
    assert (result.audited, result.unknown) == (0, ("b: not found",))


def test_every_exception_has_a_reason() -> None:
    """Without one it would be a way to look away."""
    assert all(len(reason.split()) > 5 for reason in read_accepted().values())
