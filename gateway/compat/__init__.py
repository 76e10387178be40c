"""The compatibility profile: what documents say, and what Cuebot calls it."""
