"""A server's password that stands in a file, not in its URL: `redis://host:6379/0?password_file=/run/redis/password`.

Such a URL can be set, printed and handed to other programs; who cannot read the file cannot log in.
"""

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from shared.domain.errors import BadConfig

OPTION = "password_file"


def with_password_file(url: str, file: Path) -> str:
    """Return `url`, which has no query, naming the file of its password."""
    return f"{url}?{OPTION}={quote(str(file))}"


def take_password(url: str, option: str = OPTION) -> tuple[str, str | None]:
    """Return the URL without the name of its password's file, and the password that stands there; None without one.

    `option` names that file, of the server itself or of its sentinels.

    Raises:
        BadConfig: the file cannot be read, or is empty.
    """
    bare, _, query = url.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    files = [value for name, value in options if name == option]
    if not files:
        return url, None
    rest = urlencode([(name, value) for name, value in options if name != option])
    return (f"{bare}?{rest}" if rest else bare), _read(Path(files[-1]), option)


def _read(file: Path, option: str) -> str:
    fix = "it is written by the server's first start, or write its password there (chmod 600)"
    try:
        password = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{option}={file} of the Redis URL cannot be read ({type(error).__name__}): {fix}") from error
    if not password:
        raise BadConfig(f"{option}={file} of the Redis URL is empty: {fix}")
    return password
