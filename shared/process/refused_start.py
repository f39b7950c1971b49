"""A refused program that stays: where a supervisor cannot tell exit codes apart, it would be started again and again.

Bad settings (2) and a refusal for safety (4) are cured by a person, not by another start, and every start asks the
venue again. systemd can be told so; Docker's restart policies cannot, and supervisord looks at exit codes only of
programs that ran for `startsecs`. There `HYBRID_REFUSED_STAYS_S` says how long a refused program stays before it ends:
`inf` (compose: until the container is stopped) or some seconds (supervisord: past `startsecs`). It does nothing
meanwhile, holds nothing and answers no health probe, so it is shown as unhealthy.
"""

import contextlib
import queue

from shared import logs
from shared.domain import exit_codes
from shared.process.shutdown_signals import LONGEST_WAIT_S, Inbox, StopRequested, refused_stays_s


def stay_refused(program: str, code: int, inbox: Inbox) -> None:
    """Stay as long as the environment says when `code` is a refusal; a stop signal ends it at once."""
    stays_s = refused_stays_s()
    if code not in {exit_codes.BAD_CONFIG, exit_codes.REFUSED_FOR_SAFETY} or not stays_s:
        return
    fix = "change what the line above names, then start it again"
    logs.get_logger("process", service=program).error("refused_and_stays", exit_code=code, stays_s=stays_s, fix=fix)
    _wait_told(inbox, stays_s)


def _wait_told(inbox: Inbox, seconds: float) -> None:
    """Wait for a stop signal, in pieces between which its handler runs."""
    while seconds > 0:
        piece_s = min(seconds, LONGEST_WAIT_S)
        with contextlib.suppress(queue.Empty):
            if isinstance(inbox.get(timeout=piece_s), StopRequested):
                return
        seconds -= piece_s
