"""Opposites, rhymes, plurals, spelling and sentences written another way."""

from __future__ import annotations

from functools import cache
from random import Random

from facts import table, word_rows
from language import article, capital, listing
from skills.turn import Skill, Turn, pick

WOMEN = "Anna Mia Lucy Emma Rose Clara Nora Lily Ella Jane".split()
MEN = "Tom Ben Jack Sam Max Paul Peter Henry Leo Fred".split()
WHEN = ("every day", "in the morning", "after school", "on Sunday", "with Mia", "in the garden", "")
COLOURS = "red blue green yellow white black brown".split()


@cache
def opposite_pairs() -> tuple[tuple[str, str], ...]:
    """All pairs, and those turned around whose second word has only that one opposite."""
    pairs = [(row[0], row[1]) for row in word_rows("opposites")]
    firsts, seconds = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return (*pairs, *((b, a) for a, b in pairs if b not in firsts and seconds.count(b) == 1))


def opposite(random: Random) -> Turn:
    word, other = random.choice(opposite_pairs())
    return pick(
        random,
        [
            f"What is the opposite of {word}?",
            f"What is the opposite of '{word}'?",
            f"Give me the opposite of {word}.",
            f"What is the contrary of {word}?",
            f"Opposite of {word}?",
        ],
        [f"The opposite of {word} is {other}."],
        f"is {other}",
    )


def synonym(random: Random) -> Turn:
    word, other = random.choice(word_rows("synonyms"))
    return pick(
        random,
        [f"What is another word for {word}?", f"Give me another word for '{word}'.", f"Which word means the same as {word}?"],
        [f"Another word for {word} is {other}."],
        other,
    )


def rhyme(random: Random) -> Turn:
    words = random.choice(word_rows("rhymes"))
    word, *others = random.sample(words, len(words))
    if random.random() < 0.3 and len(others) > 2:
        return pick(
            random,
            [f"Name two words that rhyme with {word}.", f"Give me two rhymes for {word}."],
            [f"{capital(others[0])} and {others[1]} rhyme with {word}."],
        )
    if random.random() < 0.3:
        other = random.choice(random.choice(word_rows("rhymes")))
        yes = other in others or other == word
        if other != word:
            return Turn(
                f"Does {other} rhyme with {word}?",
                f"{'Yes' if yes else 'No'}, {other} {'rhymes' if yes else 'does not rhyme'} with {word}.",
                "yes" if yes else "no",
            )
    return pick(
        random,
        [
            f"What rhymes with {word}?",
            f"Which word rhymes with {word}?",
            f"Tell me a word that rhymes with '{word}'.",
            f"Find a rhyme for {word}.",
        ],
        [f"{capital(others[0])} rhymes with {word}."],
    )


def plural(random: Random) -> Turn:
    one, many = random.choice(word_rows("plurals"))
    if random.random() < 0.3:
        return pick(
            random,
            [f"What is the singular of {many}?", f"What is the singular of '{many}'?"],
            [f"The singular of {many} is {one}."],
            f"is {one}",
        )
    return pick(
        random,
        [f"What is the plural of {one}?", f"What is the plural of '{one}'?", f"One {one}, two what?"],
        [f"The plural of {one} is {many}."],
        f"is {many}",
    )


def past(random: Random) -> Turn:
    row = random.choice(table("verbs"))
    return pick(
        random,
        [f"What is the past of {row['base']}?", f"What is the past tense of '{row['base']}'?", f"What is the past form of {row['base']}?"],
        [f"The past of {row['base']} is {row['past']}."],
        f"is {row['past']}",
    )


def spell(random: Random) -> Turn:
    word = random.choice(
        [row["name"] for row in (*table("animals"), *table("things"), *table("foods")) if row["name"].isalpha() and len(row["name"]) < 7]
    )
    if random.random() < 0.5:
        return pick(
            random,
            [
                f"Which letter does {word} begin with?",
                f"What is the first letter of '{word}'?",
                f"What letter does the word {word} start with?",
            ],
            [f"The word {word} begins with {word[0].upper()}."],
            f"with {word[0]}",
        )
    return pick(
        random, [f"How do you spell {word}?", f"Spell the word {word}.", f"Spell '{word}'."], ["-".join(word.upper()) + "."], "-".join(word)
    )


