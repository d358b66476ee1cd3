"""Conversations in simple English, made from the tables in `facts/` and the plots in `plots/`.

    python conversations.py --count 2000 --seed 7 --out conversations.jsonl [--held-out]

Each line is `{"messages": [{"role", "content"}, ...]}`. The same seed gives the same file. One question in fifty of those with a right
answer is kept out; `--held-out` writes only those (a turn each), with the words a right answer must hold in `key`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from language import capital, is_held_out, worded
from skills import animals, counting, knowledge, reading, talk, things, words, writing
from skills.turn import Skill, Turn

AREAS: tuple[tuple[float, list[tuple[float, Skill]]], ...] = (
    (20, animals.SKILLS),
    (18, things.SKILLS),
    (16, knowledge.SKILLS),
    (11, counting.SKILLS),
    (10, words.SKILLS),
    (10, talk.SKILLS),
    (8, reading.SKILLS),
    (11, writing.SKILLS),
)
THREADS: tuple[Callable[[Random], list[Turn]], ...] = (
    animals.thread,
    animals.thread,
    things.thing_thread,
    things.country_thread,
    talk.name_thread,
    talk.well_thread,
)
PLAIN_SYSTEMS = (
    "You are a helpful assistant.",
    "You are Starter, a small and friendly helper.",
    "You are a friendly helper who speaks simple English.",
    "Answer in short and simple sentences.",
    "You are a kind teacher for children.",
)


@dataclass(frozen=True)
class Conversation:
    """Turns, with an optional system text in front."""

    system: str
    turns: tuple[Turn, ...]

    def messages(self) -> list[dict[str, str]]:
        """The OpenAI shape."""
        found = [{"role": "system", "content": self.system}] if self.system else []
        for turn in self.turns:
            found.append({"role": "user", "content": turn.question})
            found.append({"role": "assistant", "content": turn.answer})
        return found


def one_turn(random: Random) -> Turn:
    """A turn of a random skill."""
    skills = random.choices([skills for _, skills in AREAS], [weight for weight, _ in AREAS])[0]
    skill = random.choices([skill for _, skill in skills], [weight for weight, _ in skills])[0]
    return skill(random)


def styled(random: Random, turns: list[Turn]) -> Conversation:
    """The turns with no, a plain, or an obeyed system text."""
    chance = random.random()
    short_key = all(turn.key and len(turn.key.split()) == 1 and turn.key in turn.answer.lower() for turn in turns)
    if chance < 0.04 and short_key:
        system = random.choice(("Answer with one word.", "Use only one word for your answer.", "Give very short answers, only one word."))
        return Conversation(system, tuple(Turn(turn.question, f"{cased(turn)}.", turn.key) for turn in turns))
    if chance < 0.05:
        system = random.choice(("You are a pirate.", "Talk like a pirate.", "Answer like a pirate."))
        return Conversation(system, tuple(Turn(turn.question, f"Arr! {turn.answer}", turn.key) for turn in turns))
    if chance < 0.17:
        return Conversation(random.choice(PLAIN_SYSTEMS), tuple(turns))
    return Conversation("", tuple(turns))


def cased(turn: Turn) -> str:
    """The key as the answer spells it, with a capital."""
    start = turn.answer.lower().index(turn.key)
    return capital(turn.answer[start : start + len(turn.key)])


def conversation(random: Random) -> Conversation:
    """One conversation of one to five turns."""
    chance = random.random()
    if chance < 0.68:
        turns = [one_turn(random)]
    elif chance < 0.86:
        turns = random.choice(THREADS)(random)
    else:
        turns = [one_turn(random) for _ in range(random.randint(2, 3))]
        if random.random() < 0.35:
            turns.insert(0, Turn(*random.choice((("Hello!", "Hello! How can I help you?"), ("Hi!", "Hi! What would you like to know?")))))
        if random.random() < 0.35:
            turns.append(Turn(*random.choice((("Thank you!", "You are welcome!"), ("Thanks, goodbye!", "You are welcome. Goodbye!")))))
    return styled(random, [Turn(worded(random, turn.question), turn.answer, turn.key) for turn in turns])


def conversations(count: int, seed: int) -> Iterator[Conversation]:
    """Conversations for training: none holds a held-out question, none comes twice."""
    random = Random(seed)
    seen: set[tuple[str, ...]] = set()
    while len(seen) < count:
        made = conversation(random)
        text = (*tuple(part for turn in made.turns for part in (turn.question, turn.answer)), made.system)
        if text in seen or any(turn.key and is_held_out(turn.question) for turn in made.turns):
            continue
        seen.add(text)
        yield made


def held_out(count: int, seed: int) -> Iterator[Conversation]:
    """Single questions with a right answer that no training file holds."""
    random = Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        turn = one_turn(random)
        if turn.key and is_held_out(turn.question) and turn.question not in seen:
            seen.add(turn.question)
            yield Conversation("", (turn,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True, help="how many conversations")
    parser.add_argument("--seed", type=int, required=True, help="another seed, other conversations")
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--held-out", action="store_true", help="write test questions instead")
    arguments = parser.parse_args()
    make = held_out if arguments.held_out else conversations
    with arguments.out.open("w", encoding="utf-8") as file:
        for made in make(arguments.count, arguments.seed):
            line: dict[str, object] = {"messages": made.messages()}
            if arguments.held_out:
                line["key"] = made.turns[0].key
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
