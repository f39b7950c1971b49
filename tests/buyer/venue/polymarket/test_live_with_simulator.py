"""The live buyer against the local venue over real sockets: what it holds is what the venue's own record says."""

import threading

import pytest

from buyer.composition import BuyerProcess, build_buyer
from buyer.composition_live import order_lookup, read_collateral
from buyer.config import parse_args
from buyer.domain.token_shard import TokenShard
from ops.operator import bankroll, reconcile
from ops.operator.venue_check import VenueLook
from shared import logs
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3
from shared.redis.pipeline_record import read_record
from shared.redis.streams import publish_event
from simulator.gateway.geoblock import Region
from tests.amounts import D
from tests.buyer.builders import LEADER
from tests.buyer.venue.polymarket.live_floor import CLOCK, KEY, Floor, floor, until

pytestmark = [pytest.mark.server, pytest.mark.simulator]
__all__ = ["floor"]


def test_a_signal_becomes_a_confirmed_lot_that_equals_the_venues_record_and_is_never_bought_again(floor: Floor) -> None:
    floor.fund()
    signal = floor.signal()

    with floor.buyer():
        publish_event(floor.redis, SIGNALS, signal)
        publish_event(floor.redis, SIGNALS, signal)
        until(lambda: bool(floor.lots()))

    (order,) = floor.sim._app.traders.orders(lambda form: form.metadata == f"0x{signal.id}")
    assert floor.lots() == [(LEADER, order["matched_shares_micro"])]
    assert RedisLedger(floor.redis, "live").accounts().values["cash"] == floor.account.cash
    assert [decision.mode for decision in floor.told] == ["live"]


@pytest.mark.takes(9)
def test_a_server_that_forgot_everything_learns_from_the_chain_and_buys_nothing_twice(floor: Floor) -> None:
    floor.fund()
    signal = floor.signal()
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, signal)
        until(lambda: bool(floor.lots()))
    before = floor.lots()
    floor.redis.flushall()
    publish_event(floor.redis, SIGNALS, signal)

    with floor.buyer():
        until(lambda: bool(floor.lots()))
        until(lambda: not RedisLedger(floor.redis, "live").records("orders"))

    assert floor.lots() == before
    assert len(floor.sim._app.traders.orders(lambda _: True)) == 1


@pytest.mark.takes(10)
def test_two_shards_on_one_account_settle_their_own_orders_and_adopt_each_forgotten_fill_once(floor: Floor) -> None:
    floor.fund()
    firsts = [market.tokens[0] for market in floor.sim.markets]  # of two markets: one holds a single outcome
    tokens = [next(token for token in firsts if TokenShard(number, 2).owns(token)) for number in range(2)]
    signals = [floor.signal(number, token) for number, token in enumerate(tokens)]
    ledger = RedisLedger(floor.redis, "live")
    for token in tokens:
        floor.offer(token)

    with floor.two_buyers():
        for signal in signals:
            publish_event(floor.redis, SIGNALS, signal)
        until(lambda: len(floor.lots()) == 2)
    before, cash = sorted(floor.lots()), ledger.accounts().values["cash"]
    floor.redis.flushall()
    for signal in signals:
        publish_event(floor.redis, SIGNALS, signal)

    with floor.two_buyers():
        until(lambda: len(floor.lots()) == 2 and not ledger.records("orders"))

    assert sorted(floor.lots()) == before
    assert cash == floor.account.cash
    assert len(floor.sim._app.traders.orders(lambda _: True)) == 2


@pytest.mark.pitfall(26)
def test_a_top_up_is_said_at_the_next_start_and_counts_once_a_person_posts_it(
    floor: Floor, capsys: pytest.CaptureFixture[str]
) -> None:
    floor.fund()
    ledger = RedisLedger(floor.redis, "live")
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal())
        until(lambda: bool(floor.lots()))
    floor.fund("250", synced=False)
    logs.configure_logs(level="warning", form="json")

    with floor.buyer():
        said = capsys.readouterr().err
    there = read_collateral(floor.settings(), floor.redis, clock=CLOCK, stop=threading.Event())
    bankroll.post_cash(floor.redis, "live", there, "top-up", CLOCK.now_ms())

    assert "250 more than the ledger knows of" in said
    values = ledger.accounts().values
    assert (values["cash"], values["deposited"]) == (floor.account.cash, 1_250_000_000)


