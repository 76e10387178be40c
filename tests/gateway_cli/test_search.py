"""Methods are found by words of their names and summaries, the best ones first."""

from itertools import chain

import pytest

from gateway.core.schema.description import assumed_schema
from gateway.core.schema.method_search import is_mistyped, ranked, stem_of
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from gateway.features.openapi.document import as_json
from gateway_cli.client.search import methods_of
from gateway_client.openapi_document import read_document
from tests.features.openapi.documents import document
from tests.support.needs import needs
from tests.support.opencue import catalog
from tests.support.protos import file_of_services
from tests.support.searches import FIRST, NOTHING

pytestmark = needs("openapi")

METHODS = methods_of(catalog())


@pytest.mark.parametrize(("query", "first"), FIRST.items(), ids=FIRST)
def test_what_people_search_for_comes_first(query: str, first: tuple[str, ...]) -> None:
    found = [method.path[1:] for method in ranked(query, METHODS)]
    assert tuple(found[: len(first)]) == first


@pytest.mark.parametrize("query", NOTHING)
def test_nothing_is_found(query: str) -> None:
    assert ranked(query, METHODS) == []


def test_a_document_is_searched_like_a_catalog() -> None:
    read = methods_of(read_document(as_json(document()), "the document"))
    for query in FIRST:
        assert [each.path for each in ranked(query, read)] == [
            each.path for each in ranked(query, METHODS)
        ]


def test_without_summaries_names_are_searched() -> None:
    file = file_of_services("farm.PoolInterface", ["DrainPool", "FillPools", "GetAll"])
    methods = methods_of(build_catalog(assumed_schema([file], "test"), Selection()))
    found = {
        query: [each.path.rpartition("/")[2] for each in ranked(query, methods)]
        for query in ("drain the pool", "pools", "all pools", "dry")
    }
    assert found == {
        "drain the pool": ["DrainPool"],
        "pools": ["FillPools", "GetAll", "DrainPool"],
        "all pools": ["FillPools", "GetAll", "DrainPool"],
        "dry": [],
    }


def test_methods_that_fit_fewer_words_are_left_out() -> None:
    found = {each.path for each in ranked("dead frames", METHODS)}
    assert "/job.FrameInterface/Eat" not in found
    assert "/job.JobInterface/EatFrames" in found
    assert ranked("change priority zebra", METHODS) == ranked("change priority", METHODS)
    assert ranked("priority zebra yak", METHODS) == []


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("retr", "retry retries retried"),
        ("paus", "pause pauses paused pausing"),
        ("host", "host hosts hosted hosting"),
        ("process", "process processes processing"),
        ("eat", "eat eats eating"),
        ("run", "run runs"),
        ("log", "log logs"),
        ("red", "red"),
    ],
)
def test_forms_of_a_word_have_one_stem(stem: str, words: str) -> None:
    assert {stem_of(word) for word in words.split()} == {stem}


@pytest.mark.parametrize(
    ("word", "mistyped"),
    [("pause", "puase pausse ause paus pauze pauss"), ("dead", "daed deaad ded dexd")],
)
def test_one_wrong_letter_is_forgiven(word: str, mistyped: str) -> None:
    for each in mistyped.split():
        assert is_mistyped(each, word) == (len(each) >= 4)
    for other in ("puaes", "paxxe", "pa", "pausing"):
        assert not is_mistyped(other, word)


def test_a_mistake_counts_only_where_nothing_has_the_word() -> None:
    assert not any("Deed" in each.path for each in ranked("dead", METHODS))
    words = set(chain.from_iterable(at.words for each in METHODS for at in each.places))
    assert {"deed", "dead"} <= words
