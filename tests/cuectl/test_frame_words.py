"""What words about frames mean."""

import pytest

from cuectl.frame_words import Frames, Part, amount, is_frame, lost, parts_of
from gateway_client.errors import InvalidCall


@pytest.mark.parametrize(
    ("word", "layer", "numbers"),
    [
        ("1001", "", "1001"),
        ("0001", "", "0001"),
        ("1001-1010", "", "1001-1010"),
        ("1001-1010x2", "", "1001-1010x2"),
        ("1001-1010y3", "", "1001-1010y3"),
        ("1001,1003-1005", "", "1001,1003-1005"),
        ("1001-comp", "comp", "1001"),
        ("1001-1010-comp", "comp", "1001-1010"),
        ("1001-1010x2-comp_left", "comp_left", "1001-1010x2"),
        ("1001-2d_comp", "2d_comp", "1001"),
        ("1001-comp-left", "comp-left", "1001"),
        ("-5", "", "-5"),
    ],
)
def test_a_word_is_about_numbers_and_a_layer(word: str, layer: str, numbers: str) -> None:
    assert is_frame(word)
    (part,) = parts_of([word], ())
    assert (",".join(part.layers), ",".join(part.numbers)) == (layer, ",".join(part.numbers))
    assert ",".join(part.numbers) == numbers


@pytest.mark.parametrize("word", ["comp", "1001-", "1001,", "x1001", "", "1001 1002", "3dshow_x"])
def test_other_words_are_about_no_frames(word: str) -> None:
    assert not is_frame(word)
    with pytest.raises(InvalidCall, match="is about no frames"):
        parts_of([word], ())


def test_frames_of_several_layers_are_several_parts() -> None:
    words = ["1001-comp", "1002-preview", "1003-1005-comp", "1009"]
    assert parts_of(words, ()) == (
        Part(("comp",), ("1001", "1003-1005")),
        Part(("preview",), ("1002",)),
        Part((), ("1009",)),
    )
    assert parts_of(["1001"], ("a", "b")) == (Part(("a", "b"), ("1001",)),)
    assert parts_of([], ()) == (Part(),)


@pytest.mark.parametrize(
    ("words", "layers", "problem"),
    [
        (["1001-comp"], ("comp",), "has a layer, too"),
        (["1001,1002-comp"], (), "write the layer behind each number"),
    ],
)
def test_it_is_clear_of_which_layer_frames_are(
    words: list[str], layers: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(InvalidCall, match=problem):
        parts_of(words, layers)


def test_each_part_of_each_job_is_a_request() -> None:
    parts = parts_of(["1001-comp", "1002"], ())
    frames = Frames(jobs=["a", "b"], parts=parts)
    requests = frames.requests(["DEAD"], limit=7)
    assert [each["job"] for each in requests.values()] == ["a", "a", "b", "b"]
    dead = {"states": {"frameStates": ["DEAD"]}, "limit": 7}
    assert requests["b, layer comp, range 1001"] == {
        "job": "b",
        "req": {"layers": ["comp"], "frameRange": "1001", **dead},
    }
    assert requests["a, range 1002"] == {"job": "a", "req": {"frameRange": "1002", **dead}}
    assert Frames(jobs=["a"]).requests() == {"a": {"job": "a", "req": {}}}


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "no frames"),
        ({"DEAD": 1}, "1 DEAD frame"),
        ({"SUCCEEDED": 5, "DEAD": 1}, "1 DEAD and 5 SUCCEEDED frames"),
        (
            {"SUCCEEDED": 5, "DEAD": 0, "NEW": 1, "RUNNING": 2},
            "2 RUNNING, 5 SUCCEEDED and 1 NEW frames",
        ),
    ],
)
def test_amounts(counts: dict[str, int], text: str) -> None:
    assert amount(counts) == text


def test_only_what_is_lost_is_told() -> None:
    assert lost(["DEAD", "WAITING", "DEPEND"]) == ""
    assert lost(["SUCCEEDED", "RUNNING"]) == (
        "Running ones are killed. What is done is rendered anew"
    )
