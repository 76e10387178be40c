"""limit.LimitInterface."""

from collections.abc import Iterable
from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.handlers import Methods
from cuebot_simulator.world import limits
from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.new_entities import add_limit
from cuebot_simulator.world.refusals import Missing, Refusal, check_length
from cuebot_simulator.world.state import Farm, by_id, by_name

LONGEST_NAME = 255
SPEC = 0  # limit.LimitBindSource of limits in a job's spec; no layer here is bound otherwise
SOURCES = range(3)


def limit_named(farm: Farm, name: str) -> Any:
    """The limit of that name. Raises Refusal, as the methods for license reports do."""
    try:
        return by_name(farm.limits, name)
    except Missing:
        raise Refusal("Limit not found.", StatusCode.NOT_FOUND) from None


def invalid(text: str) -> Refusal:
    return Refusal(text, StatusCode.INVALID_ARGUMENT)


def by_limit_name(found: Iterable[Any]) -> list[Any]:
    return sorted(found, key=lambda limit: limit.name)


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    answer.limits.extend(
        limits.count_limit(farm, each) for each in by_limit_name(farm.limits.values())
    )


def find_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=limits.count_limit(farm, by_name(farm.limits, request.name)))


def get_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=limits.count_limit(farm, by_id(farm.limits, request.id)))


def create(farm: Farm, request: Any, answer: Any) -> None:
    """A taken name is given again. Without an exit status there is no rule for failures."""
    check_length(request.name, LONGEST_NAME)
    exit_status = given(request, "exit_status", 0)
    delay = given(request, "delay_minutes", 0)
    if exit_status:
        check_rule(farm, None, exit_status, delay)
    check_enums(request, "type", "enforcement")
    limit = add_limit(farm, request.name, request.max_value)
    fill(
        limit,
        type=given(request, "type", 0),
        enforcement=given(request, "enforcement", 0),
        soft_value=soft_value(given(request, "soft_value", 0)),
    )
    if exit_status:
        fill(
            limit,
            exit_status=exit_status,
            delay_minutes=delay,
            auto_tag=given(request, "auto_tag", False),
        )
    fill(answer, limit=limits.count_limit(farm, limit))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    limits.remove_limit(farm, by_name(farm.limits, request.name))


def rename(farm: Farm, request: Any, answer: Any) -> None:
    limit = by_name(farm.limits, request.old_name)
    check_length(request.new_name, LONGEST_NAME)
    limits.rename_limit(farm, limit, request.new_name)


def set_max_value(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_name(farm.limits, request.name), max_value=request.max_value)


def set_type(farm: Farm, request: Any, answer: Any) -> None:
    limit = limit_named(farm, request.name)
    check_enums(request, "type")
    fill(limit, type=request.type)


def set_enforcement(farm: Farm, request: Any, answer: Any) -> None:
    limit = limit_named(farm, request.name)
    check_enums(request, "enforcement")
    fill(limit, enforcement=request.enforcement)


def check_enums(request: Any, *names: str) -> None:
    """Raise Refusal, as the database does, for a number without a name in the schema."""
    for name in names:
        if given(request, name, 0) and enum_name(request, name).lstrip("-").isdigit():
            raise Refusal(f"a limit has no such {name}")


def set_soft_value(farm: Farm, request: Any, answer: Any) -> None:
    fill(limit_named(farm, request.name), soft_value=soft_value(request.soft_value))


def soft_value(value: int) -> int:
    """-1, which means none, for everything but positive numbers."""
    return value if value > 0 else -1


def set_report_ttl(farm: Farm, request: Any, answer: Any) -> None:
    fill(limit_named(farm, request.name), report_ttl=max(request.report_ttl, 0))


def set_failure_rule(farm: Farm, request: Any, answer: Any) -> None:
    limit = limit_named(farm, request.name)
    check_rule(farm, limit, request.exit_status, request.delay_minutes)
    fill(
        limit,
        exit_status=request.exit_status,
        delay_minutes=request.delay_minutes,
        auto_tag=request.auto_tag,
    )


