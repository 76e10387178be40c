"""What the OpenAPI document says of names in the place of ids."""

from collections.abc import Container, Iterator

from gateway.core.schema.method import Method
from gateway.feature import Description
from gateway.features.names.aspect import RequestNames


def describe_names(method: Method, listed: Container[str]) -> Description:
    found = found_by_names(method)
    return Description(
        sentences=tuple(sentences(method, listed)),
        extensions={"x-named": found} if found else {},
    )


def found_by_names(method: Method) -> dict[str, list[str]]:
    """The objects, and ids, in requests for which a name will do, with what finds them."""
    return {
        str(reference.place): [sent.names[0] for sent in reference.finders[0].sends]
        for reference in RequestNames.of(method).references
        if reference.finders
    }


def sentences(method: Method, listed: Container[str]) -> Iterator[str]:
    references = RequestNames.of(method).references
    for reference in references:
        if reference.by_name:
            yield f"`{reference.place}` may be a name."
    for reference in references:
        for finder in reference.finders:
            known = " and ".join(f"`{'` or `'.join(sent.names)}`" for sent in finder.sends)
            each = " (each of them)" if reference.listed else ""
            instead = "be a name" if reference.is_text else "have no `id`"
            path = finder.method.path
            found = f"`{path}` finds it" if path in listed else "it can be found"
            yield f"`{reference.place}`{each} may {instead} if {found} by {known}."
