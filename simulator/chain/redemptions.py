"""Redemptions by a key pair's own wallet, as the venue's contracts do them, by the venue reference 7.2 to 7.5.

| contract | call | pays |
|---|---|---|
| ConditionalTokens | `redeemPositions(collateral, 0x0, condition, [1, 2])` | the collateral; a wrong one nothing |
| NegRiskAdapter | `redeemPositions(condition, amounts)` | USDC.e |
| the collateral adapters | `redeemPositions(_, _, condition, _)` | pUSD; the wrong one nothing |
| ConditionalTokens, PositionManager | `setApprovalForAll(operator, approved)` | |
| Router | `redeem(condition, outcome, amount)` (`position_redemptions`) | pUSD |

What pays nothing succeeds all the same.
"""

from dataclasses import dataclass

from simulator.chain import abi
from simulator.chain.abi import Emission
from simulator.chain.position_redemptions import (
    REDEEM_POSITION,
    PositionPlan,
    RevertError,
    payout_of,
    plan_position,
    position_logs,
)
from simulator.core import contracts, identity
from simulator.core.market import Market, Resolution
from simulator.core.world import World
from simulator.exchange.accounts import Account, Accounts

REDEEM, REDEEM_NEG_RISK, APPROVE = "0x01b7037c", "0xdbeccb23", "0xa22cb465"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
REDEEMED_NEG_RISK = "0x9140a6a270ef945260c03894b3c6b3b2695e9d5101feef0ff24fec960cfd3224"
_KEEPERS = {contracts.CONDITIONAL_TOKENS, contracts.POSITION_MANAGER}
_NOBODY = "0x" + "0" * 40
_ADAPTERS = {
    contracts.CTF_COLLATERAL_ADAPTER: (contracts.USDC_E, contracts.PUSD),
    contracts.NEG_RISK_CTF_COLLATERAL_ADAPTER: (contracts.WRAPPED_COLLATERAL, contracts.PUSD),
    contracts.NEG_RISK_ADAPTER: (contracts.WRAPPED_COLLATERAL, contracts.USDC_E),
}
"""Of which collateral an adapter takes positions, and which token it pays."""


@dataclass(frozen=True)
class Plan:
    """A redemption that would go through: by which contract, of which positions, in which token."""

    account: Account
    by: str
    market: Market
    ended: Resolution
    collateral: str
    token: str


class Redemptions:
    """Plans and carries out calls of funded wallets."""

    def __init__(self, world: World, accounts: Accounts) -> None:
        """Look at a world and its wallets."""
        self._world, self._accounts = world, accounts
        self.paid: list[tuple[int, str, str, int]] = []

    def plan(self, sender: str, to: str, data: str, at_ms: int) -> Plan | PositionPlan | None:
        """Return what a call would do, None for an approval; raise RevertError."""
        account = self._accounts.by_wallet.get(sender)
        selector, words = data[:10], [data[at : at + 64] for at in range(10, len(data), 64)]
        if account is not None and selector == APPROVE and to in _KEEPERS:
            return None
        if account is not None and (to, selector) == (contracts.ROUTER, REDEEM_POSITION):
            return plan_position(self._world, account, words, at_ms)
        if account is None or to not in {contracts.CONDITIONAL_TOKENS, *_ADAPTERS}:
            raise RevertError("execution reverted")
        if selector != (REDEEM_NEG_RISK if to == contracts.NEG_RISK_ADAPTER else REDEEM):
            raise RevertError("execution reverted")
        market = self._world.catalog.by_condition.get("0x" + words[0 if selector == REDEEM_NEG_RISK else 2])
        ended = market.on_chain(at_ms) if market else None
        if market is None or ended is None:
            raise RevertError("execution reverted: result for condition not received yet")
        if to not in _ADAPTERS:
            collateral = "0x" + words[0][24:]
            return Plan(account, to, market, ended, collateral, collateral)
        if to not in account.operators:
            raise RevertError("execution reverted: ERC1155: need operator approval for 3rd party transfers.")
        return Plan(account, to, market, ended, *_ADAPTERS[to])

    def payout(self, position: str, amount: int, at_ms: int) -> int:
        """Return what an amount of a Protocol V2 position pays; raise RevertError."""
        return payout_of(self._world, position, amount, at_ms)

    def approve(self, sender: str, keeper: str, data: str) -> None:
        """Let an operator take what a contract keeps of a wallet's positions, or not any more."""
        account = self._accounts.by_wallet[sender]
        operators = account.operators if keeper == contracts.CONDITIONAL_TOKENS else account.position_operators
        operator = "0x" + data[34:74]
        (operators.add if int(data[74:138], 16) else operators.discard)(operator)

    def carry_out(self, plan: Plan | PositionPlan, tx_hash: str, block: int) -> list[Emission]:
        """Take the shares, pay, and return the logs."""
        if isinstance(plan, PositionPlan):
            return self._carry_out_position(plan, tx_hash, block)
        world, market, wallet = self._world, plan.market, plan.account.wallet
        tokens = [identity.position(plan.collateral, market.condition_id, each) for each in (1, 2)]
        given = [world.held.shares(wallet, each) for each in tokens]
        stamp = world.timetable.mined(block, world.chain.mined_ms(block))
        payout = world.hand_in(wallet, market, plan.ended, tx_hash, stamp) if any(given) else 0
        self.paid.append((block, wallet, plan.token, payout))
        if plan.token == contracts.PUSD:
            plan.account.cash += payout
        return self._logs(plan, [int(each) for each in tokens], given, payout)

    def _carry_out_position(self, plan: PositionPlan, tx_hash: str, block: int) -> list[Emission]:
        world, account = self._world, plan.account
        stamp = world.timetable.mined(block, world.chain.mined_ms(block))
        if plan.amount:
            world.hand_in_part(account.wallet, plan.market, plan.outcome, plan.amount, plan.payout, tx_hash, stamp)
        self.paid.append((block, account.wallet, contracts.PUSD, plan.payout))
        account.cash += plan.payout
        return position_logs(plan)

    def since(self, wallet: str, token: str, block: int) -> int:
        """Return how much of a token came to a wallet after a block."""
        return sum(amount for at, whose, what, amount in self.paid if (whose, what) == (wallet, token) and at > block)

    def _logs(self, plan: Plan, tokens: list[int], given: list[int], payout: int) -> list[Emission]:
        ctf, wallet = contracts.CONDITIONAL_TOKENS, plan.account.wallet
        direct = plan.by == ctf
        taker, redeemer = (_NOBODY, wallet) if direct else (plan.by, plan.by)
        topics = (TRANSFER_BATCH, *map(abi.padded, (redeemer, wallet, taker)))
        logs = [Emission(ctf, topics, (64, 160, 2, *tokens, 2, *given))]
        condition = plan.market.condition_id
        logs.append(abi.payout_redemption(ctf, redeemer, plan.collateral, condition, payout))
        if plan.by == contracts.NEG_RISK_ADAPTER:
            topics = (REDEEMED_NEG_RISK, abi.padded(wallet), condition)
            logs.append(Emission(plan.by, topics, (64, payout, 2, *given)))
        giver = ctf if direct else _NOBODY
        moved = (TRANSFER, abi.padded(giver), abi.padded(wallet))
        return [*logs, Emission(plan.token, moved, (payout,))] if payout else logs
