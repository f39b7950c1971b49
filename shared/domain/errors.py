"""Errors, named for what happened and whose turn it is.

| family | whose turn | what to do |
|---|---|---|
| `TryAgain` | time's | retry later: `RateLimited`, `Unavailable` |
| `GiveUp` | the caller's | do not repeat unchanged: `Rejected`, `Malformed` |
| `OutcomeUnknown` | ours | find out before doing anything else |
| `BadConfig`, `DependencyMissing`, `RefusedForSafety` | the operator's | stop, say which value and the fix |
"""


class HybridError(Exception):
    """Root of every error this project raises on purpose."""


class TryAgain(HybridError):
    """The same call may succeed later."""


class RateLimited(TryAgain):
    """An upstream refused for its budget; `retry_after_s` is its own word on when, if it gave one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(TryAgain):
    """An upstream did not answer, or answered that it cannot now (time-out, 5xx, connection lost)."""


class Unconfirmed(Unavailable):
    """It was written, and no replica has it yet: a fail-over now would lose it (`DURABILITY=replicated`)."""


class StillLoading(Unavailable):
    """The server is there and still reads its file; it will answer once it has."""


class ServerWentBack(TryAgain):
    """The server stands where it stood before: what was written since is gone, and has to be found out elsewhere."""


class GiveUp(HybridError):
    """The same call will fail again."""


class Rejected(GiveUp):
    """An upstream understood and refused; `status` is its HTTP status where there is one.

    `by_api` is False where a web page or other text came: then somebody before the API said it (a CDN, perhaps).
    """

    def __init__(self, message: str, status: int | None = None, *, by_api: bool = True) -> None:
        super().__init__(message)
        self.status, self.by_api = status, by_api


class Malformed(GiveUp):
    """A payload that cannot be read: truncated, of another type, or with a value out of range."""


class OutcomeUnknown(HybridError):
    """Something may or may not have happened; reconcile before going on."""


class Fenced(HybridError):
    """Our lease moved on: another process is active now. Stop, never retry."""


class Emptied(Fenced):
    """The server lost what it held, our lease with it: nothing may be bought until somebody looked why."""


class BadConfig(HybridError):
    """A setting is missing or wrong; the message names the variable, the value and the fix."""


class DependencyMissing(HybridError):
    """Something we need to run is not there (Redis, a file, an extra); the message says how to get it."""


class RefusedForSafety(HybridError):
    """Going on could cost money; the message says what to check first."""
