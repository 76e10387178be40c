"""Query strings: the view of the answer and, with GET, the request itself."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from gateway.calls.query import MAX_PARAMETERS, body_of
from gateway.codec.body import IGNORED_REPORTED, UnknownFieldPolicy
from gateway.errors import Code, GatewayError
from gateway.http.context import RequestContext
from gateway.schema.method import Method
from gateway.suggestions import QUOTED_CHARS
from gateway.views.compiled_view import Asked, CompiledView
from gateway.views.view import asked_parameters


class Query(NamedTuple):
    view: CompiledView | None = None
    """The view of the answer; None for the whole answer in JSON."""
    body: bytes | None = None
    unread: tuple[str, ...] = ()
    asked: Asked = ()


NO_QUERY = Query()


def read_query(context: RequestContext, method: Method, policy: UnknownFieldPolicy) -> Query:
    """Raises GatewayError (INVALID_ARGUMENT) that names the parameter."""
    accept = context.request.headers.get(b"accept")
    if context.request.query:
        parameters = parsed(context.request.query, strict=context.request.method != "POST")
        asked = asked_parameters(parameters)
        parameters = [each for each in parameters if each[0] not in asked]
    elif context.request.method == "POST":
        view = None if accept is None else method.views.compiled((), accept)
        return NO_QUERY if view is None else Query(view)
    else:
        parameters, asked = [], {}
    view = method.views.compiled(tuple(asked.items()), accept)
    if context.request.method == "POST":
        return Query(view, None, unread(parameters, policy), tuple(asked.items()))
    descriptor = method.descriptor.input_type
    fields = [each for each in parameters if not each[0].startswith("_")]
    others = [each for each in parameters if each[0].startswith("_")]
    body = body_of(descriptor, fields)
    return Query(view, body, unread(others, policy), tuple(asked.items()))


def parsed(query: bytes, *, strict: bool) -> list[tuple[str, str]]:
    """Raises GatewayError (INVALID_ARGUMENT) for invalid UTF-8; unless `strict`, it is replaced."""
    errors = "strict" if strict else "replace"
    try:
        return parse_qsl(
            query.decode(errors=errors),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors=errors,
        )
    except UnicodeDecodeError:
        problem = "the query string is not percent-encoded UTF-8"
    except ValueError:
        problem = f"the query string has more than {MAX_PARAMETERS} parameters"
    raise GatewayError(Code.INVALID_ARGUMENT, problem)


def unread(parameters: list[tuple[str, str]], policy: UnknownFieldPolicy) -> tuple[str, ...]:
    """`?name` for the first unknown ones. Raises GatewayError (INVALID_ARGUMENT) by policy."""
    if parameters and policy is UnknownFieldPolicy.EVERYTHING:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"{parameters[0][0][:QUOTED_CHARS]!r} is in the query string, where nothing reads it;"
            " arguments of a POST are in its body",
        )
    return tuple(f"?{name}" for name, _ in parameters[:IGNORED_REPORTED])
