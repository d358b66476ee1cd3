"""Small helpers for writing correct English from tables of words."""

from __future__ import annotations

import zlib
from random import Random

NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()

QUESTION_WORDS = frozenset("What Where Which Who Why When How Can Is Are Do Does".split())

HELD_OUT_SHARE = 50
"""One question in this many is kept out of training, to test whether answers carry over to new wordings."""


def article(noun: str) -> str:
    """The noun with `a` or `an` in front, chosen by its first sound as far as spelling shows it."""
    silent_or_vowel = noun[0].lower() in "aeiou" or noun.startswith(("hour", "honest"))
    sounds_like_consonant = noun.startswith(("uni", "use", "eu", "one"))
    return ("an " if silent_or_vowel and not sounds_like_consonant else "a ") + noun


def capital(text: str) -> str:
    """The text with its first letter in upper case and the rest as it was."""
    return text[:1].upper() + text[1:]


def listing(items: list[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]


def number(value: int) -> str:
    """A number from 0 to 100 in words."""
    if value <= 20:
        return NUMBER_WORDS[value]
    if value == 100:
        return "one hundred"
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()[value // 10 - 2]
    return tens if value % 10 == 0 else f"{tens}-{NUMBER_WORDS[value % 10]}"


def is_held_out(question: str) -> bool:
    """Whether a question belongs to the test set; decided by its letters alone, so every seed agrees."""
    letters = "".join(character for character in question.lower() if character.isalnum())
    return zlib.crc32(letters.encode()) % HELD_OUT_SHARE == 0


def worded(random: Random, question: str) -> str:
    """A question as people type it: mostly as it stands, sometimes in lower case, without its mark, or politely."""
    chance = random.random()
    opening = question.split(" ", 1)[0]
    if opening not in QUESTION_WORDS:
        return question
    if chance < 0.06:
        return question[:1].lower() + question[1:].rstrip("?.")
    if chance < 0.12:
        return question.rstrip("?.")
    if chance < 0.15:
        return "Please tell me: " + question
    if chance < 0.18:
        return "I have a question. " + question
    return question
