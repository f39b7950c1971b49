"""The venue's relayer, stubbed: checks what the owner signed as the SDK would, and executes it on the evm's chain."""

from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from polymarket._internal.actions.relayer.calls import TransactionCall
from polymarket._internal.actions.relayer.signing.deposit_wallet import build_deposit_wallet_typed_data
from polymarket._internal.actions.relayer.signing.proxy import build_proxy_transaction_hash
from polymarket._internal.actions.relayer.signing.safe import build_safe_typed_data

from redeemer.domain.contract_calls import EXEC_TRANSACTION
from shared.domain.errors import RateLimited, Rejected, Unavailable
from shared.polymarket.wire import abi
from shared.polymarket.wire.keccak import keccak256
from shared.rate_limit.gate import GateLane
from tests.redeemer.evm.evm_fixture import NOBODY, EvmFixture, selector

RELAY = "0x" + "77" * 20


def any_of(value: object) -> Any:
    """Return a value as whatever the SDK's types want."""
    return value


class RelayerStub:
    """One wallet's relayer: `loses` takes an envelope and loses the answer, `quota_s` refuses for so long."""

    def __init__(self, evm: EvmFixture, wallet: str, nonce: int = 7) -> None:
        self.evm, self.wallet, self.nonce = evm, wallet, nonce
        self.done: dict[str, dict[str, Any]] = {}
        self.submitted: list[dict[str, Any]] = []
        self.loses = False
        self.quota_s = 0
        self.fails = False

    def get(self, path: str, params: dict[str, Any] | None = None, lane: GateLane = GateLane.FRESH) -> Any:
        del lane
        if path in {"/relay-payload", "/v1/account/transactions/params"}:
            assert (params or {})["address"] == self.evm.signer.address
            return {"address": RELAY, "nonce": str(self.nonce)}
        return self.done[path.rpartition("/")[2]]

    def post(self, path: str, json: Any, lane: GateLane = GateLane.FRESH) -> Any:
        del lane
        assert path == "/submit"
        if self.quota_s:
            raise RateLimited(f"429: quota exceeded: 0 units remaining, resets in {self.quota_s} seconds")
        if int(json["nonce"]) != self.nonce:
            raise Rejected(f"400: batch nonce {json['nonce']} does not match on-chain nonce {self.nonce}", 400)
        self.submitted.append(json)
        name = f"id-{self.nonce}"
        self.nonce += 1
        self.done[name] = self._execute(name, *self._asked(json))
        if self.loses:
            self.loses = False
            raise Unavailable("the answer was lost")
        return {"transactionID": name, "transactionHash": "", "state": "STATE_NEW"}

    def _asked(self, json: Any) -> tuple[str, str]:
        """Return what the relayer calls, once the owner's word for it is checked: a contract and call data."""
        if json["type"] == "SAFE":
            return self._safe(json)
        calls = self._proxy(json) if json["type"] == "PROXY" else self._deposit(json)
        return self.wallet, abi.encoded_call(selector("execute((address,uint256,bytes)[])"), calls)

    def _execute(self, name: str, to: str, data: str) -> dict[str, Any]:
        if self.fails:
            return {"transaction_id": name, "transaction_hash": "", "state": "STATE_FAILED", "error_msg": "no gas"}
        tx_hash = self.evm.send(to, data)
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
        words = abi.split_words("0x" + json["data"][10:])
        return [_proxied(words, place) for place in range(words[1])]

    def _deposit(self, json: Any) -> list[tuple[str, int, bytes]]:
        params = json["depositWalletParams"]
        calls = [TransactionCall(to=each["target"], data=each["data"]) for each in params["calls"]]
        typed = build_deposit_wallet_typed_data(
            wallet=any_of(params["depositWallet"]),
            calls=calls,
            nonce=json["nonce"],
            deadline=params["deadline"],
            chain_id=self.evm.node.chain_id,
        )
        self._check(Account.recover_message(encode_typed_data(full_message=typed), signature=json["signature"]))
        return [(str(each.to), 0, bytes.fromhex(each.data[2:])) for each in calls]

    def _safe(self, json: Any) -> tuple[str, str]:
        """Return the Safe's `execTransaction`: the real contract checks the signature once more."""
        params, data = json["signatureParams"], json["data"]
        typed = build_safe_typed_data(
            safe_address=json["proxyWallet"],
            to=json["to"],
            data=data,
            value=0,
            operation=int(params["operation"]),
            nonce=json["nonce"],
            chain_id=self.evm.node.chain_id,
        )
        signable = encode_typed_data(full_message=typed)
        digest = keccak256(b"\x19" + signable.version + signable.header + signable.body)
        signature = bytes.fromhex(json["signature"][2:])
        plain = signature[:-1] + bytes((signature[-1] - 4,))
        self._check(Account.recover_message(encode_defunct(primitive=digest), signature=plain))
        inner = (json["to"], 0, bytes.fromhex(data[2:]), int(params["operation"]), 0, 0, 0, NOBODY, NOBODY, signature)
        return json["proxyWallet"], abi.encoded_call(EXEC_TRANSACTION, *inner)

    def _check(self, recovered: object) -> None:
        if str(recovered).lower() != self.evm.signer.address:
            raise Rejected("401: invalid signature", 401)


def _proxied(words: list[int], place: int) -> tuple[str, int, bytes]:
    """Read one (uint8, address, uint256, bytes) of the array that `proxy` takes."""
    start = 2 + words[2 + place] // 32
    assert words[start] == 1
    at = start + words[start + 3] // 32
    raw = b"".join(word.to_bytes(32, "big") for word in words[at + 1 :])
    return abi.address_of(words[start + 1]), words[start + 2], raw[: words[at]]
