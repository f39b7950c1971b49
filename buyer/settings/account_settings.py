"""The settings of the account that trades live: its wallet, its key, and what the venue is asked at which rate."""

from typing import Literal

from pydantic import Field, SecretStr

from shared.messages.base import Address
from shared.polymarket.wire import endpoints
from shared.signing_key import SigningSettings


class AccountSettings(SigningSettings):
    """The wallet that holds the money, and how it speaks to the venue."""

    wallet_type: Literal["deposit", "safe", "proxy", "eoa"] = Field(
        "deposit", description="Kind of the wallet that holds the money; new accounts have a deposit wallet."
    )
    wallet: Address | None = Field(
        None, description="The wallet that holds the money; by default the one its factory makes for the signing key."
    )
    api_key: SecretStr | None = Field(None, description="The venue's API key; by default derived from the signing key.")
    api_secret: SecretStr | None = Field(None, description="Its secret.")
    api_passphrase: SecretStr | None = Field(None, description="Its passphrase.")
    orders_per_s: float = Field(
        endpoints.BUDGETS["clob_orders"].target_per_s,
        gt=0,
        le=600,
        description="Shared budget for live orders, requests per second (the Standard tier allows 40).",
    )
    account_rate_per_s: float = Field(
        20.0, gt=0, le=90, description="Shared budget for reading our own orders and trades, requests per second."
    )
    clob_user_url: str = Field(endpoints.CLOB_USER_URL, description="The venue's push feed of our own orders.")
    geoblock_url: str = Field(endpoints.GEOBLOCK_URL, description="Where the venue says whether our region may trade.")
