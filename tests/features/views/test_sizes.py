"""Sizes in requests have a unit, as those in answers have one."""

import pytest

from gateway.core.calls.plan import plan
from gateway.core.calls.query import form_as_json
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import GatewayError
from tests.support.opencue import catalog, planned

SET_MIN_MEMORY = "/job.LayerInterface/SetMinMemory"


@pytest.mark.parametrize(
    ("memory", "sent"),
    [("8GB", 8 * 2**20), ("1.5g", 3 * 2**19), ("512MB", 2**19), ("4096", 4096), (4096, 4096)],
)
def test_a_size_has_a_unit(memory: str | int, sent: int) -> None:
    meant = {"layer": {"id": "a"}, "memory": sent}
    assert planned(SET_MIN_MEMORY, meant | {"memory": memory}) == planned(SET_MIN_MEMORY, meant)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("8", "memory: 8 alone is no size; write 8GB, 8MB, 8kB"),
        ("8388608", "memory: 8388608 alone is no size; write 8388608GB, 8388608MB, 8388608kB"),
    ],
)
def test_a_size_in_a_form_has_a_unit(text: str, told: str) -> None:
    """In JSON, a number is Cuebot's own."""
    method = catalog().routes[SET_MIN_MEMORY]
    with pytest.raises(GatewayError) as refused:
        form_as_json(method, f"layer=a&memory={text}".encode())
    assert refused.value.message == told
    assert form_as_json(method, b"layer=a&memory=8GB") == b'{"layer":"a","memory":"8GB"}'


@pytest.mark.parametrize("memory", ["much", "1B", "8Gx", ""])
def test_what_is_no_size_is_refused(memory: str) -> None:
    with pytest.raises(GatewayError, match="memory: expected a 64-bit integer, got the string"):
        planned(SET_MIN_MEMORY, {"layer": {"id": "a"}, "memory": memory})


@pytest.mark.parametrize("memory", ["99999999999999GB", "9" * 40])
def test_a_size_of_no_computer_is_refused(memory: str) -> None:
    with pytest.raises(GatewayError, match=r"memory: .*64-bit"):
        planned(SET_MIN_MEMORY, {"layer": {"id": "a"}, "memory": memory})


def test_a_size_beside_what_is_nested_deep() -> None:
    """It is read no less than without the unit."""
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    body = b'{"layer":{"id":"a"},"memory":"8GB","x":' + deep + b"}"
    ignoring = plan(catalog().routes[SET_MIN_MEMORY], body, UnknownFieldPolicy.NOTHING)
    meant = {"layer": {"id": "a"}, "memory": 8 * 2**20}
    assert ignoring.payload == planned(SET_MIN_MEMORY, meant)


def test_a_size_beside_a_misspelled_field() -> None:
    with pytest.raises(GatewayError, match="unknown field `layr`"):
        planned(SET_MIN_MEMORY, {"layr": {"id": "a"}, "memory": "8GB"})
