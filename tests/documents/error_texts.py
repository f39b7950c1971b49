"""The texts of errors that wait for a person, read from the source: what a page of advice must know."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("backtest", "buyer", "detector", "ops", "redeemer", "shared")
FOR_A_PERSON = {"BadConfig", "DependencyMissing", "RefusedForSafety"}
LONGEST = 100


def error_texts() -> dict[str, str]:
    """Return heading -> file of every such error that says something itself."""
    files = [file for program in PROGRAMS for file in sorted((ROOT / program).rglob("*.py"))]
    found = {heading: str(file.relative_to(ROOT)) for file in files for heading in _headings(file)}
    return {heading: file for heading, file in found.items() if sum(letter.isalpha() for letter in heading) > 8}


def _headings(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _name(node.func) in FOR_A_PERSON and node.args:
            text = _text(node.args[0])
            if text is not None:
                yield heading_of(text)


def heading_of(text: str) -> str:
    """Return a text as a heading: its first line, cut at a word, without what markdown reads."""
    line = text.strip().splitlines()[0].replace("`", "").replace("<", "").replace("#", "")
    if len(line) <= LONGEST:
        return line.rstrip(" .:;")
    return line[:LONGEST].rsplit(" ", 1)[0].rstrip(" ,.:;(") + " …"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _text(node: ast.expr) -> str | None:
    """Return a text with … for each value in it; None for one that is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) or "…" if isinstance(value, ast.Constant) else "…" for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (_text(left) or "…") + (_text(right) or "…")
        case _:
            return None
