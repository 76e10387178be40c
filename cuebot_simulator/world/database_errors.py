"""How Cuebot's database says no: the exceptions that Spring makes of it.

Their texts have the statement in them that failed; here it is left out: `SQL [...]`. So is
where in it something is wrong: it is always position 1, or parameter 1.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.world.failures import JavaException, java_exception

DUPLICATE = "DuplicateKeyException"
VIOLATION = "DataIntegrityViolationException"
NUL = "\0"
NO_CHARACTER = (
    'invalid byte sequence for encoding "UTF8": 0x00\n  Where: unnamed portal parameter $1'
)


def violation(text: str, detail: str = "", *, kind: str = VIOLATION) -> JavaException:
    """A refusal of the database: `text` is the rule that a change would break, in its words."""
    return driver_error(f"ERROR: {text}\n  Detail: {detail}" if detail else f"ERROR: {text}", kind)


def driver_error(text: str, kind: str = VIOLATION) -> JavaException:
    """What the driver of the database says, as Spring tells it."""
    return java_exception(
        f"org.springframework.dao.{kind}",
        f"PreparedStatementCallback; SQL [...]; {text};"
        f" nested exception is org.postgresql.util.PSQLException: {text}",
    )


def bad_grammar(text: str) -> JavaException:
    """What the database says to a statement that is none."""
    nested = f"ERROR: {text}\n  Position: 1"
    return java_exception(
        "org.springframework.jdbc.BadSqlGrammarException",
        "PreparedStatementCallback; bad SQL grammar [...]; nested exception is"
        f" org.postgresql.util.PSQLException: {nested}",
    )


def key_of(columns: Mapping[str, str]) -> str:
    return f"Key ({', '.join(columns)})=({', '.join(columns.values())})"


def duplicate(constraint: str, **columns: str) -> JavaException:
    """Another row has that key already."""
    text = f'duplicate key value violates unique constraint "{constraint}"'
    return violation(text, f"{key_of(columns)} already exists.", kind=DUPLICATE)


def still_used(table: str, constraint: str, by: str, key: str, column: str = "") -> JavaException:
    """A row of `table`, with that key, cannot go, because rows of the table `by` are about it."""
    return violation(
        f'update or delete on table "{table}" violates foreign key constraint "{constraint}"'
        f' on table "{by}"',
        f'{key_of({column or f"pk_{table}": key})} is still referenced from table "{by}".',
    )


def check_length(text: str, most: int) -> None:
    """Raise Refusal for a text that does not fit into its column of so many characters."""
    if NUL in text:
        raise violation(NO_CHARACTER)
    if len(text) > most:
        raise violation(f"value too long for type character varying({most})")


def check_texts(message: Any) -> None:
    """Raise Refusal for what the database cannot look for: any text with a NUL in it."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else (value,)
        if field.message_type:
            for each in values:
                check_texts(each)
        elif field.type == field.TYPE_STRING and any(NUL in each for each in values):
            raise violation(NO_CHARACTER)
