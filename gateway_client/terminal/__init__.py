"""What a terminal shows: answers, tables, colors, failures."""
