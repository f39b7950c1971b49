"""The settings that hold, or lead to, a key: only the process that signs has them. Pure."""

from collections.abc import Mapping

VALUES = frozenset({"PRIVATE_KEY", "API_KEY", "API_SECRET", "API_PASSPHRASE", "RELAYER_API_KEY"})
"""Settings that are secrets themselves."""
WAYS = frozenset(
    {"PRIVATE_KEY_FILE", "PRIVATE_KEY_PASSWORD_FILE", "PRIVATE_KEY_PASSWORD_FD", "PRIVATE_KEY_PASSWORD_COMMAND"}
)
"""Settings that say where the signing key and the password of its keystore are."""
SECRETS = VALUES | WAYS


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process that signs nothing, in whatever case a name is written."""
    return {name: value for name, value in environment.items() if name.upper() not in SECRETS}
