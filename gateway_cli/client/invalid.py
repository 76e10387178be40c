"""The error of a call that cannot be made."""


class InvalidCall(Exception):
    """The call asks for something that does not exist: a method, a field. The text is one line."""
