"""Answers to `eth_call` about traders' wallets: pUSD, approvals, positions of Protocol V2, the wallet factory."""

from collections.abc import Callable

from simulator.core import contracts
from simulator.exchange.accounts import CASH, Account, Accounts

Reader = Callable[[list[str]], int]


class WalletCalls:
    """Answer the calls that concern funded wallets."""

    def __init__(self, accounts: Accounts) -> None:
        """Look at accounts."""
        self._accounts = accounts
        self._readers: dict[tuple[str, str], Reader] = {
            (contracts.PUSD, "0x70a08231"): lambda words: self._cash(words[0]),
            (contracts.PUSD, "0x313ce567"): lambda _: 6,
            (contracts.PUSD, "0xdd62ed3e"): lambda words: self._allowance(words[0], words[1]),
            (contracts.CONDITIONAL_TOKENS, "0xe985e9c5"): lambda words: self._operator(words[0], words[1]),
            (contracts.POSITION_MANAGER, "0xe985e9c5"): lambda words: self._position_operator(words[0], words[1]),
            (contracts.POSITION_MANAGER, "0x00fdd58e"): lambda words: self._shares(words[0], words[1]),
            (contracts.DEPOSIT_FACTORY, "0x49493a4d"): lambda _: int(contracts.DEPOSIT_BEACON, 16),
        }

    def read(self, target: str, data: str) -> int | None:
        """Return a word, None when the call is about something else."""
        reader = self._readers.get((target, data[:10]))
        words = [data[at : at + 64] for at in range(10, len(data), 64)]
        return None if reader is None else reader(words)

    def deployed(self, address: str) -> bool:
        """Tell whether a funded wallet is a contract."""
        account = self._accounts.by_wallet.get(address)
        return account is not None and account.signature_type > 0

    def _cash(self, wallet: str) -> int:
        account = self._account(wallet)
        return self._accounts.balance(account, CASH) if account else 0

    def _allowance(self, wallet: str, spender: str) -> int:
        account = self._account(wallet)
        return account.allowances.get(_address(spender), 0) if account else 0

    def _operator(self, wallet: str, operator: str) -> int:
        account = self._account(wallet)
        return int(account is not None and _address(operator) in account.operators)

    def _position_operator(self, wallet: str, operator: str) -> int:
        account = self._account(wallet)
        return int(account is not None and _address(operator) in account.position_operators)

    def _shares(self, wallet: str, token: str) -> int:
        account = self._account(wallet)
        return self._accounts.balance(account, str(int(token, 16))) if account else 0

    def _account(self, wallet: str) -> Account | None:
        return self._accounts.by_wallet.get(_address(wallet))


def _address(word: str) -> str:
    return "0x" + word[24:]
