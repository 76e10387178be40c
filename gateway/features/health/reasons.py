"""Why requests were refused, for people: the words for reasons that are counted, but those that
are a feature's own.
"""

from collections.abc import Mapping

from gateway.core.errors import Shed

WORDS: Mapping[Shed, str] = {
    "places": "Too many requests at once (MAX_IN_FLIGHT)",
    "long_answers": "Load shedding: too many long answers at once",
    "answer_memory": "No memory for large answers (MAX_ANSWER_MEMORY)",
    "bodies": "No memory for large bodies",
    "decoding": "Too many large bodies to decode",
    "connections": "Too many connections (MAX_CONNECTIONS)",
    "connections_per_address": "Too many connections from one address",
    "unfinished": "Too many unfinished requests",
    "stopping": "The gateway was stopping",
    "no_schema": "No schema yet",
    "store": "The shared store is away",
}
