"""Who is calling, how often, and how much at once."""
