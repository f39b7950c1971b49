"""Exits of a lot that the wallet seems to lack: they sell what is there, rest where nothing is, and never give up."""

from dataclasses import dataclass

import pytest

from shared.domain.money import Shares
from shared.domain.record_kinds import EXITS
from shared.ledger.port import open_lots
from tests.amounts import D
from tests.buyer.builders import a_book, a_signal
from tests.buyer.execution.executor_desk import Desk


@dataclass
class DoubtfulDesk(Desk):
    """A desk that bought 9.61 shares, of which the wallet holds `held` (None: nothing is doubted)."""

    held: Shares | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.engine.process_actionable(a_signal())
        self.prices.next_book = a_book()

    def in_wallet(self, token_id: str) -> Shares | None:
        del token_id
        return self.held

    def leader_sells(self) -> None:
        self.engine.process_actionable(a_signal(side="SELL", tx_hash="0x" + "9a" * 32))

    def turn(self) -> None:
        self.clock.advance(61)
        self.prices.next_book = a_book(at_ms=self.clock.now_ms())
        self.exits.work_due()


@pytest.mark.pitfall(53)
def test_a_mirrored_sell_sells_what_the_wallet_holds_and_says_so_in_its_decision() -> None:
    desk = DoubtfulDesk()
    desk.held = D(6)

    desk.leader_sells()

    assert desk.venue.placed[-1].shares == D(6)
    portfolio = desk.told[-1].inputs.portfolio
    assert portfolio is not None
    assert portfolio.wallet_shares == D(6)


@pytest.mark.pitfall(53)
def test_an_exit_of_what_is_not_there_rests_without_an_attempt_and_goes_on_when_it_is_there_again() -> None:
    desk = DoubtfulDesk()
    desk.held = D(0)
    orders = len(desk.venue.placed)

    desk.leader_sells()
    for _ in range(5):
        desk.turn()
    rested = len(desk.venue.placed), len(desk.ledger.records(EXITS))
    desk.held = None
    desk.turn()

    assert rested == (orders, 1)
    assert (open_lots(desk.ledger), desk.ledger.records(EXITS)) == ([], {})


@pytest.mark.pitfall(53)
def test_what_is_left_of_a_lot_after_its_rest_was_sold_is_not_tried_for_ever() -> None:
    desk = DoubtfulDesk()
    desk.held = D(6)
    desk.leader_sells()
    desk.held = D(0)
    orders = len(desk.venue.placed)

    for _ in range(5):
        desk.turn()

    assert len(desk.venue.placed) == orders
