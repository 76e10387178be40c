"""The commands, one file each: options, help text, and a call of the room that does the work."""
