"""Everything that must hold before real money is traded: each check with what was found and the fix (pitfall 26)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from buyer.venue.polymarket.account import AccountApi, AccountBalance
from buyer.venue.polymarket.ban_detector import RefusalRow
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from shared.clock import Clock
from shared.domain.errors import BadConfig, HybridError, Malformed, RefusedForSafety, Rejected
from shared.domain.money import from_micro
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.abi import encoded_call
from shared.polymarket.wire.conditions import read_word
from shared.polymarket.wire.endpoints import (
    CONDITIONAL_TOKENS,
    CTF_EXCHANGE_V2,
    EXCHANGE_V3,
    NEG_RISK_ADAPTER,
    NEG_RISK_CTF_EXCHANGE_V2,
    POSITION_MANAGER,
)
from shared.polymarket.wire.parsing import as_object, read_flag, read_text
from shared.polymarket.wire.wallets import wallets_of
from shared.rate_limit.limits import GateLane

MOST_SKEW_S = 5
_NEEDED = {CTF_EXCHANGE_V2: "the CTF exchange", NEG_RISK_CTF_EXCHANGE_V2: "the neg-risk exchange"}
_SELLS, _FEES = "sells", "fees"
_OF_NODE = frozenset({_SELLS, _FEES})
"""The checks that a node answers, which knows nothing of our account."""
_IS_APPROVED_FOR_ALL, _GET_MAX_FEE_RATE = "0xe985e9c5", "0x4a2a11f5"
_AGAIN = ", then start again"
_ENABLE = "(enable trading on the venue's site), then start again"
_KINDS = {
    WalletKind.DEPOSIT: ("deposit wallet", "deposit wallet (earlier kind)"),
    WalletKind.SAFE: ("Safe",),
    WalletKind.PROXY: ("proxy wallet",),
}
_SETTINGS = {
    "deposit wallet": "deposit",
    "deposit wallet (earlier kind)": "deposit",
    "Safe": "safe",
    "proxy wallet": "proxy",
    "signer": "eoa",
}


@dataclass(frozen=True)
class PreflightCheck:
    """One thing that was looked at; not `answered` while nobody said yes or no.

    `sells_only` is a no to buys alone: what is held can be sold, and it is asked again.
    """

    name: str
    passed: bool
    found: str
    fix: str = ""
    answered: bool = True
    sells_only: bool = False

    @property
    def refused(self) -> bool:
        """Say whether the answer is no, to everything."""
        return self.answered and not (self.passed or self.sells_only)

    @property
    def waits(self) -> bool:
        """Say whether buys have to wait for it."""
        return not (self.passed or self.refused)

    def __str__(self) -> str:
        state = "ok" if self.passed else "FAILED" if self.answered else "no answer to"
        return f"{state} {self.name}: {self.found}" + (f". {self.fix}" if self.fix else "")


def check_wallet(wallet: TradingWallet) -> PreflightCheck:
    """Check that the money's wallet, its kind and the signing key belong together."""
    made = {address: name for name, address in wallets_of(wallet.signer.lower()).items()}
    made[wallet.signer.lower()] = "signer"
    name = made.get(wallet.funder.lower())
    wanted = _KINDS.get(wallet.kind, ("signer",))
    if name in wanted:
        note = (
            " (the venue takes orders of plain keys only from an allow list)" if wallet.kind is WalletKind.EOA else ""
        )
        return PreflightCheck("wallet", passed=True, found=f"{wallet.funder} is the {name} of {wallet.signer}{note}")
    if name is None:
        fix = f"Use the key that owns WALLET, or unset WALLET; this key has {', '.join(made)}"
        return PreflightCheck(
            "wallet", passed=False, found=f"WALLET={wallet.funder} does not belong to {wallet.signer}", fix=fix
        )
    fix = f"Set WALLET_TYPE={_SETTINGS[name]}, or unset WALLET"
    found = f"WALLET={wallet.funder} is the {name} of {wallet.signer}, not what WALLET_TYPE says"
    return PreflightCheck("wallet", passed=False, found=found, fix=fix)


def refusal(checks: Sequence[PreflightCheck]) -> RefusedForSafety:
    """Return what ends a start of which these checks were made."""
    lines = "\n".join(f"  {check}" for check in checks if not check.passed)
    return RefusedForSafety(f"live trading is refused, nothing was sent:\n{lines}")


