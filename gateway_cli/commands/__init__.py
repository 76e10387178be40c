"""The commands, one file each: options, help text, and a call of the code that does the work."""
