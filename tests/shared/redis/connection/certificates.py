"""A certificate authority of a test's own, and what it signs."""

import subprocess
from pathlib import Path


class PrivateAuthority:
    """Makes keys and certificates in `folder`, by openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ca = folder, folder / "ca.pem"
        folder.mkdir()
        self._run("req", "-x509", "-nodes", *self._key("ca"), "-subj", "/CN=ours", "-out", self.ca)

    def sign(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key of `name`, for 127.0.0.1."""
        request, certificate, extra = (self.folder / f"{name}.{kind}" for kind in ("csr", "pem", "ext"))
        extra.write_text("subjectAltName=IP:127.0.0.1\n")
        self._run("req", "-nodes", *self._key(name), "-subj", f"/CN={name}", "-out", request)
        by = ("-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-extfile", extra)
        self._run("x509", "-req", "-in", request, "-out", certificate, "-days", "1", *by)
        return certificate, self.folder / f"{name}.key"

    def _key(self, name: str) -> tuple[str | Path, ...]:
        return ("-newkey", "rsa:2048", "-keyout", self.folder / f"{name}.key")

    @staticmethod
    def _run(*words: str | Path) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True)
