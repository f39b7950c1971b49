"""The three exchanges with a market each, and wallets that have approved them and hold money and both outcomes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.polymarket.wire.endpoints import (
    CONDITIONAL_TOKENS,
    CTF_COLLATERAL_ADAPTER,
    CTF_EXCHANGE_V2,
    EXCHANGE_V3,
    NEG_RISK_ADAPTER,
    NEG_RISK_CTF_COLLATERAL_ADAPTER,
    NEG_RISK_CTF_EXCHANGE_V2,
    PUSD,
    USDC_E,
)
from simulator.core.contracts import POSITION_MANAGER, PROXY_FACTORY, PROXY_IMPLEMENTATION, SAFE_FACTORY
from simulator.exchange.wallet_types import DEPOSIT
from tests.detector.sources.pending.evm.polygon_rig import PolygonRig, artifact
from tests.detector.sources.pending.match_builder import OPERATOR, Wallet
from tests.redeemer.evm.evm_fixture import ZERO

SAFE_SINGLETON = "0xe51abdf814f8854941b9fe8e3a4f65cab4e7a4a8"
"""The code of the venue's Safes; the exchanges ask their factory for it."""
FEE_RECEIVER, VAULT = "0x" + "fe" * 20, "0x" + "7a" * 20
MONEY = 10**9 * 10**6
MAX_FEE_BPS = 500
PROXY_CODE_HASH = bytes.fromhex("d21df8dc65880a8606f09fe0ce3df9b8869287ab0b058be05aa9e8af6330a00b")
SAFE_CODE_HASH = bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf")
_ADDRESSES = ";".join(["address"] * 6)
_SPLIT = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"


@dataclass(frozen=True)
class Venue:
    """An exchange and its market: YES and NO, and the contract that keeps them."""

    rig: PolygonRig
    exchange: str
    positions: str
    condition: str
    tokens: tuple[int, int]
    hands_out: Callable[[str], None]

    def admit(self, wallets: Iterable[Wallet]) -> None:
        """Give wallets money and both outcomes, have them approve the exchange, and give deposit wallets their code."""
        for wallet in wallets:
            self.rig.give_gas(wallet.address)
            self.rig.send(PUSD, "mint(address,uint256)", wallet.address, MONEY)
            self.hands_out(wallet.address)
            self.rig.send(PUSD, "approve(address,uint256)", self.exchange, (1 << 256) - 1, sender=wallet.address)
            self.rig.send(self.positions, "setApprovalForAll(address,bool)", self.exchange, 1, sender=wallet.address)
            if wallet.kind == DEPOSIT:
                self.rig.place(wallet.address, "DepositWallet", wallet.owner, kinds="address")

    def balances(self, address: str) -> tuple[int, int, int]:
        """Return an address's money, YES and NO."""
        yes, no = (self.rig.number(self.positions, "balanceOf(address,uint256)", address, each) for each in self.tokens)
        return self.rig.number(PUSD, "balanceOf(address)", address), yes, no


def missing(name: str) -> list[str]:
    """Return which artifacts an exchange lacks."""
    return [each for each in NEEDS[name] if not artifact(each)]


def plain_venue(rig: PolygonRig) -> Venue:
    """Build exchange V2 with a plain market: pUSD over USDC.e, ConditionalTokens, their adapter."""
    _money(rig)
    rig.place(CONDITIONAL_TOKENS, "ConditionalTokens")
    adapter = [rig.bank, rig.bank, CONDITIONAL_TOKENS, PUSD, USDC_E]
    rig.place(CTF_COLLATERAL_ADAPTER, "CtfCollateralAdapter", *adapter, kinds=";".join(["address"] * 5))
    rig.send(PUSD, "addWrapper(address)", CTF_COLLATERAL_ADAPTER)
    rig.send(CONDITIONAL_TOKENS, "prepareCondition(address,bytes32,uint256)", rig.bank, ZERO[:-1] + "1", 2)
    condition = rig.call(CONDITIONAL_TOKENS, "getConditionId(address,bytes32,uint256)", rig.bank, ZERO[:-1] + "1", 2)
    _exchange_v2(rig, CTF_EXCHANGE_V2, USDC_E, CTF_COLLATERAL_ADAPTER)
    return _ctf_venue(rig, CTF_EXCHANGE_V2, condition, USDC_E, CTF_COLLATERAL_ADAPTER)


def neg_risk_venue(rig: PolygonRig) -> Venue:
    """Build the neg-risk exchange with a question of a market: wrapped collateral behind two adapters."""
    _money(rig)
    rig.place(CONDITIONAL_TOKENS, "ConditionalTokens")
    rig.place(NEG_RISK_ADAPTER, "NegRiskAdapter", CONDITIONAL_TOKENS, USDC_E, VAULT, kinds="address;address;address")
    wrapped = "0x" + rig.call(NEG_RISK_ADAPTER, "wcol()")[-40:]
    adapter = [rig.bank, rig.bank, CONDITIONAL_TOKENS, PUSD, USDC_E, NEG_RISK_ADAPTER]
    rig.place(NEG_RISK_CTF_COLLATERAL_ADAPTER, "NegRiskCtfCollateralAdapter", *adapter, kinds=_ADDRESSES)
    rig.send(PUSD, "addWrapper(address)", NEG_RISK_CTF_COLLATERAL_ADAPTER)
    market = rig.call(NEG_RISK_ADAPTER, "prepareMarket(uint256,bytes)", 0, b"a market")
    rig.send(NEG_RISK_ADAPTER, "prepareMarket(uint256,bytes)", 0, b"a market")
    question = rig.call(NEG_RISK_ADAPTER, "prepareQuestion(bytes32,bytes)", market, b"a question")
    rig.send(NEG_RISK_ADAPTER, "prepareQuestion(bytes32,bytes)", market, b"a question")
    condition = rig.call(NEG_RISK_ADAPTER, "getConditionId(bytes32)", question)
    _exchange_v2(rig, NEG_RISK_CTF_EXCHANGE_V2, wrapped, NEG_RISK_CTF_COLLATERAL_ADAPTER)
    return _ctf_venue(rig, NEG_RISK_CTF_EXCHANGE_V2, condition, wrapped, NEG_RISK_CTF_COLLATERAL_ADAPTER)


