"""What a node answers about the operator's matches: who may match, whose signature a wallet takes, transactions."""

from typing import Any

from simulator.chain import abi
from simulator.core import contracts
from simulator.core.world import World
from simulator.operator.match_calls import wrapped_digest

_IS_OPERATOR, _IS_VALID_SIGNATURE, _GET_MAX_FEE_RATE = "0x6d70f7ae", "0x1626ba7e", "0x4a2a11f5"
_KEY_SIGNATURE = 65


class MatchAnswers:
    """Answer by the operator's own record."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def call(self, target: str, data: str) -> str | None:
        """Answer `isOperator` and `getMaxFeeRate` of an exchange, `isValidSignature` of a wallet; None for all else."""
        if data[:10] == _GET_MAX_FEE_RATE and target in contracts.EXCHANGES_V2:
            return "0x" + abi.word(self._world.settings.fee_cap_bps)
        if data[:10] == _IS_OPERATOR and target in contracts.EXCHANGES:
            return "0x" + abi.word(int(self._world.operator.is_operator("0x" + data[34:74])))
        if data[:10] == _IS_VALID_SIGNATURE:
            length = int(data[138:202], 16)
            signature = bytes.fromhex(data[202 : 202 + 2 * length])
            taken = len(signature) > _KEY_SIGNATURE and self._world.operator.keyring.takes(
                target, wrapped_digest(target, signature), signature
            )
            return "0x1626ba7e" + "0" * 56 if taken else "0x" + abi.word(0)
        return None

    def transaction(self, params: list[Any], head: int) -> dict[str, Any] | None:
        """Return a match's transaction, with its block once there is one."""
        sent = self._world.operator.all.get(str(params[0]).lower())
        if sent is None or sent.replaced_by:
            return None
        mined = sent.block is not None and sent.block <= head
        return {**sent.shown, "blockNumber": hex(sent.block or 0) if mined else None}

    def failed_block(self, tx_hash: str, head: int) -> int | None:
        """Return the block in which a match failed."""
        sent = self._world.operator.all.get(tx_hash)
        return sent.block if sent and sent.failed and sent.block is not None and sent.block <= head else None
