"""The XML of a job spec, read as what it is: text from anybody.

Nothing outside of it is read, and no entity is expanded that the spec itself declares.
"""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ErrorString, ExpatError, ParserCreate, XMLParserType

LARGEST_SPEC = 16 * 1024 * 1024
"""Characters. The largest job that Cuebot takes has a spec of a few MB."""

HEAD = {"spec", "facility", "dept", "show", "shot", "user", "email", "uid"}
JOB = {"job", "paused", "priority", "maxretries", "maxcores", "maxgpus", "autoeat", "localbook"}
JOB |= {"os", "env", "key", "layers"}
LAYER = {"layer", "cmd", "range", "chunk", "slots_required", "cores", "threadable", "memory"}
LAYER |= {"gpus", "gpu", "gpu_memory", "timeout", "timeout_llu", "tags"}
LAYER |= {"limits", "limit", "services", "service", "outputs", "output"}
DEPENDS = {"depends", "depend", "depjob", "deplayer", "depframe", "onjob", "onlayer", "onframe"}
KNOWN = HEAD | JOB | LAYER | DEPENDS
"""All elements of a spec, up to version 1.16 of its DTD."""

CHILDREN = {
    "spec": ("show", "shot", "user"),
    "layer": ("cmd", "range", "chunk"),
    "depend": ("depjob", "onjob"),
}
ATTRIBUTES = {"job": ("name",), "layer": ("name", "type"), "depend": ("type",)}
"""What an element must have."""

TRUE = ("true", "yes", "1", "on")


class SpecError(Exception):
    """A spec that Cuebot refuses. The text goes to the client."""


def read_xml(text: str) -> Element:
    """The root of a spec. Raises SpecError, in the words of the parser that Cuebot uses."""
    if len(text) > LARGEST_SPEC:
        raise invalid(1, f"the spec is longer than {LARGEST_SPEC} characters")
    builder, parser = TreeBuilder(), ParserCreate("utf-8")
    doctypes: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        check_start(parser, doctypes, tag, attributes)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        check_end(parser, builder.end(tag))

    def doctype(name: str, *_: object) -> None:
        doctypes.append(name)

    def declare(name: str, *_: object) -> None:
        raise invalid(parser.CurrentLineNumber, f'The entity "{name}" may not be declared.')

    def skip(name: str, *_: object) -> None:
        raise invalid(
            parser.CurrentLineNumber, f'The entity "{name}" was referenced, but not declared.'
        )

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = declare
    parser.SkippedEntityHandler = skip
    try:
        parser.Parse(text.encode(), True)
    except ExpatError as error:
        raise invalid(error.lineno, ErrorString(error.code)) from None
    root = builder.close()
    if [root.tag] != doctypes or root.tag != "spec":
        raise invalid(
            1, f'Document root element "{root.tag}", must match DOCTYPE root "{doctypes[0]}".'
        )
    return root


def check_start(
    parser: XMLParserType, doctypes: list[str], tag: str, attributes: dict[str, str]
) -> None:
    """Whether the element may be there at all. Raises SpecError."""
    line = parser.CurrentLineNumber
    if not doctypes:
        raise invalid(line, "Document is invalid: no grammar found.")
    if tag not in KNOWN:
        raise invalid(line, f'Element type "{tag}" must be declared.')
    for name in ATTRIBUTES.get(tag, ()):
        if name not in attributes:
            raise invalid(
                line,
                f'Attribute "{name}" is required and must be specified for element type "{tag}".',
            )


def check_end(parser: XMLParserType, element: Element) -> None:
    """Whether the element has what it needs. Raises SpecError."""
    needed = CHILDREN.get(element.tag, ())
    if any(element.find(name) is None for name in needed):
        raise invalid(
            parser.CurrentLineNumber,
            f'The content of element type "{element.tag}" is incomplete,'
            f" it must have {', '.join(needed)}.",
        )


def invalid(line: int, text: str) -> SpecError:
    return SpecError(
        "Failed to parse job spec XML,"
        f" org.jdom.input.JDOMParseException: Error on line {line}: {text}"
    )


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
