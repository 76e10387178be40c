"""host.HostInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill, given
from gateway.demo.farm.ownership import deed_of
from gateway.demo.farm.state import Farm, by_id, by_name
from gateway.demo.interfaces.criteria import find_hosts
from gateway.demo.interfaces.handler import Handler


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    answer.hosts.hosts.extend(find_hosts(farm, given(request, "r", None)))


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=by_id(farm.hosts, request.id))


def find_host(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, host=by_name(farm.hosts, request.name))


def get_procs(farm: Farm, request: Any, answer: Any) -> None:
    host = by_id(farm.hosts, request.host.id)
    answer.procs.procs.extend(
        proc for proc in farm.procs.values() if farm.host_of[proc.id] == host.id
    )


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    deed = deed_of(farm, by_id(farm.hosts, request.host.id))
    fill(answer, owner=by_name(farm.owners, deed.owner))


def get_deed(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, deed=deed_of(farm, by_id(farm.hosts, request.host.id)))


def get_comments(farm: Farm, request: Any, answer: Any) -> None:
    host = by_id(farm.hosts, request.host.id)
    answer.comments.comments.extend(farm.comments_on(host))


def lock(farm: Farm, request: Any, answer: Any) -> None:
    """What runs there runs on."""
    fill(by_id(farm.hosts, request.host.id), lock_state="LOCKED")


def unlock(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_id(farm.hosts, request.host.id), lock_state="OPEN")


METHODS: Mapping[str, Handler] = {
    "FindHost": find_host,
    "GetComments": get_comments,
    "GetDeed": get_deed,
    "GetHost": get_host,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "GetProcs": get_procs,
    "Lock": lock,
    "Unlock": unlock,
}
