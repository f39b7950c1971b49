"""Checks before the first real transaction: what is missing, each with its fix. Nothing is changed here."""

from dataclasses import dataclass

from redeemer.domain import contract_calls, gas_pricing
from redeemer.domain.contract_calls import Approval, ContractCall, Route, WalletKind
from redeemer.transactions.node_client import NodeClient, first_word
from shared import logs
from shared.domain.errors import RefusedForSafety, TryAgain
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts

IS_OWNER = "0x2f54bf6e"
THRESHOLD = "0xe75235b8"
_FATAL = frozenset({"chain", "safe"})


@dataclass(frozen=True)
class PreflightCheck:
    """One fact that was looked at; `fix` is '' where it holds."""

    name: str
    found: str
    fix: str = ""


class Preflight:
    """Looks at one wallet."""

    def __init__(
        self,
        signer: str,
        wallet: str,
        kind: WalletKind,
        route: Route,
        contracts: Contracts,
        node: NodeClient,
        *,
        relayed: bool,
    ) -> None:
        self._signer, self._wallet, self._kind, self._relayed = signer, wallet, kind, relayed
        self._route: Route = route
        self._contracts, self._node = contracts, node

    def run_checks(self) -> list[PreflightCheck]:
        """Return every check.

        Raises:
            TryAgain, GiveUp: the node did not say.
        """
        return [self._check_chain(), *self._check_owner(), *self._check_gas(), *self._check_approvals()]

    def demand_ready(self) -> None:
        """Check before a service starts: say what is missing, and stop where real money could go astray.

        Raises:
            RefusedForSafety: another chain, or a Safe that is not ours alone.
        """
        log = logs.get_logger("redeemer", wallet=self._wallet)
        try:
            checks = self.run_checks()
        except TryAgain as error:  # a node that is away now must not keep the service from starting
            log.warning("preflight_unanswered", error=str(error))
            return
        missing = [check for check in checks if check.fix]
        for check in missing:
            log.warning("preflight", check=check.name, found=check.found, fix=check.fix)
        fatal = [check for check in missing if check.name in _FATAL]
        if fatal:
            raise RefusedForSafety("; ".join(f"{check.found}: {check.fix}" for check in fatal))

    def missing_approvals(self) -> list[ContractCall]:
        """Return the calls that would give the approvals that are missing; an operator decides."""
        return [contract_calls.approve_call(each) for each in self._approvals() if not self._is_approved(each)]

    def _check_chain(self) -> PreflightCheck:
        found = self._node.chain_id()
        fix = "" if found == self._contracts.chain_id else f"set RPC_URL to a node of chain {self._contracts.chain_id}"
        return PreflightCheck("chain", f"the node is on chain {found}", fix)

    def _check_owner(self) -> list[PreflightCheck]:
        if self._kind != "safe":
            return []
        owner = first_word(
            self._node.call_contract(self._wallet, abi.encoded_call(IS_OWNER, self._signer)), f"Safe {self._wallet}"
        )
        threshold = first_word(self._node.call_contract(self._wallet, THRESHOLD), f"Safe {self._wallet}")
        fixes = [
            *([] if owner else [f"{self._signer} does not own it: set WALLET or PRIVATE_KEY_FILE"]),
            *([] if threshold == 1 else [f"it asks for {threshold} owners: redeem it by hand"]),
        ]
        return [PreflightCheck("safe", f"{self._wallet}, threshold {threshold}", "; ".join(fixes))]

    def _check_gas(self) -> list[PreflightCheck]:
        if self._relayed:
            return []
        held = self._node.gas_held(self._signer)
        return [
            PreflightCheck(
                "gas",
                f"{self._signer} holds {held / gas_pricing.POL:.4f} POL",
                "" if held else f"send POL to {self._signer}",
            )
        ]

    def _check_approvals(self) -> list[PreflightCheck]:
        checks: list[PreflightCheck] = []
        for approval in self._approvals():
            given, named = self._is_approved(approval), self._contracts.named
            may = "may" if given else "may not"
            kept = f"positions in {named(approval.keeper)}"
            found = f"{named(approval.operator)} {may} take the wallet's {kept}"
            checks.append(PreflightCheck("approval", found, "" if given else "hybrid redeem --approve --now"))
        return checks

    def _approvals(self) -> list[Approval]:
        return contract_calls.needed_approvals(self._route, self._contracts)

    def _is_approved(self, approval: Approval) -> bool:
        asked = contract_calls.approval_data(self._wallet, approval.operator)
        answer = self._node.call_contract(approval.keeper, asked)
        return bool(first_word(answer, self._contracts.named(approval.keeper)))
