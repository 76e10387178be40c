"""Protocols: codecs of requests, answers and errors at the edge of the one path of a request.

A protocol is chosen by a request's head (`choice.py`). Without one, a request is plain JSON, which
is what the rest of `gateway.http` says.
"""
