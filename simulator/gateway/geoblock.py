"""The geoblock answer of the venue's web site: where a caller is, and whether it may trade from there."""

from dataclasses import asdict, dataclass
from typing import Any

from simulator.gateway.http_messages import Answer, Call, RefusedError, Route, answer


@dataclass(frozen=True)
class Region:
    """Where the site thinks a caller is."""

    blocked: bool = False
    ip: str = "203.0.113.7"
    country: str = "IE"
    region: str = "L"


class Site:
    """Serve the routes under /site, and the lever that moves the caller."""

    def __init__(self) -> None:
        """Start where trading is allowed."""
        self.region = Region()

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("GET", "/api/geoblock", lambda _: answer(asdict(self.region)))]

    def levers(self) -> list[Route]:
        """Return what is served under /sim."""
        return [Route("POST", "/region", self._move)]

    def _move(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        try:
            self.region = Region(**asked)
        except TypeError as error:
            raise RefusedError(400, str(error)) from error
        return answer(asdict(self.region))
