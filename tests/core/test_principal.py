"""Principals, their rights where nothing decides on them, and addresses as clients."""

import pytest

from gateway.core.principal import address_key, everything
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from tests.support.opencue import opencue


def test_without_rules_everything_is_allowed() -> None:
    catalog, rights = build_catalog(opencue(), Selection()), everything({"sub": "lena"})
    assert rights.allowed(catalog) == {method.path for method in catalog.methods}
    assert rights.names(catalog) is catalog.directory.names
    assert (rights.shows_status, rights.is_partial) == (True, False)
    assert rights.basis({"sub": "lena"}) == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::1", "::2", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("unix:1", "unix:2", False),
        ("10.0.0.1", "2001:db8::1", False),
        ("999.1.1.1", "999.1.1.2", False),
    ],
)
def test_which_addresses_are_one_client(one: str, other: str, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same