def rewrite(random: Random) -> Turn:
    """A sentence put into the past, the negative, a question, or told about oneself."""
    row = random.choice(table("verbs"))
    woman = random.random() < 0.5
    name = random.choice(WOMEN if woman else MEN)
    tail = random.choice(WHEN)
    thing = row["object"].replace("her", "him") if not woman and row["base"] == "give" else row["object"]
    rest = f"{thing} {tail}".strip()
    plain = f"{name} {row['third']} {rest}."
    kinds = [
        (["Put this into the past: ", "Change to the past: ", "Write this in the past tense: "], f"{name} {row['past']} {rest}."),
        (["Make this negative: ", "Say the opposite with 'not': ", "Write this with 'not': "], f"{name} does not {row['base']} {rest}."),
        (["Make a question: ", "Turn this into a question: ", "Change this into a question: "], f"Does {name} {row['base']} {rest}?"),
        (["Say it about yourself: ", "Write this with 'I': "], f"I {row['base']} {rest}."),
        (
            [f"Use '{'she' if woman else 'he'}' for the name: ", "Replace the name with a pronoun: "],
            f"{'She' if woman else 'He'} {row['third']} {rest}.",
        ),
        (["Put this into the future: ", "Write this in the future: "], f"{name} will {row['base']} {rest}."),
    ]
    leads, answer = random.choice(kinds)
    return Turn(random.choice(leads) + plain, answer, answer.rstrip(".?"))


def repeat(random: Random) -> Turn:
    row = random.choice(table("verbs"))
    sentence = f"{random.choice(WOMEN + MEN)} {row['third']} {row['object']} {random.choice(WHEN)}".strip() + "."
    return Turn(
        random.choice(["Repeat after me: ", "Say this: ", "Repeat this sentence: ", "Please write: "]) + sentence,
        sentence,
        sentence.rstrip("."),
    )


def sentence(random: Random) -> Turn:
    thing, colour = random.choice(table("things"))["name"], random.choice(COLOURS)
    animal = random.choice(table("animals"))
    name = random.choice(WOMEN + MEN)
    verb = "are" if thing == "scissors" else "is"
    if random.random() < 0.5:
        subject = thing
        answers = [
            f"The {thing} {verb} on the table.",
            f"{name} cannot find the {thing}.",
            f"The old {thing} {verb} {colour}.",
            f"{name} put the {thing} next to the door.",
            f"Where {verb} my {thing}?",
        ]
    else:
        subject = animal["name"]
        answers = [
            f"The {subject} is looking for food.",
            f"{name} saw {article(subject)} yesterday.",
            f"I like {animal['plural']} very much.",
            f"{capital(article(subject))} lives {animal['home']}.",
        ]
    return pick(
        random,
        [
            f"Make a sentence with the word {subject}.",
            f"Write a sentence with '{subject}'.",
            f"Use the word {subject} in a sentence.",
            f"Write a short sentence about {article(subject) if subject != 'scissors' else subject}.",
        ],
        answers,
    )


def order(random: Random) -> Turn:
    """Words put into the order of the alphabet."""
    words = random.sample([row["name"] for row in table("animals") if " " not in row["name"]], 3)
    while len({word[0] for word in words}) < 3:
        words = random.sample([row["name"] for row in table("animals") if " " not in row["name"]], 3)
    return pick(
        random,
        [f"Put these words in alphabetical order: {', '.join(words)}.", f"Sort these words by the alphabet: {', '.join(words)}."],
        [f"{capital(', '.join(sorted(words)))}."],
        ", ".join(sorted(words)),
    )


def colour_words(random: Random) -> Turn:
    first, second, third = random.sample(COLOURS, 3)
    return pick(
        random, [f"Which colours do you see here: {first}, {second}, {third}?"], [f"I see {listing([first, second, third])}."], third
    )


SKILLS: list[tuple[float, Skill]] = [
    (3, opposite),
    (1, synonym),
    (1.5, rhyme),
    (1.2, plural),
    (1, past),
    (1, spell),
    (3.5, rewrite),
    (0.8, repeat),
    (1.5, sentence),
    (0.3, order),
    (0.1, colour_words),
]
