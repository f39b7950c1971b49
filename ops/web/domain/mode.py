"""The mode a form or a query names."""

from shared.domain.errors import BadConfig
from shared.domain.trading_words import MODES


def check_mode(mode: str) -> None:
    """Refuse what names neither ledger, as the commands do.

    Raises:
        BadConfig: neither `paper` nor `live`.
    """
    if mode not in MODES:
        raise BadConfig(f"--mode {mode}: give paper or live")
