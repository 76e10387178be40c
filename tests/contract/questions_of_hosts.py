"""Questions: hosts, procs, and who owns them."""

from typing import Any

from tests.contract.asking import NOTHING
from tests.contract.asking import Question as Ask

HOST = {"host": {"id": "$host"}}
NO_HOST = {"host": {"id": NOTHING}}
SHOW = {"show": {"id": "$show"}}


def first_host(answer: Any, *, nimby: bool, what: str) -> str:
    """An id or a name of the first host that is up, and has NIMBY or not."""
    hosts = (host for host in answer["hosts"]["hosts"] if host["state"] == "UP")
    return str(next(host for host in hosts if host["nimby_enabled"] is nimby)[what])


HOSTS = (
    Ask(
        "all hosts",
        "host.HostInterface/GetHosts",
        {},
        keep={
            "host": lambda answer: first_host(answer, nimby=False, what="id"),
            "host_name": lambda answer: first_host(answer, nimby=False, what="name"),
            "desk": lambda answer: first_host(answer, nimby=True, what="id"),
            "desk_name": lambda answer: first_host(answer, nimby=True, what="name"),
        },
    ),
    Ask("a host by id", "host.HostInterface/GetHost", {"id": "$host"}, values=("host.name",)),
    Ask("a host by a wrong id", "host.HostInterface/GetHost", {"id": NOTHING}),
    Ask(
        "finding a host",
        "host.HostInterface/FindHost",
        {"name": "$host_name"},
        values=("host.name", "host.nimby_enabled"),
    ),
    Ask("finding a host that is not there", "host.HostInterface/FindHost", {"name": "nope$run"}),
    Ask("hosts by name", "host.HostInterface/GetHosts", {"r": {"hosts": ["$host_name"]}}),
    Ask(
        "hosts by states",
        "host.HostInterface/GetHosts",
        {"r": {"hosts": ["$host_name"], "states": {"state": ["UP"]}}},
    ),
    Ask("hosts of no name", "host.HostInterface/GetHosts", {"r": {"hosts": ["nope$run"]}}),
    Ask(
        "hosts by an expression with an open set",
        "host.HostInterface/GetHosts",
        {"r": {"regex": ["["]}},
    ),
    Ask("locking no host", "host.HostInterface/Lock", NO_HOST),
    Ask("unlocking no host", "host.HostInterface/Unlock", NO_HOST),
    Ask("rebooting no host", "host.HostInterface/Reboot", NO_HOST),
    Ask("restarting RQD", "host.HostInterface/RestartRqdNow", HOST),
    Ask("restarting RQD when idle", "host.HostInterface/RestartRqdWhenIdle", HOST),
    Ask("a host's tags", "host.HostInterface/AddTags", {**HOST, "tags": ["t$run"]}),
    Ask(
        "a host's tag of another name",
        "host.HostInterface/RenameTag",
        {**HOST, "old_tag": "t$run", "new_tag": "u$run"},
    ),
    Ask("no tags of a host", "host.HostInterface/RemoveTags", {**HOST, "tags": ["u$run"]}),
    Ask("a host's threads", "host.HostInterface/SetThreadMode", {**HOST, "mode": "AUTO"}),
    Ask("a host's OS", "host.HostInterface/SetOs", {**HOST, "os": "rocky9"}),
    Ask(
        "a host's allocation that is not there",
        "host.HostInterface/SetAllocation",
        {**HOST, "allocation_id": NOTHING},
    ),
    Ask(
        "a comment on a host",
        "host.HostInterface/AddComment",
        {**HOST, "new_comment": {"user": "alice", "subject": "s", "message": "m"}},
    ),
    Ask(
        "a host's comments",
        "host.HostInterface/GetComments",
        HOST,
        keep={"host_comment": "comments.comments.0.id"},
    ),
    Ask(
        "a host's comment no more",
        "comment.CommentInterface/Delete",
        {"comment": {"id": "$host_comment"}},
    ),
    Ask("the procs of no host", "host.HostInterface/GetProcs", NO_HOST),
    Ask("the procs of no job", "host.ProcInterface/GetProcs", {"r": {"jobs": ["nope$run"]}}),
    Ask("a host without a deed", "host.HostInterface/GetDeed", HOST),
    Ask("a host without an owner", "host.HostInterface/GetOwner", HOST),
    Ask("a host's render partitions", "host.HostInterface/GetRenderPartitions", HOST),
    Ask("deleting no host", "host.HostInterface/Delete", NO_HOST),
    Ask("a host that is up is up", "host.HostInterface/SetHardwareState", {**HOST, "state": "UP"}),
    Ask("killing no proc", "host.ProcInterface/Kill", {"proc": {"id": NOTHING}}),
    Ask("unbooking no proc", "host.ProcInterface/Unbook", {"proc": {"id": NOTHING}}),
    Ask("the frame of no proc", "host.ProcInterface/GetFrame", {"proc": {"id": NOTHING}}),
    Ask("the host of no proc", "host.ProcInterface/GetHost", {"proc": {"id": NOTHING}}),
    Ask("the job of no proc", "host.ProcInterface/GetJob", {"proc": {"id": NOTHING}}),
    Ask(
        "unbooking procs of no job",
        "host.ProcInterface/UnbookProcs",
        {"r": {"jobs": ["nope$run"]}},
        values=("num_procs",),
    ),
)


