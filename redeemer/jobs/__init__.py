"""The rq queue of redemptions and its worker; `redeem` is what a job names, also one that an older release enqueued."""

from redeemer.jobs.queue import redeem

__all__ = ["redeem"]