def check_rule(farm: Farm, limit: Any, exit_status: int, delay: int) -> None:
    """Raise Refusal for a bad rule, or one of another limit (`limit` is None for a new one)."""
    if delay < 0:
        raise invalid("delay minutes must be >= 0")
    if exit_status == 0:
        return
    if exit_status <= 1:
        raise invalid(
            "Exit status must be greater than 1: status 0 is success"
            " and status 1 is the generic failure code."
        )
    for other in farm.limits.values():
        if other is not limit and given(other, "exit_status", 0) == exit_status:
            raise Refusal(
                f"Exit status {exit_status} is already claimed by limit {other.name}",
                StatusCode.ALREADY_EXISTS,
            )


def check_sources(sources: Iterable[int]) -> None:
    if any(source not in SOURCES for source in sources):
        raise invalid("Unrecognized binding source.")


def get_bindings(farm: Farm, request: Any, answer: Any) -> None:
    """The layers with a limit, the latest first."""
    check_sources(request.sources)
    limit = limit_named(farm, request.limit_name)
    if request.sources and SPEC not in request.sources:
        return
    layers = [
        layer
        for layer in farm.layers.values()
        if limit.name in layer.limits and (not request.layer_ids or layer.id in request.layer_ids)
    ]
    for layer in sorted(layers, key=lambda each: -farm.jobs[each.parent_id].start_time):
        job = farm.jobs[layer.parent_id]
        answer.bindings.add(
            limit_id=limit.id,
            layer_id=layer.id,
            layer_name=layer.name,
            job_name=job.name,
            services=layer.services,
            source=SPEC,
            create_time=job.start_time,
        )


def clear_bindings(farm: Farm, request: Any, answer: Any) -> None:
    """Removes automatic and manual bindings. There are none here."""
    check_sources(request.sources)
    limit_named(farm, request.limit_name)
    if SPEC in request.sources:
        raise invalid("SPEC bindings are declared by the submitter and cannot be bulk-removed.")
    fill(answer, removed=0)


def report_usage(farm: Farm, request: Any, answer: Any) -> None:
    """A license server's view. One bad line, and all of it is refused."""
    for report in request.reports:
        for holder in report.hosts:
            if holder.tokens <= 0:
                raise invalid(
                    f"Host {holder.host_name} in limit {report.limit_name}"
                    " reports tokens <= 0; omit hosts holding nothing."
                )
    for report in request.reports:
        try:
            limit = by_name(farm.limits, report.limit_name)
        except Missing:
            answer.unknown_limits.append(report.limit_name)
            continue
        if reason := limits.take_report(farm, limit, report, request.source):
            fill(answer.skipped_limits.add(), limit_name=limit.name, reason=reason)
        else:
            answer.limits.add().CopyFrom(limits.count_limit(farm, limit))


def get_holds(farm: Farm, request: Any, answer: Any) -> None:
    """The holders of a limit, or of any, on one host or all."""
    named = request.limit_name
    found = [limit_named(farm, named)] if named else by_limit_name(farm.limits.values())
    host = limits.short_name(request.host_name)
    for limit in found:
        answer.holds.extend(
            hold for hold in limits.holds_of(farm, limit) if not host or hold.host_name == host
        )


METHODS: Methods = {
    "ClearBindings": clear_bindings,
    "Create": create,
    "Delete": delete,
    "Find": find_limit,
    "Get": get_limit,
    "GetAll": get_limits,
    "GetBindings": get_bindings,
    "GetHolds": get_holds,
    "Rename": rename,
    "ReportUsage": report_usage,
    "SetEnforcement": set_enforcement,
    "SetFailureRule": set_failure_rule,
    "SetMaxValue": set_max_value,
    "SetReportTtl": set_report_ttl,
    "SetSoftValue": set_soft_value,
    "SetType": set_type,
}
