"""A command line whose errors show no key: who types one at a wrong place must not find it in a log."""

import argparse
import re
from typing import NoReturn

_KEY = re.compile(r"(?<![0-9a-fA-F])(0[xX])?[0-9a-fA-F]{64}(?![0-9a-fA-F])")


class HidingParser(argparse.ArgumentParser):
    """A parser that says what is wrong with a word, without the word where that has the shape of a private key."""

    def error(self, message: str) -> NoReturn:
        """Print the message and end with code 2."""
        super().error(_KEY.sub("(hidden)", message))
