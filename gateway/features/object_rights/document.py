"""What the OpenAPI document says of rights that depend on objects."""

from collections.abc import Iterator

from gateway.core.schema.method import Method
from gateway.feature import Description
from gateway.features.object_rights.aspect import Objects


def describe_objects(method: Method) -> Description:
    return Description(sentences=tuple(sentences(method)))


def sentences(method: Method) -> Iterator[str]:
    for subject in Objects.of(method).subjects:
        places = [f"`{each[-1].path}`" for each in subject.arguments.values() if each]
        if places:
            joint = " or " if len(subject.about.lies_in) > 1 else " and "
            told = joint.join(dict.fromkeys(places))
            yield f"If rights depend on whose `{subject.name}` is, send {told} as well."
