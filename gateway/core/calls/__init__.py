"""A call: planned from a body, and made, with the calls before and after it."""
