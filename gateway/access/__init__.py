"""Who is calling, and how often and how much at once they may."""
