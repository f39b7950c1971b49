"""Files by their SHA-256, on one machine: fetched ones up to a cap, and links to what the machine has elsewhere.

Nothing in it is believed: a file is hashed whenever a history is opened, and fetched again where it is another. A
history is opened as a folder of links of its own, so what is thrown out meanwhile stays readable; a killed process's
folder is cleared by the next one, and all workers of a machine share the cache.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from backtest.sweep.contents import FileContent, HistoryContent, file_digest
from backtest.sweep.trial import HistoryPaths
from shared.domain.errors import BadConfig

Fetch = Callable[[FileContent, BinaryIO], None]
"""Write what a file holds, from wherever it is to be had."""


class FileCache:
    """A folder: `objects/` by SHA-256, `open/` for the histories that are being read."""

    def __init__(self, folder: Path, cap_bytes: int) -> None:
        self._folder, self._cap = folder, cap_bytes
        self._objects, self._open = folder / "objects", folder / "open"

    def note(self, sha256: str, path: Path) -> None:
        """Remember that this machine has a file at `path`; it takes no space here.

        Raises:
            BadConfig: the folder cannot be written.
        """
        with self._writing():
            self._made()
            link = self._objects / f".{sha256}.{os.getpid()}"
            link.unlink(missing_ok=True)
            link.symlink_to(path.resolve())
            link.replace(self._objects / sha256)

    @contextmanager
    def opened(self, content: HistoryContent, fetch: Fetch) -> Generator[HistoryPaths]:
        """Have all files of a history as long as the block lasts; one process of a machine fetches at a time.

        Raises:
            BadConfig: a file is not what was to be fetched; or the history is larger than the cache may be; or the
                folder cannot be written.
        """
        with ExitStack() as stack:
            with self._writing(), _locked(self._made()):
                self._clear_dead()
                view = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._open)))
                stack.enter_context(_locked(view))
                self._complete(content, fetch)
                paths = self._linked(content, view)
            yield paths

    def _made(self) -> Path:
        """Return the folder, made where it is not there yet."""
        for folder in (self._folder, self._objects, self._open):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    @contextmanager
    def _writing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise BadConfig(f"{self._folder}: fetched files cannot be kept there ({error}); see --data-dir") from error

    def _clear_dead(self) -> None:
        """Remove what killed processes left: nobody holds it."""
        for view in self._open.iterdir():
            with suppress(BlockingIOError, FileNotFoundError), _locked(view, wait=False):
                shutil.rmtree(view, ignore_errors=True)
        for part in self._objects.glob(".*.part"):
            part.unlink(missing_ok=True)

    def _complete(self, content: HistoryContent, fetch: Fetch) -> None:
        missing = [file for file in content.distinct if not self._has(file)]
        self._make_room(content, sum(file.size for file in missing))
        for file in missing:
            self._store(file, fetch)

    def _has(self, file: FileContent) -> bool:
        """Say whether the file is here and unchanged; what is not is dropped."""
        place = self._objects / file.sha256
        with suppress(OSError, BadConfig):
            if place.stat().st_size == file.size and file_digest(place).hex() == file.sha256:
                if not place.is_symlink():
                    os.utime(place)
                return True
        place.unlink(missing_ok=True)
        return False

    def _make_room(self, content: HistoryContent, coming: int) -> None:
        """Throw out the files that were not used for longest, none of this history."""
        wanted = {file.sha256 for file in content.distinct}
        kept = [(place.stat(), place) for place in self._objects.iterdir() if not place.is_symlink()]
        needed = coming + sum(stat.st_size for stat, place in kept if place.name in wanted)
        if needed > self._cap:
            raise BadConfig(
                f"the sweep's files take {needed:,} bytes here, and SWEEP_CACHE_MB allows {self._cap:,}: raise it, "
                "or have the files on this machine (`hybrid sweep-worker --have FOLDER`)"
            )
        total = coming + sum(stat.st_size for stat, _ in kept)
        for stat, place in sorted(kept, key=lambda found: found[0].st_mtime):
            if total > self._cap and place.name not in wanted:
                place.unlink()
                total -= stat.st_size

    def _store(self, file: FileContent, fetch: Fetch) -> None:
        part = self._objects / f".{file.sha256}.part"
        with part.open("wb") as out:
            fetch(file, out)
        found = file_digest(part).hex()
        if found != file.sha256:
            part.unlink()
            raise BadConfig(
                f"{file.name}: what was fetched is not the sweep's file (SHA-256 {found}, not {file.sha256}): "
                "refused; whoever offers it must not change it"
            )
        part.replace(self._objects / file.sha256)

    def _linked(self, content: HistoryContent, view: Path) -> HistoryPaths:
        """Lay all files out under their names, each path's in a folder of its own."""
        paths: list[Path] = []
        for number, given in enumerate((*content.files, *content.resolved)):
            folder = view / str(number)
            folder.mkdir()
            for file in given:
                place = folder / file.name
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(self._objects / file.sha256, place)
            paths.append(folder / given[0].name.partition("/")[0] if given else folder)
        return HistoryPaths(tuple(paths[: len(content.files)]), tuple(paths[len(content.files) :]))


def _link(place: Path, name: Path) -> None:
    if place.is_symlink():
        name.symlink_to(place.readlink())
        return
    try:
        name.hardlink_to(place)
    except OSError:  # a file system without hard links
        shutil.copyfile(place, name)


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Generator[None]:
    """Hold a folder; the kernel frees it however the process ends."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(number)
