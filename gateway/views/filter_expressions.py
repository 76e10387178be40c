"""`_where`: conditions on rows, in a small language.

    condition:  term, or several joined by `or`
    term:       factor, or several joined by `and`
    factor:     `not` factor | `(` condition `)` | comparison
    comparison: path operator value | path `in` `(` value, … `)`
    operator:   `=` `!=` `<` `<=` `>` `>=`, `:` (contains), `~` (matches a pattern)
    value:      a word, a number, or a text in single or double quotes

`and` binds more tightly than `or`, `not` more tightly than both.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from struct import Struct
from typing import Any, NamedTuple, Protocol

from google.protobuf.descriptor import FieldDescriptor

from gateway.codec.fields import INT32, INT64, UINT32, UINT64, enum_of, is_enum
from gateway.errors import GatewayError
from gateway.suggestions import QUOTED_CHARS, did_you_mean
from gateway.views.paths import INTEGER, FieldPath, refused

LONGEST_CONDITION = 4096
"""Characters."""
MOST_COMPARISONS = 64
MOST_PATTERNS = 8
MOST_INSTRUCTIONS = 2000
"""Of RE2's program for a pattern: each may take 2 ns for each byte of a text."""
MOST_CLASSES = 8
"""Unicode classes in all patterns: to parse one takes 0.2 ms."""
PATTERN_MEMORY = 2**18
"""Bytes of a pattern's program and of RE2's matching. RE2 refuses larger programs within 1 ms."""
MOST_WORK = 2_000_000
"""Instructions times bytes of text for one row, 4 to 14 ms: a match cannot be interrupted."""
UNICODE_CLASS = re.compile(r"\\[pP]")
TOO_LARGE = "pattern too large"
"""RE2's error for a program that does not fit into its memory."""
MOST_NESTED = 32
INTEGERS = frozenset((*INT32, *UINT32, *INT64, *UINT64))
NUMBERS = INTEGERS | {FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE}
NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<operator><=|>=|!=|[=<>:~])
    | (?P<mark>[(),])
    | (?P<word>[^\s()=<>!:~,'"]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
FLOAT = Struct("f")
ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Test = Callable[[Any], bool]
"""Whether a row fits."""
Resolve = Callable[[str], "Operand"]
"""What a name stands for. Raises LookupError with the problem."""
Fits = Callable[[Any], bool]
"""Whether a value fits."""


class Token(NamedTuple):
    """A word of the language, and its position (for errors, from 1)."""

    kind: str
    text: str
    at: int


class BadCondition(Exception):
    """The condition is wrong. The text says where, and what was expected."""


class Operand(Protocol):
    """What stands before an operator: a field of a row, or a fact."""

    def compare(
        self, operator: str, values: Sequence[Token], patterns: "Patterns", *, negated: bool
    ) -> Test:
        """The test of a comparison, or of its opposite. Raises BadCondition.

        `values` are one, or with `in` several.
        """


@dataclass(slots=True)
class Patterns:
    """The patterns of one condition, and their work for the current row."""

    count: int = 0
    classes: int = 0
    work: int = 0
    """Instructions times bytes, so far."""

    def matching(self, name: str, token: Token) -> Fits:
        """Whether a text matches an RE2 pattern, in time linear in the text and the program.

        Raises BadCondition; the function raises GatewayError for texts that are too long.
        """
        self.count += 1
        self.classes += len(UNICODE_CLASS.findall(token.text))
        if self.count > MOST_PATTERNS:
            raise BadCondition(f"more than {MOST_PATTERNS} patterns")
        if self.classes > MOST_CLASSES:
            raise BadCondition(f"more than {MOST_CLASSES} classes of Unicode (\\p) in patterns")
        search, size = compiled(name, token)

        def fits(found: str) -> bool:
            length = len(found) if found.isascii() else len(found.encode())
            self.work += length * size
            if self.work > MOST_WORK:
                raise too_much_work(name, length, size)
            return search(found) is not None

        return fits

    def for_each_row(self, test: Test) -> Test:
        """The test of a condition with these patterns."""
        if not self.count:
            return test

        def test_row(row: Any) -> bool:
            self.work = 0
            return test(row)

        return test_row


@dataclass(slots=True)
class Parser:
    """Reads one condition."""

    tokens: Sequence[Token]
    resolve: Resolve
    takes_bare_lists: bool = False
    """Whether `in` may stand before one word that begins with `$`."""
    next: int = 0
    comparisons: int = 0
    patterns: Patterns = field(default_factory=Patterns)

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def takes_word(self, word: str) -> bool:
        token = self.peek()
        found = token.kind == "word" and token.text.lower() == word
        self.next += found
        return found

    def takes_mark(self, mark: str) -> bool:
        token = self.peek()
        found = token.kind == "mark" and token.text == mark
        self.next += found
        return found

    def condition(self, depth: int = 0, *, negated: bool = False) -> Test:
        """The test of a condition, or of its opposite: `not` is passed on to the comparisons."""
        if depth > MOST_NESTED:
            raise BadCondition(f"nested more than {MOST_NESTED} deep")
        tests = [self.term(depth, negated=negated)]
        while self.takes_word("or"):
            tests.append(self.term(depth, negated=negated))
        return joined(tests, every=negated)

    def term(self, depth: int, *, negated: bool) -> Test:
        tests = [self.factor(depth, negated=negated)]
        while self.takes_word("and"):
            tests.append(self.factor(depth, negated=negated))
        return joined(tests, every=not negated)

    def factor(self, depth: int, *, negated: bool) -> Test:
        if depth > MOST_NESTED:
            raise BadCondition(f"nested more than {MOST_NESTED} deep")
        if self.takes_word("not"):
            return self.factor(depth + 1, negated=not negated)
        if self.takes_mark("("):
            test = self.condition(depth + 1, negated=negated)
            self.expect(")")
            return test
        return self.comparison(negated=negated)

    def comparison(self, *, negated: bool) -> Test:
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            raise BadCondition(f"more than {MOST_COMPARISONS} comparisons")
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise expected("a field", token)
        try:
            operand = self.resolve(token.text)
        except LookupError as error:
            raise BadCondition(str(error)) from None
        if self.takes_word("in"):
            return operand.compare("in", self.values(), self.patterns, negated=negated)
        operator = self.take()
        if operator.kind != "operator":
            raise expected("= != < <= > >= : ~ or in", operator)
        name, negated = operator.text, negated != (operator.text == "!=")
        name = "=" if name == "!=" else name
        return operand.compare(name, (self.value(),), self.patterns, negated=negated)

    def value(self) -> Token:
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise expected("a value", token)
        return token

    def values(self) -> list[Token]:
        if self.takes_bare_lists and self.peek().text.startswith("$"):
            return [self.value()]
        self.expect("(")
        found = [self.value()]
        while not self.takes_mark(")"):
            self.expect(",")
            found.append(self.value())
        return found

    def expect(self, mark: str) -> None:
        if not self.takes_mark(mark):
            raise expected(f"`{mark}`", self.peek())


def joined(tests: Sequence[Test], *, every: bool) -> Test:
    """The test of whether every test holds, or any."""
    if len(tests) == 1:
        return tests[0]
    if every:
        return lambda row: all(test(row) for test in tests)
    return lambda row: any(test(row) for test in tests)


def compile_condition(text: str, resolve: Resolve, *, takes_bare_lists: bool = False) -> Test:
    """The test for a condition. Raises BadCondition."""
    if len(text) > LONGEST_CONDITION:
        raise BadCondition(f"longer than {LONGEST_CONDITION} characters")
    parser = Parser(tokens_of(text), resolve, takes_bare_lists)
    test = parser.condition()
    if parser.peek().kind != "end":
        raise expected("and, or, or the end", parser.peek())
    return parser.patterns.for_each_row(test)


def tokens_of(text: str) -> list[Token]:
    """The words of a condition, and an end token."""
    found: list[Token] = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise BadCondition(f"cannot read {text[at : at + 20]!r} at {at + 1}")
        kind, word = match.lastgroup, match[match.lastgroup]
        if kind == "quoted":
            word = ESCAPED.sub(r"\1", word[1:-1])
        found.append(Token(kind, word, match.start(match.lastgroup) + 1))
        position = match.end()
    found.append(Token("end", "the end", len(text) + 1))
    return found


def expected(what: str, token: Token) -> BadCondition:
    found = token.text if token.kind == "end" else repr(token.text[:QUOTED_CHARS])
    return BadCondition(f"expected {what} at {token.at}, found {found}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a row, as an `Operand`."""

    path: FieldPath

    def compare(
        self, operator: str, values: Sequence[Token], patterns: Patterns, *, negated: bool
    ) -> Test:
        path = self.path
        if operator == "in":
            among = frozenset(operand(path, value.text) for value in values)
            test = any_fits(path, partial(contained, among))
        elif operator != "~":
            test = any_fits(path, comparing(operator, path, values[0].text))
        elif path.leaf.type != FieldDescriptor.TYPE_STRING:
            raise BadCondition(f"{path.text} is no text; compare it with =")
        else:
            test = any_fits(path, patterns.matching(path.text, values[0]))
        return (lambda row: not test(row)) if negated else test


def field_of(path: FieldPath) -> Field:
    """Raises LookupError for a path to an object."""
    if not path.is_value:
        raise LookupError(f"{path.text} is an object; name one of its fields")
    return Field(path)


def any_fits(path: FieldPath, fits: Fits) -> Test:
    """Whether any value at a path fits. An unset field has none."""
    if path.is_list:
        values = path.values
        return lambda row: any(fits(value) for value in values(row))
    get = path.value
    return lambda row: (value := get(row)) is not None and fits(value)


def contained(values: frozenset[object], value: object) -> bool:
    return value in values


def comparing(operator: str, path: FieldPath, text: str) -> Fits:
    """The comparison of one value. Raises BadCondition if the field has no such comparison."""
    field = path.leaf
    if operator == ":":
        return containing(path, text)
    value: Any = operand(path, text)
    if operator == "=":
        return lambda found: bool(found == value)
    if field.type not in NUMBERS and field.type != field.TYPE_STRING:
        raise BadCondition(f"{path.text} has no order; compare it with = or !=")
    return {
        "<": lambda found: bool(found < value),
        "<=": lambda found: bool(found <= value),
        ">": lambda found: bool(found > value),
        ">=": lambda found: bool(found >= value),
    }[operator]


def containing(path: FieldPath, text: str) -> Fits:
    if path.leaf.type != FieldDescriptor.TYPE_STRING:
        if not path.is_list:
            raise BadCondition(f"{path.text} is no text; compare it with =")
        value = operand(path, text)
        return lambda found: bool(found == value)
    return lambda found: text in found


def compiled(name: str, token: Token) -> tuple[Callable[[str], object], int]:
    """The search for a pattern, and its program's size in instructions. Raises BadCondition."""
    try:
        import re2
    except ImportError:
        raise BadCondition("~ needs the package google-re2 on the gateway") from None
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    options.log_errors = False
    options.never_capture = True
    shown = f"{name}~{token.text[:QUOTED_CHARS]!r} at {token.at}"
    try:
        pattern = re2.compile(token.text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if reason.startswith(TOO_LARGE):
            raise too_large(shown) from None
        raise BadCondition(f"{shown} is no pattern of RE2: {reason}") from None
    finally:
        re2.purge()  # its cache would keep 128 patterns of any size
    if pattern.programsize > MOST_INSTRUCTIONS:
        raise too_large(shown, f", and this has {pattern.programsize:,}")
    return pattern.search, pattern.programsize


def too_large(shown: str, has: str = "") -> BadCondition:
    return BadCondition(
        f"{shown} is too large: a pattern may have {MOST_INSTRUCTIONS:,} instructions of RE2{has};"
        " repeat less of it, or fewer times"
    )


def too_much_work(name: str, length: int, size: int) -> GatewayError:
    return refused(
        "_where",
        f"a row has {length:,} bytes in {name}, too many for its patterns"
        f" (the last has {size:,} instructions of RE2); use shorter patterns",
    )


def operand(path: FieldPath, text: str) -> object:
    """A value in the type of the path's field. Raises BadCondition."""
    field = path.leaf
    if is_enum(field):
        numbers = {value.name: value.number for value in enum_of(field).values}
        if text in numbers:
            return numbers[text]
        if INTEGER.fullmatch(text):
            return int(text)
        raise BadCondition(
            f"{path.text}: no {enum_of(field).full_name} is called {text[:QUOTED_CHARS]!r}"
            + did_you_mean(text, numbers)
        )
    if field.type == field.TYPE_BOOL:
        if text not in ("true", "false"):
            raise BadCondition(f"{path.text}: expected true or false, got {text[:QUOTED_CHARS]!r}")
        return text == "true"
    if field.type in NUMBERS:
        if not NUMBER.fullmatch(text):
            raise BadCondition(f"{path.text}: expected a number, got {text[:QUOTED_CHARS]!r}")
        number = int(text) if text.lstrip("-").isdigit() else float(text)
        return nearest_float(number) if field.type == field.TYPE_FLOAT else number
    if field.type == field.TYPE_BYTES:
        raise BadCondition(f"{path.text} is binary and cannot be compared")
    return text


def nearest_float(number: float) -> float:
    """The nearest 32-bit float, which for 0.1 is another number than the double."""
    try:
        found: float = FLOAT.unpack(FLOAT.pack(number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return found
