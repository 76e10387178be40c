"""What is on which host, both ways."""

import pytest

from cuebot_simulator.world.host_index import HostIndex


def test_a_host_has_what_is_there_and_nothing_that_left() -> None:
    """In the order that it came there; what moves is on one host only."""
    places = HostIndex()
    places["one"] = places["two"] = places["three"] = "here"
    places["two"] = "there"
    places["one"] = "here"
    assert (places.on("here"), places.on("there")) == (("three", "one"), ("two",))
    assert places.pop("three") == "here"
    del places["two"]
    assert dict(places) == {"one": "here"}
    assert (places.on("here"), places.on("there")) == (("one",), ())
    with pytest.raises(KeyError):
        del places["two"]
