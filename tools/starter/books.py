"""The books that the model reads, and those kept from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

KEPT_FOR_SAMPLE = "shakespeare-tiny-shakespeare.txt"
"""The page's sample text is cut from this one, so the model must not know it: its style should be new."""

KEPT_FOR_TEST = "kipling-just-so-stories.txt"
"""Measures the loss on a book never read."""


def training_books(folder: Path) -> Iterator[str]:
    """The text of every book but the two that are kept back, in the order of their names."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise SystemExit(f"No .txt files in {folder}: name the folder of books with --books.")
    for file in files:
        if file.name not in {KEPT_FOR_SAMPLE, KEPT_FOR_TEST}:
            yield file.read_text(encoding="utf-8").strip()


def test_book(folder: Path) -> str:
    """The text of the book kept for testing."""
    return (folder / KEPT_FOR_TEST).read_text(encoding="utf-8").strip()
