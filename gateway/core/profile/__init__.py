"""The compatibility profile: documented names to Cuebot's."""
