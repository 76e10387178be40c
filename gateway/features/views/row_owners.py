"""What the rows of an answer belong to (procs: their jobs), for views that show what those have.

One call finds the owners of all rows. It goes through all that wraps the caller's other calls:
under a rule with `see`, only what is in sight is found.
"""

from gateway.core.calls.answer_form import SentRequest
from gateway.core.calls.invoke import Call
from gateway.core.calls.rows import each_row
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method, set_at, value_at
from gateway.features.views.columns import NO_OWNERS, THE_ONE, Owned, Owners

MOST_OWNERS = 2000
"""Names in one call, of some 50 bytes each."""


async def owners_of(
    owned: Owned, look_up: Method, sent: SentRequest, answer: bytes, call: Call
) -> Owners:
    """The owners of an answer's rows, by what rows have of them.

    Raises GatewayError: INVALID_ARGUMENT for rows of more than MOST_OWNERS, and that of the call.
    """
    if owned.key is None:
        names = {value_at(sent.method.parse_request(sent.payload), owned.asked)}
    else:
        rows = sent.method.rows
        assert rows is not None, "only rows have owners"
        names = {owned.key(row) async for row in each_row(rows.fields, answer)}
    names.discard("")
    if not names:
        return NO_OWNERS
    if len(names) > MOST_OWNERS:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"{owned.shown}: the rows are of {len(names):,} {owned.rows[-1].name}, of which"
            f" {MOST_OWNERS:,} can be asked for at once; ask for fewer rows, or leave it out",
        )
    request = look_up.parse_request()
    value_at(request, owned.send).extend(sorted(names))
    for path, content in owned.constants:
        set_at(request, path, content)
    found = await call(look_up, request.SerializeToString())
    owners = [each async for each in each_row(owned.rows, found)]
    by_name = {owned.found(each): each for each in owners if owned.found(each) in names}
    if owned.key is None and by_name:  # namesakes are of one show and user
        return {THE_ONE: next(iter(by_name.values()))}
    return by_name
