"""Settings: one frozen model per service; flags beat the environment, which beats the `.env` file.

`parse(Model, argv)` reads the command line for `None` and only the environment for `[]`, so an orchestrator's flags
never leak into a service (pitfall 32).
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.domain.errors import BadConfig
from shared.domain.redaction import without_keys
from shared.domain.trading_words import dry_run_wins
from shared.messages.base import Address
from shared.polymarket.wire import endpoints
from shared.polymarket.wire.leader_words import address_of, split_words
from shared.server_settings import ServerSettings
from shared.setting_aliases import read_aliases
from shared.setting_names import KNOWN
from shared.setting_safety import refuse_plain_urls, refuse_readable_keys
from shared.unknown_settings import (
    doubtful_in_environment,
    nearest_setting,
    unknown_in_environment,
    unknown_in_file,
)

_KEY = re.compile(r"(?<![0-9a-fA-F])(0[xX])?[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*|[a-z]+(_[a-z]+)+")
_HIDDEN = "(hidden)"


def _shown_name(name: str) -> str:
    """Return a name as it may be printed: what is not written like a setting may be a secret at its place."""
    return name if _NAME.fullmatch(name) and not _KEY.search(name) else _HIDDEN


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _leaders(value: object) -> object:
    """Return the addresses of a list, in whatever form people have them."""
    return tuple(address_of(word) for word in split_words(value)) if isinstance(value, str) else value


Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_leaders)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(ServerSettings):
    """What every service is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, cli_implicit_flags=True)
    program: ClassVar[str] = "hybrid"

    data_api_url: str = Field(endpoints.DATA_API_URL, description="Base URL of the Data API.")
    gamma_url: str = Field(endpoints.GAMMA_URL, description="Base URL of the Gamma API (market facts).")
    clob_url: str = Field(endpoints.CLOB_URL, description="Base URL of the CLOB REST API (books).")
    rpc_url: str = Field(
        endpoints.RPC_URL,
        description="Polygon JSON-RPC endpoint; your own node or provider is better than the public default.",
    )
    gamma_rate_per_s: float = Field(15.0, gt=0, le=400, description="Shared budget for Gamma, requests per second.")
    rpc_rate_per_s: float = Field(
        5.0, gt=0, le=1000, description="Shared budget for the RPC node, requests per second."
    )
    http_timeout_s: float = Field(10.0, gt=0, le=120, description="Seconds an upstream may take to answer.")
    health_port: int = Field(
        0, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 picks a free one."
    )
    health_host: str = Field("127.0.0.1", description="Where they listen; anything but loopback needs METRICS_TOKEN.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that /metrics asks for when not on loopback."
    )
    allow_plain_http: bool = Field(
        default=False, description="Ask a venue or node by http:// or ws:// that is not on this machine."
    )
    keep_entries: int = Field(
        50_000,
        ge=100,
        description="Newest entries kept of each stream; older ones go when every group is done.",
    )
    heartbeat_s: float = Field(10.0, gt=0, le=300, description="Seconds between SERVICE_HEALTH events.")
    runtime_seconds: float = Field(0, ge=0, description="Stop after this many seconds; 0 runs until told to stop.")
    run_dir: Path = Field(
        Path(tempfile.gettempdir()) / "hybrid-signals",
        description="Where lock files live that keep one process per name.",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level written to stderr.")
    log_format: str = Field(
        "auto",
        pattern="^(auto|json|text)$",
        description="Log lines as JSON or text; auto is text on a terminal.",
    )

    def upstream_urls(self) -> dict[str, str]:
        """Return where venue and node are asked, by setting."""
        names = [name for name in type(self).model_fields if name.endswith("_url") and name not in _SERVERS]
        several = {name: value for name, value in self.model_dump().items() if _lists_urls(name, value)}
        listed = {f"{name} ({place})": url for name, urls in several.items() for place, url in enumerate(urls, 1)}
        return {name: str(getattr(self, name)) for name in names} | listed

    def published(self) -> dict[str, Any]:
        """Return the settings as plain JSON values for SERVICE_START: secrets hidden, of a URL only where it leads."""
        fields = type(self).model_fields
        shown = self.model_dump(mode="json")
        for name, value in shown.items():
            if _lists_urls(name, value):
                shown[name] = [_where(url) for url in value]
            elif name.endswith("_url") and value != fields[name].default:
                shown[name] = _where(value)
        return shown


_SERVERS = frozenset({"redis_url", "rq_url"})

Model = TypeVar("Model", bound=Settings)


def parse(model: type[Model], argv: list[str] | None = None, **overrides: Any) -> Model:  # noqa: ANN401 - any field's value
    """Build `model` from flags, environment and `--env-file`.

    Args:
        model: The settings to build.
        argv: Flags; None reads the command line, [] only the environment.
        overrides: Values that beat everything (an orchestrator's own decisions).

    Raises:
        BadConfig: naming the variable, the value and what it should be; also a name that no program knows.
        RefusedForSafety: a file with a key that others can read; a venue or node without TLS on another machine.
    """
    words = sys.argv[1:] if argv is None else argv
    env_file, flags = _take_env_file(words)
    for line in check_names(env_file, KNOWN.union(map(str.upper, model.model_fields))):
        sys.stderr.write(f"{model.program}: {line}\n")  # no logger yet: its settings are being read
    if env_file:
        refuse_readable_keys(env_file, dotenv_values(env_file, encoding="utf-8"))
    flags, renamed = _take_aliases(model, env_file, flags)
    flags = [_in_kebab_case(flag) if flag.startswith("--") else flag for flag in flags]
    _check_flags(model, flags)
    try:
        given: dict[str, Any] = {**renamed, **dry_run_wins(flags, model.model_fields), **overrides}
        settings = model(**_reading(model.program, env_file, flags), **given)
    except ValidationError as error:
        raise BadConfig(explain_error(model, error)) from error
    if not settings.allow_plain_http:
        refuse_plain_urls(settings.upstream_urls())
    return settings


def _take_aliases(model: type[Settings], env_file: str | None, flags: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the flags without old names, and what old names set; one line on stderr says which were seen."""
    file = dotenv_values(env_file, encoding="utf-8") if env_file else {}
    reading = read_aliases(flags, os.environ, file, model.model_fields)
    for line in reading.lines:
        sys.stderr.write(f"{model.program}: {line}\n")  # no logger yet: its settings are being read
    return list(reading.flags), dict(reading.values)


def _reading(program: str, env_file: str | None, flags: list[str]) -> dict[str, Any]:
    """Return pydantic-settings' own arguments: where values are read from."""
    return {
        "_env_file": env_file,
        "_cli_parse_args": flags or None,  # no flags: no command line is built, which takes ten milliseconds
        "_cli_kebab_case": True,
        "_cli_prog_name": program,
    }


def _in_kebab_case(flag: str) -> str:
    name, sign, value = flag.partition("=")
    return name.replace("_", "-") + sign + value


def _take_env_file(words: list[str]) -> tuple[str | None, list[str]]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--env-file", default=os.environ.get("HYBRID_ENV_FILE"))
    known, rest = parser.parse_known_args(words)
    if known.env_file and not Path(known.env_file).is_file():
        raise BadConfig(f"--env-file {without_keys(known.env_file)}: no such file; copy .env.example and edit it")
    return known.env_file, rest


def check_names(env_file: str | None, known: frozenset[str] = KNOWN) -> list[str]:
    """Refuse settings that no program knows: any in the file, and what can only be ours in the environment.

    Return a line for each name of the environment that may be another program's.

    Raises:
        BadConfig: naming each, and the setting that was probably meant; never a value, which may be a secret.
    """
    given = [name for name, value in os.environ.items() if value]
    wrong = [
        f"{_unknown(name, 'the environment', known)} If it is another program's: `env -u {_shown_name(name)} ...`"
        for name in unknown_in_environment(given, known)
    ]
    places = _places(env_file) if env_file else {}
    wrong += [_unknown(name, places[name], known) for name in unknown_in_file(places, known)]
    if wrong:
        raise BadConfig("; ".join(wrong))
    return [
        f"{_unknown(name, 'the environment', known)} Passed over." for name in doubtful_in_environment(given, known)
    ]


def _check_flags(model: type[Settings], flags: list[str]) -> None:
    """Refuse a flag that is no setting of this program.

    Raises:
        BadConfig: naming it, and the flag that was probably meant.
    """
    names = {name.upper() for name in model.model_fields}
    for flag in (word.partition("=")[0] for word in flags if word.startswith("--")):
        name = flag[2:].replace("-", "_").upper()
        if name not in names and name.removeprefix("NO_") not in names and flag != "--help":
            meant = nearest_setting(name, frozenset(names))
            fix = f"did you mean --{meant.lower().replace('_', '-')}?" if meant else "--help shows them all"
            shown = _HIDDEN if _KEY.search(flag) else flag
            raise BadConfig(f"{shown}: {model.program} has no such flag; {fix}")
    _refuse_stray_words(model, flags)


def _refuse_stray_words(model: type[Settings], flags: list[str]) -> None:
    """Refuse a word that belongs to no flag, without repeating it: it may be a secret."""
    takes_word = False
    for number, word in enumerate(flags, start=1):
        if not word.startswith("--"):
            if not takes_word and word != "-h":
                raise BadConfig(f"word {number} {_HIDDEN}: belongs to no flag; {model.program} takes only --flag value")
            takes_word = False
            continue
        field = model.model_fields.get(word[2:].replace("-", "_"))
        takes_word = "=" not in word and (field is None or field.annotation is not bool) and word != "--help"


def _places(env_file: str) -> dict[str, str]:
    """Return where each name stands in the file.

    Raises:
        BadConfig: a line that is not NAME=VALUE, or no text.
    """
    places: dict[str, str] = {}
    try:
        with Path(env_file).open(encoding="utf-8") as lines:
            for binding in parse_stream(lines):
                place = f"{env_file}, line {binding.original.line}"
                if binding.error or (binding.key is not None and binding.value is None):
                    raise BadConfig(f"{place}: not a setting; expected NAME=VALUE")
                if binding.key is not None:
                    places[binding.key] = place
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"--env-file {env_file}: cannot be read as text ({error})") from error
    return places


def _unknown(name: str, place: str, known: frozenset[str]) -> str:
    """Return what is wrong with a name, and the fix."""
    meant = nearest_setting(name, known)
    fix = f"did you mean {meant}?" if meant else "remove it (.env.example names all there are)."
    return f"{_shown_name(name)} ({place}): no program has this setting; {fix}"


def explain_error(model: type[Settings], error: ValidationError) -> str:
    """Return one line for each wrong setting: variable, value, problem, what it is for."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        if not problem["loc"]:
            lines.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        field = model.model_fields.get(name)
        told = repr(problem["input"])
        secret = (field is not None and "Secret" in str(field.annotation)) or _KEY.search(told)
        value = _HIDDEN if secret else told[:100]
        purpose = f" ({field.description})" if field is not None and field.description else ""
        lines.append(f"{name.upper()}={value}: {problem['msg']}{purpose}")
    return "; ".join(lines)


def _lists_urls(name: str, value: object) -> bool:
    return name.endswith("_urls") and isinstance(value, list | tuple)


def _where(url: str) -> str:
    """Return a URL's scheme, host and database number; providers put their keys everywhere else."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.rpartition("@")[2].partition("/")
    number = path.partition("?")[0]
    return f"{scheme}://{host.partition('?')[0]}" + (f"/{number}" if number.isdigit() else "/***" if path else "")
