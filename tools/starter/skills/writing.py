"""Stories, verses, letters and wishes on demand."""

from __future__ import annotations

from random import Random

from facts import table, word_rows
from language import article, capital
from skills.turn import Skill, Turn, pick
from stories import pools, short_story, story

ANY = (
    "Tell me a story.",
    "Tell me a short story.",
    "Can you tell me a story?",
    "Write a story.",
    "Please tell me a story.",
    "I would like to hear a story.",
    "Tell me another story.",
    "Do you know a story?",
)
ABOUT = (
    "Tell me a story about {}.",
    "Tell me a short story about {}.",
    "Write a short story about {}.",
    "Write a story about {}.",
    "Can you tell me a story about {}?",
    "I would like a story about {}.",
    "Make up a story about {}.",
)


RHYMED_PAIRS = (
    ("I saw {a} at break of day,", "It looked at me and walked away."),
    ("The little {one} came out at night", "And saw the moon so big and bright."),
    ("{A} was sitting by a tree,", "It turned its head and looked at me."),
    ("The {one} went out to see the snow", "And heard the winter wind blow."),
    ("A happy {one} once sang a song,", "It sang and sang the whole day long."),
    ("The {one} lay down and closed its eyes", "And dreamed of stars in summer skies."),
    ("The {one} was looking for a friend", "And found one at the garden's end."),
    ("It had no gold, it had no crown,", "But it was known in all the town."),
    ("It played outside till day was done,", "And warmed its nose in the evening sun."),
    ("The rain came down, the wind blew cold,", "The {one} was small, but it was bold."),
    ("It went to sleep when stars were near,", "And had no trouble and no fear."),
    ("So when you see it, wave your hand,", "And I am sure it will understand."),
    ("The grass was green, the sky was blue,", "The {one} was glad, and I was too."),
    ("It ran through fields, it ran through rain,", "And then it ran back home again."),
)


def tell(random: Random) -> Turn:
    told = short_story(random) if random.random() < 0.75 else story(random)
    if random.random() < 0.2:
        return Turn(random.choice(ANY), told.text)
    return Turn(random.choice(ABOUT).format(told.about), told.text)


def bedtime(random: Random) -> Turn:
    told = short_story(random)
    return pick(
        random,
        ["Tell me a bedtime story.", "Tell me a story before I sleep.", "I want a good night story."],
        [f"{told.text} And now, good night and sleep well."],
    )


def poem(random: Random) -> Turn:
    """Four lines whose ends rhyme in pairs, about an animal or a thing of nature."""
    animal = random.choice(table("animals"))
    first, second = random.sample(RHYMED_PAIRS, 2)
    name = animal["name"]
    lines = [line.format(one=name, a=article(name), A=capital(article(name))) for line in (*first, *second)]
    return pick(
        random,
        [
            f"Write a poem about {article(name)}.",
            f"Write a short poem about {animal['plural']}.",
            f"Can you write a poem about {article(name)}?",
            f"Tell me a poem about {article(name)}.",
            f"Make up a little verse about {article(name)}.",
        ],
        ["\n".join(lines)],
    )


def letter(random: Random) -> Turn:
    pool = pools()
    name, sender = random.sample(pool["girl"] + pool["boy"], 2)
    place, day, thing = random.choice(pool["far_place"]), random.choice(pool["day"]), random.choice(pool["toy"])
    kind = random.choice(("thank", "invite", "greet"))
    if kind == "thank":
        question = f"Write a letter to {name} to say thank you for the {thing}. My name is {sender}."
        text = (
            f"Dear {name},\n\nthank you very much for the {thing}. I like it a lot, and I think of you when I use it.\n\nYours,\n{sender}"
        )
    elif kind == "invite":
        question = f"Write a letter from {sender} to {name} and invite {name} to a party on {day}."
        text = f"Dear {name},\n\nI am having a party on {day}, and I would be very happy if you came. There will be cake and games.\n\nYours,\n{sender}"
    else:
        question = f"Write a short letter from {sender} to {name} about a trip to the {place}."
        text = f"Dear {name},\n\nyesterday I went to the {place}. It was wonderful, and I wish you had been there. Next time we will go together.\n\nYours,\n{sender}"
    return Turn(question, text)


def wish(random: Random) -> Turn:
    name = random.choice(pools()["girl"] + pools()["boy"])
    return random.choice(
        (
            Turn(
                f"Write a birthday wish for {name}.",
                f"Happy birthday, {name}! I wish you health, joy and a wonderful new year of your life.",
            ),
            Turn(f"Say good night to {name}.", f"Good night, {name}! Sleep well and have sweet dreams."),
            Turn(f"Write a get well card for {name}.", f"Dear {name}, I am sorry that you are ill. I hope you feel better very soon!"),
            Turn(f"Say hello to {name}.", f"Hello, {name}! It is nice to meet you."),
            Turn(f"Thank {name} for the help.", f"Thank you very much for your help, {name}! That was very kind of you."),
        )
    )


def describe(random: Random) -> Turn:
    row = random.choice(table("animals"))
    name = article(row["name"])
    return pick(
        random,
        [
            f"Describe {name}.",
            f"Describe {name} in two sentences.",
            f"Write two sentences about {row['plural']}.",
            f"What does {name} look like?",
        ],
        [
            f"{capital(name)} is {row['colour']} and lives {row['home']}. {row['fact']}",
            f"{capital(name)} is {row['colour']}. It eats {row['food']}.",
        ],
    )


def rhyming_line(random: Random) -> Turn:
    words = random.choice(word_rows("rhymes"))
    first, second = random.sample(words, 2)
    return Turn(f"Name two words that rhyme: one of them is {first}.", f"{capital(first)} and {second} rhyme.")


SKILLS: list[tuple[float, Skill]] = [(9, tell), (0.6, bedtime), (1.8, poem), (0.7, letter), (0.5, wish), (2, describe), (0.1, rhyming_line)]
