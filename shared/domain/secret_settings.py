"""The settings that hold, or lead to, a secret: only the process that needs one has it. Pure."""

from collections.abc import Mapping

VALUES = frozenset({"PRIVATE_KEY", "API_KEY", "API_SECRET", "API_PASSPHRASE", "RELAYER_API_KEY"})
"""Settings that are secrets themselves."""
WAYS = frozenset(
    {"PRIVATE_KEY_FILE", "PRIVATE_KEY_PASSWORD_FILE", "PRIVATE_KEY_PASSWORD_FD", "PRIVATE_KEY_PASSWORD_COMMAND"}
)
"""Settings that say where the signing key and the password of its keystore are."""
SECRETS = VALUES | WAYS
ADDRESSES = frozenset({"ALERT_URLS", "TELEGRAM_TOKEN", "HEARTBEAT_URL"})
"""Settings that say where a person is told: who has one can write to him, and be taken for us."""


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process that signs nothing, in whatever case a name is written."""
    return {name: value for name, value in environment.items() if name.upper() not in SECRETS}
