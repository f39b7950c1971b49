"""What scripts touch on a real server, as MONITOR shows it, beside the keys that their calls declare."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from redis import Redis

from shared.redis.connection.key_prefix import key_places

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SCRIPTS = {"EVAL", "EVALSHA"}


@dataclass
class ScriptWatch:
    """Every touch of a key that was not declared, and the scripts that ran (their text, or its sha)."""

    undeclared: set[str] = field(default_factory=set[str])
    ran: set[str] = field(default_factory=set[str])

    def read(self, lines: list[str]) -> None:
        """Read what the server was asked: a script's own commands follow its call."""
        declared = set[str]()
        for line in lines:
            words = _WORD.findall(line)
            name, keys = words[0].upper(), {words[place] for place in key_places(words)}
            if name in _SCRIPTS:
                declared = keys
                self.ran.add(words[1])
            elif " lua]" in line:
                self.undeclared |= {f"{name} {key}" for key in keys - declared}


@contextmanager
def watched_scripts(redis: Redis) -> Generator[ScriptWatch]:
    """Watch while the block runs; what was seen is there after it."""
    watch, line = ScriptWatch(), redis.connection_pool.make_connection()
    line.send_command("MONITOR")
    line.read_response()
    yield watch
    redis.echo("the end")
    seen = [""]
    while '"the end"' not in seen[-1]:
        seen.append(cast("str", line.read_response()))
    line.disconnect()
    watch.read(seen[1:])
