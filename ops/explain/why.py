"""`hybrid why` and `hybrid why-not`: say what became of a leader's fill, and why others were not followed."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from ops.domain.fill_timeline import SHORTEST, FillTimeline, find_stories, tell_story
from ops.domain.skip_stats import newest_ms, skip_stats
from ops.explain import skip_stats_view, timeline_view
from ops.recording import event_source
from ops.recording.event_source import Past
from shared.domain.errors import BadConfig
from shared.messages.value_codec import plain_value
from shared.redis.client import connect_redis

HOUR_MS = 3_600_000


def why(wanted: str, url: str, capture: Path | None, *, as_json: bool, console: Console) -> None:
    """Tell every life that `wanted` names.

    Raises:
        BadConfig: nothing that was read names it.
    """
    with _reading(url, capture) as events:
        stories = tell_story(events(), find_stories(events(), wanted))
    if not stories:
        where = str(capture) if capture else "the running system's streams"
        raise BadConfig(
            f"{wanted}: no signal, decision, order or transaction in {where} begins with it ({SHORTEST} digits at "
            "least); a fill that no source ever showed is found by `hybrid audit`"
        )
    if as_json:
        console.out(json.dumps([facts(story) for story in stories]), highlight=False)
        return
    for story in stories:
        console.print(timeline_view.story(story))


def why_not(
    url: str, capture: Path | None, *, hours: float | None, leader: str, as_json: bool, console: Console
) -> None:
    """Print the totals of the last `hours` before the newest event, or of everything.

    Raises:
        BadConfig: nothing was decided in that time.
    """
    with _reading(url, capture) as events:
        end_ms = newest_ms(events())
        start_ms = end_ms - round(hours * HOUR_MS) if hours is not None else 0
        found = skip_stats(events(), start_ms, end_ms, leader.lower())
    if not (found.decided or found.dropped or found.undecided):
        raise BadConfig(f"no decision{f' on {leader}' if leader else ''} in that time: give more --hours, or none")
    if as_json:
        console.out(json.dumps(found.figures()), highlight=False)
    else:
        console.print(skip_stats_view.totals(found))


def facts(story: FillTimeline) -> dict[str, Any]:
    """Return a life as plain JSON values."""
    cost = story.cost
    return {
        "event": "WHY",
        "signal_id": story.signal_id,
        "signal": _json(story.signal),
        "dropped": _json(story.dropped),
        "confirmations": [_json(event) for event in story.confirmations],
        "retractions": [_json(event) for event in story.retractions],
        "decision": _json(story.decision),
        "outcome": _json(story.outcome),
        "updates": [_json(event) for event in story.updates],
        "cost": {name: format(getattr(cost, name), "f") for name in timeline_view.COSTS} if cost else None,
        "exits": [_json(event) for event in story.exits],
        "withheld": [_json(event) for event in story.withheld],
        "payments": [{"at_ms": paid.at_ms, "payouts": paid.payouts, "lot": _json(paid.lot)} for paid in story.payments],
    }


def _json(value: Any) -> Any:  # noqa: ANN401 - any of our events, or None
    return plain_value(value) if value is not None else None


@contextmanager
def _reading(url: str, capture: Path | None) -> Generator[Past]:
    if capture is not None:
        yield event_source.of_capture(capture)
        return
    with connect_redis(url) as redis:
        yield event_source.of_streams(redis)
