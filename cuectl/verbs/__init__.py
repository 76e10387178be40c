"""The verbs, by what they are about; a module for each part of a day's work."""
