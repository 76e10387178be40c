"""Job specs that Cuebot launches or refuses, by the name of the question in `conversation.json`."""

import re

DTD = "http://localhost:8080/spcue/dtd/cjsl-1.15.dtd"
SHOW = "c$run"
TAG = "contract"
"""No host has it, so that frames wait."""


def layer(
    name: str = "render",
    *,
    kind: str = "Render",
    head: str = "<cmd>nuke -F #IFRAME#</cmd><range>1-10</range><chunk>1</chunk>",
    more: str = f"<tags>{TAG}</tags>",
    tail: str = "<services><service>shell</service></services>",
) -> str:
    """A layer: `more` comes after its chunk, `tail` at its end."""
    return f'<layer name="{name}" type="{kind}">\n{head}{more}{tail}\n</layer>\n'


def job(*layers: str, name: str = "a_v001", head: str = "") -> str:
    """A job, with one layer if none are given. `head` comes before its layers."""
    inside = "".join(layers or (layer(),))
    return f'<job name="{name}">\n{head}<layers>\n{inside}</layers>\n</job>\n'


def depend(kind: str, any_frame: str = "False", **names: str) -> str:
    """A dependency: `depend("JOB_ON_JOB", depjob="a_v001", onjob="b_v001")`."""
    inside = "".join(f"<{tag}>{name}</{tag}>" for tag, name in names.items())
    return f'<depend type="{kind}" anyframe="{any_frame}">\n{inside}</depend>\n'


def spec(
    *jobs: str,
    dtd: str | None = DTD,
    facility: str = "local",
    show: str = SHOW,
    shot: str = "sh010",
    user: str = "alice",
    uid: str = "<uid>1001</uid>",
    depends: str = "",
) -> str:
    """A whole spec, with one job if none are given."""
    doctype = f'<!DOCTYPE spec PUBLIC "SPI Cue Specification Language" "{dtd}">\n' if dtd else ""
    inside = "".join(jobs or (job(),))
    return (
        f'<?xml version="1.0"?>\n{doctype}<spec>\n<facility>{facility}</facility>'
        f"<show>{show}</show><shot>{shot}</shot><user>{user}</user>{uid}\n"
        f"{inside}<depends>\n{depends}</depends>\n</spec>\n"
    )


def with_dtd(version: str) -> str:
    return DTD.replace("1.15", version)


def of_layer(text: str, name: str = "layer_v001") -> str:
    return spec(job(text, name=name))


NO_SUCH_LIMIT = "<limits><limit>nope$run</limit></limits>"
NO_SUCH_SERVICE = "<services><service>nope$run</service></services>"
SERVICES = "<services><service>shell</service></services>"
CMD, RANGE, CHUNK = "<cmd>x</cmd>", "<range>1-10</range>", "<chunk>1</chunk>"
MOVIE = layer("movie", kind="Util", head=CMD + "<range>1</range>" + CHUNK)
A_ON_B = depend("JOB_ON_JOB", depjob="a_v001", onjob="b_v001")

