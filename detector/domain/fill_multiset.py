"""Fills as they are compared across sources: by their amounts, as multisets. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detector.domain.published_record import Amount
from shared.polymarket.wire.leader_fills import LeaderFill, Role

MOST_FEE_OF_USDC = 10
"""No fee is more than this part of a fill's collateral: the contract's cap, 1,000 bps (venue reference 3.5)."""


class FillPiece(NamedTuple):
    """One fill of a draft; a fee, where the source shows one, stands beside the amounts and is never compared."""

    shares: int
    usdc: int
    log_index: int | None = None
    role: Role | None = None
    fee: int = 0
    fee_shares: int = 0

    @property
    def amount(self) -> Amount:
        """Return what tells fills apart across sources."""
        return self.shares, self.usdc


def total_shares(pieces: Iterable[FillPiece]) -> int:
    """Return the shares of all."""
    return sum(piece.shares for piece in pieces)


def merged_pieces(known: tuple[FillPiece, ...], fills: Iterable[LeaderFill]) -> tuple[FillPiece, ...]:
    """Return `known` and what a view has more of than its source had shown; `known` itself when that is nothing."""
    shown = [_piece(fill) for fill in fills]
    if not known:
        return tuple(shown)
    amounts = [piece.amount for piece in shown]
    if same_pieces(known, amounts):
        return known
    had = Counter(piece.amount for piece in known)
    more: list[FillPiece] = []
    for piece, amount in zip(shown, amounts, strict=True):
        if had[amount] > 0:
            had[amount] -= 1
        else:
            more.append(piece)
    return (*known, *more) if more else known


def missing_pieces(best: Sequence[FillPiece], out: Sequence[Amount]) -> tuple[FillPiece, ...]:
    """Return what `best` holds beyond `out`, as its own fills where they can be told apart, else as one."""
    if not out:
        return tuple(best)
    if same_pieces(best, out):
        return ()
    left = Counter(out)
    extra: list[FillPiece] = []
    for piece in best:
        if left[piece.amount] > 0:
            left[piece.amount] -= 1
        else:
            extra.append(piece)
    extra = _without_retold(extra, left)
    if not left.total():
        return tuple(extra)
    shares = total_shares(best) - sum(amount[0] for amount in out)
    usdc = sum(piece.usdc for piece in best) - sum(amount[1] for amount in out)
    # A micro-unit for each fill is rounding, no fill of its own.
    if shares <= max(len(best), len(out)) or _same_but_for_fee(best, out, usdc):
        return ()
    return (FillPiece(shares, max(0, usdc)),)


def _without_retold(extra: Sequence[FillPiece], left: Counter[Amount]) -> list[FillPiece]:
    """Return what is beyond `left` too once equal shares are one fill: sources may tell its collateral otherwise.

    A price of 10 decimals misses the collateral of a large fill by micro-units, and an earlier life took a fee for
    collateral. Either way the difference is no part of another fill. What was found so is taken out of `left`.
    More than a fee can come to is no other telling: it belongs to fills that were signalled as one remainder.
    """
    beyond: list[FillPiece] = []
    for piece in extra:
        retold = next((amount for amount, count in left.items() if count > 0 and _is_retold(piece, amount)), None)
        if retold is None:
            beyond.append(piece)
        else:
            left[retold] -= 1
    return beyond


def _is_retold(piece: FillPiece, amount: Amount) -> bool:
    shares, usdc = amount
    return shares == piece.shares and abs(piece.usdc - usdc) * MOST_FEE_OF_USDC <= max(piece.usdc, usdc)


def covers_pieces(pieces: Sequence[FillPiece], wanted: Sequence[Amount]) -> bool:
    """Say whether a source that showed `pieces` showed all that is `wanted`."""
    if same_pieces(pieces, wanted) or not Counter(wanted) - Counter(piece.amount for piece in pieces):
        return True
    usdc = sum(piece.usdc for piece in pieces) - sum(amount[1] for amount in wanted)
    short = sum(amount[0] for amount in wanted) - total_shares(pieces)
    # Rounding again: a micro-unit for each fill is not missing.
    return short <= max(len(pieces), len(wanted)) or _same_but_for_fee(pieces, wanted, usdc)


def same_pieces(pieces: Sequence[FillPiece], amounts: Sequence[Amount]) -> bool:
    """Say whether these are the same fills in the same order: nearly always, and much quicker than counting."""
    return len(pieces) == len(amounts) and all(
        piece.shares == amount[0] and piece.usdc == amount[1] for piece, amount in zip(pieces, amounts, strict=True)
    )


def _piece(fill: LeaderFill) -> FillPiece:
    return FillPiece(
        fill.shares_micro, fill.usdc_micro, fill.log_index, fill.role, fill.fee_micro, fill.fee_shares_micro
    )


def _same_but_for_fee(best: Sequence[FillPiece], out: Sequence[Amount], usdc: int) -> bool:
    """Say whether the same fills differ in shares only: V1's fee came out of them in some sources (reference B.3)."""
    return len(best) == len(out) and abs(usdc) <= len(best)
