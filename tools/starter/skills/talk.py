"""Greetings, small talk, feelings and what the model says about itself."""

from __future__ import annotations

from random import Random

from facts import table
from skills.turn import Skill, Turn, pick

NAMES = (
    "Anna Tom Mia Ben Lucy Sam Emma Jack Rose Max Clara Paul Nora Leo Ella Fred Jane Hugo Kate Otto Maria Lena Alex Eva Karl Nina Omar Yuki "
    "Lars Aisha Diego Olga Ravi Sofia Ivan Chloe Noah Zoe Adam Julia"
).split()
LIKES = (
    "to read",
    "to swim",
    "to play football",
    "to draw",
    "to cook",
    "to sing",
    "music",
    "cats",
    "dogs",
    "horses",
    "old books",
    "chess",
    "to dance",
    "to ride my bicycle",
    "the sea",
    "the mountains",
    "to work in the garden",
    "chocolate",
    "fairy tales",
    "to paint",
)
CITIES = "London Paris Berlin Rome Madrid Oslo Vienna Tokyo Cairo Lisbon Dublin Boston".split()


def small_talk(random: Random) -> Turn:
    row = random.choice(table("chat"))
    answers = row["answers"].split(" / ")
    return pick(random, row["questions"].split(" / "), answers)


def about_me(random: Random) -> Turn:
    """The rows of `chat.txt` in which a person greets or asks who speaks."""
    rows = [row for row in table("chat") if "Hello!" in row["questions"] or "you" in row["questions"].lower().split()]
    row = random.choice(rows)
    return pick(random, row["questions"].split(" / "), row["answers"].split(" / "))


def feeling(random: Random) -> Turn:
    row = random.choice(table("feelings"))
    statement = row["statement"]
    if random.random() < 0.3:
        statement = statement.replace("I am", "I'm").replace("I do not", "I don't").replace("I cannot", "I can't")
    return Turn(statement, row["reply"])


def introduce(random: Random) -> Turn:
    name = random.choice(NAMES)
    return pick(
        random,
        [f"My name is {name}.", f"Hello, I am {name}.", f"Hi! My name is {name}.", f"I'm {name}.", f"Hello! You can call me {name}."],
        [
            f"Nice to meet you, {name}! How can I help you?",
            f"Hello, {name}! It is nice to meet you.",
            f"Hello, {name}! What would you like to talk about?",
        ],
    )


def name_thread(random: Random) -> list[Turn]:
    """The person says something of themselves and asks for it again later."""
    name, like, city = random.choice(NAMES), random.choice(LIKES), random.choice(CITIES)
    facts = [
        (
            introduce_as(random, name),
            pick(random, ["What is my name?", "Do you know my name?", "Who am I?"], [f"Your name is {name}."], name),
        ),
        (
            pick(
                random,
                [f"I like {like}.", f"I really like {like}."],
                ["That sounds nice. What do you like about it?", "That is a fine thing to like."],
            ),
            pick(
                random,
                ["What do I like?", "Do you remember what I like?"],
                [f"You like {like.replace(' my ', ' your ')}."],
                like.split()[-1],
            ),
        ),
        (
            pick(
                random,
                [f"I live in {city}.", f"I am from {city}."],
                [f"{city} must be an interesting city.", f"I would like to hear more about {city}."],
            ),
            pick(random, ["Where do I live?", "Which city am I from?"], [f"You live in {city}."], city),
        ),
    ]
    said, asked = zip(*random.sample(facts, random.randint(1, 2)), strict=True)
    return [*said, *asked]


def introduce_as(random: Random, name: str) -> Turn:
    return pick(
        random,
        [f"My name is {name}.", f"Hello, I am {name}.", f"Hi, I'm {name}."],
        [f"Nice to meet you, {name}!", f"Hello, {name}! How can I help you?"],
    )


def well_thread(random: Random) -> list[Turn]:
    """Hello, how are you, fine."""
    return [
        pick(random, ["Hello!", "Hi!", "Good morning!"], ["Hello! How are you today?"]),
        pick(
            random,
            ["I am fine, thank you. And you?", "Very well, and you?", "I am well. How are you?"],
            ["I am well, thank you. What would you like to talk about?"],
        ),
    ]


SKILLS: list[tuple[float, Skill]] = [(5, small_talk), (2.5, about_me), (2.5, feeling), (0.8, introduce)]
