"""The environments of other people's clients: `python -m benchmarks.rigs.witnesses.environments` makes those that lack.

Each client has a hashed list of what it needs under tests/witnesses; they conflict with each other, so each stands in a
folder of its own under var/witnesses. Only wheels are installed: nothing of theirs is built here.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LISTS = ROOT / "tests" / "witnesses"
HOMES = ROOT / "var" / "witnesses"
_PACKAGE = "benchmarks.rigs.witnesses"


@dataclass(frozen=True)
class Witness:
    """A client: its name and version, how its driver is run, and the Python it needs."""

    name: str
    version: str
    driver: str
    mode: str = ""
    python: str = "3.11"
    orders: bool = False
    before: str = ""

    @property
    def lock(self) -> Path:
        """Return the list of all it needs, with hashes."""
        return LISTS / "npm" / "package-lock.json" if self.node else LISTS / "locks" / f"{self.home.name}.lock"

    @property
    def node(self) -> bool:
        """Tell whether it runs under node."""
        return self.driver.endswith(".mjs")

    @property
    def home(self) -> Path:
        """Return the folder of its environment."""
        return HOMES / f"{self.name.strip('@').replace('/', '-')}-{self.version}"

    @property
    def title(self) -> str:
        """Return what the table calls it."""
        return " ".join(filter(None, (self.name, self.version, self.mode)))

    def command(self) -> list[str] | None:
        """Return how its driver is started; None where its environment is not made."""
        if self.node:
            script = self.home / self.driver
            return ["node", "--experimental-websocket", str(script)] if self.made and shutil.which("node") else None
        python = str(self.home / "bin" / "python") if self.made else self._ours()
        return [python, "-m", f"{_PACKAGE}.{self.driver}", *filter(None, [self.mode])] if python else None

    @property
    def missing(self) -> str:
        """Return why it cannot run."""
        if self.node and not shutil.which("node"):
            return "no node on this machine"
        return f"its environment is not made: make witnesses ({self.home.relative_to(ROOT)})"

    @property
    def made(self) -> bool:
        """Tell whether its environment holds just what its list names."""
        stamp = self.home / ".made"
        return stamp.exists() and stamp.read_text() == self.digest()

    def digest(self) -> str:
        """Return what an environment is known by: its list."""
        return hashlib.sha256(self.lock.read_bytes()).hexdigest()

    def _ours(self) -> str:
        """Return this very Python where the client is installed beside us already, in that version."""
        try:
            return sys.executable if metadata.version(self.name) == self.version else ""
        except metadata.PackageNotFoundError:
            return ""


WITNESSES = (
    Witness("polymarket-client", "0.14.0", "official", "sync", before="12 of 12 list reads failed"),
    Witness("polymarket-client", "0.14.0", "official", "async", before="12 of 12 list reads failed"),
    Witness("polymarket-client", "0.9.0", "official", "async"),
    Witness("polymarket-apis", "2.3.0", "polymarket_apis", python="3.12"),
    Witness("eggplant-sdk", "0.3.1", "eggplant"),
    Witness("nautilus-trader", "1.221.0", "nautilus", orders=True),
    Witness("@polymarket/client", "0.2.0", "npm.mjs", before="3 of 3 Gamma reads failed"),
)


def make(witness: Witness) -> str:
    """Make a client's environment if it is not there; return what stands in the way, or nothing."""
    if witness.made:
        return ""
    if witness.node:
        return _make_node(witness)
    python = interpreter(witness.python)
    if not python:
        return f"no Python {witness.python} on this machine"
    shutil.rmtree(witness.home, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(witness.lock)]
    _run([uv, "venv", "--quiet", "--python", python, str(witness.home)])
    _run([*install, "--python", str(witness.home / "bin" / "python")])
    (witness.home / ".made").write_text(witness.digest())
    return ""


def _make_node(witness: Witness) -> str:
    if not shutil.which("npm"):
        return "no npm on this machine"
    shutil.rmtree(witness.home, ignore_errors=True)
    witness.home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LISTS / "npm" / name, witness.home)
    _run(["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--silent", "--prefix", str(witness.home)])
    (witness.home / ".made").write_text(witness.digest())
    return ""


def interpreter(version: str) -> str:
    """Return a Python of a version that starts: on the path, or where version managers keep them."""
    asked = [sys.executable, shutil.which(f"python{version}") or ""]
    kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for each in (*asked, *map(str, kept)):
        if each and _version_of(each) == version:
            return each
    return ""


def _version_of(python: str) -> str:
    told = subprocess.run([python, "-c", _ASKED], capture_output=True, text=True, check=False)
    return told.stdout.strip()


_ASKED = "import sys; print('%d.%d' % sys.version_info[:2])"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> int:
    """Make all environments; tell which could not be made, and why."""
    lacking = {witness.home.name: make(witness) for witness in WITNESSES}
    for name, why in lacking.items():
        print(f"{name:32} {why or 'ready'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
