"""Questions: which jobs come of the specs that are launched."""

from tests.contract.asking import Question as Ask
from tests.contract.job_specs import depend, job, layer, spec, with_dtd

FULL = "c$run-sh010-alice_a_v001"
POST = layer("after", kind="Post")
MOVIE = layer("movie", kind="Util", head="<cmd>x</cmd><range>1</range><chunk>1</chunk>")
MOVIE_WAITS = depend(
    "LAYER_ON_LAYER",
    "<depjob>a_v001</depjob><deplayer>movie</deplayer>"
    "<onjob>a_v001</onjob><onlayer>render</onlayer>",
)

SHOWS = (
    Ask("a show with a taken name, once", "show.ShowInterface/CreateShow", {"name": "e$run"}),
    Ask("a show with a taken name, twice", "show.ShowInterface/CreateShow", {"name": "e$run"}),
    Ask(
        "a show that rests",
        "show.ShowInterface/CreateShow",
        {"name": "i$run"},
        keep={"resting": "show.id"},
    ),
    Ask(
        "letting a show rest",
        "show.ShowInterface/SetActive",
        {"show": {"id": "$resting"}, "value": False},
    ),
    Ask(
        "the root group of a show that rests",
        "show.ShowInterface/GetRootGroup",
        {"show": {"id": "$resting"}},
        keep={"resting_root": "group.id"},
    ),
)


