"""Apprise with only the plugins that are used: all 230 of them would take 18 MB and a second of start-up.

Apprise imports every plugin as soon as it is asked for one by its scheme. A plugin's file names its schemes in quotes,
so the few files that name ours are imported by themselves; where none is found, apprise looks for itself.
"""

import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import apprise

from shared.domain.errors import BadConfig

_NOT_PLUGINS = ("_", "base")


def make_target(url: str, number: int) -> "tuple[apprise.Apprise, str]":
    """Return what sends to `url`, and its service's name; `number` is its place in ALERT_URLS.

    Raises:
        BadConfig: apprise cannot read the URL, which is not repeated: it is a secret.
    """
    logging.getLogger("apprise").propagate = False  # its lines hold URLs; what failed is in each result
    scheme = url.partition("://")[0].lower()
    # no deadline of apprise's own, for which it keeps threads: each channel has a thread, each plugin its time-outs
    asset = apprise.AppriseAsset(app_id="Hybrid Signals", async_mode=False, service_timeout=0)
    target, plugin = apprise.Apprise(asset=asset), _plugin_of(scheme)
    server = url if plugin is None else _built(plugin, url, asset)
    if server is None or not target.add(server):
        raise BadConfig(
            f"ALERT_URLS, address {number} ({scheme}://...): apprise cannot read it; how each service's looks: "
            "https://github.com/caronc/apprise/wiki"
        )
    return target, str(target[0].service_name)


def _built(plugin: Any, url: str, asset: apprise.AppriseAsset) -> Any:  # noqa: ANN401 - a plugin of apprise, untyped
    """Return the plugin's object for a URL, None where it cannot read it."""
    words = plugin.parse_url(url)
    if not words:
        return None
    try:
        return plugin(**words, asset=asset)
    except TypeError:
        return None


def _plugin_of(scheme: str) -> Any:  # noqa: ANN401 - a plugin's class
    """Return the class of the plugin that has this scheme, None where it is not found so."""
    for name in _modules_naming(scheme):
        module = import_module(f"apprise.plugins.{name}")
        for word in dir(module):
            plugin = getattr(module, word)
            known = getattr(plugin, "schemas", None) if word.startswith("Notify") and isinstance(plugin, type) else None
            if callable(known) and scheme in known(plugin):  # pyright: ignore[reportOperatorIssue] - a set of text
                return plugin
    return None


def _modules_naming(scheme: str) -> Iterator[str]:
    folder = Path(apprise.__file__).parent / "plugins"
    for place in sorted(folder.iterdir()):
        if place.name.startswith(_NOT_PLUGINS) or (place.is_file() and place.suffix != ".py"):
            continue
        files = sorted(place.glob("*.py")) if place.is_dir() else [place]
        if any(f'"{scheme}"' in file.read_text(encoding="utf-8", errors="replace") for file in files):
            yield place.stem
