"""A server in memory that knows who speaks to it."""

import threading
from typing import Any, cast

import fakeredis

from tests.waiting import PATIENCE_S


class Watched(fakeredis.FakeRedis):
    """A server in memory that remembers which threads spoke to it, and answers nobody before it is let go."""

    def __init__(self) -> None:
        super().__init__(decode_responses=True)
        self.threads: set[int] = set()
        self.free = threading.Event()
        self.free.set()

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        self.threads.add(threading.get_ident())
        self.free.wait(PATIENCE_S)
        return super().pipeline(*args, **kwargs)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.threads.add(threading.get_ident())
        return cast("Any", super().execute_command(*args, **options))
