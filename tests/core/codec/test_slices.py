"""Long answers: the same bytes in pieces as in one, and never more than a piece at a time."""

import tracemalloc
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec import slices
from gateway.core.codec.encode import Slices
from gateway.core.errors import Code, GatewayError
from tests.support import protos
from tests.support.clocks import step_of
from tests.support.protos import TestSchema, each_of, every_type, examples, messages, opencue, trial
from tests.support.slicing import ONE_PIECE, SIZES, Sizes, outcome, pieces, these_sizes, whole

pytestmark = pytest.mark.slow

ANY_SIZES = st.sampled_from(SIZES)


def check_types(schema: TestSchema, names: list[str], number: int) -> None:
    @given(ones=each_of(schema, names), others=each_of(schema, names, 1), sizes=ANY_SIZES)
    @examples(number)
    def check(ones: tuple[Any, ...], others: tuple[Any, ...], sizes: Sizes) -> None:
        for name, first, second in zip(names, ones, others, strict=True):
            data = first.SerializePartialToString()
            # Concatenated messages merge: a singular field may come in several records.
            for payload in (data, data + second.SerializePartialToString()):
                expected = outcome(schema, name, payload, ONE_PIECE)
                assert outcome(schema, name, payload, sizes) == expected

    check()


SHAPES = [each for each in every_type() if each.values[0] is trial() or each.id == "show.proto"]
"""Other files of OpenCue's have no other shapes."""


@pytest.mark.parametrize(("schema", "groups", "number"), SHAPES)
def test_pieces_of_any_size_are_the_bytes_of_the_whole(
    schema: TestSchema, groups: list[list[str]], number: int
) -> None:
    for names in groups:
        check_types(schema, names, number)


@pytest.mark.parametrize("name", ["trial.Tree", "trial.Repeated", "trial.FarFields"])
def test_the_payload_may_be_compressed_between_any_two_pieces(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.codec.payload.BLOCK_BYTES", 64)
    monkeypatch.setattr("gateway.core.codec.payload.WORTHWHILE_RATIO", 100)
    encode = trial().encoders.encoder(trial().message_type(name))

    @given(messages(trial(), name), messages(trial(), name, 1), ANY_SIZES, st.integers(0, 20))
    @examples(100)
    def check(first: Any, second: Any, sizes: Sizes, when: int) -> None:
        data = first.SerializePartialToString() + second.SerializePartialToString()
        with these_sizes(sizes):
            answer = encode(data)
            if isinstance(answer, Slices):
                found = list(islice(answer, when))
                answer.payload.compress()
                found += answer
            else:
                found = list(answer)
        assert b"".join(found) == whole(trial(), name, data)

    check()


@pytest.mark.parametrize("name", ["trial.Tree", "trial.two.Groups", "trial.wellknown.Repeated"])
def test_broken_bytes_are_internal_in_pieces_wherever_they_are_in_one(name: str) -> None:
    @given(messages(trial(), name), protos.any_messages(), protos.JUNK, protos.CUTS, ANY_SIZES)
    @examples(100)
    def check(good: Any, stranger: Any, junk: bytes, cut: int, sizes: Sizes) -> None:
        data, other = good.SerializeToString(), stranger.SerializePartialToString()
        torn = data[:cut] + junk + data[cut:]
        for payload in (junk, torn, data[:-1], other + data, data + other):
            expected = outcome(trial(), name, payload, ONE_PIECE)
            assert outcome(trial(), name, payload, sizes) == expected

    check()


def test_a_short_answer_is_one_piece() -> None:
    leaf = trial().message_class("trial.Leaf")(name="x" * (slices.LARGEST_WHOLE - 10))
    encode = trial().encoders.encoder(trial().message_type("trial.Leaf"))
    assert len(list(encode(leaf.SerializeToString()))) == 1


@pytest.mark.parametrize("shape", ["list", "list in a message", "list in an item"])
def test_a_long_list_is_cut_wherever_it_stands(shape: str) -> None:
    tree = trial().message_class("trial.Tree")
    trees = [tree(name=f"tree {number}") for number in range(15_000)]
    message = {
        "list": lambda: tree(children=trees),
        "list in a message": lambda: tree(child=tree(children=trees)),
        "list in an item": lambda: tree(children=[tree(), tree(children=trees), tree()]),
    }[shape]()
    payload = message.SerializeToString()
    encode = trial().encoders.encoder(trial().message_type("trial.Tree"))
    found = list(encode(payload))
    assert b"".join(found) == whole(trial(), "trial.Tree", payload)
    assert len(found) > 5
    # A tree takes some 20 bytes on the wire and 80 in JSON.
    assert max(map(len, found)) < slices.SLICE_BYTES * 8


def test_many_tiny_items_are_cut_too() -> None:
    payload = b"\x1a\x00" * 5_000
    tree = trial().message_type("trial.Tree")
    assert tree.fields_by_number[3].is_repeated
    found = list(trial().encoders.encoder(tree)(payload))
    assert len(payload) < slices.LARGEST_WHOLE
    assert b"".join(found) == whole(trial(), "trial.Tree", payload)
    assert len(found) > 5_000 / slices.SLICE_ITEMS


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 16_383, 16_384, 16_511, 16_512])
def test_items_of_any_length_are_cut(length: int) -> None:
    """Their lengths have one byte, two or three, and some of these bytes say nothing (0x80)."""
    names = opencue().message_class("job.JobGetJobNamesResponse")()
    names.names.extend(letter * length for letter in "abcdefgh")
    payload = names.SerializeToString()
    sizes = (0, 10**6, 3, 10**6)
    found = pieces(opencue(), "job.JobGetJobNamesResponse", payload, sizes)
    assert b"".join(found) == whole(opencue(), "job.JobGetJobNamesResponse", payload)
    assert len(found) > 3


