"""Job specs: what Cuebot makes of them, and what it refuses."""

from typing import Any

import pytest

from cuebot_simulator.world import depends
from cuebot_simulator.world import spec_xml as xml
from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.messages import enum_name
from tests.contract.specs import depend
from tests.simulator.in_process import NOTHING_FOUND, Cuebot
from tests.simulator.specs import job_xml, layer_xml, spec_xml

NAME = "demo-sh030-lena_comp_v004"
NOT_QUEUED = "Failed to add job to launch queue: "
NOT_LAUNCHED = "Failed to launch and add job: "
JOB = "comp_v004"


def launch(cuebot: Cuebot, text: str) -> list[Any]:
    """The jobs of a spec, launched at once."""
    return list(cuebot("JobInterface/LaunchSpecAndWait", spec=text).jobs.jobs)


def layers(cuebot: Cuebot, *texts: str) -> list[Any]:
    """The layers of a job that has these."""
    (job,) = launch(cuebot, spec_xml(job_xml(*texts)))
    return list(cuebot("JobInterface/GetLayers", job=job).layers.layers)


def one_layer(cuebot: Cuebot, **values: Any) -> Any:
    (layer,) = layers(cuebot, layer_xml(**values))
    return layer


def refused(cuebot: Cuebot, text: str) -> str:
    """Why a spec is not queued."""
    code, message = cuebot.refusal("JobInterface/LaunchSpec", spec=text)
    assert code == "INTERNAL"
    return message.removeprefix(NOT_QUEUED)


@pytest.mark.parametrize(
    "text",
    [
        spec_xml(facility="nope"),
        spec_xml(depends=depend("JOB_ON_JOB", depjob=JOB, onjob=JOB)),
        *(
            spec_xml(depends=depend(kind, depjob=JOB, deplayer="render", onjob=JOB, **end))
            for kind, end in (
                ("LAYER_ON_LAYER", {"onlayer": "render"}),
                ("LAYER_ON_LAYER", {"onlayer": "nope"}),
                ("LAYER_ON_FRAME", {"onframe": "0011-render"}),
            )
        ),
    ],
)
def test_a_launch_that_fails_later_leaves_nothing(cuebot: Cuebot, text: str) -> None:
    refusal = cuebot.refusal("JobInterface/LaunchSpecAndWait", spec=text)
    assert refusal == ("INTERNAL", NOT_LAUNCHED + NOTHING_FOUND)
    assert list(cuebot("JobInterface/LaunchSpec", spec=text).names)
    cuebot.wait()
    assert not cuebot("JobInterface/GetJobs", r={"shots": ["sh030"]}).jobs.jobs


def test_a_local_job_gets_its_owners_machine(
    cuebot: Cuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "cuebot_simulator.world.launch_spec.add_partition",
        lambda farm, job, request: asked.append((job.name, request)),
    )
    local = '<localbook host="desk-201" cores="4" memory="4096" threads="2" gpu="0"/>'
    launch(cuebot, spec_xml(job_xml(more=local)))
    ((name, request),) = asked
    assert (name, request.host, request.username) == (NAME, "desk-201", "lena")
    assert (request.max_cores, request.max_memory, request.threads) == (4, 4096, 2)


def test_a_post_job_waits_until_its_job_is_over(cuebot: Cuebot) -> None:
    post = layer_xml("clean_up", kind="Post", span="1")
    (job,) = launch(cuebot, spec_xml(job_xml(layer_xml(), post)))
    assert job.job_stats.total_layers == 1
    (posted,) = [
        each
        for each in cuebot("JobInterface/GetJobs", r={"include_finished": True}).jobs.jobs
        if each.user == "monitor"
    ]
    assert posted.name.startswith("demo-sh030-monitor_comp_v004_post_job_")
    assert enum_name(posted, "state") == "POSTED"
    assert not cuebot("JobInterface/IsJobPending", name=posted.name).value
    cuebot("JobInterface/EatFrames", job=job, req={})
    cuebot.wait()
    assert not cuebot("JobInterface/IsJobPending", name=NAME).value
    assert cuebot("JobInterface/IsJobPending", name=posted.name).value


def test_a_layer_overrules_its_service(cuebot: Cuebot) -> None:
    layer = one_layer(
        cuebot,
        more="<cores>2.5</cores><threadable>0</threadable><memory>2g</memory><gpus>1</gpus>"
        "<gpu_memory>512m</gpu_memory><timeout>60</timeout><timeout_llu>20</timeout_llu>"
        "<tags>general | gpu_one</tags>",
    )
    assert (layer.min_cores, layer.is_threadable, layer.min_memory) == (2.5, False, 2 * 1024**2)
    assert (layer.min_gpus, layer.min_gpu_memory) == (1, 512 * 1024)
    assert (layer.timeout, layer.timeout_llu) == (60, 20)
    assert list(layer.tags) == ["general", "gpu_one"]


