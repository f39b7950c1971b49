"""Names of machines and starts that nobody else has, whatever the host is called (pitfall 52).

Containers share host names and process ids. A file of the run folder tells one installation from the next and outlives
a restart, so that a lease comes back at once to who held it; each start has a word of its own beside it.
"""

import os
import secrets
import socket
from pathlib import Path

_FILE = "installation"


def installation_name(folder: Path) -> str:
    """Return the host's name and what tells this run folder from every other; where none can be kept, this start."""
    return f"{socket.gethostname()}~{_kept_word(folder / _FILE)}"


def start_name(service: str) -> str:
    """Return a name for one start of a service: host, process id, and a word that no other start has."""
    return f"{service}@{socket.gethostname()}:{os.getpid()}~{secrets.token_hex(3)}"


def host_of(name: str) -> str:
    """Return the host in a name that one of these made."""
    return name.partition("@")[2].partition("~")[0]


def _kept_word(file: Path) -> str:
    """Return the folder's word; who comes first makes it."""
    word = secrets.token_hex(4)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(word, encoding="ascii")
        try:
            os.link(beside, file)  # whole or not at all, and never over another's
        except FileExistsError:
            word = file.read_text(encoding="ascii").strip() or word
        finally:
            beside.unlink()
    except OSError:
        return word
    return word
