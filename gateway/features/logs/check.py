"""What `cuebot-gateway check` finds about logs."""

import os
from functools import partial

from gateway.core.errors import GatewayError
from gateway.core.fair_quota import equal_weight
from gateway.core.findings import Findings
from gateway.core.settings.model import Settings
from gateway.features.logs.roots import Root, root_of
from gateway.features.logs.settings import LogSettings
from gateway.features.logs.threads import Threads

CHECK_SECONDS = 5.0


async def check_logs(settings: Settings, found: Findings) -> None:
    """A folder that is not there may be mounted later, so settings are not wrong without it."""
    roots = [root_of(each) for each in settings.section(LogSettings).log_roots]
    threads = Threads(max(len(roots), 1), 1, equal_weight, CHECK_SECONDS)
    listed = []
    for each in roots:
        line = f"{each.told}, mounted at {each.here}" if each.here != each.told else each.told
        listed.append(line)
        try:
            may_read = await threads.run("check", partial(may_be_read, each))
            problem = "is no folder here that this user may read"
        except GatewayError as error:
            may_read, problem = False, error.message
        if not may_read:
            found.warnings.append(f"LOG_ROOTS: {line}: {problem}")
    found.facts["log_roots"] = listed
    if listed:
        found.tell("Logs", f"below {listed[0]}", listed[1:])


def may_be_read(root: Root) -> bool:
    return os.path.isdir(root.here) and os.access(root.here, os.R_OK | os.X_OK)
