"""Who is calling, and how often and how much they may."""