class Preflight:
    """Asks the venue. `collateral` is what the wallet held in base units when that was answered last, None before.

    A no of the API's own counts when it is asked again and repeated, a web page in its place only when it lasts
    (`RefusalRow`); what a node refuses says nothing of us. `holds_lots` says whether there is something to sell: then
    an account that cannot buy still starts. `fee_cap_bps` is what exits believe of the exchanges' cap of fees.
    """

    def __init__(
        self,
        clob: Upstream,
        geoblock: Upstream,
        account: AccountApi,
        polygon: PolygonClient,
        wallet: TradingWallet,
        clock: Clock,
        holds_lots: Callable[[], bool],
        fee_cap_bps: int,
    ) -> None:
        self._clob, self._geoblock, self._account, self._polygon = clob, geoblock, account, polygon
        self._wallet, self._clock, self._holds_lots, self._fee_cap_bps = wallet, clock, holds_lots, fee_cap_bps
        self._rows: dict[str, RefusalRow] = {}
        self._buys_positions = False
        self.collateral: int | None = None

    def run(self) -> tuple[PreflightCheck, ...]:
        """Return every check, failed or not."""
        asked: tuple[tuple[str, Callable[[], PreflightCheck]], ...] = (
            ("clock", self._skew),
            ("region", self._region),
            ("account", self._open_account),
            ("money", self._money),
            (_SELLS, self._sells),
            (_FEES, self._fees),
        )
        return (check_wallet(self._wallet), *(self._answered(name, check) for name, check in asked))

    def _skew(self) -> PreflightCheck:
        ours = self._clock.now_ms() / 1000
        try:
            skew = abs(ours - int(str(self._clob.get("/time"))))
        except ValueError as error:
            raise Malformed("the venue's clock cannot be read") from error
        fix = (
            ""
            if skew <= MOST_SKEW_S
            else "Set this machine's clock (NTP): requests are signed by the venue's, but ages of signals go by ours"
        )
        return PreflightCheck("clock", passed=True, found=f"{skew:.1f} s from the venue's", fix=fix)

    def _region(self) -> PreflightCheck:
        said = as_object(self._geoblock.get(""), "geoblock")
        if "blocked" not in said:
            raise Malformed("the answer does not say whether trading is blocked")
        blocked = read_flag(said, "blocked", default=True)
        fix = "Trading is not allowed from here; nothing in this program gets around that" if blocked else ""
        place = f"{read_text(said, 'country') or '?'} {read_text(said, 'region')}"
        found = f"{'blocked' if blocked else 'allowed'} in {place}".rstrip()
        return PreflightCheck("region", passed=not blocked, found=found, fix=fix)

    def _open_account(self) -> PreflightCheck:
        closed = self._account.closed_only()
        fix = "The venue lets this account only close positions: ask its support" if closed else ""
        found = "closed only" if closed else "may trade"
        return PreflightCheck(
            "account", passed=not closed, found=found, fix=fix, sells_only=closed and self._holds_lots()
        )

    def _money(self) -> PreflightCheck:
        self._account.refresh("COLLATERAL", int(self._wallet.kind))
        held = self._account.holding("COLLATERAL", int(self._wallet.kind))
        self.collateral = held.balance
        if held.balance <= 0:
            lots = self._holds_lots()
            fix = f"Send pUSD to {self._wallet.funder} (deposit on the venue's site)" + ("" if lots else _AGAIN)
            return PreflightCheck("money", passed=False, found="the wallet's balance is 0", fix=fix, sells_only=lots)
        missing = [name for contract, name in _NEEDED.items() if held.allowances.get(contract, 0) < held.balance]
        if missing:
            fix = f"Approve them once {_ENABLE}"
            return PreflightCheck("money", passed=False, found=f"{' and '.join(missing)} may not spend it", fix=fix)
        self._buys_positions = held.allowances.get(EXCHANGE_V3, 0) > 0
        third = "" if self._buys_positions else "; markets of Protocol V2 are not approved"
        adapter, fix = _adapter_note(held)
        found = f"{from_micro(held.balance)} pUSD, approved{third}{adapter}"
        return PreflightCheck("money", passed=True, found=found, fix=fix)

    def _sells(self) -> PreflightCheck:
        """Ask the chain: what may be bought must be sellable too, or no exit could ever get out."""
        missing = [name for contract, name in _NEEDED.items() if not self._may_move(contract)]
        if not missing and self._buys_positions and not self._may_move(EXCHANGE_V3, POSITION_MANAGER):
            found = "ExchangeV3 may take its pUSD and not move its positions: a market of Protocol V2 could not be sold"
            fix = f"Let the PositionManager ({POSITION_MANAGER}) approve {EXCHANGE_V3} for all, once {_ENABLE}"
            return PreflightCheck(_SELLS, passed=False, found=found, fix=fix, sells_only=self._holds_lots())
        if not missing:
            return PreflightCheck(_SELLS, passed=True, found="outcome tokens are approved")
        found = f"{' and '.join(missing)} may not move its outcome tokens, so nothing that is bought could be sold"
        fix = f"Let ConditionalTokens ({CONDITIONAL_TOKENS}) approve them for all, once {_ENABLE}"
        return PreflightCheck(_SELLS, passed=False, found=found, fix=fix)

    def _fees(self) -> PreflightCheck:
        """Ask the exchanges for the cap that exits reckon with: one that is lower would revert cheap sales for ever."""
        caps = [cap for cap in map(self._fee_cap, _NEEDED) if cap]  # 0 is no cap
        least = min(caps, default=self._fee_cap_bps)
        found = f"the exchanges take at most {least / 100:g}% of a sale at its limit"
        if least >= self._fee_cap_bps:
            return PreflightCheck(_FEES, passed=True, found=found)
        fix = f"Set EXCHANGE_FEE_CAP_BPS={least}{_AGAIN}: by {self._fee_cap_bps} cheap exits would match and revert"
        return PreflightCheck(_FEES, passed=False, found=found, fix=fix, sells_only=self._holds_lots())

    def _fee_cap(self, exchange: str) -> int:
        asked = {"to": exchange, "data": encoded_call(_GET_MAX_FEE_RATE)}
        return read_word(self._polygon.ask("eth_call", [asked, "latest"], GateLane.ORDERS))

    def _may_move(self, exchange: str, keeper: str = CONDITIONAL_TOKENS) -> bool:
        asked = {"to": keeper, "data": encoded_call(_IS_APPROVED_FOR_ALL, self._wallet.funder, exchange)}
        answer = self._polygon.ask("eth_call", [asked, "latest"], GateLane.ORDERS)
        if answer == "0x":
            raise BadConfig("the node knows no ConditionalTokens contract: RPC_URL is not a Polygon node")
        return read_word(answer) == 1

    def _answered(self, name: str, check: Callable[[], PreflightCheck]) -> PreflightCheck:
        """Return what a check found; a no is asked about once more at once, a refusal at the next looks too."""
        row = self._rows.setdefault(name, RefusalRow())
        try:
            try:
                found = check()
                again = found if found.passed else check()
            except (Rejected, RefusedForSafety, BadConfig):
                again = check()
        except (Rejected, RefusedForSafety, BadConfig) as error:
            return self._refused(name, error, row)
        except HybridError as error:
            return PreflightCheck(name, passed=False, answered=False, found=f"{type(error).__name__}: {error}")
        row.over()
        return again

    def _refused(self, name: str, error: HybridError, row: RefusalRow) -> PreflightCheck:
        no = error.__cause__ if isinstance(error.__cause__, Rejected) else error
        counts = not isinstance(no, Rejected) or (name not in _OF_NODE and row.is_final(no, self._clock.monotonic()))
        found, fix = f"{type(error).__name__}: {error}", "Find out why, then start again"
        return PreflightCheck(name, passed=False, answered=counts, found=found, fix=fix if counts else "")


def _adapter_note(held: AccountBalance) -> tuple[str, str]:
    """Return what to say of a third spender, and the fix, where the venue itself lists it: it gated neg-risk buys."""
    if held.allowances.get(NEG_RISK_ADAPTER, held.balance) >= held.balance:
        return "", ""
    found = f"; the neg-risk adapter ({NEG_RISK_ADAPTER}) may not spend it, so neg-risk buys may be refused"
    return found, f"Approve it once {_ENABLE}, or leave neg-risk markets out"
