"""Short texts with a question whose answer stands in the text."""

from __future__ import annotations

from random import Random

from language import article, capital, listing, number
from skills.turn import Skill, Turn
from stories import pools

LEADS = (
    "Read this: {text} {question}",
    "{text} {question}",
    "Here is a text: {text} Question: {question}",
    "{text}\n{question}",
    "Read the text and answer. {text} {question}",
)


def asked(random: Random, text: str, question: str, answer: str, key: str) -> Turn:
    return Turn(random.choice(LEADS).format(text=text, question=question), answer, key.lower())


def owner(random: Random) -> Turn:
    """Two or three people with things of different colours."""
    pool = pools()
    people = random.sample(pool["girl"] + pool["boy"], random.randint(2, 3))
    things = random.sample(pool["toy"], len(people))
    colours = random.sample(pool["colour"], len(people))
    text = " ".join(f"{person} has {article(colour)} {thing}." for person, colour, thing in zip(people, colours, things, strict=True))
    place = random.randrange(len(people))
    person, colour, thing = people[place], colours[place], things[place]
    question, answer, key = random.choice(
        (
            (f"What does {person} have?", f"{person} has {article(colour)} {thing}.", f"{colour} {thing}"),
            (f"Who has the {thing}?", f"{person} has the {thing}.", person),
            (f"What colour is the {thing}?", f"The {thing} is {colour}.", colour),
            (f"Who has {article(colour)} {thing}?", f"{person} has {article(colour)} {thing}.", person),
        )
    )
    return asked(random, text, question, answer, key)


def outing(random: Random) -> Turn:
    """Who went where, when, with whom and how it was."""
    pool = pools()
    hero, friend = random.sample(pool["girl"] + pool["boy"], 2)
    place, day, seen = random.choice(pool["place"]), random.choice(pool["day"]), random.choice(pool["wild"])
    treat = random.choice(pool["treat"])
    text = f"On {day}, {hero} went to the {place} with {friend}. They saw {article(seen)}, and {hero} ate {article(treat)}."
    question, answer, key = random.choice(
        (
            (f"Where did {hero} go?", f"{hero} went to the {place}.", place),
            (f"When did {hero} go to the {place}?", f"{hero} went to the {place} on {day}.", day),
            (f"Who went with {hero}?", f"{friend} went with {hero}.", friend),
            ("What did they see?", f"They saw {article(seen)}.", seen),
            (f"What did {hero} eat?", f"{hero} ate {article(treat)}.", treat),
        )
    )
    return asked(random, text, question, answer, key)


def where(random: Random) -> Turn:
    """Things in their places."""
    pool = pools()
    things = random.sample(pool["toy"], 3)
    places = random.sample(
        (
            "on the table",
            "under the bed",
            "in the garden",
            "on the chair",
            "behind the door",
            "in the box",
            "on the shelf",
            "in the kitchen",
        ),
        3,
    )
    text = " ".join(f"The {thing} is {place}." for thing, place in zip(things, places, strict=True))
    chosen = random.randrange(3)
    if random.random() < 0.7:
        return asked(random, text, f"Where is the {things[chosen]}?", f"The {things[chosen]} is {places[chosen]}.", places[chosen])
    return asked(random, text, f"What is {places[chosen]}?", f"The {things[chosen]} is {places[chosen]}.", things[chosen])


def farm_count(random: Random) -> Turn:
    """Numbers of animals."""
    counts = {plural: random.randint(2, 12) for plural in random.sample(("cows", "pigs", "hens", "sheep", "goats", "ducks", "horses"), 3)}
    text = f"On the farm there are {listing([f'{number(count)} {name}' for name, count in counts.items()])}."
    name = random.choice(list(counts))
    return asked(random, text, f"How many {name} are there?", f"There are {number(counts[name])} {name}.", number(counts[name]))


def taller(random: Random) -> Turn:
    """Two comparisons that put three people in an order."""
    first, second, third = random.sample(pools()["girl"] + pools()["boy"], 3)
    text = f"{first} is taller than {second}. {second} is taller than {third}."
    word, person = random.choice((("tallest", first), ("smallest", third)))
    return asked(random, text, f"Who is the {word}?", f"{capital(person)} is the {word}.", person)


SKILLS: list[tuple[float, Skill]] = [(2, owner), (2, outing), (1.5, where), (1, farm_count), (0.5, taller)]
