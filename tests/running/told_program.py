"""A program that says what it was started with, and ends with 3; told to, it waits."""

import os
import sys
import threading
from pathlib import Path


def main() -> None:
    """Say it."""
    print(sys.argv[1:], os.environ["SAID"], Path.cwd(), __name__, flush=True)  # noqa: T201 - what it is for
    if "wait" in sys.argv:
        threading.Event().wait()
    print(sys.stdin.read(), file=sys.stderr, flush=True)  # noqa: T201 - as above
    sys.exit(3)


if __name__ == "__main__":
    main()
