"""What a decision rests on: the ledger's step that was at hand, which the step that it writes must find there."""

import threading


class DecisionBasis(threading.local):
    """The ledger's step that a thread's decision rests on, unless it asked; and whether steps go out `together`."""

    seq: int | None = None
    together = False

    def take(self) -> dict[str, int]:
        """Return what must hold for the decision to stand, as fields of its `LedgerWrite`; asked once.

        The ledger stands right there; or, where steps go out together, nobody else has written since.
        """
        seq, self.seq = self.seq, None
        if seq is None:
            return {}
        return {"seen_seq" if self.together else "expected_seq": seq}
