"""The texts of elements in XML, compared with another parser, and what is refused."""

from collections.abc import Callable
from contextlib import suppress
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring
from xml.parsers.expat import XMLParserType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.codec import xml_text
from gateway.core.codec.xml_text import (
    WHITESPACE,
    TextReader,
    UnreadableXml,
    reading_texts,
    takes_long,
    texts_of,
)
from tests.support.garbage import collected
from tests.support.protos import examples

TEXTS = st.text("ab &<>'\"]\n\té\u2028", max_size=6)


@st.composite
def trees(draw: st.DrawFn) -> Element:
    root = Element("spec")
    places = [root]
    for _ in range(draw(st.integers(0, 6))):
        parent = draw(st.sampled_from(places))
        child = SubElement(parent, draw(st.sampled_from(["user", "job", "users"])))
        child.text = draw(TEXTS)
        child.tail = draw(TEXTS)
        if child.tag != "user":
            places.append(child)
    return root


@examples(200)
@given(tree=trees())
def test_it_finds_what_another_parser_finds(tree: Element) -> None:
    xml = tostring(tree, encoding="unicode")
    expected = [(each.text or "").strip(WHITESPACE) for each in fromstring(xml).iter("user")]  # noqa: S314 - our own
    assert texts_of(xml, "user") == expected


@examples(300)
@given(xml=st.text("<>/!?&;[]'\" spec user-\n", max_size=40))
def test_whatever_it_is_given_there_are_texts_or_a_reason_why_not(xml: str) -> None:
    try:
        found = texts_of(f"<spec>{xml}</spec>", "user")
    except UnreadableXml as error:
        found = [str(error)]
    assert all(each == each.strip(WHITESPACE) for each in found)


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        ("", "not XML"),
        ("<a><user>x</a>", "not XML"),
        ("<a><user>x<b/></user></a>", "other elements"),
        ('<!DOCTYPE a [<!ENTITY u "x">]><a><user>&u;</user></a>', "declares"),
        ("<!DOCTYPE a [<!ELEMENT a ANY>]><a/>", "declares"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><user>&u;</user></a>', "the entity 'u'"),
        ("<a><user>&u;</user></a>", "not XML"),
    ],
)
def test_what_another_parser_could_read_otherwise_is_refused(xml: str, problem: str) -> None:
    with pytest.raises(UnreadableXml, match=problem):
        texts_of(xml, "user")


def test_the_encoding_that_it_claims_does_not_matter() -> None:
    xml = '<?xml version="1.0" encoding="latin-1"?><a><user>é</user></a>'
    assert texts_of(xml, "user") == ["é"]


KB = 1024


def attributes(count: int) -> str:
    return "<b " + " ".join(f"a{number}=''" for number in range(count)) + "/>"


def nested(depth: int) -> str:
    return "<b>" * depth + "</b>" * depth


AT_THE_BOUNDS = {
    "attributes": attributes(xml_text.MOST_ATTRIBUTES),
    "a tag": f"<b c='{'x' * (xml_text.LARGEST_MARKUP_KB * KB - 10)}'/>",
    "a comment": f"<!--{'x' * (xml_text.LARGEST_MARKUP_KB * KB - 10)}-->",
    "text outside": "x" * (xml_text.LARGEST_MARKUP_KB * KB * 2) + "\n" * 70_000,
    "CDATA outside": f"<![CDATA[{'<' * (xml_text.LARGEST_MARKUP_KB * KB * 2)}]]>",
    "space in the text": f"<user>{' ' * (xml_text.LONGEST_TEXT - 6)}intern</user>",
    "many texts": "<user>intern</user>" * (xml_text.MOST_TEXTS - 1),
    "elements": "<b/>" * (xml_text.MOST_ELEMENTS - 2),
    "depth": nested(xml_text.MOST_DEPTH - 1),
    "depth, often": nested(xml_text.MOST_DEPTH - 1) * 3,
}


@pytest.mark.parametrize("xml", AT_THE_BOUNDS.values(), ids=AT_THE_BOUNDS)
def test_what_is_at_its_bound_is_read(xml: str) -> None:
    assert set(texts_of(f"<a>\n{xml}<user>intern</user></a>", "user")) == {"intern"}


LONG = xml_text.LARGEST_MARKUP_KB * KB + xml_text.PIECE_BYTES
BEYOND = [
    (attributes(xml_text.MOST_ATTRIBUTES + 1), "a tag with more than 250 attributes"),
    (f"<b c='{'x' * LONG}'/>", "a tag or comment of more than 64 KB"),
    (f"<b {'x' * LONG}", "a tag or comment of more than 64 KB"),
    (attributes(300_000), "a tag or comment of more than 64 KB"),
    (f"<!--{'x' * LONG}-->", "a tag or comment of more than 64 KB"),
    ("<b/>" * xml_text.MOST_ELEMENTS, f"more than {xml_text.MOST_ELEMENTS} elements"),
    (nested(xml_text.MOST_DEPTH), "elements nested more than 100 levels deep"),
    ("<b>" * 50_000, "elements nested more than 100 levels deep"),
    ("<user/>" * xml_text.MOST_TEXTS, "more than 1000 times <user>"),
    (f"<user>{'x' * xml_text.LONGEST_TEXT}y</user>", "more than 1000 characters in <user>"),
    (f"<user>{'&#10;' * xml_text.LONGEST_TEXT}&#10;</user>", "more than 1000 characters in <user>"),
]


@pytest.mark.parametrize(("xml", "problem"), BEYOND, ids=range(len(BEYOND)))
def test_what_would_hold_the_parser_is_refused(xml: str, problem: str) -> None:
    with pytest.raises(UnreadableXml) as refused:
        texts_of(f"<a>\n\n{xml}<user/></a>", "user")
    assert str(refused.value) == f"line 3 has {problem}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<" * xml_text.MOST_QUICK, False),
        (b"<=" * (xml_text.MOST_QUICK // 2) + b"<", True),
        (rb"\u003c" * xml_text.MOST_QUICK, False),
        (rb"\u003C\u003d" * (xml_text.MOST_QUICK // 2) + b"<", True),
        (b"x" * xml_text.LARGEST_QUICK, False),
        (b"x" * (xml_text.LARGEST_QUICK + 1), True),
    ],
    ids=range(6),
)
def test_long_xml_and_many_tags_or_attributes_take_long(body: bytes, expected: bool) -> None:
    assert takes_long(body) == expected


def abandon(xml: str) -> None:
    next(reading_texts(xml, "user"))


def read(xml: str) -> None:
    with suppress(UnreadableXml):
        texts_of(xml, "user")


@pytest.mark.parametrize(
    ("use", "xml"),
    [
        (read, "<a><user>intern</user></a>"),
        (read, "<a>"),
        (read, "<b>" * 50_000),
        (read, "<a><user><b/></user></a>"),
        (abandon, "<a>" + " " * xml_text.PIECE_BYTES + "</a>"),
    ],
    ids=["read", "no XML", "too deep", "refused", "abandoned"],
)
def test_nothing_of_a_document_waits_for_the_garbage_collector(
    use: Callable[[str], None], xml: str
) -> None:
    """It does not count the memory of the parser, and so comes late."""
    with collected(TextReader, XMLParserType) as left:
        use(xml)
    assert not left
