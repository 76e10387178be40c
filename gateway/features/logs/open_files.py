"""The files that logs keep open, beside those of connections."""

import resource
from contextlib import suppress

OTHER_FILES = 256
"""That are neither logs nor connections of clients: those to Cuebot, and what the server keeps."""
LEAST_FILES = 8
"""There is always room for so many."""


def room_for(files: int, connections: int) -> int:
    """How many of these files may be open beside so many connections. Raises the limit on open
    files as far as that helps.
    """
    others = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not reaches(soft, others + files):
        possible = others + files if reaches(hard, others + files) else hard
        with suppress(OSError, ValueError):  # macOS has a limit below the one that it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
            soft = possible
    return files if reaches(soft, others + files) else max(soft - others, LEAST_FILES)


def reaches(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
