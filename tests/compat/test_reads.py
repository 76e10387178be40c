"""Which methods count as reads: what the profile or the schema says, never a name alone."""

import pytest

from gateway.compat.build import build_catalog
from gateway.compat.profile import Profile, load_profile
from gateway.schema.description import assumed_schema
from gateway.schema.selection import Selection
from tests.support.opencue import opencue
from tests.support.protos import file_of_services

NOTHING_CHANGES = ("Get", "Find", "Is")


def test_the_reads_of_opencue() -> None:
    """The built-in profile knows all of them; each method with another name changes something."""
    methods = build_catalog(opencue(), Selection(), load_profile("opencue")).methods
    reads = {each.path for each in methods if each.reads_only}
    assert reads == {
        each.path for each in methods if each.descriptor.name.startswith(NOTHING_CHANGES)
    }
    assert len(reads) > 90


@pytest.mark.parametrize("profile", ["opencue", "none"])
def test_a_foreign_method_is_no_read_by_its_name(profile: str) -> None:
    """`GetToken` of a schema that nobody has described may do anything; an option says better."""
    file = file_of_services("farm.TokenInterface", ["GetToken", "GetOrCreate"], free=["Ask"])
    schema = assumed_schema([file], "test")
    methods = build_catalog(schema, Selection(), load_profile(profile)).methods
    assert {each.descriptor.name for each in methods if each.reads_only} == {"Ask"}


def test_exceptions_of_a_profile() -> None:
    """`!` takes away what another glob has, wherever it stands."""
    file = file_of_services("job.JobInterface", ["GetJob", "GetOrCreateJob", "Get"])
    schema = assumed_schema([file], "test")
    for profile in (
        load_profile("opencue"),
        Profile(reads=("!*/GetOr*", "job.JobInterface/Get*")),
    ):
        methods = build_catalog(schema, Selection(), profile).methods
        assert {each.descriptor.name for each in methods if each.reads_only} == {"GetJob", "Get"}
