"""How Cuebot's database says no: the exceptions that Spring makes of it, with the texts' core."""

from cuebot_simulator.world.failures import Refusal, java_exception


def violation(java_class: str, text: str) -> Refusal:
    """A refusal of the database: `text` is the rule that a change would break, in its words."""
    return java_exception(f"org.springframework.dao.{java_class}", f"ERROR: {text}")


def duplicate(constraint: str) -> Refusal:
    """Another row has that key already."""
    text = f'duplicate key value violates unique constraint "{constraint}"'
    return violation("DuplicateKeyException", text)


def duplicate_line(constraint: str) -> str:
    """The same in one line, as a part of another text."""
    return str(duplicate(constraint)).partition("\n")[0]


def still_used(table: str, constraint: str, by: str) -> Refusal:
    """A row of `table` cannot go, because rows of the table `by` are about it."""
    return violation(
        "DataIntegrityViolationException",
        f'update or delete on table "{table}" violates foreign key constraint'
        f' "{constraint}" on table "{by}"',
    )
