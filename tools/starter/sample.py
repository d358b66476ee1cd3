"""Cuts the text that the page's *Try the sample* drops: the first part of Romeo and Juliet in Tiny Shakespeare.

python sample.py --books BOOKS --out ../../public/sample
"""

from __future__ import annotations

import argparse
from pathlib import Path

from books import KEPT_FOR_SAMPLE

FIRST_LINE = "SAMPSON:\nGregory, o' my word"
LETTERS = 80_000
FILE = "shakespeare-romeo-and-juliet.txt"


def excerpt(text: str) -> str:
    """About 80,000 letters from the play's first scene on, cut between two speeches."""
    start = text.index(FIRST_LINE)
    end = text.rindex("\n\n", start, start + LETTERS)
    return text[start:end] + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, required=True, help="folder of .txt files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = (arguments.books / KEPT_FOR_SAMPLE).read_text(encoding="utf-8")
    (arguments.out / FILE).write_text(excerpt(text), encoding="utf-8")


if __name__ == "__main__":
    main()
