"""`python -m cuectl` is `cuectl`."""

from cuectl.program import start

if __name__ == "__main__":
    start()
