"""What a query string and an Accept header say of a view."""

from gateway.core.calls.query import bad
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.options import Options
from gateway.core.schema.method import Method
from gateway.features.views.compiled_view import ACCEPTED, AnswerViews, preferred
from gateway.features.views.view import OTHER_WAYS, PARAMETERS


class ViewOptionReader:
    """The last reader of options: a view is made of all that is left."""

    parameters = PARAMETERS
    other_ways = OTHER_WAYS

    def needs(self, accept: bytes) -> bool:
        return ACCEPTED[preferred(accept)] != "json"

    def read(self, context: RequestContext, method: Method, options: Options) -> None:
        if options.form is None:
            asked = tuple(options.given.items())
            options.form = AnswerViews.of(method).compiled(asked, options.accept)
        if name := options.without_underscore(method):
            raise bad(name, f"did you mean _{name}? Parameters of views begin with _")
