"""How a condition resolved: its payout vector, and the chain's words for it. Pure.

A condition is resolved once its `payoutDenominator` on ConditionalTokens is above 0; each outcome then pays its
numerator over it, for neg-risk markets too. Winner logic on 1 and 0 is wrong: a void market pays half to both (venue
reference 7.3).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from shared.domain.errors import Malformed
from shared.domain.money import MICRO, decimal_text
from shared.polymarket.wire.parsing import as_list, as_object, read_number, read_text

PAYOUT_DENOMINATOR = "0xdd34de67"
PAYOUT_NUMERATORS = "0x0504c814"
OUTCOME_SLOT_COUNT = "0xd42dc0c2"
GET_PAYOUT = "0x4c619e4c"
"""Of the PositionManager: what an amount of a position pays; it may revert while that is open (venue reference 7.3)."""

WHOLE = 720_720 * MICRO
"""Asked of each outcome: it divides by 1 to 16 and by every power of ten down to a millionth, so nothing is rounded."""

FEWEST_OUTCOMES = 2
MOST_OUTCOMES = 256
"""The contract's own bounds on a condition's outcomes."""

_SHOWN = 40
_DERIVED = "derived"
"""What the venue reckons before the chain has it (venue reference 1.1): the chain may still say otherwise."""
_CONDITION_LENGTH = 2 + 64
_WORD_LENGTH = 2 + 64

Source = Literal["chain", "data_api"]


def payouts_of(shares: Iterable[Fraction | Decimal | int | str]) -> tuple[Fraction, ...]:
    """Return what one share of each outcome pays; everybody who learns of a resolution asks here.

    Raises:
        Malformed: it is no resolution: fewer than two outcomes, one below 0, or not exactly 1 together. The venue
            shows closed markets at 0/0 and 1/1 that nobody won (venue reference 2): they stay open.
    """
    told = tuple(shares)
    try:
        payouts = tuple(Fraction(share) for share in told)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError) as error:
        raise Malformed(f"payouts {_words(told)} are no shares of 1") from error
    if len(payouts) < FEWEST_OUTCOMES or min(payouts) < 0 or sum(payouts) != 1:
        raise Malformed(f"payouts {_words(told)} do not add up to exactly 1: not resolved")
    return payouts


def _words(told: Iterable[object]) -> str:
    return ";".join(str(share)[:_SHOWN] for share in told)


@dataclass(frozen=True)
class PayoutVector:
    """What each outcome of a resolved condition pays: its numerator over the denominator; and who said so.

    Raises:
        Malformed: that is no resolution (`payouts_of`).
    """

    condition_id: str
    numerators: tuple[int, ...]
    denominator: int
    source: Source

    def __post_init__(self) -> None:
        """Check that all outcomes together pay one share's worth."""
        try:
            payouts_of(self.shares)
        except (Malformed, ZeroDivisionError) as error:
            raise Malformed(
                f"condition {self.condition_id}: {self.source} says it pays {self.numerators} of {self.denominator}: "
                "they do not add up to exactly 1, so it is not resolved"
            ) from error

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """Return what one share of each outcome pays."""
        return tuple(Fraction(numerator, self.denominator) for numerator in self.numerators)

    def owed(self, outcome_index: int, shares: int) -> int:
        """Return what `shares` micro-shares of one outcome are owed, in micro-units, rounded down as the contract does.

        Raises:
            Malformed: the condition has no such outcome, or the shares are no holding.
        """
        if not 0 <= outcome_index < len(self.numerators):
            raise Malformed(f"condition {self.condition_id} pays {self.words}: it has no outcome {outcome_index}")
        if shares < 0:
            raise Malformed(f"condition {self.condition_id}: {shares} micro-shares are no holding")
        return shares * self.numerators[outcome_index] // self.denominator

    @property
    def words(self) -> tuple[str, ...]:
        """Return what one share of each outcome pays, exactly: "1", "0.5", or "1/3" where decimals do not end."""
        return tuple(map(_exact, self.shares))


def on_chain(condition_id: str) -> bool:
    """Say whether ConditionalTokens can know this condition; Protocol V2's shorter ids live elsewhere."""
    return len(condition_id) == _CONDITION_LENGTH


def call_data(selector: str, condition_id: str, *numbers: int) -> str:
    """Return the call data of a ConditionalTokens getter."""
    return selector + condition_id.removeprefix("0x") + "".join(f"{value:064x}" for value in numbers)


def read_word(answer: object) -> int:
    """Return the number in one `eth_call` answer.

    Raises:
        Malformed: it is none; "0x" means that nothing lives at the address, so the node is on another chain.
    """
    if answer == "0x":
        raise Malformed("the node knows no ConditionalTokens contract: RPC_URL is not a Polygon node")
    if not isinstance(answer, str) or len(answer) != _WORD_LENGTH:
        raise Malformed(f"expected 32 bytes from the node, got {str(answer)[:80]!r}")
    try:
        return int(answer, 16)
    except ValueError as error:
        raise Malformed(f"expected hex from the node, got {answer[:80]!r}") from error


def read_resolutions(body: object) -> tuple[dict[str, PayoutVector], list[str]]:
    """Return the resolved conditions in an answer of the Data API's `/v2/resolutions`, and what could not be read.

    Its payouts are micro-pUSD per share. A row that is not `resolved`, holds no payouts yet, or is
    derived from what is not on the chain yet, is left out.

    Raises:
        Malformed: the answer is no list of resolutions.
    """
    vectors: dict[str, PayoutVector] = {}
    problems: list[str] = []
    for row in as_list(as_object(body, "resolutions").get("data"), "resolutions"):
        try:
            vector = _resolution(as_object(row, "resolution"))
        except Malformed as error:
            problems.append(str(error))
        else:
            vectors |= {vector.condition_id: vector} if vector else {}
    return vectors, problems


def vector_of(condition_id: str, denominator: int, numerators: Sequence[int]) -> PayoutVector:
    """Return the vector that the chain holds.

    Raises:
        Malformed: its numerators are not all of its denominator, which the contract cannot say: two nodes answered.
    """
    return PayoutVector(condition_id, tuple(numerators), denominator, "chain")


def position_vector(condition_id: str, payouts: Sequence[int]) -> PayoutVector | None:
    """Return the vector of a Protocol V2 condition by what `WHOLE` of each outcome pays; None where nothing pays yet.

    Raises:
        Malformed: they are not all of `WHOLE`, so what one outcome pays is no proof of what the other does.
    """
    return PayoutVector(condition_id, tuple(payouts), WHOLE, "chain") if any(payouts) else None


def _resolution(row: Mapping[str, Any]) -> PayoutVector | None:
    payouts = row.get("payouts")
    if read_text(row, "status") != "resolved" or read_text(row, "resolution_source") == _DERIVED or not payouts:
        return None
    condition_id = read_text(row, "condition_id").lower()
    numerators = tuple(_whole(value) for value in as_list(payouts, f"condition {condition_id}: payouts"))
    return PayoutVector(condition_id, numerators, MICRO, "data_api")


def _whole(value: object) -> int:
    payout = read_number({"payouts": value}, "payouts")
    if payout != payout.to_integral_value():
        raise Malformed(f"payouts: expected whole micro-pUSD, got {payout}")
    return int(payout)


def _exact(share: Fraction) -> str:
    decimal = Decimal(share.numerator) / Decimal(share.denominator)
    return (
        format(decimal_text(decimal), "f") if Fraction(decimal) == share else f"{share.numerator}/{share.denominator}"
    )
