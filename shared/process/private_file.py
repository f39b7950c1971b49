"""Files that hold a secret: read only where nobody but this process's user, or root, could read them as well.

A file's mode alone does not say so: where it has an access list (POSIX ACL), the bits of its group are the list's mask.
systemd hands a credential (`LoadCredential=`) to a service's user that way, as `-r--r-----+ root` (systemd 254 and
newer on a kernel whose tmpfs takes `noswap`; systemd issues 29096 and 29435), and no group reads it.
"""

import os
import struct
from pathlib import Path

from shared.domain.errors import BadConfig, RefusedForSafety

_OTHERS = 0o077
_OTHERS_BUT_GROUP = 0o007
_LONGEST = 65_536
_ACCESS_LIST = "system.posix_acl_access"
_HEADER, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_USER, _GROUP_OBJ, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
"""Tags of entries: linux/posix_acl.h; each is followed by rights and an id, linux/posix_acl_xattr.h."""


def read_private(file: Path, setting: str) -> str:
    """Return the text of a file that nobody else can read or owns.

    Raises:
        BadConfig: it cannot be read.
        RefusedForSafety: others can read it, or it is somebody else's.
    """
    try:
        # Before it is read: a secret that others could read is none any more, and must be replaced.
        with file.open(encoding="utf-8") as opened:
            state = os.fstat(opened.fileno())
            if state.st_uid not in {os.getuid(), 0}:
                raise RefusedForSafety(f"{setting}={file}: belongs to user {state.st_uid}: `chown` it to yours")
            if state.st_mode & _OTHERS and _others_may_read(state.st_mode, _access_list(opened.fileno())):
                raise RefusedForSafety(f"{setting}={file}: others can read it; chmod 600 {file}")
            return opened.read(_LONGEST).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{setting}={file}: cannot be read ({type(error).__name__}: no such file?)") from None


def _access_list(fd: int) -> bytes:
    """Return the file's access list as the kernel tells it, empty where there is none."""
    try:
        return os.getxattr(fd, _ACCESS_LIST)
    except (OSError, AttributeError):  # no list, or a system without them
        return b""


def _others_may_read(mode: int, access_list: bytes) -> bool:
    """Say whether the mode, or where there is one the access list, lets anybody in but owner, root and ourselves."""
    if mode & _OTHERS_BUT_GROUP or len(access_list) % _ENTRY.size != _HEADER.size:
        return True
    entries = list(_ENTRY.iter_unpack(access_list[_HEADER.size :]))
    mask = next((rights for tag, rights, _ in entries if tag == _MASK), 0o7)
    ours = {(_USER, os.getuid()), (_USER, 0)}
    return any(
        rights & mask and (tag, named) not in ours
        for tag, rights, named in entries
        if tag in {_USER, _GROUP_OBJ, _GROUP}
    )
