"""Fuzzing one target with atheris, guided by the code that inputs reach: `… guided NAME [FLAGS]`.

The flags are libFuzzer's. `make fuzz` starts this for each target.
"""

import sys

import atheris

from tests.fuzz.targets import load

INSTRUMENTED = ["gateway", "hpack", "jose"]  # packages whose branches guide the search


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=INSTRUMENTED):
        one_input = load(name)
    atheris.Setup([name, *flags], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
