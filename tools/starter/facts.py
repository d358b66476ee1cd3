"""The tables of facts in `facts/`: one row a line, columns split by ` | `, the first line names them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "facts"

Row = dict[str, str]


@cache
def table(name: str) -> tuple[Row, ...]:
    """The rows of `facts/<name>.txt` as dictionaries keyed by column name."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    columns = [cell.strip() for cell in lines[0].split("|")]
    rows = []
    for place, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) != len(columns):
            raise ValueError(f"facts/{name}.txt, line {place}: {len(cells)} columns, expected {len(columns)}")
        rows.append(dict(zip(columns, cells, strict=True)))
    return tuple(rows)


@cache
def word_rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The lines of `facts/<name>.txt`, a file without header, each split at blanks."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split()) for line in lines if line.strip())