OWNERS = (
    Ask(
        "an owner",
        "show.ShowInterface/CreateOwner",
        {**SHOW, "name": "own$run"},
        keep={"owner": "owner.id"},
        values=("owner.name", "owner.show"),
    ),
    Ask("an owner of a taken name", "show.ShowInterface/CreateOwner", {**SHOW, "name": "own$run"}),
    Ask("an owner by name", "host.OwnerInterface/GetOwner", {"name": "own$run"}),
    Ask("an owner that is not there", "host.OwnerInterface/GetOwner", {"name": "nope$run"}),
    Ask(
        "owning a host without NIMBY",
        "host.OwnerInterface/TakeOwnership",
        {"owner": {"id": "$owner"}, "host": "$host_name"},
    ),
    Ask(
        "owning a desk",
        "host.OwnerInterface/TakeOwnership",
        {"owner": {"id": "$owner"}, "host": "$desk_name"},
    ),
    Ask(
        "owning a desk again",
        "host.OwnerInterface/TakeOwnership",
        {"owner": {"id": "$owner"}, "host": "$desk_name"},
    ),
    Ask(
        "owning no host",
        "host.OwnerInterface/TakeOwnership",
        {"owner": {"id": "$owner"}, "host": "nope$run"},
    ),
    Ask(
        "no owner takes a desk",
        "host.OwnerInterface/TakeOwnership",
        {"owner": {"id": NOTHING}, "host": "$desk_name"},
    ),
    Ask(
        "an owner's deeds",
        "host.OwnerInterface/GetDeeds",
        {"owner": {"id": "$owner"}},
        keep={"deed": "deeds.deeds.0.id"},
        values=("deeds.deeds.0.owner",),
    ),
    Ask(
        "an owner's hosts",
        "host.OwnerInterface/GetHosts",
        {"owner": {"id": "$owner"}},
        values=("hosts.hosts.0.name",),
    ),
    Ask("a deed's host", "host.DeedInterface/GetHost", {"deed": {"id": "$deed"}}),
    Ask(
        "a deed's owner",
        "host.DeedInterface/GetOwner",
        {"deed": {"id": "$deed"}},
        values=("owner.name",),
    ),
    Ask("the owner of no deed", "host.DeedInterface/GetOwner", {"deed": {"id": NOTHING}}),
    Ask("a host's deed", "host.HostInterface/GetDeed", {"host": {"id": "$desk"}}),
    Ask(
        "a host's owner",
        "host.HostInterface/GetOwner",
        {"host": {"id": "$desk"}},
        values=("owner.name",),
    ),
    Ask("a show's deeds", "show.ShowInterface/GetDeeds", SHOW),
    Ask(
        "an owner of another show",
        "host.OwnerInterface/SetShow",
        {"owner": {"id": "$owner"}, "show": "nope$run"},
    ),
    Ask("deleting a deed", "host.DeedInterface/Delete", {"deed": {"id": "$deed"}}),
    Ask("deleting a deed again", "host.DeedInterface/Delete", {"deed": {"id": "$deed"}}),
    Ask("deleting an owner", "host.OwnerInterface/Delete", {"owner": {"id": "$owner"}}),
    Ask("deleting an owner again", "host.OwnerInterface/Delete", {"owner": {"id": "$owner"}}),
    Ask("the deeds of no owner", "host.OwnerInterface/GetDeeds", {"owner": {"id": NOTHING}}),
)
