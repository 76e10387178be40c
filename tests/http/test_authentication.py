"""Who is calling, when that changes while a request is under way."""

from dataclasses import replace

from gateway.access.fair_quota import FairQuota
from gateway.access.load_shedding import LoadShedder
from gateway.access.tokens import Authenticator, TokenRules
from gateway.http.admission import Admission
from gateway.http.authentication import Authentication
from tests.support.contexts import context_of
from tests.support.rights import signed
from tests.support.servers import SECRET

RULES = TokenRules()


def test_what_a_request_has_taken_stays_its_principals() -> None:
    authenticator, slots = Authenticator([SECRET.encode()], RULES), FairQuota(1)
    header = signed("anna", email="anna@x")["Authorization"].encode()
    context = context_of("/a.B/C", headers={b"authorization": header})
    authentication, admission = Authentication(authenticator), Admission(slots, LoadShedder(1))
    authentication.identify(context)
    admission.enter(context)
    assert slots.held == {"anna": 1}
    authenticator.trust([SECRET.encode()], replace(RULES, subject=("email", "sub")))
    authentication.identify(context)
    assert context.refusal is None
    assert context.caller is not None
    assert (context.caller.subject, context.subject) == ("anna@x", "anna")
    context.close()
    assert slots.held == {}
