"""`hybrid config`: each setting as a program would take it here, and where it comes from; secrets stay hidden."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from dotenv import dotenv_values
from msgspec.structs import replace

from ops.supervisor.env_file import find_env_file
from shared.config import Settings, parse
from shared.domain.value import Value
from shared.setting_aliases import read_aliases

Program = Literal["detector", "buyer", "redeemer", "up"]
HIDDEN = "(hidden)"
DEFAULT = "default"


class SettingRow(Value, frozen=True, kw_only=True):
    """One setting of one or several programs: its value as JSON's own type, '(hidden)' for a secret that is set."""

    name: str
    value: Any
    source: str
    default: Any
    programs: tuple[str, ...]
    about: str


def effective_settings(
    programs: Sequence[Program], words: Sequence[str], env_file: str | None
) -> tuple[SettingRow, ...]:
    """Return what these programs would take: flags beat the environment, which beats the file, which beats the default.

    Args:
        programs: Which programs.
        words: Flags, as one would give them to the program.
        env_file: The file of settings; None for the one that `hybrid up` would read.

    Raises:
        BadConfig: a value that no program would start with.
    """
    file = env_file or find_env_file()
    merged: dict[tuple[str, str, str], SettingRow] = {}
    for program in programs:
        for row in _of_program(program, words, file):
            key = (row.name, repr(row.value), row.source)
            known = merged.get(key)
            merged[key] = _joined(known, program) if known else row
    return tuple(merged.values())


def row_facts(row: SettingRow) -> dict[str, Any]:
    """Return a row as plain JSON values."""
    return {name: getattr(row, name) for name in SettingRow.__struct_fields__} | {"programs": list(row.programs)}


def _joined(row: SettingRow, program: str) -> SettingRow:
    return replace(row, programs=(*row.programs, program))


def _of_program(program: Program, words: Sequence[str], file: str | None) -> list[SettingRow]:
    model = _MODELS[program]()
    flags = [*(["--env-file", file] if file else []), *words]
    settings = parse(model, flags)
    values, source = settings.published(), _sources(model, words, file)
    return [
        SettingRow(
            name=name.upper(),
            value=_shown(values[name], secret="Secret" in str(field.annotation)),
            source=source(name),
            default=_plain(field.get_default(call_default_factory=True)),
            programs=(program,),
            about=field.description or "",
        )
        for name, field in model.model_fields.items()
    ]


def _shown(value: Any, *, secret: bool) -> Any:  # noqa: ANN401 - any setting's
    return HIDDEN if secret and value is not None else value


def _plain(value: Any) -> Any:  # noqa: ANN401 - any setting's
    if value is None or isinstance(value, bool | int | float):
        return value
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else str(value)


def _sources(model: type[Settings], words: Sequence[str], file: str | None) -> Callable[[str], str]:
    """Return what says where a setting's value comes from."""
    in_file: Mapping[str, str | None] = dotenv_values(file, encoding="utf-8") if file else {}
    old = read_aliases(list(words), os.environ, in_file, model.model_fields).values
    flags = {_setting(word) for word in words if word.startswith("--")}
    told = ({name.lower() for name, value in where.items() if value} for where in (os.environ, in_file))
    environment, filed = told

    def source(name: str) -> str:
        if name in flags or f"no_{name}" in flags:
            return "flag"
        if name in environment:
            return "environment"
        if name in filed:
            return f"file {file}"
        return "an old name" if name in old else DEFAULT

    return source


def _setting(flag: str) -> str:
    return flag[2:].partition("=")[0].replace("-", "_").lower()


def _detector() -> type[Settings]:
    from detector.config import DetectorSettings  # noqa: PLC0415 - a program is imported when it is asked for

    return DetectorSettings


def _buyer() -> type[Settings]:
    from buyer.config import BuyerSettings  # noqa: PLC0415 - as above

    return BuyerSettings


def _redeemer() -> type[Settings]:
    from redeemer.config import RedeemerSettings  # noqa: PLC0415 - as above

    return RedeemerSettings


def _up() -> type[Settings]:
    from ops.config import UpSettings  # noqa: PLC0415 - as above

    return UpSettings


_MODELS: Mapping[Program, Callable[[], type[Settings]]] = {
    "detector": _detector,
    "buyer": _buyer,
    "redeemer": _redeemer,
    "up": _up,
}
