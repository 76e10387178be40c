"""The entries of a profile that say where requests name their caller."""

import pytest

from gateway.compat.build import build_catalog
from gateway.compat.profile import Profile
from gateway.schema.catalog import UnusedEntry
from gateway.schema.selection import Selection
from tests.support.opencue import opencue

KILL = "job.JobInterface/Kill"


@pytest.mark.parametrize("path", ["newComment.user", "new_comment.user"])
def test_an_entry_in_either_spelling(path: str) -> None:
    """The method knows the field, whatever path leads to the method."""
    profile = Profile(identity={"job.JobInterface/AddComment": path})
    catalog = build_catalog(opencue(), Selection(), profile)
    identity = catalog.routes["/job.JobInterface/AddComment"].identity
    assert identity is not None
    assert (str(identity.field), identity.element) == ("newComment.user", "")
    assert catalog.unused_entries == ()


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        (KILL, "user", "job.JobKillRequest has no user"),
        (KILL, "job", "job is no text"),
        ("job.JobInterface/Kil", "username", "job.JobInterface/Kil is not served"),
        ("job.JobInterface/GetJobs", "r.users", "r.users is no text"),
    ],
)
def test_an_entry_that_does_not_apply(method: str, path: str, reason: str) -> None:
    """It is idle, with the reason."""
    catalog = build_catalog(opencue(), Selection(), Profile(identity={method: path}))
    assert catalog.unused_entries == (UnusedEntry(f"identity.{method}", reason),)
    assert all(each.identity is None for each in catalog.methods)


def test_an_excluded_method() -> None:
    """An entry for it is idle, too."""
    profile = Profile(identity_in_xml={"job.JobInterface/LaunchSpec": {"spec": "user"}})
    catalog = build_catalog(opencue(), Selection(exclude=("*/Launch*",)), profile)
    assert [each.entry for each in catalog.unused_entries] == [
        "identity_in_xml.job.JobInterface/LaunchSpec"
    ]