LAUNCHES = (
    Ask(
        "launching a job",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(job(layer(), MOVIE), depends=MOVIE_WAITS)},
        values=("names",),
    ),
    Ask(
        "finding a launched job",
        "job.JobInterface/FindJob",
        {"name": FULL},
        later=True,
        keep={"job": "job.id"},
        values=(
            "job.name",
            "job.show",
            "job.shot",
            "job.user",
            "job.state",
            "job.group",
            "job.facility",
            "job.priority",
            "job.uid",
            "job.min_cores",
            "job.max_cores",
            "job.job_stats.total_frames",
            "job.job_stats.waiting_frames",
            "job.job_stats.depend_frames",
            "job.job_stats.total_layers",
            "job.os",
            "job.is_paused",
            "job.auto_eat",
            "job.has_comment",
            "job.max_gpus",
        ),
    ),
    Ask("launching it again", "job.JobInterface/LaunchSpec", {"spec": spec()}),
    Ask("launching it again, and waiting", "job.JobInterface/LaunchSpecAndWait", {"spec": spec()}),
    Ask(
        "launching with a facility that is not there",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(job(name="fac_v001"), facility="nope$run")},
        values=("names",),
    ),
    Ask(
        "waiting for a job with a facility that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="fac_v001"), facility="nope$run")},
    ),
    Ask(
        "launching with a service that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer(tail="<services><service>nope$run</service></services>"),
                    name="service_v001",
                )
            )
        },
        keep={"service_job": "jobs.jobs.0.id"},
    ),
    Ask(
        "the layers of a job with a service that is not there",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$service_job"}},
        values=("layers.layers.0.services",),
    ),
    Ask(
        "launching with a limit that is not there",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(layer(more="<limits><limit>nope$run</limit></limits>"), name="nolimit_v001")
            )
        },
    ),
    Ask(
        "launching a range that is backwards",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(layer(head="<cmd>x</cmd><range>10-1</range><chunk>1</chunk>"), name="back_v001")
            )
        },
    ),
    Ask(
        "launching the same job twice in a spec",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="twice_v001"), job(name="twice_v001"))},
    ),
    Ask(
        "launching with a dependency on no job",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(name="nodep_v001"),
                depends=depend("JOB_ON_JOB", "<depjob>nodep_v001</depjob><onjob>nope_v001</onjob>"),
            )
        },
    ),
    Ask(
        "launching and waiting for two jobs",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    POST,
                    layer(),
                    name="two_v001",
                    head="<paused>True</paused>"
                    "<priority>7</priority><maxretries>5</maxretries><autoeat>yes</autoeat>"
                    "<os>rhel9</os>",
                ),
                job(name="Three-V001"),
                depends=depend("JOB_ON_JOB", "<depjob>two_v001</depjob><onjob>Three-V001</onjob>"),
            )
        },
        keep={"two": "jobs.jobs.0.id", "three": "jobs.jobs.1.id"},
        values=(
            "jobs.jobs.0.name",
            "jobs.jobs.1.name",
            "jobs.jobs.0.is_paused",
            "jobs.jobs.0.priority",
            "jobs.jobs.0.auto_eat",
            "jobs.jobs.0.os",
            "jobs.jobs.0.job_stats.depend_frames",
            "jobs.jobs.1.job_stats.waiting_frames",
        ),
    ),
    Ask(
        "launching with an old DTD",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="old_v001"), dtd=with_dtd("1.5"))},
        values=("jobs.jobs.0.name",),
    ),
    Ask(
        "launching all that a layer may say",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer(
                        "full-Layer",
                        head="<cmd>x</cmd><range>1-20x2</range><chunk>2</chunk>",
                        more="<cores>250</cores><threadable>True</threadable><memory>512m</memory><gpus>1</gpus>"
                        "<gpu_memory>2g</gpu_memory><timeout>10</timeout><timeout_llu>5</timeout_llu>"
                        '<tags>contract</tags><env><key name="A">1</key></env>',
                        tail="<services><service>shell</service></services>"
                        '<outputs><output name="o">/a/b.#.exr</output></outputs>',
                    ),
                    name="full_v001",
                    head="<maxcores>20</maxcores><maxgpus>3</maxgpus>",
                )
            )
        },
        keep={"full": "jobs.jobs.0.id"},
        values=(
            "jobs.jobs.0.max_cores",
            "jobs.jobs.0.max_gpus",
            "jobs.jobs.0.job_stats.total_frames",
        ),
    ),
    Ask(
        "the layers of a job that says all",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$full"}},
        values=tuple(
            f"layers.layers.0.{each}"
            for each in (
                "name",
                "range",
                "chunk_size",
                "min_cores",
                "is_threadable",
                "min_memory",
                "min_gpus",
                "min_gpu_memory",
                "timeout",
                "timeout_llu",
                "tags",
                "services",
                "limits",
                "type",
                "dispatch_order",
                "command",
                "memory_optimizer_enabled",
            )
        ),
    ),
    Ask(
        "launching with no cores, and with less",
        "job.JobInterface/LaunchSpecAndWait",
        {
            "spec": spec(
                job(
                    layer("all", more="<cores>0</cores>"),
                    layer("all_but_two", more="<cores>-2</cores>"),
                    name="cores_v001",
                )
            )
        },
        keep={"no_cores": "jobs.jobs.0.id"},
    ),
    Ask(
        "the layers of a job with no cores, and with less",
        "job.JobInterface/GetLayers",
        {"job": {"id": "$no_cores"}},
        values=("layers.layers.0.min_cores", "layers.layers.1.min_cores"),
    ),
    Ask(
        "launching with the uid 42 of nobody",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="uid_v001"), user="nobody", uid="<uid>42</uid>")},
        values=("jobs.jobs.0.uid", "jobs.jobs.0.user"),
    ),
    Ask(
        "launching with a long user's name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="user_v001"), user="x" * 33)},
    ),
    Ask(
        "launching with a long shot",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="shot_v001"), shot="x" * 65)},
    ),
    Ask(
        "launching with a long name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="x" * 256))},
    ),
    Ask(
        "launching with a long layer name",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(layer("x" * 257), name="long_v001"))},
    ),
    Ask(
        "launching without a uid",
        "job.JobInterface/LaunchSpecAndWait",
        {"spec": spec(job(name="nouid_v001"), uid="")},
    ),
    Ask(
        "launching for two shows of one name",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(show="e$run")},
    ),
    Ask(
        "launching for an inactive show",
        "job.JobInterface/LaunchSpec",
        {"spec": spec(show="i$run")},
    ),
)
