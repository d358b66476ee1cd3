"""Writes the text for pretraining as token numbers: books, generated prose and generated conversations.

python tokens.py --books BOOKS --tokenizer ../../public/starter --out tokens.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
from tokenizers import Tokenizer

from books import test_book, training_books
from conversations import conversations, held_out
from prose import document
from tokenizer import BEGIN, END, TURN_END, TURN_START

PROSE_SEED, CONVERSATION_SEED = 201, 202
TEST_SEED = 203
TEST_SHARE = 100
"""The last hundredth of every book is kept for testing."""


def chat_text(messages: Iterable[dict[str, str]]) -> str:
    """The messages as the chat template renders them, without the beginning-of-text token."""
    return "".join(f"{TURN_START}{message['role']}\n{message['content'].strip()}{TURN_END}\n" for message in messages)


def prose(count: int, seed: int) -> Iterator[str]:
    """Generated plain documents, none twice."""
    random = Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        text = document(random)
        if text not in seen:
            seen.add(text)
            yield text + END


def encoded(tokenizer: Tokenizer, texts: Iterable[str]) -> np.ndarray:
    """All texts one after another, each with beginning-of-text in front."""
    pieces: list[np.ndarray] = []
    remaining = iter(texts)
    while batch := list(islice(remaining, 2000)):
        pieces += [np.array(found.ids, dtype=np.uint16) for found in tokenizer.encode_batch(batch)]
    return np.concatenate(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, required=True, help="folder of .txt files")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--prose", type=int, default=80_000, help="generated documents")
    parser.add_argument("--conversations", type=int, default=400_000, help="generated conversations")
    arguments = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(arguments.tokenizer / "tokenizer.json"))
    assert tokenizer.encode("").ids == [tokenizer.token_to_id(BEGIN)]
    books = list(training_books(arguments.books))
    cuts = [text.rindex("\n\n", 0, len(text) - len(text) // TEST_SHARE) for text in books]
    streams = {
        "books": (text[:cut] for text, cut in zip(books, cuts, strict=True)),
        "prose": prose(arguments.prose, PROSE_SEED),
        "conversations": (chat_text(made.messages()) for made in conversations(arguments.conversations, CONVERSATION_SEED)),
        "test_books": (text[cut:].strip() + END for text, cut in zip(books, cuts, strict=True)),
        "test_new_book": [test_book(arguments.books) + END],
        "test_questions": (chat_text(made.messages()) for made in held_out(1000, TEST_SEED)),
    }
    arrays = {name: encoded(tokenizer, texts) for name, texts in streams.items()}
    for name, array in arrays.items():
        print(f"{name}: {len(array):,} tokens")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(arguments.out, **arrays)


if __name__ == "__main__":
    main()
