"""The detector's settings of matches before their block."""

from pydantic import Field, field_validator

from shared.config import Settings, Words


class PendingSettings(Settings):
    """Which nodes show pending transactions, and what is believed of them."""

    pending_urls: Words = Field(
        (),
        description="Nodes whose pending transactions are watched (ws:// or wss://, several separated by commas): the "
        "operator's matches, seen about 1.5 s before their block and proven by their signatures. Empty: none.",
    )
    pending_blocks: int = Field(
        30,
        ge=5,
        le=1000,
        description="Blocks without it after which a signal that was seen pending is retracted: FILL_RETRACTED.",
    )
    pending_max_age_s: float = Field(
        600.0,
        ge=10,
        le=86_400,
        description="A pending match whose taker signed longer ago is not believed: a node could repeat an old one.",
    )

    @field_validator("pending_urls")
    @classmethod
    def _sockets(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [place for place, url in enumerate(urls, 1) if not url.startswith(("ws://", "wss://"))]
        if wrong:  # the URL itself may hold a key
            raise ValueError(f"number {wrong[0]} is no websocket: expected ws://... or wss://...")
        return tuple(dict.fromkeys(urls))

    @property
    def pending_nodes(self) -> dict[str, str]:
        """Return where each node of pending transactions is, by the name that messages call it."""
        return {f"node-{place}": url for place, url in enumerate(self.pending_urls, 1)}
