"""The headers of W3C Trace Context: what is one, and what is sent on."""

import pytest

from gateway.http.trace_context import read_context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_a_context_is_sent_on_as_it_came(flags: str) -> None:
    given = f"00-{TRACE}-{SPAN}-{flags}"
    context = read_context(given.encode(), b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    assert context is not None
    assert context.sampled == (flags in ("01", "03"))
    assert context.metadata == (
        ("traceparent", given),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
    )


@pytest.mark.parametrize(
    "given",
    [
        *("", "00", TRACE, GOOD.upper(), f" {GOOD}", f"{GOOD} ", f"{GOOD}-", f"{GOOD}-more"),
        *(f"{GOOD}, {GOOD}", f"{GOOD}\n", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-1"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[:-1]}-{SPAN}-01"),
        *(f"00-{TRACE}-{SPAN}-0g", f"0-{TRACE}-{SPAN}-01", f"00-{TRACE}{SPAN}-01"),
        f"01-{TRACE}-{SPAN}-01-{'x' * 512}",
    ],
)
def test_anything_else_is_none(given: str) -> None:
    """A header that breaks the grammar, or has no trace or no span in it, says nothing."""
    assert read_context(given.encode(), None) is None


@pytest.mark.parametrize("given", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-ff-what-ever"])
def test_a_later_version_is_sent_on_as_the_one_that_is_known(given: str) -> None:
    context = read_context(given.encode(), None)
    assert context is not None
    flags = "03" if given.startswith("cc") else "01"
    assert context.metadata == (("traceparent", f"00-{TRACE}-{SPAN}-{flags}"),)


@pytest.mark.parametrize(
    "state",
    [
        *("a=1", "a=1,b=2", "a=1 , b=2", "a=1,,b=2", "fw529a3039@dt=FfD9i2pH", "a/b*c_d-e=x y"),
        *(",".join(f"k{n}=v" for n in range(32)), f"a={'v' * 256}", f"{'k' * 256}=v"),
    ],
)
def test_a_state_is_sent_on(state: str) -> None:
    context = read_context(GOOD.encode(), f" {state}\t".encode())
    assert context is not None
    assert context.metadata[1:] == (("tracestate", state),)


@pytest.mark.parametrize(
    "state",
    [
        *("", "a", "a=", "=1", "A=1", "a=1;b=2=", "a=ü", "a=1\x7f", "a=1\r\nb: 2", "-a=1"),
        *(",".join(f"k{n}=v" for n in range(33)), f"a={'v' * 257}", f"{'k' * 257}=v"),
        *(f"a={'v' * 250},b={'v' * 250},c={'v' * 20}", " " * 511 + "="),
    ],
)
def test_a_state_that_is_none_is_left_out(state: str) -> None:
    context = read_context(GOOD.encode(), state.encode())
    assert context is not None
    assert context.metadata == (("traceparent", GOOD),)
