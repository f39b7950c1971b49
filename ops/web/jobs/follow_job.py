"""`python -m ops.web.jobs.follow_job [--label=NAME] [--offline] ADDRESS...`: what `hybrid follow` does, for several."""

from shared.process.early_signals import early_signals

with early_signals("follow"):
    import argparse
    import json
    import os
    import sys
    from collections.abc import Sequence

    from redis import Redis

    from ops.operator.leader_lookup import look_up
    from ops.operator.leaders import add, checked
    from shared.clock import SystemClock
    from shared.domain.errors import HybridError
    from shared.domain.plain_text import make_plain
    from shared.process.shutdown_signals import die_with_parent
    from shared.process.stderr_lines import say_event
    from shared.redis.client import connect_redis


def main(words: Sequence[str]) -> int:
    """Follow each; one that cannot be followed keeps no other from it. Return the last error's exit code."""
    die_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("--label", default="")
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("addresses", nargs="+")
    told, code = parser.parse_args(words), 0
    with connect_redis(os.environ["REDIS_URL"]) as redis:
        for number, address in enumerate(told.addresses):
            _say(address, number, len(told.addresses))
            try:
                _follow(redis, address, told.label, offline=told.offline)
            except HybridError as error:
                code = say_event("hybrid", error)
    return code


def _follow(redis: Redis, address: str, label: str, *, offline: bool) -> None:
    clock, wanted = SystemClock(), checked(address)
    found = None if offline else look_up(wanted, clock)
    wallet = found.address if found else wanted
    added = add(redis, wallet, label, clock)
    if found and found.note:
        print(make_plain(found.note), flush=True)  # noqa: T201 - the job's own log
    print(f"{wallet} is followed" if added else f"{wallet} was followed already", flush=True)  # noqa: T201 - the job's own log


def _say(address: str, done: int, of: int) -> None:
    told = {"stage": f"asking the venue about {address}", "done": done, "of": of}
    print(json.dumps(told), flush=True)  # noqa: T201 - the job's own log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