@pytest.mark.pitfall(20)
def test_a_post_that_timed_out_but_matched_is_found_and_not_sent_as_another(floor: Floor) -> None:
    floor.fund()
    floor.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.1})
    signal = floor.signal()

    with floor.buyer():
        publish_event(floor.redis, SIGNALS, signal)
        until(lambda: bool(floor.lots()))

    (order,) = floor.sim._app.traders.orders(lambda _: True)
    assert floor.lots() == [(LEADER, order["matched_shares_micro"])]


@pytest.mark.pitfall(38)
def test_an_order_that_the_venue_shows_as_matched_is_not_closed_by_a_persons_word(floor: Floor) -> None:
    floor.fund()
    floor.sim.fault("settlement_retry", params={"seconds": 36_000})
    ledger = RedisLedger(floor.redis, "live")
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal())
        until(lambda: bool(ledger.records("orders")))
    (name,) = ledger.records("orders")

    def ask() -> VenueLook:
        return order_lookup(floor.settings(), floor.redis, clock=CLOCK, stop=threading.Event())

    with pytest.raises(BadConfig, match=r"shows order 0x\w+: the order as matched.*a trade that is TRADE_STATUS"):
        reconcile.close(floor.redis, "live", name, "support says so", CLOCK, ask)

    assert list(ledger.records("orders")) == [name]


@pytest.mark.pitfall(16)
def test_a_stale_book_costs_an_order_and_never_more_than_its_limit(floor: Floor) -> None:
    """Without the market channel nothing can tell that REST repeats an old book: the order's limit does."""
    floor.fund()
    traders = floor.sim._app.traders
    with floor.buyer("--stake-window-s", "0"):
        floor.sim.fault("stuck_cache", "clob", route="/book")
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))
        floor.sim.call(lambda: traders.set_book(floor.token, [["0.8", "1000"]], [["0.9", "1000"]]))
        publish_event(floor.redis, SIGNALS, floor.signal(2))
        until(lambda: len(floor.told) == 2)

    first, second = floor.told
    assert (first.verdict, second.verdict) == ("BUY", "BUY")
    assert second.inputs.book is not None
    assert second.inputs.book.best_ask == D("0.5")
    assert second.outcome is not None
    assert (second.outcome.state, second.outcome.shares) == ("REJECTED", 0)
    assert "no orders found to match" in second.outcome.reason


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(
    ("spoil", "flags", "says"),
    [
        ("broke", (), "Send pUSD"),
        ("unapproved", (), "may not spend it"),
        ("unsellable", (), "the CTF exchange may not move its outcome tokens"),
        ("unsellable positions", (), "a market of Protocol V2 could not be sold"),
        ("closed", (), "only close positions"),
        ("", ("--wallet-type", "safe", "--wallet", "DEPOSIT"), "Set WALLET_TYPE=deposit"),
        ("", ("--wallet", "0x" + "11" * 20), "does not belong"),
        ("blocked", (), "not allowed from here"),
    ],
)
def test_live_is_refused_with_the_reason_and_the_fix(
    floor: Floor, spoil: str, flags: tuple[str, ...], says: str
) -> None:
    floor.fund("0" if spoil == "broke" else "1000", approved=spoil != "unapproved")
    floor.account.closed_only = spoil == "closed"
    if spoil == "unsellable":
        floor.account.operators.remove(CTF_EXCHANGE_V2)
    if spoil == "unsellable positions":
        floor.account.position_operators.remove(EXCHANGE_V3)
    words = tuple(floor.account.wallet if word == "DEPOSIT" else word for word in flags)
    floor.sim._app.site.region = Region(blocked=spoil == "blocked")

    with pytest.raises(RefusedForSafety, match=says):
        build_buyer(floor.settings(*words), stop=threading.Event())


@pytest.mark.pitfall(25)
def test_live_needs_both_words_and_a_key(floor: Floor) -> None:
    with pytest.raises(RefusedForSafety, match="--no-dry-run"):
        BuyerProcess(parse_args(["--live"]))
    with pytest.raises(RefusedForSafety, match="--no-dry-run"):
        BuyerProcess(parse_args(["--no-dry-run"]))
    shown = floor.folder / "key"
    shown.write_text(KEY)
    shown.chmod(0o644)
    settings = floor.settings().model_copy(update={"private_key": None, "private_key_file": shown})
    with pytest.raises(RefusedForSafety, match="chmod 600"):
        build_buyer(settings, stop=threading.Event())


def test_a_live_buyer_notes_on_its_server_whose_wallet_trades_there(floor: Floor) -> None:
    floor.fund()

    build_buyer(floor.settings(), stop=threading.Event()).mode.close()

    (wallet,) = floor.sim._app.exchange.accounts.by_wallet
    assert read_record(floor.redis).wallets["live"].lower() == wallet.lower()