@pytest.mark.parametrize("padding", range(4))
def test_a_slice_may_end_at_any_byte(padding: int) -> None:
    """What is looked over at once may end within an item's tag or length, which is no error.

    Those of the second item are written with `padding` bytes more than they take.
    """
    tag, empty, item = b"\x82\x01", b"\x00", b"\x82\x01\x03\x0a\x01c"
    if padding:
        tag, empty = b"\x82\x81" + b"\x80" * (padding - 1) + b"\x00", b"\x80" * padding + b"\x00"
    for length in range(80):
        first = b"\x82\x01%c\x0a%c%b" % (length + 2, length, b"a" * length)
        payload = first + tag + empty + item * 10
        expected = whole(trial(), "trial.FarFields", payload)
        assert outcome(trial(), "trial.FarFields", payload, (0, 40, 100, 100)) == expected


def test_a_long_answer_is_never_in_memory_as_a_whole() -> None:
    leaf = trial().message_class("trial.Leaf")(name="x" * 200)
    data = leaf.SerializeToString()
    payload = (b"\x82\x01" + slices.varint(len(data)) + data) * 20_000
    encode = trial().encoders.encoder(trial().message_type("trial.FarFields"))
    tracemalloc.start()
    try:
        length = sum(map(len, encode(payload)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length > 4_000_000
    assert peak < length


def test_nothing_but_the_payload_waits_between_two_pieces() -> None:
    tree = trial().message_class("trial.Tree")
    children = [tree(name=f"tree {number}") for number in range(40_000)]
    payload = tree(child=tree(children=children)).SerializeToString()
    encode = trial().encoders.encoder(trial().message_type("trial.Tree"))
    for _ in encode(payload):  # what is kept for good
        pass
    tracemalloc.start()
    try:
        answer = encode(bytes(bytearray(payload)))
        assert isinstance(answer, Slices)
        sent = sum(map(len, islice(filter(None, answer), 20)))
        taken = answer.payload.compress()
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent > 50_000
    assert now < taken + 60_000


AT_ONCE, IN_SLICES = ("trial.Repeated", b"\x82\x01\x00"), ("trial.Tree", b"\x1a\x00")


@pytest.mark.parametrize(("name", "record"), [AT_ONCE, IN_SLICES])
def test_looking_over_a_long_message_makes_pauses_by_the_clock(name: str, record: bytes) -> None:
    encode = trial().encoders.encoder(trial().message_type(name))
    with these_sizes((16, 8, 1, 10)):
        found = list(encode(record * 100, step_of(10)))
    assert found[:8] == [b""] * 8
    assert b"".join(found).startswith(b"{")


LENGTH, ITEM, NUMBER = b"\x1a", b"\x1a\x03\x0a", b"\x1a" + b"\xff" * 9
ENDS = {"length": LENGTH, "item": ITEM, "number": NUMBER, "endless number": b"\x80" * 1_000_000}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_list_without_its_end_is_internal_before_anything_is_sent(end: bytes) -> None:
    item = b"\x1a\x03\x0a\x01x"
    encode = trial().encoders.encoder(trial().message_type("trial.Tree"))
    sent: list[bytes] = []
    with pytest.raises(GatewayError) as caught, these_sizes((8, 64, 8, 100)):
        sent.extend(encode(item * 10 + end))
    assert caught.value.code is Code.INTERNAL
    assert b"".join(sent) == b""


CHILD = b"\x0a\x02xy" * 10
SHORT = (16, 8, 8, 4)


def nested(levels: int) -> bytes:
    payload = b"\x0a\x40" + b"x" * 64
    for _ in range(levels):
        payload = b"\x12" + slices.varint(len(payload)) + payload
    return payload


def in_two_records(cut: int) -> bytes:
    return b"".join(b"\x12%c%b" % (len(part), part) for part in (CHILD[:cut], CHILD[cut:]))


BROKEN = {
    "a length of eleven bytes": b"\x12" + bytes([len(CHILD) | 0x80]) + b"\x80" * 9 + b"\0" + CHILD,
    "a broken text at the end": b"\x1a\x03\x0a\x01x" * 10 + b"\x1a\x03\x0a\x01\xff",
    **{f"records that end at {cut} in a value": in_two_records(cut) for cut in (1, 2, 3)},
    **{f"{levels} levels": nested(levels) for levels in (150, 2000)},
}


@pytest.mark.parametrize("payload", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_internal_in_pieces_as_in_one(payload: bytes) -> None:
    for sizes in (ONE_PIECE, SHORT, (8, 8, 8, 4)):
        assert outcome(trial(), "trial.Tree", payload, sizes) is None


def test_what_is_nested_as_deep_as_protobuf_allows_comes_in_pieces() -> None:
    expected = whole(trial(), "trial.Tree", nested(90))
    assert b"".join(pieces(trial(), "trial.Tree", nested(90), SHORT)) == expected
