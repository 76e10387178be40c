"""Protocols: codecs of requests, answers and errors. The path of a request is the same for all.

The head of a request chooses its protocol (`choice.py`). Plain JSON has none.
"""
