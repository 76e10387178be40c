"""Texts to search with: what they find, and that none of them keeps the farm busy for long."""

import pytest

from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.patterns import compile_pattern, like

BROKEN = (
    "org.springframework.dao.DataIntegrityViolationException: PreparedStatementCallback; SQL [...];"
    " ERROR: invalid regular expression: "
)


@pytest.mark.parametrize(
    "pattern",
    [
        "([a-z0-9_-]+)+#",
        "(a|a)*b",
        "(?:a?)*b",
        "((a+)b){2,}",
        "(?P<name>a+)*",
        "a?" * 20 + "a" * 20,
        ".*.*.*.*#",
        "[a-z]+-*[a-z]+-*[a-z]+#",
        "(a*)?" * 20,
        r"\x61+a" * 5,
        r"\141+a" * 5,
        "(?i)" + "A+a" * 5,
        "[[:a:]]+]" * 5,
        "a{,}" * 5,
        "(?x)(a+) +b",
        "(a+)(?#)+b",
        "a{1,256}",
        "a{99999999999}",
        "a{" + "9" * 450 + "}",
        "(" * 5000 + ")" * 5000,
        "(" * 250 + "a" + ")" * 249,
        "[a",
        "(",
        "*a",
        "\\",
    ],
)
def test_what_is_broken_or_may_take_long_is_refused(pattern: str) -> None:
    """PostgreSQL says that it is an invalid regular expression."""
    with pytest.raises(Refusal) as caught:
        compile_pattern(pattern)
    assert str(caught.value).startswith(BROKEN)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[a-z]+-[a-z0-9]+-[a-z]+_([a-z]+)_v[0-9]+$", "demo-sh010-lena_comp_v003"),
        ("^demo-sh.*-.*_comp_v.*$", "demo-sh010-lena_comp_v003"),
        ("(comp|light)_v", "light_v001"),
        ("_v[0-9]+(_[a-z]+)?$", "a_v1_b"),
        ("(ab)+(cd)*$", "ababcd"),
        ("x+1|x+2|x+3|x+4|x+5", "xx5"),
        ("[[a]b", "[b"),
        ("[]a]+b", "]ab"),
        ("a{2,255}", "aa"),
        ("(?i)DEMO", "demo"),
    ],
)
def test_what_people_search_with_is_taken(pattern: str, text: str) -> None:
    """It finds what it is meant for, without a warning."""
    assert compile_pattern(pattern).search(text)
    assert not compile_pattern(pattern).search("nothing")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", True),
        ("sh010", True),
        ("SH010", False),
        ("demo%comp", True),
        ("comp%demo", False),
        ("sh___-l", True),
        ("sh____-l", False),
        ("d%_3", True),
        ("c_m%v__3", True),
        ("mo%demo", False),
        ("%" * 30 + "#", False),
        ("%_" * 25, True),
        ("%_" * 26, False),
    ],
)
def test_like(pattern: str, found: bool) -> None:
    """In a LIKE, `_` is one character and `%` any number, anywhere in the text."""
    assert like("demo-sh010-lena_comp_v003", pattern) is found
