"""The JSON name of a field, as protobuf makes it."""


def json_name(name: str) -> str:
    """The JSON name of a field that does not choose one: `min_cores` is `minCores`.

    Underscores go, and the letter behind one becomes a capital: `a__b` is `aB`, `a_` is `a`
    (https://protobuf.dev/programming-guides/json/#field-names). The name of a field is ASCII.
    """
    first, *words = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in words)
