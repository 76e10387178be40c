"""The profile's tables of names."""

from pathlib import Path

import pytest

from tests.support.profiles import NO_PATH, problem_of

NAMED = '[[named]]\nmessage = "a.B"\nfields = ["x"]\n'
SEND = 'by = { call = "a.B/C", take = "x.id", send = { name = ["x", "y."] } }'
NEAR = '[near."a.B/C"]\nkind = "x"\ncall = "a.B/D"\nnames = "y"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[named]]\nfields = ["a"]', "named.0.message: field required"),
        (NAMED + 'by = { call = "a.B/C" }', "named.0.by.take: field required"),
        (NAMED + SEND, f"named.0.by.send.name.1: 'y.' {NO_PATH}"),
        *(
            (NEAR + f'name = "{name}"', f"near.a.B/C.name: '{name}' is not a text with fields")
            for name in ("{", "{x.y}", "{x:99999}", "{x!r}", "{0}", "")
        ),
    ],
)
def test_a_wrong_entry_is_one_clear_line(tmp_path: Path, text: str, problem: str) -> None:
    assert problem_of(tmp_path, text).startswith(problem)
