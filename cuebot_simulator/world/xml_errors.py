"""What Cuebot's XML parser says of text that is not well-formed, by what expat says of it."""

import re
from xml.parsers.expat import XMLParserType, errors

NAME = rb"[A-Za-z_:][\w.:-]*"
TAG = re.compile(rb"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>?")
PROLOG = re.compile(rb"\s*(?:<[?!][^>]*>\s*)*<" + NAME)
OPEN_TAG = re.compile(rb"<(" + NAME + rb")((?:\s+" + NAME + rb"\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)")
ATTRIBUTE = re.compile(rb"(" + NAME + rb")\s*=")
NEXT_ATTRIBUTE = re.compile(rb"\s+(" + NAME + rb")(\s*=\s*)?")

CUT = "XML document structures must start and end within the same entity."
NOTHING = "Premature end of file."
NO_MARKUP = "The content of elements must consist of well-formed character data or markup."
BARE_AMPERSAND = "The entity name must immediately follow the '&' in the entity reference."


def java_words(code: int, text: bytes, place: int, open_tag: str) -> str:
    """The words for an error of expat's at a place, with the element that is open there, if any."""
    name = errors.messages[code]
    if name in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN):
        return CUT if open_tag else NOTHING
    if name == errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT:
        if text[place : place + 1] == b"<":
            return "The markup in the document following the root element must be well-formed."
        return "Content is not allowed in trailing section."
    if name == errors.XML_ERROR_TAG_MISMATCH:
        return (
            f'The element type "{open_tag}" must be terminated by the matching end-tag'
            f' "</{open_tag}>".'
        )
    if name == errors.XML_ERROR_UNDEFINED_ENTITY:
        entity = text[place:].partition(b";")[0].lstrip(b"&").decode(errors="replace")
        return f'The entity "{entity}" was referenced, but not declared.'
    if name == errors.XML_ERROR_DUPLICATE_ATTRIBUTE:
        return duplicate_attribute(text, place)
    if not open_tag and not begins_a_tag(text[: place + 1]):
        return "Content is not allowed in prolog."
    return bad_token(text, place)


def begins_a_tag(text: bytes) -> bool:
    """Whether there is an element in it, or the beginning of one."""
    return PROLOG.match(text) is not None


def duplicate_attribute(text: bytes, place: int) -> str:
    """Which attribute is there twice, in the tag around a place."""
    start = text.rfind(b"<", 0, place + 1)
    match = ATTRIBUTE.match(text, place)
    name = match[1] if match else b""
    element = text[start + 1 :].split(maxsplit=1)[0]
    return (
        f'Attribute "{name.decode(errors="replace")}" was already specified for element'
        f' "{element.decode(errors="replace")}".'
    )


def bad_token(text: bytes, place: int) -> str:
    """What is wrong with a character that cannot be where it is."""
    character = text[place : place + 1]
    if character < b" " and character not in (b"", b"\t", b"\n", b"\r"):
        return (
            f"An invalid XML character (Unicode: {ord(character):#x}) was found in the element"
            " content of the document."
        )
    if b"&" in text[max(place - 1, 0) : place + 1]:
        return BARE_AMPERSAND
    start = text.rfind(b"<", 0, place + 1)
    if start >= 0 and b">" not in text[start:place] and (tag := OPEN_TAG.match(text, start)):
        element = tag[1].decode(errors="replace")
        if attribute := NEXT_ATTRIBUTE.match(text, tag.end()):
            name = attribute[1].decode(errors="replace")
            if attribute[2]:
                return (
                    f'Open quote is expected for attribute "{name}" associated with an '
                    f' element type  "{element}".'
                )
            return (
                f'Attribute name "{name}" associated with an element type "{element}" must be'
                " followed by the ' = ' character."
            )
    return NO_MARKUP


def last_line(text: bytes, parser: XMLParserType) -> int:
    """The line on which the start tag ends that expat is at."""
    match = TAG.match(text, parser.CurrentByteIndex)
    return parser.CurrentLineNumber + (match[0].count(b"\n") if match else 0)
