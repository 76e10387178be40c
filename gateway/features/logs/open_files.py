"""The files that logs keep open, beside those of connections."""

from gateway.core import open_files

OTHER_FILES = 256
"""That are neither logs nor connections of clients: those to Cuebot, and what the server keeps."""
LEAST_FILES = 8
"""There is always room for so many."""


def room_for(files: int, connections: int) -> int:
    """How many of these files may be open beside so many connections. Raises the limit on open
    files as far as that helps.
    """
    others = connections + OTHER_FILES
    possible = open_files.room_for(others + files)
    return min(files, max(possible - others, LEAST_FILES))
