"""The texts of certain elements in XML that anybody may have written.

Nothing outside of the text is read, and no entity is expanded but XML's own five: what declares or
uses others is refused, or another parser could read something else.
"""

from xml.parsers.expat import ExpatError, ParserCreate, errors

WHITESPACE = " \t\r\n"


class UnreadableXml(Exception):
    """Why it cannot be told what the elements have."""


def texts_of(xml: str, element: str) -> list[str]:
    """The texts of all elements with this local name, at any depth, without space around them.

    Raises UnreadableXml.
    """
    found: list[list[str]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if parser.EndElementHandler is not None:
            raise UnreadableXml(f"<{element}> has other elements in it")
        if tag.rpartition(":")[2] == element:
            found.append([])
            parser.CharacterDataHandler = found[-1].append
            parser.EndElementHandler = end  # only here, since each call takes its time

    def end(tag: str) -> None:
        parser.CharacterDataHandler = parser.EndElementHandler = None

    def doctype(name: str, system: str | None, public: str | None, declares: int) -> None:
        if declares:
            raise UnreadableXml("its DOCTYPE declares something")

    def skipped(entity: str, is_parameter: bool) -> None:
        raise UnreadableXml(f"it uses the entity {entity!r}")

    parser = ParserCreate("utf-8")  # whatever encoding it claims: it is text already
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    parser.SkippedEntityHandler = skipped
    try:
        parser.Parse(xml.encode(), True)
    except ExpatError as error:
        raise UnreadableXml(
            f"line {error.lineno} is not XML: {errors.messages[error.code]}"
        ) from None
    return ["".join(text).strip(WHITESPACE) for text in found]
