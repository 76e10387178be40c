"""Any number of further jobs and hosts, for a large farm."""

from collections.abc import Iterator

from cuebot_simulator.world.launch import pick
from cuebot_simulator.world.plans import DependPlan, HostPlan, JobPlan, LayerPlan
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio_data import GENERAL, SHOWS, numbers

USERS = ("ana", "bo", "chen", "dara", "emil", "farah", "goran", "hana")
KINDS = (("comp", "nuke", 2.0, 8.0), ("light", "arnold", 4.0, 12.0), ("anim", "maya", 1.0, 4.0))
"""Name, service, cores and memory (GB)."""
JOBS_PER_HOST = 50


def bulk_jobs(farm: Farm, count: int) -> Iterator[JobPlan]:
    """`count` jobs that wait for their first frame: a layer to render, and a preview of it."""
    shows = tuple(SHOWS)
    for index in range(count):
        kind, service, cores, memory = KINDS[index % len(KINDS)]
        show = shows[index % 7 % len(shows)]
        groups = [group for group, _ in SHOWS[show]]
        size = pick(farm, f"crowd/{index}", 10, 60)
        yield JobPlan(
            show=show,
            group=kind if kind in groups else "",
            shot=f"cr{index // 20:04}",
            user=USERS[index % len(USERS)],
            name=f"{kind}_v{index % 20 + 1:03}",
            email=f"{USERS[index % len(USERS)]}@studio.example",
            priority=10 + pick(farm, f"priority/{index}", 0, 80),
            minutes=1 + index % 240,
            layers=(
                LayerPlan(
                    name=kind,
                    services=(service,),
                    cores=cores,
                    memory=memory,
                    frames=numbers(size),
                ),
                LayerPlan(name="preview", services=("ffmpeg",), memory=2, frames=(1001,)),
            ),
            depends=(DependPlan(kind="LAYER_ON_LAYER", layer="preview", on_layer=kind),),
        )


def bulk_hosts(jobs: int) -> Iterator[HostPlan]:
    """Enough machines for that number of jobs."""
    for number in range(max(jobs, 0) // JOBS_PER_HOST):
        yield HostPlan(name=f"blade-{number + 1:04}", alloc=GENERAL, cores=16, memory=64)
