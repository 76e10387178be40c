"""Fuzzing: bytes that somebody else has made, against every reader of the gateway.

Each target is a file with a function `one_input(data)`, which returns whatever the bytes are,
unless the gateway has a bug. `make fuzz` looks for such bytes, guided by the code that they reach,
and puts them into `corpus/`; the ordinary tests go through the corpus and mutations of it.

`cost` is the one whose bugs are requests that take long or keep memory: it makes them at random.
"""
