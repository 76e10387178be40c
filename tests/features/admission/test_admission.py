"""Places for calls, which a refusal does not take, and which stay their principal's."""

from dataclasses import replace

import pytest

from gateway.core.errors import Code, GatewayError
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.encoding_turn import LongAnswers
from gateway.core.pipeline.interceptors import Interceptors
from gateway.features.admission import Admission
from gateway.features.admission.interceptor import AdmissionControl
from gateway.features.admission.load_shedding import LoadShedder
from gateway.features.tokens.authentication import Authentication
from gateway.features.tokens.tokens import Authenticator, TokenRules
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.rights import signed
from tests.support.servers import SECRET, ScriptedCuebot, gateway_for, head
from tests.support.wire import wire

pytestmark = needs("tokens")

LONG, SHORT = "/a.B/Long", "/a.B/Short"
SHOWS = "/show.ShowInterface/GetShows"


def entered(admission: AdmissionControl, method: str) -> RequestContext:
    context = context_of(method)
    context.call.rpc = method
    admission.enter(context)
    return context


@pytest.mark.parametrize(
    ("slots", "long_places", "full"),
    [(2, 1, "too many long answers are being made"), (1, 2, "too many requests are being served")],
)
def test_a_refused_call_takes_nothing(slots: int, long_places: int, full: str) -> None:
    every, answers = FairQuota(slots), LongAnswers(long_places)
    load_shedder = LoadShedder(long_places, answers)
    answers.note(LONG)
    admission = AdmissionControl(every, load_shedder)
    held = entered(admission, LONG)
    for _ in range(5):
        with pytest.raises(GatewayError, match=full) as refused:
            entered(admission, LONG)
        assert refused.value.code is Code.UNAVAILABLE
    held.close()
    assert (every.taken, load_shedder.slots.taken) == (0, 0)
    assert entered(admission, LONG).call.slots == (every, load_shedder.slots)


def test_a_call_with_a_short_answer_needs_one_place() -> None:
    every, answers = FairQuota(2), LongAnswers(1)
    load_shedder = LoadShedder(1, answers)
    answers.note(LONG)
    admission = AdmissionControl(every, load_shedder)
    entered(admission, LONG)
    assert entered(admission, SHORT).call.slots == (every,)


RULES = TokenRules()


def test_what_a_request_has_taken_stays_its_principals() -> None:
    authenticator, slots = Authenticator([SECRET.encode()], RULES), FairQuota(1)
    header = signed("anna", email="anna@x")["Authorization"].encode()
    context = context_of("/a.B/C", headers={b"authorization": header})
    interceptors = Interceptors([Authentication(authenticator)])
    admission = AdmissionControl(slots, LoadShedder(1, LongAnswers(1)))
    interceptors.admit(context)
    admission.enter(context)
    assert slots.held == {"anna": 1}
    authenticator.trust([SECRET.encode()], replace(RULES, subject=("email", "sub")))
    interceptors.identify_again(context)
    assert context.response.refusal is None
    assert context.caller is not None
    assert (context.caller.subject, context.subject) == ("anna@x", "anna")
    context.close()
    assert slots.held == {}


async def test_without_a_place_no_body_is_waited_for(cuebot: ScriptedCuebot) -> None:
    """And who sends one slowly holds no place meanwhile."""
    async with (
        gateway_for(cuebot.endpoint, max_in_flight=1) as gateway,
        wire(gateway) as slow,
        wire(gateway) as late,
    ):
        slots = gateway.app.feature(Admission).slots
        await slow.send(head(SHOWS, "Content-Length: 2"))
        assert (await gateway.post(SHOWS, {})).status_code == 200
        assert slots.take("tester")
        await late.send(head(SHOWS, "Content-Length: 2"))
        refused = await late.answer()
        assert (refused.status, refused.json["message"]) == (
            503,
            "too many requests are being served",
        )
        slots.give_back("tester")
        await slow.send(b"{}")
        assert (await slow.answer()).status == 200


@needs("access")
async def test_a_call_without_a_place_is_refused_before_its_rights_are_looked_up(
    cuebot: ScriptedCuebot,
) -> None:
    async with gateway_for(cuebot.endpoint, max_in_flight=1, access_default="deny") as gateway:
        slots = gateway.app.feature(Admission).slots
        assert slots.take("tester")
        assert (await gateway.post(SHOWS, {})).status_code == 503
        slots.give_back("tester")
        assert (await gateway.post(SHOWS, {})).status_code == 403
        assert slots.held == {}