SPECS: dict[str, str] = {
    # No XML.
    "nothing": "",
    "no XML": "this is no XML",
    "cut after a tag": spec().partition("</layer>")[0],
    "an entity that is not declared": spec().replace("nuke", "&tool;"),
    # Against the DTD, or just within it.
    "no doctype": spec(dtd=None),
    "a DTD newer than Cuebot": spec(dtd=with_dtd("1.16")),
    "another element among variables": spec(job(head="<env><os/></env>")),
    "another element among dependencies": spec(depends="<job name='abc'/>"),
    "another element among outputs": of_layer(layer(tail="<outputs><os/></outputs>")),
    "text among services": of_layer(layer(tail="<services>shell</services>")),
    "a comment and a CDATA section": spec(
        job(layer(head="<cmd><![CDATA[a & b]]></cmd><!-- x -->" + RANGE + CHUNK), name="")
    ),
    "the doctype of something else": spec().replace("DOCTYPE spec", "DOCTYPE job"),
    "another root": spec().replace("<spec>", "<job>").replace("</spec>", "</job>"),
    "an element that is not known": spec(job(head="<colour>red</colour>")),
    "text in a job": spec(job(head="text")),
    "a known element in a text": spec(job(head="<paused><os>x</os></paused>")),
    "only a show": f"{spec().partition('<spec>')[0]}<spec><show>x</show></spec>",
    "a show after a shot": re.sub("(<show>.*</show>)(<shot>.*</shot>)", r"\2\1", spec()),
    "no user": spec().replace("<user>alice</user>", ""),
    "a uid before the user": spec(uid="").replace("<user>", "<uid>1</uid><user>"),
    "a facility after the show": re.sub(
        "(<facility.*</facility>)(<show.*</show>)", r"\2\1", spec()
    ),
    "an email after the uid": spec(uid="<uid>1</uid><email>a@b.example</email>"),
    "a job after the dependencies": spec().replace("</depends>", "</depends>" + job()),
    "paused after the layers": spec(job().replace("</layers>", "</layers><paused>1</paused>")),
    "retries before the priority": spec(
        job(head="<maxretries>1</maxretries><priority>1</priority>")
    ),
    "no name": spec(job().replace(' name="a_v001"', "")),
    "an attribute of a job that is not known": spec(job().replace("<job", '<job colour="red"')),
    "a name with blanks": spec(job(name="b v 001")),
    "no layer": spec(job(" ")),
    "no layers": spec('<job name="a_v001"></job>\n'),
    "the type Pre": of_layer(layer(kind="Pre")),
    "a layer without a name": of_layer(layer().replace(' name="render"', "")),
    "a layer's name with blanks": of_layer(layer("a b c")),
    "nothing in a layer": of_layer('<layer name="render" type="Render"></layer>'),
    "a range before the command": of_layer(layer(head=RANGE + CMD + CHUNK)),
    "no range": of_layer(layer(head=CMD + CHUNK)),
    "no chunk": of_layer(layer(head=CMD + RANGE)),
    "cores after memory": of_layer(layer(more="<memory>1g</memory><cores>1</cores>")),
    "limits before tags": of_layer(
        layer(more="<limits><limit>x</limit></limits><tags>general</tags>")
    ),
    "no limit in limits": of_layer(layer(more="<limits></limits>")),
    "no service in services": of_layer(layer(tail="<services></services>")),
    "services twice": of_layer(layer(tail=SERVICES * 2)),
    "env after services": of_layer(layer(tail=SERVICES + "<env/>")),
    "a key without a name": of_layer(layer(tail="<env><key>1</key></env>" + SERVICES)),
    "an output without a name": of_layer(
        layer(tail=SERVICES + "<outputs><output>x</output></outputs>")
    ),
    "a dependency without its second job": spec(depends=depend("JOB_ON_JOB", depjob="a_v001")),
    "a dependency of a type that is not known": spec(
        depends=depend("FOO", depjob="a_v001", onjob="b_v001")
    ),
    "a dependency without a type": spec(depends=A_ON_B.replace(' type="JOB_ON_JOB"', "")),
    "a local booking without its attributes": spec(job(head="<localbook/>")),
    "a local booking with an attribute that is not known": spec(
        job(head=('<localbook host="h" cores="1" memory="1" threads="1" gpu="1" gpus="1"/>'))
    ),
    "1.8 without a uid": spec(dtd=with_dtd("1.8"), uid=""),
    "a priority by 1.10": spec(job(head="<priority>1</priority>"), dtd=with_dtd("1.10")),
    "most cores by 1.12": spec(job(head="<maxcores>1</maxcores>"), dtd=with_dtd("1.12")),
    "GPUs by 1.11": spec(job(layer(more="<gpus>1</gpus>")), dtd=with_dtd("1.11")),
    "a time-out by 1.9": spec(job(layer(more="<timeout>1</timeout>")), dtd=with_dtd("1.9")),
    "outputs by 1.13": spec(job(layer(tail=SERVICES + "<outputs/>")), dtd=with_dtd("1.13")),
    "a GPU by 1.6": spec(job(layer(more="<gpu>1</gpu>")), dtd=with_dtd("1.6")),
    "an OS by 1.5": spec(job(head="<os>x</os>"), dtd=with_dtd("1.5")),
    "a frame to wait for by 1.14": spec(
        dtd=with_dtd("1.14"),
        depends=depend(
            "LAYER_ON_FRAME",
            depjob="a_v001",
            deplayer="render",
            onjob="a_v001",
            onframe="0001-render",
        ),
    ),
    # Valid XML that means nothing.
    "a show that is not there": spec(show="nope$run"),
    "a short shot": spec(shot="ab"),
    "a shot with a slash": spec(shot="sh/010"),
    "root": spec(user="root"),
    "uid 0": spec(uid="<uid>0</uid>"),
    "a uid that is no number": spec(uid="<uid>abc</uid>"),
    "a short name": spec(job(name="x")),
    "a name with a colon": spec(job(name="a:v001")),
    "a priority that is no number": spec(job(head="<priority>high</priority>")),
    "an empty priority": spec(job(head="<priority></priority>")),
    "retries that are no number": spec(job(head="<maxretries>x</maxretries>")),
    "two layers of one name": spec(job(layer(), layer())),
    "only a Post layer": spec(job(layer(kind="Post"))),
    "a short layer name": of_layer(layer("x")),
    "a layer name with a colon": of_layer(layer("a:bcd")),
    "an empty range": of_layer(layer(head=CMD + "<range></range>" + CHUNK)),
    "a range that is none": of_layer(layer(head=CMD + "<range>a-b</range>" + CHUNK)),
    "a range backwards": of_layer(
        layer(head=CMD + "<range>10-1</range>" + CHUNK), "backwards_v001"
    ),
    "a chunk that is no number": of_layer(layer(head=CMD + RANGE + "<chunk>x</chunk>")),
    "a chunk of 0": of_layer(layer(head=CMD + RANGE + "<chunk>0</chunk>")),
    "cores that are no number": of_layer(layer(more="<cores>many</cores>")),
    "memory that is no number": of_layer(layer(more="<memory>lots</memory>")),
    "a tag that is none": of_layer(layer(more="<tags>a</tags>")),
    "a time-out that is no number": of_layer(layer(more="<timeout>x</timeout>")),
    "a limit that is not there": of_layer(layer(more=NO_SUCH_LIMIT), "limit_v001"),
    "more frames than a job may have": of_layer(
        layer(head=CMD + "<range>1-100001</range>" + CHUNK)
    ),
    "a dependency of a job with a bad name": spec(
        depends=depend("JOB_ON_JOB", depjob="x", onjob="y")
    ),
    "a dependency on a layer with a bad name": spec(
        depends=depend("LAYER_ON_LAYER", depjob="a_v001", deplayer="x", onjob="a_v001", onlayer="y")
    ),
    "a dependency on a frame with a bad name": spec(
        depends=depend(
            "LAYER_ON_FRAME", depjob="a_v001", deplayer="render", onjob="a_v001", onframe="x"
        )
    ),
    # Launched, or refused later.
    "launching a job": spec(
        job(layer(), MOVIE),
        depends=depend(
            "LAYER_ON_LAYER", depjob="a_v001", deplayer="movie", onjob="a_v001", onlayer="render"
        ),
    ),
    "launching it again": spec(),
    "launching it again, and waiting": spec(),
    "launching with a facility that is not there": spec(job(name="fac_v001"), facility="nope$run"),
    "waiting for a job with a facility that is not there": spec(
        job(name="fac_v001"), facility="nope$run"
    ),
    "launching with a service that is not there": spec(
        job(layer(tail=NO_SUCH_SERVICE), name="service_v001")
    ),
    "launching with a limit that is not there": spec(
        job(layer(more=NO_SUCH_LIMIT), name="nolimit_v001")
    ),
    "launching a range that is backwards": spec(
        job(layer(head=CMD + "<range>10-1</range>" + CHUNK), name="back_v001")
    ),
    "launching the same job twice in a spec": spec(job(name="twice_v001"), job(name="twice_v001")),
    "launching with a dependency on no job": spec(
        job(name="nodep_v001"), depends=depend("JOB_ON_JOB", depjob="nodep_v001", onjob="nope_v001")
    ),
    "launching and waiting for two jobs": spec(
        job(
            layer("after", kind="Post"),
            layer(),
            name="two_v001",
            head="<paused>True</paused>"
            "<priority>7</priority><maxretries>5</maxretries><autoeat>yes</autoeat>"
            "<os>rhel9</os>",
        ),
        job(name="Three-V001"),
        depends=depend("JOB_ON_JOB", depjob="two_v001", onjob="Three-V001"),
    ),
    "launching with an old DTD": spec(job(name="old_v001"), dtd=with_dtd("1.5")),
    "launching all that a layer may say": spec(
        job(
            layer(
                "full-Layer",
                head="<cmd>x</cmd><range>1-20x2</range><chunk>2</chunk>",
                more="<cores>250</cores><threadable>True</threadable><memory>512m</memory>"
                "<gpus>1</gpus><gpu_memory>2g</gpu_memory><timeout>10</timeout><timeout_llu>5</timeout_llu>"
                '<tags>contract</tags><env><key name="A">1</key></env>',
                tail="<services><service>shell</service></services>"
                '<outputs><output name="o">/a/b.#.exr</output></outputs>',
            ),
            name="full_v001",
            head="<maxcores>20</maxcores><maxgpus>3</maxgpus>",
        )
    ),
    "launching with no cores, and with less": spec(
        job(
            layer("all", more="<cores>0</cores>"),
            layer("all_but_two", more="<cores>-2</cores>"),
            name="cores_v001",
        )
    ),
    "launching with the uid 42 of nobody": spec(
        job(name="uid_v001"), user="nobody", uid="<uid>42</uid>"
    ),
    "launching with a long user's name": spec(job(name="user_v001"), user="x" * 33),
    "launching with a long shot": spec(job(name="shot_v001"), shot="x" * 65),
    "launching with a long name": spec(job(name="x" * 256)),
    "launching with a long layer name": spec(job(layer("x" * 257), name="long_v001")),
    "launching without a uid": spec(job(name="nouid_v001"), uid=""),
    "launching for two shows of one name": spec(show="e$run"),
    "launching for an inactive show": spec(show="i$run"),
    "launching a killed job again": spec(job(name="Three-V001")),
}
