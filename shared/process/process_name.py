"""Names of processes that no other process has, whatever its machine is called (pitfall 52).

Hosts of equal names are common: containers, cloned machines, `localhost`. Two processes that take each other for
themselves take each other's lease, and overwrite each other's word.
"""

import hashlib
import os
import re
import secrets
import socket
from functools import lru_cache
from pathlib import Path

_FILE = "installation"
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")
_BYTES = 4
_ID = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}")


def process_address() -> str:
    """Return where this process runs, for the names of this start: `host:pid.start`."""
    return _address(os.getpid())


def installation_address(folder: Path, boot_file: Path = _BOOT_FILE) -> str:
    """Return `id.host` of this installation, the same after a restart: `folder` (RUN_DIR) keeps its id.

    Its locks let one process of a name run here, so a name with this address is of one process at a time, and has its
    lease back at once. A copy of the machine, its folder and name included, has another: the kernel's boot is part of
    the id. Where nothing can be kept there, the address is of this start alone.
    """
    word = f"{installation_id(folder)}|{_boot(boot_file)}"
    return f"{hashlib.blake2b(word.encode(), digest_size=_BYTES).hexdigest()}.{socket.gethostname()}"


def installation_id(folder: Path) -> str:
    """Return the id that `folder` (RUN_DIR) keeps, also after the machine began again."""
    return _installation(folder, os.getpid())


def host_of(address: str) -> str:
    """Return the host of an address, also of one that an older release wrote without an id."""
    first, dot, rest = address.partition(".")
    return rest if dot and _ID.fullmatch(first) else address


@lru_cache(maxsize=4)
def _address(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}.{secrets.token_hex(2)}"


def _boot(file: Path) -> str:
    """Return the kernel's own word for this boot; '' where it has none."""
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


@lru_cache(maxsize=16)
def _installation(folder: Path, pid: int) -> str:
    del pid  # a forked process asks again
    new, file = secrets.token_hex(_BYTES), folder / _FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _kept(file) or new
    except OSError:
        return new
    with os.fdopen(number, "w", encoding="ascii") as opened:
        opened.write(new)
    return new


def _kept(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if _ID.fullmatch(text) else ""
