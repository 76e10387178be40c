"""The tables of methods and facts in docs/access-methods.md, made from OpenCue's profile.

`make map` writes them; tests/test_docs.py checks that they are up to date.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill

from gateway.core.codec.fields import message_of
from gateway.core.discovery.files import read_package
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.object_rights.aspect import Objects
from gateway.features.object_rights.conditions import FACTS, read_condition
from gateway.features.object_rights.visibility import Node, visibility_of

PAGE = Path(__file__).parent / "access-methods.md"
HEAD = """\
# Methods and facts

How [`only` and `see`](object-rights.md#only-their-own-jobs) judge each of OpenCue's methods;
`make map` makes this page.

- **Changes** are judged by objects in the request: all have to fit.
- **Reads** are judged by these if they have one of the rule's facts. The answer shows those of the
  objects after the arrow that fit. A read is refused if neither has one.
- **Never judged** are those that are refused unless `always` has the method.

## Facts

A `spec` has the show and the user that it names.

"""
ANY = read_condition(" or ".join(f"{fact} = x" for fact in FACTS))

Facts = tuple[str, ...]
"""In the order of FACTS."""


def page() -> str:
    """The whole page, in Markdown."""
    schema = read_package("opencue_proto")
    methods = build_catalog(schema, Selection(), load_profile("opencue")).methods
    asked, answered = facts_of_fields(methods), facts_of_answers(methods)
    lines = [HEAD + "| Facts | In requests | In answers |", "|---|---|---|"]
    for facts in sorted({*asked.values(), *answered.values()} - {()}, key=order):
        lists = [
            listed(each for each in known if known[each] == facts) for known in (asked, answered)
        ]
        lines.append(f"| {', '.join(facts)} | {' | '.join(lists)} |")
    for service in dict.fromkeys(method.service for method in methods):
        lines += ["", f"## {service}", ""]
        lines += groups([method for method in methods if method.service == service], asked)
    return "\n".join((*lines, ""))


def facts_of_fields(methods: Iterable[Method]) -> dict[str, Facts]:
    """By the field's name; Empty if that says too little."""
    found: dict[str, Facts] = {}
    for each in (subject for method in methods for subject in Objects.of(method).subjects):
        facts = in_order(each.about.fact_names())
        found[each.name] = facts if found.get(each.name, facts) == facts else ()
    return found


def facts_of_answers(methods: Iterable[Method]) -> dict[str, Facts]:
    """By the full name of the message."""
    return {name: facts for method in methods for name, facts in answer_of(method).items()}


def groups(methods: list[Method], known: dict[str, Facts]) -> Iterator[str]:
    """A service's methods, as a list: in a line, changes or reads that the same objects decide."""
    found: dict[str, dict[str, list[str]]] = {}
    for method in methods:
        word = "Reads" if method.reads_only else "Changes"
        lines = found.setdefault(word + judged_by(method, known), {})
        lines.setdefault(listed(answer_of(method)), []).append(method.path.rpartition("/")[2])
    for start, by_answer in sorted(found.items(), key=lambda each: each[0].startswith("Reads")):
        names = [
            listed(names) + (f" → {answer}" if answer else "")
            for answer, names in sorted(by_answer.items())
        ]
        yield fill(f"- {start}: {'; '.join(names)}", 100, subsequent_indent="  ")


def judged_by(method: Method, known: dict[str, Facts]) -> str:
    if Objects.of(method).not_judged or (
        method.reads_only and not visibility_of(method, ANY).is_judged
    ):
        return ", never judged"
    names = []
    for each in Objects.of(method).subjects:
        facts = in_order(each.about.fact_names()) if not known[each.name] else ()
        names.append(f"`{each.name}`" + (f" ({', '.join(facts)})" if facts else ""))
    return f", by {' and '.join(names)}" if names else ""


def answer_of(method: Method) -> dict[str, Facts]:
    """The messages in the answer that have facts, with these."""
    if not method.reads_only:
        return {}
    visibility = visibility_of(method, ANY)
    if visibility.owner is not None:
        place, owner = visibility.owner
        message = message_of(method.descriptor.output_type.fields_by_name[place[0]])
        return {message.full_name: in_order(owner.fact_names())}
    return {} if visibility.rows is None else dict(shown(visibility.rows, set()))


def in_order(facts: Iterable[str]) -> Facts:
    return tuple(sorted(facts, key=FACTS.index))


def order(facts: Facts) -> tuple[int, ...]:
    return tuple(map(FACTS.index, facts))


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def shown(node: Node, seen: set[str]) -> Iterator[tuple[str, Facts]]:
    name = node.descriptor.full_name
    if name in seen:
        return
    seen.add(name)
    if node.names:
        yield name, node.names
    for child in node.children.values():
        yield from shown(child, seen)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
