"""The venue's relayer, stubbed: checks what the owner signed as the SDK would, and executes it on the town's chain."""

from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket._internal.actions.relayer.signing.deposit_wallet import build_deposit_wallet_typed_data
from polymarket._internal.actions.relayer.signing.proxy import build_proxy_transaction_hash

from shared.errors import RateLimited, Rejected, Unavailable
from shared.polymarket import abi
from shared.rate_gate import Lane
from tests.redeemer.evm.town import Town, selector

RELAY = "0x" + "77" * 20


def any_of(value: object) -> Any:
    """Return a value as whatever the SDK's types want."""
    return value


class RelayerStub:
    """One wallet's relayer: `loses` takes an envelope and loses the answer, `quota_s` refuses for so long."""

    def __init__(self, town: Town, wallet: str) -> None:
        self.town, self.wallet, self.nonce = town, wallet, 7
        self.done: dict[str, dict[str, Any]] = {}
        self.submitted: list[dict[str, Any]] = []
        self.loses = False
        self.quota_s = 0
        self.fails = False

    def get(self, path: str, params: dict[str, Any] | None = None, lane: Lane = Lane.FRESH) -> Any:
        del lane
        if path in {"/relay-payload", "/v1/account/transactions/params"}:
            assert (params or {})["address"] == self.town.signer.address
            return {"address": RELAY, "nonce": str(self.nonce)}
        return self.done[path.rpartition("/")[2]]

    def post(self, path: str, json: Any, lane: Lane = Lane.FRESH) -> Any:
        del lane
        assert path == "/submit"
        if self.quota_s:
            raise RateLimited(f"429: quota exceeded: 0 units remaining, resets in {self.quota_s} seconds")
        if int(json["nonce"]) != self.nonce:
            raise Rejected(f"400: batch nonce {json['nonce']} does not match on-chain nonce {self.nonce}", 400)
        self.submitted.append(json)
        calls = self._proxy(json) if json["type"] == "PROXY" else self._deposit(json)
        name = f"id-{self.nonce}"
        self.nonce += 1
        self.done[name] = self._execute(name, calls)
        if self.loses:
            self.loses = False
            raise Unavailable("the answer was lost")
        return {"transactionID": name, "transactionHash": "", "state": "STATE_NEW"}

    def _execute(self, name: str, calls: list[tuple[str, int, bytes]]) -> dict[str, Any]:
        if self.fails:
            return {"transaction_id": name, "transaction_hash": "", "state": "STATE_FAILED", "error_msg": "no gas"}
        data = abi.call(selector("execute((address,uint256,bytes)[])"), calls)
        tx_hash = self.town.send(self.wallet, data)
        return {"transaction_id": name, "transaction_hash": tx_hash, "state": "STATE_MINED"}

    def _proxy(self, json: Any) -> list[tuple[str, int, bytes]]:
        params = json["signatureParams"]
        digest = build_proxy_transaction_hash(
            from_address=json["from"],
            to=json["to"],
            data=json["data"],
            relayer_fee=params["relayerFee"],
            gas_price=params["gasPrice"],
            gas_limit=params["gasLimit"],
            nonce=json["nonce"],
            relay_hub=params["relayHub"],
            relay=params["relay"],
        )
        self._check(Account.recover_message(encode_defunct(hexstr=digest), signature=json["signature"]))
        words = abi.words("0x" + json["data"][10:])
        return [_proxied(words, place) for place in range(words[1])]

    def _deposit(self, json: Any) -> list[tuple[str, int, bytes]]:
        params = json["depositWalletParams"]
        calls = [TransactionCall(to=each["target"], data=each["data"]) for each in params["calls"]]
        typed = build_deposit_wallet_typed_data(
            wallet=any_of(params["depositWallet"]),
            calls=calls,
            nonce=json["nonce"],
            deadline=params["deadline"],
            chain_id=self.town.node.chain_id,
        )
        self._check(Account.recover_message(encode_typed_data(full_message=typed), signature=json["signature"]))
        return [(str(each.to), 0, bytes.fromhex(each.data[2:])) for each in calls]

    def _check(self, recovered: object) -> None:
        if str(recovered).lower() != self.town.signer.address:
            raise Rejected("401: invalid signature", 401)


def _proxied(words: list[int], place: int) -> tuple[str, int, bytes]:
    """Read one (uint8, address, uint256, bytes) of the array that `proxy` takes."""
    start = 2 + words[2 + place] // 32
    assert words[start] == 1
    at = start + words[start + 3] // 32
    raw = b"".join(word.to_bytes(32, "big") for word in words[at + 1 :])
    return abi.address(words[start + 1]), words[start + 2], raw[: words[at]]
