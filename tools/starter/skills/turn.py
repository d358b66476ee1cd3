"""One exchange of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Turn:
    """What a person asks and what the model shall answer.

    `key` is what a right answer must hold, in lower case; empty where many answers are right.
    """

    question: str
    answer: str
    key: str = ""


Skill = Callable[[Random], Turn]


def pick(random: Random, questions: Sequence[str], answers: Sequence[str], key: str = "") -> Turn:
    """A turn of one of the questions and one of the answers."""
    return Turn(random.choice(questions), random.choice(answers), key.lower())
