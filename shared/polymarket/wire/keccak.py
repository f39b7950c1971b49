"""Keccak-256 as Ethereum has it: pure, slow (half a millisecond), enough to derive a few addresses."""

_RATE = 136
_MASK = (1 << 64) - 1
_TURNS = (
    *(1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14),
    *(27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44),
)
_LANES = (10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1)


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte hash of `data`."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % _RATE))
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(state: list[int]) -> None:
    for constant in _CONSTANTS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        for place in range(25):
            state[place] ^= columns[(place + 4) % 5] ^ _turned(columns[(place + 1) % 5], 1)
        moved = state[1]
        for lane, turn in zip(_LANES, _TURNS, strict=True):
            state[lane], moved = _turned(moved, turn), state[lane]
        for row in range(0, 25, 5):
            cells = state[row : row + 5]
            for x in range(5):
                state[row + x] = cells[x] ^ (~cells[(x + 1) % 5] & _MASK & cells[(x + 2) % 5])
        state[0] ^= constant


def _turned(lane: int, turn: int) -> int:
    return (lane << turn | lane >> (64 - turn)) & _MASK


def _round_constants() -> tuple[int, ...]:
    """Return the constants of the 24 rounds, from their shift register (FIPS 202, 3.2.5)."""
    register, found = 1, list[int]()
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = register << 1 ^ (0x171 if register >> 7 else 0)
        found.append(constant)
    return tuple(found)


_CONSTANTS = _round_constants()
