"""Keccak-256 and the recovery of a signature's key, by the libraries in C: what proofs are made of.

Imported only where a proof is asked for: on paper nothing else needs these libraries.
"""

from coincurve import PublicKey
from eth_hash.backends.pysha3 import backend

from shared.domain.errors import Malformed

keccak = backend.keccak256
_SIGNATURE = 65
_ADDRESS_FROM = 12


def recovered_address(digest: bytes, signature: bytes) -> str:
    """Return the address, lower case, whose key signed a digest; `signature` is r, s and a parity of 0 or 1.

    Raises:
        Malformed: it is no signature of any key.
    """
    if len(signature) != _SIGNATURE or signature[-1] not in {0, 1}:
        raise Malformed(f"a signature of {len(signature)} bytes")
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:  # the library raises what its C code says: ValueError, and errors of its own
        raise Malformed(f"no key made this signature: {error}") from error
    return "0x" + keccak(key.format(compressed=False)[1:])[_ADDRESS_FROM:].hex()
