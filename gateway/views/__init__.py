"""Views of an answer: some of its fields, some of its rows, in another order or format."""
