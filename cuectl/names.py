"""Lists of names, for completion. `python -m cuectl.names KIND` keeps one in the cache."""

import sys
from collections.abc import Mapping
from types import MappingProxyType

from cuectl.farm import Farm
from cuectl.session import Session
from gateway_client.errors import CallError, Failure, InvalidCall, WrongSetting
from gateway_client.paths import value_at

MOST_NAMES = 5000
TIMEOUT_SECONDS = 20.0
LISTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "jobs": ("job.JobInterface/GetJobs", "name"),
        "users": ("job.JobInterface/GetJobs", "user"),
        "shots": ("job.JobInterface/GetJobs", "shot"),
        "hosts": ("host.HostInterface/GetHosts", "name"),
        "shows": ("show.ShowInterface/GetShows", "name"),
        "allocs": ("facility.AllocationInterface/GetAll", "name"),
        "allocations": ("facility.AllocationInterface/GetAll", "name"),
        "limits": ("limit.LimitInterface/GetAll", "name"),
    }
)
"""The read that has the names of each kind, and the field."""


def fetch_names(farm: Farm, kind: str) -> list[str]:
    """The names of a kind. Raises what a call raises."""
    method, field = LISTS[kind]
    rows = farm.rows(method, {}, {"_fields": field})
    names = (value_at(row, field) for row in rows)
    return list(dict.fromkeys(str(name) for name in names if name))[:MOST_NAMES]


def main(arguments: list[str]) -> None:
    *options, kind = arguments
    given = dict(each.removeprefix("--").split("=", 1) for each in options)
    session = Session(given.get("context"), given.get("url"))
    farm = Farm(session)
    farm.timeout = TIMEOUT_SECONDS
    try:
        session.cache.keep(kind, "\n".join(fetch_names(farm, kind)).encode())
    except (CallError, Failure, InvalidCall, WrongSetting):
        return
    finally:
        farm.close()


if __name__ == "__main__":
    main(sys.argv[1:])
