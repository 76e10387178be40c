"""Other names for what Cuebot serves, so that documented paths work.

OpenCue's reference writes `/frame.FrameInterface/GetFrame`; the service is called
`job.FrameInterface`. Every `pkg.XInterface` is therefore also `x.XInterface`.
"""

import re
from collections import Counter
from collections.abc import Iterable

INTERFACE = re.compile(r"(?:.*\.)?(([A-Za-z0-9_]+)Interface)")
INITIALS = re.compile(r"^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+)")


def service_aliases(services: Iterable[str]) -> dict[str, str]:
    """Alias to full service name. No alias is a service's own name, or stands for two services."""
    names = frozenset(services)
    wanted = [(alias, name) for name in names if (alias := alias_of(name)) and alias not in names]
    owners = Counter(alias for alias, _ in wanted)
    return {alias: name for alias, name in wanted if owners[alias] == 1}


def alias_of(service: str) -> str | None:
    """`job.FrameInterface` → `frame.FrameInterface`; None for names of another pattern."""
    found = INTERFACE.fullmatch(service)
    if found is None:
        return None
    interface, word = found.groups()
    return INITIALS.sub(lambda initials: initials[0].lower(), word) + f".{interface}"
