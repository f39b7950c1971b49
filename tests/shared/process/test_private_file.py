"""A secret is read only from a file that nobody else could read, whatever its mode looks like."""

import os
import struct
from pathlib import Path

import pytest

from shared.domain.errors import RefusedForSafety
from shared.process.private_file import read_private

pytestmark = pytest.mark.pitfall(26)

NOBODY_NAMED = 0xFFFF_FFFF
OWNER, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
READ, READ_WRITE = 4, 6
STRANGER = 4711


def a_credential(folder: Path, *entries: tuple[int, int, int]) -> Path:
    """Write a file with the access list that systemd gives a credential, and these entries more."""
    file = folder / "signing-key"
    file.write_text("secret\n")
    file.chmod(0o400)
    whole = [(OWNER, READ, NOBODY_NAMED), (USER, READ, os.getuid()), (GROUP_OBJ, 0, NOBODY_NAMED)]
    whole += [*entries, (MASK, READ, NOBODY_NAMED), (OTHER, 0, NOBODY_NAMED)]
    try:
        packed = b"".join(struct.pack("<HHI", *entry) for entry in sorted(whole, key=lambda entry: entry[0]))
        os.setxattr(file, "system.posix_acl_access", struct.pack("<I", 2) + packed)
    except OSError as error:
        pytest.skip(f"this file system keeps no access lists ({error})")
    return file


def test_a_credential_that_systemd_hands_over_by_access_list_is_read(tmp_path: Path) -> None:
    file = a_credential(tmp_path)

    assert file.stat().st_mode & 0o777 == 0o440, "the mask, shown as a group's right"
    assert read_private(file, "PRIVATE_KEY_FILE") == "secret"


@pytest.mark.parametrize("entry", [(USER, READ, STRANGER), (GROUP, READ, STRANGER), (GROUP, READ_WRITE, 0)])
def test_an_access_list_that_lets_somebody_else_in_is_refused(tmp_path: Path, entry: tuple[int, int, int]) -> None:
    file = a_credential(tmp_path, entry)

    with pytest.raises(RefusedForSafety, match="others can read it"):
        read_private(file, "PRIVATE_KEY_FILE")


def test_a_right_that_the_mask_takes_away_counts_for_nothing(tmp_path: Path) -> None:
    file = a_credential(tmp_path, (GROUP, 1, STRANGER))

    assert read_private(file, "PRIVATE_KEY_FILE") == "secret"


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o604, 0o660])
def test_without_an_access_list_the_mode_decides(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text("secret")
    file.chmod(mode)

    with pytest.raises(RefusedForSafety, match="chmod 600"):
        read_private(file, "PRIVATE_KEY_FILE")
