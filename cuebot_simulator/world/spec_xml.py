"""The XML of a job spec, read as what it is: text from anybody.

Nothing outside of it is read, and no entity is expanded that the spec itself declares.
"""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from cuebot_simulator.world import xml_errors
from cuebot_simulator.world.spec_grammar import (
    DTD_PLACE,
    VERSIONS,
    Grammar,
    attribute_error,
    grammar,
)

LARGEST_SPEC = 16 * 1024 * 1024
"""Characters. The largest job that Cuebot takes has a spec of a few MB."""
NO_DTD = 'java.net.MalformedURLException: Cannot invoke "String.length()" because "spec" is null'
"""What Java makes of a DTD that is not among Cuebot's."""
TRUE = ("true", "yes", "1", "on")


class SpecError(Exception):
    """A spec that Cuebot refuses. The text goes to the client."""


def read_xml(text: str) -> Element:
    """The root of a valid spec. Raises SpecError, in the words of the parser that Cuebot uses."""
    if len(text) > LARGEST_SPEC:
        raise invalid(1, f"the spec is longer than {LARGEST_SPEC} characters")
    return Reader(text).read()


class Reader:
    """Reads one spec."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._builder = TreeBuilder()
        self._open: list[Element] = []
        self._texts: list[bool] = []
        """Whether there is text in the open elements."""
        self._root = ""
        """The root's name according to the doctype."""
        self._grammar: Grammar | None = None
        parser = ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._declare
        parser.SkippedEntityHandler = self._skip
        self._parser = parser

    def read(self) -> Element:
        """The root. Raises SpecError."""
        try:
            self._parser.Parse(self._text, True)
        except ExpatError as error:
            if not self._root and xml_errors.begins_a_tag(self._text):
                raise self._error("Document is invalid: no grammar found.") from None
            tag = self._open[-1].tag if self._open else ""
            place = self._parser.ErrorByteIndex
            why = xml_errors.java_words(error.code, self._text, place, tag)
            raise invalid(error.lineno, why) from None
        return self._builder.close()

    def _error(self, why: str) -> SpecError:
        return invalid(self._parser.CurrentLineNumber, why)

    def _doctype(self, name: str, system_id: str | None, *_: object) -> None:
        self._root = name
        if system_id is None:
            self._grammar = Grammar({}, frozenset())
            return
        version = VERSIONS.get(system_id)
        if version is not None:
            self._grammar = grammar(version)
        elif system_id.startswith(DTD_PLACE) or not urlsplit(system_id).hostname:
            raise unreadable(NO_DTD)
        else:
            raise unreadable(f"java.net.UnknownHostException: {urlsplit(system_id).hostname}")

    def _declare(self, name: str, *_: object) -> None:
        raise self._error(f'The entity "{name}" may not be declared.')

    def _skip(self, name: str, *_: object) -> None:
        raise self._error(f'The entity "{name}" was referenced, but not declared.')

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line = xml_errors.last_line(self._text, self._parser)
        if self._grammar is None:
            raise invalid(line, "Document is invalid: no grammar found.")
        if not self._open and tag != self._root:
            raise invalid(
                line, f'Document root element "{tag}", must match DOCTYPE root "{self._root}".'
            )
        if not self._grammar.knows(tag):
            raise invalid(line, f'Element type "{tag}" must be declared.')
        if why := attribute_error(tag, attributes):
            raise invalid(line, why)
        self._open.append(self._builder.start(tag, attributes))
        self._texts.append(False)

    def _data(self, text: str) -> None:
        self._builder.data(text)
        if self._texts and not text.isspace():
            self._texts[-1] = True

    def _end(self, tag: str) -> None:
        element, has_text = self._builder.end(tag), self._texts.pop()
        self._open.pop()
        assert self._grammar is not None, "there is no end without a start"
        children = [child.tag for child in element]
        if why := self._grammar.content_error(tag, children, has_text=has_text):
            raise self._error(why)


def invalid(line: int, text: str) -> SpecError:
    return unreadable(f"org.jdom.input.JDOMParseException: Error on line {line}: {text}")


def unreadable(why: str) -> SpecError:
    return SpecError(f"Failed to parse job spec XML, {why}")


def text_of(element: Element, name: str) -> str | None:
    """The text of the first child of that name, without the space around it."""
    child = element.find(name)
    return None if child is None else (child.text or "").strip()


def texts_of(element: Element, name: str) -> tuple[str, ...]:
    """The texts in the first child of that name (`services`), each once and none empty."""
    parent = element.find(name)
    children = () if parent is None else tuple(parent)
    return tuple(dict.fromkeys(text for each in children if (text := (each.text or "").strip())))


def parse_int(text: str | None, *, bits: int = 32) -> int:
    """A whole number. Raises SpecError, as Java does."""
    if text is None:
        raise SpecError("Cannot parse null string: null")
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise SpecError(f'For input string: "{text[:80]}"')
    number = int(text)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise SpecError(f'For input string: "{text[:80]}"')
    return number


def is_true(text: str | None) -> bool:
    return text is not None and text.lower() in TRUE