def venue_v3(rig: PolygonRig) -> Venue:
    """Build exchange V3 with a binary market of protocol V2; the positions' contract is a stand-in."""
    rig.place(PUSD, "Cash")
    rig.place(POSITION_MANAGER, "Positions", PUSD, kinds="address")
    built = [POSITION_MANAGER, POSITION_MANAGER, FEE_RECEIVER, MAX_FEE_BPS, PROXY_FACTORY, SAFE_FACTORY]
    kinds = "address;address;address;uint256;address;address;bytes32;bytes32"
    rig.place(EXCHANGE_V3, "Exchange", *built, PROXY_CODE_HASH, SAFE_CODE_HASH, kinds=kinds, as_proxy=True)
    rig.send(EXCHANGE_V3, "initialize(address,address)", rig.bank, rig.bank)
    rig.send(EXCHANGE_V3, "addOperator(address)", OPERATOR)
    rig.send(PUSD, "mint(address,uint256)", POSITION_MANAGER, 100 * MONEY)
    yes = (1 << 248) | (0xC0FFEE << 160) | (1 << 8)

    def hand_out(wallet: str) -> None:
        for token in (yes, yes + 1):
            rig.send(POSITION_MANAGER, "mint(address,uint256,uint256)", wallet, token, MONEY)

    return Venue(rig, EXCHANGE_V3, POSITION_MANAGER, ZERO, (yes, yes + 1), hand_out)


VENUES: dict[str, Callable[[PolygonRig], Venue]] = {
    "V2": plain_venue,
    "V2 neg-risk": neg_risk_venue,
    "V3": venue_v3,
}
NEEDS = {
    "V2": ["CTFExchange", "CollateralToken", "CtfCollateralAdapter"],
    "V2 neg-risk": ["CTFExchange", "CollateralToken", "NegRiskAdapter", "NegRiskCtfCollateralAdapter"],
    "V3": ["Exchange"],
}


def _money(rig: PolygonRig) -> None:
    """Build USDC.e, and pUSD over it, which the bank may mint."""
    rig.place(USDC_E, "Cash")
    rig.place(PUSD, "CollateralToken", USDC_E, USDC_E, VAULT, kinds="address;address;address", as_proxy=True)
    rig.send(PUSD, "initialize(address)", rig.bank)
    rig.send(PUSD, "addMinter(address)", rig.bank)
    rig.give_gas(VAULT)
    rig.send(USDC_E, "mint(address,uint256)", VAULT, 1000 * MONEY)
    rig.send(USDC_E, "approve(address,uint256)", PUSD, (1 << 256) - 1, sender=VAULT)


def _exchange_v2(rig: PolygonRig, exchange: str, backing: str, adapter: str) -> None:
    rig.answers(PROXY_FACTORY, PROXY_IMPLEMENTATION)
    rig.answers(SAFE_FACTORY, SAFE_SINGLETON)
    built = [rig.bank, PUSD, CONDITIONAL_TOKENS, backing, adapter, PROXY_FACTORY, SAFE_FACTORY, FEE_RECEIVER]
    rig.place(exchange, "CTFExchange", built, kinds="(" + ",".join(["address"] * 8) + ")")
    rig.send(exchange, "addOperator(address)", OPERATOR)


def _ctf_venue(rig: PolygonRig, exchange: str, condition: str, backing: str, adapter: str) -> Venue:
    yes, no = (_token(rig, backing, condition, index) for index in (1, 2))

    def hand_out(wallet: str) -> None:
        rig.send(PUSD, "mint(address,uint256)", rig.bank, MONEY)
        rig.send(PUSD, "approve(address,uint256)", adapter, MONEY)
        rig.send(adapter, _SPLIT, PUSD, ZERO, condition, [1, 2], MONEY)
        give = "safeTransferFrom(address,address,uint256,uint256,bytes)"
        for token in (yes, no):
            rig.send(CONDITIONAL_TOKENS, give, rig.bank, wallet, token, MONEY, b"")

    return Venue(rig, exchange, CONDITIONAL_TOKENS, condition, (yes, no), hand_out)


def _token(rig: PolygonRig, backing: str, condition: str, index: int) -> int:
    collection = rig.call(CONDITIONAL_TOKENS, "getCollectionId(bytes32,bytes32,uint256)", ZERO, condition, index)
    return rig.number(CONDITIONAL_TOKENS, "getPositionId(address,bytes32)", backing, collection)
