"""A request and its answer over HTTP: the layers around every handler, and the handlers."""
