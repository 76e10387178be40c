"""The places of the caller's name that a profile knows, for a schema."""

import pytest

from gateway.core.schema.catalog import UnusedEntry
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog
from gateway.features.identity.aspect import CallerField
from tests.support.opencue import opencue

pytestmark = pytest.mark.slow

KILL = "job.JobInterface/Kill"


@pytest.mark.parametrize("path", ["newComment.user", "new_comment.user"])
def test_an_entry_in_either_spelling(path: str) -> None:
    profile = Profile(identity={"job.JobInterface/AddComment": path})
    catalog = build_catalog(opencue(), Selection(), profile)
    own = CallerField.of(catalog.routes["/job.JobInterface/AddComment"])
    assert (str(own.place), own.element) == ("newComment.user", "")
    assert catalog.idle.entries == ()


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
    catalog = build_catalog(opencue(), Selection(), Profile(identity={method: path}))
    assert catalog.idle.entries == (UnusedEntry(f"identity.{method}", reason),)
    assert not any(CallerField in each.aspects for each in catalog.methods)


def test_an_excluded_method() -> None:
    profile = Profile(identity_in_xml={"job.JobInterface/LaunchSpec": {"spec": "user"}})
    catalog = build_catalog(opencue(), Selection(exclude=("*/Launch*",)), profile)
    assert [each.entry for each in catalog.idle.entries] == [
        "identity_in_xml.job.JobInterface/LaunchSpec"
    ]
