"""The texts of elements in XML, compared with another parser, and what is refused."""

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.xml_text import WHITESPACE, UnreadableXml, texts_of
from tests.support.protos import examples

TEXTS = st.text("ab &<>'\"]\n\té\u2028", max_size=6)


@st.composite
def trees(draw: st.DrawFn) -> Element:
    """A document whose elements are called `user` or otherwise, with text in each."""
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
    """All elements of that name, at any depth, with their text."""
    xml = tostring(tree, encoding="unicode")
    expected = [(each.text or "").strip(WHITESPACE) for each in fromstring(xml).iter("user")]  # noqa: S314 - our own
    assert texts_of(xml, "user") == expected


@examples(300)
@given(xml=st.text("<>/!?&;[]'\" spec user-\n", max_size=40))
def test_whatever_it_is_given_there_is_an_answer(xml: str) -> None:
    """Texts, or why there are none."""
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
def test_what_is_refused(xml: str, problem: str) -> None:
    """What another parser could read otherwise."""
    with pytest.raises(UnreadableXml, match=problem):
        texts_of(xml, "user")


def test_the_encoding_that_it_claims_does_not_matter() -> None:
    """It is text already."""
    assert texts_of('<?xml version="1.0" encoding="latin-1"?><a><user>é</user></a>', "user") == [
        "é"
    ]
