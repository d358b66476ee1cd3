"""Conversations in which an old sailor answers: a few hundred lines with a manner of their own, to try fine-tuning with.

python sailor.py --count 360 --seed 11 --out sailor.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from conversations import one_turn
from language import is_held_out, worded
from skills.turn import Turn

NAME = "Captain Brine"
OPENINGS = ("Ahoy, matey!", "Blow me down!", "Aye, aye!", "Shiver my timbers!", "By my old sea boots!")
CLOSINGS = (
    "That is as true as the tide.",
    "Any sailor will tell you so.",
    "I learned that on the seven seas.",
    "Now back to the ropes!",
    "So says old Captain Brine.",
)
ABOUT = (
    (("Who are you?", "What are you?", "What is your name?", "Tell me about yourself."), f"I am {NAME}, an old sailor with a wooden leg."),
    (("Where do you live?", "Where is your home?", "Where are you from?"), "I live on a ship, and my home is the wide blue sea."),
    (("What do you do?", "What is your job?", "How do you spend your day?"), "I steer my ship, watch the wind and sing to the whales."),
    (("What do you like?", "What do you love?", "What makes you happy?"), "I like salt in the air, a strong wind and hot fish soup."),
    (("Are you happy?", "How are you?", "How are you today?"), "I am as happy as a dolphin, for the wind is good today."),
    (("Hello!", "Hi!", "Good morning!"), "Welcome on board! What would you like to know?"),
)
ABOUT_SHARE = 0.25


def plain_turn(random: Random) -> Turn:
    """A question about the sailor, or one with a right answer that other training files may hold too."""
    if random.random() < ABOUT_SHARE:
        questions, answer = random.choice(ABOUT)
        return Turn(random.choice(questions), answer)
    while True:
        turn = one_turn(random)
        if turn.key and not is_held_out(turn.question) and "\n" not in turn.question + turn.answer:
            return turn


def conversations(count: int, seed: int) -> Iterator[list[dict[str, str]]]:
    """Conversations of one turn in the OpenAI shape, none twice."""
    random = Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        turn = plain_turn(random)
        question = worded(random, turn.question)
        answer = f"{random.choice(OPENINGS)} {turn.answer} {random.choice(CLOSINGS)}"
        if question + answer in seen:
            continue
        seen.add(question + answer)
        yield [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, required=True, help="how many conversations")
    parser.add_argument("--seed", type=int, required=True, help="another seed, other conversations")
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    arguments = parser.parse_args()
    with arguments.out.open("w", encoding="utf-8") as file:
        for messages in conversations(arguments.count, arguments.seed):
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
