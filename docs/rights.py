"""The table of methods and facts in docs/access-methods.md, made from OpenCue's profile.

`make map` writes it; tests/test_docs.py checks that it is up to date.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.access.conditions import FACTS, read_condition
from gateway.access.visibility import Node, visibility_of
from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.discovery.files import read_package
from gateway.schema.method import About, Method
from gateway.schema.selection import Selection

PAGE = Path(__file__).parent / "access-methods.md"
HEAD = """\
# Methods and facts

What [`only` and `see`](access.md#only-their-own-jobs) know of each of OpenCue's methods: the
objects in its request with their facts, and the facts of the objects in its answer. `make map`
makes this page from the compatibility profile.

A change is judged by the objects in its request. A read is judged by them if they have one of a
rule's facts, and its answer shows only objects that fit. A read that has none of a rule's facts in
either is refused, unless `always` has it.
"""
ANY = read_condition(" or ".join(f"{fact} = x" for fact in FACTS))


def page() -> str:
    """The whole page, in Markdown."""
    schema = read_package("opencue_proto")
    methods = build_catalog(schema, Selection(), load_profile("opencue")).methods
    lines = [HEAD]
    for service in dict.fromkeys(method.service for method in methods):
        lines += [
            f"## {service}",
            "",
            "| Method | | Objects in the request | Objects in the answer |",
            "|---|---|---|---|",
        ]
        lines += [row(method) for method in methods if method.service == service]
        lines.append("")
    return "\n".join(lines)


def row(method: Method) -> str:
    name = method.path.rpartition("/")[2]
    asked = "; ".join(f"`{each.name}`: {facts_of(each.about)}" for each in method.subjects)
    if not method.reads_only:
        return f"| `{name}` | change | {asked or f'never: {method.not_judged}'} | |"
    visibility = visibility_of(method, ANY)
    found = {} if visibility.rows is None else dict(shown(visibility.rows, set()))
    answer = "; ".join(f"{kind}: {', '.join(facts)}" for kind, facts in found.items())
    if visibility.owner is not None:
        answer = facts_of(visibility.owner[1])
    if not visibility.is_judged:
        answer = "never"
    return f"| `{name}` | read | {asked} | {answer} |"


def facts_of(about: About) -> str:
    known = about.fact_names()
    return ", ".join(fact for fact in FACTS if fact in known)


def shown(node: Node, seen: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    name = node.descriptor.full_name
    if name in seen:
        return
    seen.add(name)
    if node.names:
        yield f"`{name}`", node.names
    for child in node.children.values():
        yield from shown(child, seen)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
