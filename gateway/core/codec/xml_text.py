"""The texts of certain elements in untrusted XML.

XML that declares or uses entities other than XML's own five is refused, since another parser could
read something else. Expat parses to the end of what it is given, whatever a handler raises, and
holds the GIL for a whole tag: so it gets the document in pieces, and tags have bounds. It keeps
memory for each level of elements, which the garbage collector does not count.
"""

from collections.abc import Generator
from xml.parsers.expat import ExpatError, ParserCreate, errors

WHITESPACE = " \t\r\n"
PIECE_BYTES = 16 * 1024
LARGEST_MARKUP_KB = 64
"""Limit on a tag, a comment or a processing instruction; up to PIECE_BYTES more may pass."""
MOST_ATTRIBUTES = 250
"""Limit on a tag."""
MOST_ELEMENTS = 100_000
"""Limit on a document. A job of a thousand layers has some 50,000."""
MOST_DEPTH = 100
"""Limit on elements within elements. A job spec has some 7 levels."""
MOST_TEXTS = 1000
LONGEST_TEXT = 1000
"""Characters of a text, with the space around it."""
MOST_QUICK = 1000
"""Tags and attributes that take some 2 ms to read."""
LARGEST_QUICK = 64 * 1024
"""Bytes that take some 2 ms, with no more than MOST_QUICK tags and attributes."""


class UnreadableXml(Exception):
    """The XML is refused. The text says why."""


class NotXml(UnreadableXml):
    """The text is no XML, whoever reads it."""


class TooMuchXml(UnreadableXml):
    """It is beyond a bound."""


def takes_long(body: bytes) -> bool:
    """Whether the XML in a JSON body may take more than 2 ms to read."""
    if len(body) > LARGEST_QUICK:
        return True
    return body.count(b"<") + body.count(b"=") + body.count(rb"\u00") > MOST_QUICK


def texts_of(xml: str, element: str) -> list[str]:
    """The stripped texts of all elements with this local name. Raises UnreadableXml."""
    reading = reading_texts(xml, element)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            found: list[str] = end.value
            return found


def reading_texts(xml: str, element: str) -> Generator[None, None, list[str]]:
    """`texts_of`, in steps. Raises UnreadableXml."""
    reader = TextReader(element)
    content = memoryview(xml.encode())
    try:
        for start in range(0, len(content), PIECE_BYTES):
            reader.read(content[start : start + PIECE_BYTES])
            yield
        reader.finish()
    except ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise NotXml(f"not XML at {place}: {errors.messages[error.code]}") from None
    finally:
        reader.close()
    return ["".join(text).strip(WHITESPACE) for text in reader.found]


class TextReader:
    """Reads XML in pieces. Its methods raise UnreadableXml, and `read` and `finish` ExpatError.

    It and its parser hold each other until `close`.
    """

    def __init__(self, element: str) -> None:
        self._element = element
        self.found: list[list[str]] = []
        """Texts in parts."""
        self._bytes = self._elements = self._depth = 0
        self._room = 0
        """Characters that the current text may still have."""
        self._parser = ParserCreate("utf-8")  # whatever encoding the document claims
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.SkippedEntityHandler = self._skipped

    def read(self, piece: memoryview) -> None:
        self._parser.Parse(piece, False)
        self._bytes += len(piece)
        if self._bytes - self._parser.CurrentByteIndex > LARGEST_MARKUP_KB * 1024:
            raise self._too_much(f"a tag or comment of more than {LARGEST_MARKUP_KB} KB")

    def finish(self) -> None:
        self._parser.Parse(b"", True)

    def close(self) -> None:
        """Nothing can be read any more."""
        self._parser.StartElementHandler = self._parser.EndElementHandler = None
        self._parser.StartDoctypeDeclHandler = self._parser.SkippedEntityHandler = None
        self._parser.CharacterDataHandler = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._parser.CharacterDataHandler is not None:
            raise UnreadableXml(f"<{self._element}> has other elements in it")
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._too_much(f"elements nested more than {MOST_DEPTH} levels deep")
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise self._too_much(f"more than {MOST_ELEMENTS} elements")
        if len(attributes) > MOST_ATTRIBUTES:
            raise self._too_much(f"a tag with more than {MOST_ATTRIBUTES} attributes")
        if tag.rpartition(":")[2] == self._element:
            if len(self.found) == MOST_TEXTS:
                raise self._too_much(f"more than {MOST_TEXTS} times <{self._element}>")
            self.found.append([])
            self._room = LONGEST_TEXT
            self._parser.CharacterDataHandler = self._text

    def _text(self, part: str) -> None:
        self._room -= len(part)
        if self._room < 0:
            raise self._too_much(f"more than {LONGEST_TEXT} characters in <{self._element}>")
        self.found[-1].append(part)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._parser.CharacterDataHandler = None

    def _doctype(self, name: str, system: str | None, public: str | None, declares: int) -> None:
        if declares:
            raise UnreadableXml("its DOCTYPE declares something")

    def _skipped(self, entity: str, is_parameter: bool) -> None:
        raise UnreadableXml(f"it uses the entity {entity!r}")

    def _too_much(self, problem: str) -> TooMuchXml:
        return TooMuchXml(f"line {self._parser.CurrentLineNumber} has {problem}")
