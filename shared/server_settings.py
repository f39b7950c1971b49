"""The settings of the server that carries everything: where it is, under which names, and what a write waits for."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from shared.redis.connection.key_prefix import with_prefix
from shared.redis.connection.own_options import Durability, with_durability


class ServerSettings(BaseSettings):
    """What every program is told of its server."""

    hs_prefix: str = Field(
        "", description="One word for all keys on a shared server or a cluster: alpha makes {alpha}:hs:signals."
    )
    durability: Durability = Field(
        "local",
        description="What a signal, order, decision or control waits for: Redis itself, or that one replica has it.",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validate_default=True,
        description="Redis 7.0+ or Valkey that carries streams, gates and ledger; or redis+sentinel://HOST:PORT/NAME/0.",
    )

    @field_validator("redis_url")
    @classmethod
    def _redis_url_told(cls, url: str, info: ValidationInfo) -> str:
        url = with_prefix(url, str(info.data.get("hs_prefix") or ""))
        return with_durability(url, str(info.data.get("durability") or ""))
