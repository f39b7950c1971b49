"""Reads the board of one ledger from the server: what every face shows comes from here."""

from redis import Redis

from ops.board.board import Board
from ops.board.board_state import BoardState, ServiceAge, StateWord
from ops.board.money_rows import Position
from ops.operator.controls import active
from shared.domain import ledger_accounts as accounts
from shared.domain.money import Shares, Usdc
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.process.beats import ProcessStanding, read_standings

_WORDS: dict[str, StateWord] = {
    accounts.HALT: "killed",
    accounts.FLATTEN: "flattening",
    accounts.PAUSE_ALL: "paused",
    accounts.PAUSE_BUYS: "sells only",
}
"""The word while a control is on, the strongest first."""


def read_board(redis: Redis, mode: str, now_ms: int) -> Board:
    """Return the board of `mode` (`paper` or `live`) as of now.

    Raises:
        Unavailable: the server is away.
    """
    ledger = RedisLedger(redis, mode)
    values = ledger.accounts().values
    return Board(
        at_ms=now_ms,
        mode=mode,
        state=_state(redis, mode, values),
        services=tuple(map(_service, read_standings(redis))),
        cash=Usdc(values.get(accounts.CASH, 0)),
        deposited=Usdc(values.get(accounts.DEPOSITED, 0)),
        positions=tuple(_position(lot) for lot in open_lots(ledger)),
    )


def _state(redis: Redis, mode: str, values: dict[str, int]) -> BoardState:
    for control, word in _WORDS.items():
        if values.get(control):
            turned = next((one for one in active(redis, mode)), None)
            known = (turned.who, turned.why, turned.at_ms) if turned else ("", "", None)
            return BoardState(word=word, who=known[0], why=known[1], since_ms=known[2])
    return BoardState(word="running")


def _service(one: ProcessStanding) -> ServiceAge:
    return ServiceAge(
        service=one.service,
        instance=one.beat.instance,
        mode=one.beat.mode,
        state=one.state,
        age_ms=round(one.age_s * 1000),
        every_ms=round(one.beat.every_s * 1000),
        lost=one.lost,
        reason=one.beat.reason,
    )


def _position(lot: accounts.Lot) -> Position:
    return Position(
        key=lot.key,
        title=lot.title,
        outcome=str(lot.outcome_index),
        token_id=lot.token_id,
        condition_id=lot.condition_id,
        leader=lot.leader,
        label="",
        shares=Shares(lot.shares),
        cost=Usdc(lot.cost),
        opened_at_ms=lot.opened_at_ms or None,
    )
