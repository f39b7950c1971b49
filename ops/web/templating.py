"""Pages from templates: what strangers wrote is text, on one line, whatever it holds."""

import hashlib
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ops.web.domain import amounts
from shared.domain.plain_text import make_plain

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_FILTERS = (
    amounts.usd,
    amounts.change,
    amounts.tone,
    amounts.price,
    amounts.shares,
    amounts.exact,
    amounts.percent,
    amounts.used_percent,
    amounts.span,
    amounts.ago,
    amounts.until,
    amounts.moment,
    amounts.iso,
    amounts.short,
)


class PageWriter:
    """Writes pages and parts of them."""

    def write(self, template: str, shown: Mapping[str, object]) -> str:
        """Return a template with its values."""
        return _templates().get_template(template).render(shown)


@cache
def _templates() -> Environment:
    """Return what has read the templates: each is compiled once in a process."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_as_plain,
    )
    cast("dict[str, Any]", templates.filters).update({each.__name__: each for each in _FILTERS})
    cast("dict[str, Any]", templates.filters)["coded"] = coded
    cast("dict[str, Any]", templates.globals).update({"once": once_word, "static": static_url})
    return templates


def coded(text: str) -> Markup:
    """Return a message with what stands in `backquotes` as code, as the commands' own messages have it."""
    parts = make_plain(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def once_word() -> str:
    """Return the word of one form."""
    return secrets.token_hex(16)


@cache
def static_url(name: str) -> str:
    """Return where a static file is served; its content is in the name, so that no browser keeps an old one."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?{mark}"


def _as_plain(value: object) -> object:
    """Return what is written for a value: of text nothing that acts on a screen."""
    return make_plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
