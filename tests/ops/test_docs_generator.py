"""What is generated from the models has not drifted, and says what an operator needs."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from ops import docs_generator
from ops.docs_reference import bounds
from shared.config import Settings
from shared.messages.events import KINDS
from shared.setting_names import KNOWN

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", docs_generator.documents())
def test_a_generated_file_says_what_the_models_say(name: str) -> None:
    """`make docs` writes it again."""
    assert (ROOT / name).read_text(encoding="utf-8") == docs_generator.documents()[name]


def test_check_names_what_drifted_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_generator.main(["--check"], tmp_path) == 1

    assert "docs/configuration.md" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_passes_the_check(tmp_path: Path) -> None:
    assert docs_generator.main([], tmp_path) == 0
    assert docs_generator.main(["--check"], tmp_path) == 0


def test_every_setting_has_a_sentence() -> None:
    for section in docs_generator.settings_sections():
        for name, field in section.fields.items():
            assert field.description, name
            assert field.description.rstrip().endswith((".", ")")), name


def test_units_and_bounds_come_from_the_model() -> None:
    assert bounds("heartbeat_s", Settings.model_fields["heartbeat_s"]) == "s; > 0, ≤ 300"


def test_the_example_file_is_safe_to_copy() -> None:
    """Every line but the leaders' is a comment, so a copy changes nothing until it is edited."""
    text = docs_generator.documents()[".env.example"]

    open_lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert open_lines == ["TRACKED_WALLETS="]
    names = re.findall(r"(?m)^# ([A-Z_0-9]+)=", text)
    assert len(names) == len(set(names))


def test_every_program_knows_every_setting() -> None:
    """A typo is told from a setting of another program by this list."""
    fields = {name.upper() for model in every_model() for name in model.model_fields}

    assert fields == KNOWN, "a model of settings that `make docs` does not show"


@pytest.mark.pitfall(63)
@pytest.mark.parametrize(
    "file", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda file: file.name
)
def test_each_line_of_settings_that_a_document_shows_sets_one_known_setting(file: Path) -> None:
    """Copied into .env it must not stop the start, and must not put two settings into one."""
    blocks = re.findall(r"(?ms)^```\w*\n(.*?)^```", file.read_text(encoding="utf-8"))
    shown = [line for block in blocks for line in re.findall(r"(?m)^[A-Z][A-Z_0-9]*=[^\n]*$", block)]
    settings = [line.partition(" #")[0].split() for line in shown if " docker " not in line]

    assert [words for words in settings if len(words) != 1 or words[0].partition("=")[0] not in KNOWN] == []


def every_model() -> list[type[Settings]]:
    docs_generator.settings_sections()
    found, open_ones = list[type[Settings]](), [Settings]
    while open_ones:
        model = open_ones.pop()
        found.append(model)
        open_ones += [each for each in model.__subclasses__() if not each.__module__.startswith("test")]
    return found


def test_the_schema_names_every_event() -> None:
    schema = json.loads(docs_generator.documents()["docs/events.schema.json"])

    assert set(schema["discriminator"]["mapping"]) == {get_args(kind.__annotations__["event"])[0] for kind in KINDS}