def test_memory_that_is_no_number_is_refused(cuebot: Cuebot) -> None:
    for memory in ("2.5g", "2.5", "", "memory", "m", "NaNm", "infm"):
        text = spec_xml(job_xml(layer_xml(more=f"<memory>{memory}</memory>")))
        assert refused(cuebot, text) == "not a number"


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (layer_xml(span="1-5, 7"), "error, the range 1-5, 7 is invalid"),
        (layer_xml(span="1-2000000000"), "error, the range 1-2000000000 is invalid"),
        (layer_xml(more="<cores>\u0662.\u0665</cores>"), "not a number"),
    ],
)
def test_layers_that_make_no_sense_are_refused(cuebot: Cuebot, layer: str, text: str) -> None:
    assert refused(cuebot, spec_xml(job_xml(layer))).startswith(text)


def test_more_than_a_farm_takes_is_refused(cuebot: Cuebot) -> None:
    layers = job_xml(*(layer_xml(f"layer_{number}", span="1") for number in range(2001)))
    frames = [job_xml(layer_xml(span="1-60000"), name=name) for name in ("one", "two")]
    for text, end in (
        (spec_xml(layers), "2001 layers,  the maximum number of allowed layers is 2000"),
        (spec_xml(*frames), "120000 frames, the maximum number of allowed frames is 100000"),
    ):
        assert refused(cuebot, text).endswith(end)


def test_a_layer_waits_for_another(cuebot: Cuebot) -> None:
    ends = {"depjob": JOB, "deplayer": "preview", "onjob": JOB, "onlayer": "render"}
    depends = depend("LAYER_ON_LAYER", "true", **ends)
    text = spec_xml(job_xml(layer_xml(), layer_xml("preview", span="1")), depends=depends)
    (job,) = launch(cuebot, text)
    assert [frame.name for frame in cuebot.frames(NAME, "DEPEND")] == ["0001-preview"]
    (key,) = cuebot.farm.dependencies[cuebot.layer(NAME, "preview").id]
    made = cuebot.farm.depends[key]
    assert (made.depend_er_job, made.depend_on_layer) == (job.name, "render")
    assert made.any_frame


def test_a_job_waits_for_another_of_its_spec_and_for_a_pending_one(cuebot: Cuebot) -> None:
    launch(cuebot, spec_xml())
    depends = depend("JOB_ON_JOB", "true", depjob="light", onjob="comp_v004") + depend(
        "JOB_ON_FRAME", depjob="slap", onjob="light", onframe="0001-render"
    )
    launch(cuebot, spec_xml(job_xml(name="light"), job_xml(name="slap"), depends=depends))
    assert len(cuebot.frames("demo-sh030-lena_light", "DEPEND")) == 10
    assert len(cuebot.frames("demo-sh030-lena_slap", "DEPEND")) == 10
    assert not any(each.any_frame for each in cuebot.farm.depends.values())


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://localhost:9/">%a;',
        "",
    ],
)
def test_entities_are_neither_read_nor_expanded(declared: str) -> None:
    text = spec_xml(job_xml(more="<os>&a;</os>")).replace('.dtd">', f'.dtd" [{declared}]>')
    with pytest.raises(xml.SpecError, match="the entity a is not allowed"):
        xml.read_xml(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("7", [7]),
        ("-3", [-3]),
        ("1-4", [1, 2, 3, 4]),
        ("4-1", [4, 3, 2, 1]),
        ("-2-1", [-2, -1, 0, 1]),
        ("1-10x3", [1, 4, 7, 10]),
        ("10-1x-3", [10, 7, 4, 1]),
        ("1-10y3", [2, 3, 5, 6, 8, 9]),
        ("1-10:5", [1, 6, 2, 4, 8, 10, 3, 5, 7, 9]),
        ("1-3,2-4", [1, 2, 3, 2, 3, 4]),
        ("1-3,", [1, 2, 3]),
    ],
)
def test_frame_ranges(text: str, numbers: list[int]) -> None:
    assert list(numbers_of(text)) == numbers


@pytest.mark.parametrize(
    "text",
    ["", "a", "1-", "1--", "1 - 2", "1-10x0", "10-1x3", "1-10x-3", "1-10z2", "99999999999", "1٢"],
)
def test_what_is_no_frame_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        numbers_of(text)


def test_a_spec_asks_for_no_more_dependencies_than_can_be_made_soon(
    cuebot: Cuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depends, "MOST_CHILDREN", 15)
    two = job_xml(layer_xml("render"), layer_xml("movie"))
    ends = {"depjob": JOB, "deplayer": "movie", "onjob": JOB, "onlayer": "render"}
    one, other = (depend(kind, **ends) for kind in ("FRAME_BY_FRAME", "PREVIOUS_FRAME"))
    assert refused(cuebot, spec_xml(two, depends=one + other)) == (
        "The simulated farm makes no more than 15 dependencies of frames at once, and this spec"
        " asks for 20."
    )
    assert launch(cuebot, spec_xml(two, depends=one))
