"""What a page loads, says and draws, as a person's browser would show it."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Outside(HTMLParser):
    """What a page would load from elsewhere, and its texts."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {value}" for name, value in attrs if name in {"src", "href"} and value != "data:,"]


def look(
    browser: Any, file: Path, width: int, scheme: str, first: str = "equity", last: str = "delay"
) -> dict[str, Any]:
    """Open the page as a person would; return what the browser said, drew and asked for."""
    seen: dict[str, Any] = {"said": [], "asked": []}
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    heard: dict[str, Callable[[Any], None]] = {
        "console": lambda message: seen["said"].append(message.text),
        "pageerror": lambda error: seen["said"].append(str(error)),
        "request": lambda request: seen["asked"].append(request.url),
    }
    for name, hear in heard.items():
        tab.on(name, hear)
    tab.goto(file.as_uri())
    tab.wait_for_selector(f"#{last} .main-svg")
    seen["plots"] = tab.evaluate(
        "[...document.querySelectorAll('.plot')].map(p => [p.id, p.querySelector('.main-svg').clientWidth,"
        " p.querySelectorAll('.trace, .scatterlayer path, .bars path').length])"
    )
    seen["overflow"] = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    seen["ink"] = tab.evaluate(f"getComputedStyle(document.querySelector('#{first} .xtick text')).fill")
    seen["shot"] = tab.screenshot()
    tab.close()
    return seen
