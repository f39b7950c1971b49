"""Every form in which a key is known, each of it a secret of a made-up installation."""

import base64
import json
import string

HEX = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
OTHER_HEX = "8f2a559490d1b2c3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5a6b7c8d9eaf1"
API_KEY = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
API_SECRET = "Zk3vQ0h8c1Vt5Yp2Lx9Wq7Rj4Nb6Mf0Kd8Gs1Ah3Ue="
PASSPHRASE = "c5d0a1f29b3e47688f7a6d5c4b3a2918f0e1d2c3b4a5968778695a4b3c2d1e0f"
RPC_KEY = "AbCdEf0123456789GhIjKlMnOpQrStUv"
REDIS_PASSWORD = "s3rv3r-Passw0rd-Of-Ours"
KEYSTORE_PASSWORD = "correct-horse-battery-staple-7"
METRICS_TOKEN = "metrics-T0ken-Q7w8E9r0"
RELAYER_KEY = "relay-Key-5f4dcc3b5aa765d61d8327deb882cf99"
TELEGRAM = "6123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
WEBHOOK = "discord://1234567890123456/Q9xZ_planted-Webhook-Token_7"
MAIL = "mailto://me:Geheim-7-Wort@mail.example"
MNEMONIC = "legal winner thank year wave sausage worth useful legal winner thank yellow"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHQCAQEEIPlantedPlantedPlantedPlanted01\n-----END EC PRIVATE KEY-----"
BEARER = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlcGxhbnRlZA"
KEYSTORE = {
    "version": 3,
    "crypto": {
        "ciphertext": OTHER_HEX[::-1],
        "cipherparams": {"iv": HEX[:32][::-1]},
        "kdfparams": {"salt": PASSPHRASE[::-1]},
    },
}

INSTALLED = {
    "PRIVATE_KEY": f"0x{HEX}",
    "API_KEY": API_KEY,
    "API_SECRET": API_SECRET,
    "API_PASSPHRASE": PASSPHRASE,
    "METRICS_TOKEN": METRICS_TOKEN,
    "RELAYER_API_KEY": RELAYER_KEY,
    "ALERT_URLS": f"tgram://{TELEGRAM}/42 {WEBHOOK} {MAIL}",
}
"""Settings of the installation that hold secrets themselves."""


def forms(key: str) -> list[str]:
    """Return a private key as people, programs and libraries write it."""
    raw = bytes.fromhex(key)
    pairs = [key[place : place + 2] for place in range(0, len(key), 2)]
    return [
        key,
        f"0x{key}",
        f"0X{key.upper()}",
        " ".join(pairs),
        ":".join(pairs).upper(),
        ", ".join(f"0x{pair}" for pair in pairs),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        str(int(key, 16)),
        json.dumps({"private_key": key, "d": key}),
        f"key={key[:60]}",
        f"https://host.example/v2/{key}?apikey={key}",
    ]


def log_lines() -> list[str]:
    """Return lines of a log that somebody spilled everything into; the second key is known to nobody."""
    spilled = [*forms(HEX), *forms(OTHER_HEX), *INSTALLED.values(), json.dumps(KEYSTORE), MNEMONIC, *PEM.splitlines()]
    told = [f"2026-11-30 buyer crashed: ValueError({line!r}) and {line}" for line in spilled]
    return [
        *told,
        PEM,
        f"Authorization: Bearer {BEARER}",
        f"GET https://polygon.example/v2/{RPC_KEY}/ and wss://x.example?dkey={RPC_KEY}",
        f"redis://:{REDIS_PASSWORD}@db:6379/0 password {REDIS_PASSWORD}, keystore {KEYSTORE_PASSWORD}",
        f"bot{TELEGRAM} and {WEBHOOK} and {MAIL}, of somebody else: mailto://you:Anders-9-Satz@mail.example",
    ]


SECRETS = (
    *(HEX, OTHER_HEX, API_KEY, API_SECRET, PASSPHRASE, RPC_KEY, REDIS_PASSWORD, KEYSTORE_PASSWORD, METRICS_TOKEN),
    *(RELAYER_KEY, TELEGRAM.partition(":")[2], WEBHOOK.rpartition("/")[2], "Geheim-7-Wort", "Anders-9-Satz", BEARER),
    *("PlantedPlantedPlanted", "winner thank year", *(OTHER_HEX[::-1], PASSPHRASE[::-1])),
    *(form for key in (HEX, OTHER_HEX) for form in forms(key)[3:9]),
)
"""What no part of may be in a bundle."""


def windows(secret: str) -> set[str]:
    """Return every run of 10 letters and digits of a secret: less stands anywhere by chance."""
    alike = secret.lower()
    runs = {alike[place : place + 10] for place in range(len(alike) - 9)} or {alike}
    return {run for run in runs if set(run) & set(string.ascii_lowercase + string.digits) and len(set(run)) > 4}
