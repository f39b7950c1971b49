"""`python -m ops.docs_generator [--check]`: write what is generated from the models, or say what has drifted."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from ops import docs_reference
from ops.docs_reference import DocsSection
from ops.domain.rule_descriptions import WORDS
from ops.events_reference import events_page
from shared.config import Settings

ROOT = Path(__file__).resolve().parent.parent


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Write the generated files below `root`; with `--check` write nothing and return 1 when one has drifted."""
    parser = argparse.ArgumentParser(prog="python -m ops.docs_generator", description="Write the generated documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file has drifted")
    only_check = bool(parser.parse_args(argv).check)
    drifted = [name for name, text in documents().items() if not _same(root / name, text)]
    if only_check and drifted:
        sys.stderr.write(f"docs: {', '.join(drifted)} drifted from the models: run `make docs`\n")
        return 1
    if not only_check:
        for name in drifted:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(documents()[name], encoding="utf-8")
    return 0


def documents() -> Mapping[str, str]:
    """Return every generated file: its path below the root, and its text."""
    from shared.messages.events import WIRE  # noqa: PLC0415 - built when it is asked for

    sections = settings_sections()
    return {
        "docs/configuration.md": docs_reference.configuration(sections),
        ".env.example": docs_reference.env_example(sections),
        "shared/setting_names.py": docs_reference.setting_names(sections),
        "docs/events.schema.json": docs_reference.event_schema(WIRE),
        "docs/events.md": events_page(WIRE, WORDS),
    }


def settings_sections() -> list[DocsSection]:
    """Return the settings of every program: what all share first, then what each adds."""
    from buyer.config import BuyerSettings  # noqa: PLC0415 - the services are needed only here
    from detector.config import DetectorSettings  # noqa: PLC0415 - the services are needed only here
    from ops.alerts.config import AlertSettings  # noqa: PLC0415 - the services are needed only here
    from ops.audit.audit import AuditSettings  # noqa: PLC0415 - the services are needed only here
    from ops.config import UpSettings  # noqa: PLC0415 - the services are needed only here
    from ops.discovery.venue_candidates import DiscoverSettings  # noqa: PLC0415 - the services are needed only here
    from ops.research.contents.settings import SweepSettings  # noqa: PLC0415 - the services are needed only here
    from ops.run_service import ServiceSettings  # noqa: PLC0415 - the services are needed only here
    from ops.web.settings import WebSettings  # noqa: PLC0415 - the services are needed only here
    from redeemer.config import RedeemerSettings  # noqa: PLC0415 - the services are needed only here

    every = DocsSection("Every program", "Read by all of them.", Settings.model_fields)
    programs = (
        ("Detector", DetectorSettings),
        ("Buyer", BuyerSettings),
        ("Redeemer", RedeemerSettings),
        ("hybrid up", UpSettings),
        ("hybrid service", ServiceSettings),
        ("hybrid alerts", AlertSettings),
        ("hybrid web", WebSettings),
        ("hybrid audit", AuditSettings),
        ("hybrid discover", DiscoverSettings),
        ("hybrid sweep and sweep-worker", SweepSettings),
    )
    return [every, *(_section(title, model) for title, model in programs)]


def _section(title: str, model: type[Settings]) -> DocsSection:
    about = (model.__doc__ or "").strip().splitlines()[0]
    return DocsSection(title, about, docs_reference.own_fields(model, Settings))


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
