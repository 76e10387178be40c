"""The XML of a job spec, which is text from anybody, and its grammar.

Nothing outside of it is read, and no entity is expanded that the spec itself declares. Cuebot has a
DTD of each version from 1.5 to 1.15.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeAlias
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

TRUE = ("true", "yes", "1", "on")

VERSIONS = {f"http://localhost:8080/spcue/dtd/cjsl-1.{minor}.dtd": minor for minor in range(5, 16)}
"""The minor versions of Cuebot's DTDs, by their addresses."""
CHILDREN = {
    "spec": "facility? dept? show shot user email? uid?@9 job* depends*",
    "job": "paused? priority?@11 maxretries? maxcores?@13 maxgpus?@13 autoeat? localbook?@8 os?@6"
    " env* layers?",
    "layer": "cmd range chunk cores? threadable? memory? gpus?@12 gpu?@7 gpu_memory?@12 timeout?@10"
    " timeout_llu?@10 tags? limits? env* services? outputs*@14",
    "depend": "depjob deplayer? depframe? onjob onlayer? onframe?",
    "layers": "layer+",
    "limits": "limit+",
    "services": "service+",
    "outputs": "output*",
    "env": "key*",
    "depends": "depend*",
}
"""The children of an element, in that order: `?` one or none, `*` any number, `+` at least one.

`@9` is since 1.9. All other elements hold text.
"""
NEEDED_BEFORE = {"uid?": "uid"}
"""What was not optional in older versions."""
UNDECLARED = {14: ("onframe",)}
"""What a version forgot to declare, and the next did not."""

NAME = re.compile(r"[\w.:-]+")
DEPEND_TYPE = re.compile(
    "LAYER_ON_SIM_FRAME|PREVIOUS_FRAME|FRAME_BY_FRAME|(JOB|LAYER|FRAME)_ON_(JOB|LAYER|FRAME)"
)
ATTRIBUTES: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "job": {"name": NAME},
    "localbook": dict.fromkeys(("host", "cores", "memory", "threads", "gpu"), NAME),
    "layer": {"name": NAME, "type": re.compile("Render|Util|Post")},
    "output": {"name": NAME},
    "key": {"name": NAME},
    "depend": {"anyframe": NAME, "type": DEPEND_TYPE},
}
"""The attributes of elements, with the values that they may have."""
OPTIONAL_ATTRIBUTE = "anyframe"

Grammar: TypeAlias = Mapping[str, re.Pattern[str] | None]
"""By the name of an element: the names of its children, each with a blank, or None for text."""


class SpecError(Exception):
    """A spec that Cuebot refuses. The text goes to the client."""


def invalid(why: str) -> SpecError:
    return SpecError(f"Failed to parse job spec XML, {why}")


def read_xml(text: str) -> Element:
    """The root of a valid spec. Raises SpecError."""
    builder, doctypes = TreeBuilder(), dict[str, str | None]()

    def note_doctype(name: str, system_id: str | None, *_: object) -> None:
        doctypes[name] = system_id

    def refuse_entity(name: str, *_: object) -> None:
        raise invalid(f"the entity {name} is not allowed")

    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = note_doctype
    parser.EntityDeclHandler = refuse_entity
    parser.SkippedEntityHandler = refuse_entity
    try:
        parser.Parse(text.encode(), True)
    except ExpatError as error:
        raise invalid(str(error)) from None
    root = builder.close()
    version = VERSIONS.get(doctypes.get(root.tag) or "")
    if version is None:
        raise invalid(f"the element {root.tag} has no DTD that Cuebot knows")
    check_element(root, grammar(version))
    return root


@cache
def grammar(version: int) -> Grammar:
    """The grammar of version 1.`version`."""
    contents: dict[str, re.Pattern[str] | None] = {}
    coming = ["spec"]
    while coming:
        element = coming.pop()
        words = list(words_of(CHILDREN.get(element, ""), version))
        names = [word.rstrip("?*+") for word in words]
        parts = (f"(?:{name} ){word[len(name) :]}" for name, word in zip(names, words, strict=True))
        contents[element] = re.compile("".join(parts)) if words else None
        coming += names
    for element in UNDECLARED.get(version, ()):
        del contents[element]
    return contents


def words_of(text: str, version: int) -> Iterator[str]:
    """The children that a version has: `show`, `uid?`, `job*`."""
    for part in text.split():
        word, _, since = part.partition("@")
        if version >= int(since or 0):
            yield word
        elif word in NEEDED_BEFORE:
            yield NEEDED_BEFORE[word]


def check_element(element: Element, contents: Grammar) -> None:
    """Raise SpecError for attributes or contents that the grammar does not have."""
    if element.tag not in contents:
        raise invalid(f"there is no element {element.tag}")
    known = ATTRIBUTES.get(element.tag, {})
    for name in {*known, *element.attrib} - {OPTIONAL_ATTRIBUTE}:
        if name not in known or name not in element.attrib:
            raise invalid(f"the element {element.tag} has a wrong or missing attribute {name}")
    for name, value in element.attrib.items():
        if name not in known or not known[name].fullmatch(value):
            raise invalid(f"the element {element.tag} has a bad attribute {name}")
    pattern = contents[element.tag]
    children = "".join(f"{child.tag} " for child in element)
    texts = (element.text, *(child.tail for child in element)) if pattern else ()
    if any(text and not text.isspace() for text in texts):
        raise invalid(f"the element {element.tag} has text in it")
    if not pattern.fullmatch(children) if pattern else children:
        raise invalid(f"the element {element.tag} has wrong or missing elements in it")
    for child in element:
        check_element(child, contents)


def text_of(element: Element, name: str) -> str | None:
    """The stripped text of the first child of that name."""
    child = element.find(name)
    return None if child is None else (child.text or "").strip()


def texts_of(element: Element, name: str) -> tuple[str, ...]:
    """The texts in the first child of that name (`services`), each once and none empty."""
    parent = element.find(name)
    children = () if parent is None else tuple(parent)
    return tuple(dict.fromkeys(text for each in children if (text := (each.text or "").strip())))


def parse_int(text: str | None, *, bits: int = 32) -> int:
    """A whole number. Raises SpecError."""
    if text is not None and re.fullmatch("[+-]?[0-9]{1,20}", text):
        number = int(text)
        if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            return number
    raise SpecError(f"not a number: {(text or '')[:80]}")


def is_true(text: str | None) -> bool:
    return text is not None and text.lower() in TRUE
