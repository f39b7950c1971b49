"""What a decision rests on: the ledger's step that was at hand, which the step that it writes must find there."""

import threading
from typing import Any


class DecisionBasis(threading.local):
    """The ledger's step that a thread's decision rests on, unless it asked; and whether steps go out `together`.

    Then each rests on the one before it, too: `behind`, which was foreseen and may yet be refused.
    """

    seq: int | None = None
    together = False
    behind = ""

    def take(self) -> dict[str, Any]:
        """Return what must hold for the decision to stand, as fields of its `LedgerWrite`; asked once.

        The ledger stands right there; or, where steps go out together, nobody else has written since, and the step
        before it was written.
        """
        seq, self.seq = self.seq, None
        if seq is None:
            return {}
        return {"seen_seq": seq, "behind": self.behind} if self.together else {"expected_seq": seq}
