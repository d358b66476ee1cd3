"""Questions about things, food, work, countries and the body."""

from __future__ import annotations

from random import Random

from facts import Row, table
from language import article, capital
from skills.turn import Skill, Turn, pick

MASS_NOUNS = {"soap", "glue"}


def named(row: Row) -> tuple[str, str]:
    """The thing with its article, and the verb that goes with it."""
    if row["name"] == "scissors":
        return "scissors", "are"
    return (row["name"] if row["name"] in MASS_NOUNS else article(row["name"])), "is"


def what_thing(random: Random, row: Row) -> Turn:
    name, verb = named(row)
    return pick(
        random,
        [f"What {verb} {name}?", f"Can you tell me what {name} {verb}?", f"Explain what {name} {verb}."],
        [f"{capital(name)} {verb} {article(row['category'])}. You use {'them' if verb == 'are' else 'it'} {row['use']}."],
        row["use"],
    )


def use(random: Random, row: Row) -> Turn:
    name, verb = named(row)
    if random.random() < 0.2:
        return Turn(f"Why do people use {name}?", f"People use {name} {row['use']}.", row["use"])
    return pick(
        random,
        [f"What do you use {name} for?", f"What {verb} {name} for?", f"What can you do with {name}?"],
        [f"You use {name} {row['use']}."],
        row["use"],
    )


def material(random: Random, row: Row) -> Turn:
    name, verb = named(row)
    return pick(
        random,
        [f"What {verb} {name} made of?", f"What material {verb} {name} made of?"],
        [f"{capital(name)} {verb} made of {row['material']}."],
        row["material"],
    )


def place(random: Random, row: Row) -> Turn:
    name, _ = named(row)
    return pick(
        random,
        [f"Where do you find {name}?", f"Where can I find {name}?", f"Where would you look for {name}?"],
        [f"You can find {name} {row['place']}."],
        row["place"],
    )


def needed(random: Random, row: Row) -> Turn:
    name, _ = named(row)
    return pick(
        random,
        [f"What do I need {row['use']}?", f"What do you need {row['use']}?", f"What can I use {row['use']}?"],
        [f"You need {name} {row['use']}.", f"You can use {name}."],
        row["name"],
    )


def thing(random: Random) -> Turn:
    return random.choice((what_thing, use, use, material, place, needed))(random, random.choice(table("things")))


def thing_thread(random: Random) -> list[Turn]:
    """Several questions about one thing; after the first it is only called `it`."""
    row = random.choice([row for row in table("things") if row["name"] != "scissors"])
    name, _ = named(row)
    follow = [
        pick(
            random, ["What is it made of?", "And what is it made of?"], [f"{capital(name)} is made of {row['material']}."], row["material"]
        ),
        pick(random, ["Where can I find it?", "Where do you find it?"], [f"You can find {name} {row['place']}."], row["place"]),
    ]
    return [what_thing(random, row), *random.sample(follow, random.randint(1, 2))]


def food(random: Random) -> Turn:
    row = random.choice(table("foods"))
    mass = row["plural"] == "-"
    one = row["name"] if mass else article(row["name"])
    many, verb = (row["name"], "is") if mass else (row["plural"], "are")
    does = "does" if mass else "do"
    source = row["source"]
    kinds = [
        pick(
            random,
            [f"What colour {verb} {many}?", f"What is the colour of {many}?"],
            [f"{capital(many)} {verb} {row['colour']}."],
            row["colour"],
        ),
        pick(
            random,
            [f"How {does} {many} taste?", f"What {does} {many} taste like?"],
            [f"{capital(many)} {'tastes' if mass else 'taste'} {row['taste']}."],
            row["taste"],
        ),
        pick(
            random,
            [f"Where {does} {many} come from?", f"Where {does} {many} come from, do you know?"],
            [f"{capital(many)} {source}."],
            source,
        ),
        pick(
            random,
            [f"What is {one}?", f"Can you tell me what {one} is?"],
            [
                f"{capital(one)} is {article(row['kind']) if not mass or row['kind'] not in {'food', 'baked food'} else 'a ' + row['kind']}. {capital(many)} {source}."
            ],
            row["kind"],
        ),
        pick(
            random,
            [f"Tell me something about {many}.", f"What do you know about {many}?"],
            [f"{capital(many)} {verb} {row['colour']} and {'tastes' if mass else 'taste'} {row['taste']}. {capital(many)} {source}."],
        ),
    ]
    if row["kind"] in {"fruit", "vegetable"}:
        other = "vegetable" if row["kind"] == "fruit" else "fruit"
        kinds.append(Turn(f"Is {one} a {row['kind']}?", f"Yes, {one} is a {row['kind']}.", "yes"))
        kinds.append(Turn(f"Is {one} a {other}?", f"No, {one} is a {row['kind']}.", "no"))
        kinds.append(Turn(f"Is {one} a fruit or a vegetable?", f"{capital(one)} is a {row['kind']}.", row["kind"]))
    return random.choice(kinds)


def job(random: Random) -> Turn:
    row = random.choice(table("jobs"))
    name = article(row["name"])
    return random.choice(
        [
            pick(
                random,
                [f"What does {name} do?", f"What is {name}?", f"What is the work of {name}?", f"Tell me what {name} does."],
                [f"{capital(name)} {row['does']}."],
                row["does"],
            ),
            pick(random, [f"Where does {name} work?"], [f"{capital(name)} works {row['place']}."], row["place"]),
            pick(
                random,
                [f"What does {name} need for work?", f"What does {name} use?"],
                [f"{capital(name)} uses {row['tool']}."],
                row["tool"],
            ),
            pick(
                random,
                [f"Who {row['does']}?", f"What do you call a person who {row['does']}?"],
                [f"{capital(name)} {row['does']}."],
                row["name"],
            ),
        ]
    )


def country(random: Random) -> Turn:
    row = random.choice(table("countries"))
    land, capital_city = row["country"], row["capital"]
    other = random.choice(table("countries"))
    kinds = [
        pick(
            random,
            [
                f"What is the capital of {land}?",
                f"Which city is the capital of {land}?",
                f"Name the capital of {land}.",
                f"Do you know the capital of {land}?",
                f"What is {land}'s capital?",
            ],
            [f"The capital of {land} is {capital_city}."],
            capital_city,
        ),
        pick(
            random,
            [f"Where is {land}?", f"On which continent is {land}?", f"In which part of the world is {land}?"],
            [f"{capital(land)} is in {row['continent']}."],
            row["continent"],
        ),
        pick(
            random,
            [f"Which language do people speak in {land}?", f"What language is spoken in {land}?", f"What do people speak in {land}?"],
            [f"People in {land} speak {row['language']}."],
            row["language"],
        ),
        pick(
            random,
            [f"Where is {capital_city}?", f"In which country is {capital_city}?", f"What is {capital_city}?"],
            [f"{capital_city} is the capital of {land}."],
            land,
        ),
        pick(
            random,
            [f"Tell me something about {land}.", f"What do you know about {land}?"],
            [
                f"{capital(land)} is a country in {row['continent']}. Its capital is {capital_city}, and people speak {row['language']} there."
            ],
        ),
        Turn(
            f"Is {other['capital']} the capital of {land}?",
            f"Yes, {capital_city} is the capital of {land}." if other is row else f"No, the capital of {land} is {capital_city}.",
            capital_city,
        ),
    ]
    return random.choice(kinds[:1] * 3 + kinds)


def country_thread(random: Random) -> list[Turn]:
    """A chain of capitals (`And of Spain?`), or several questions about one country."""
    rows = random.sample(table("countries"), 3)
    first = rows[0]
    opening = Turn(
        f"What is the capital of {first['country']}?", f"The capital of {first['country']} is {first['capital']}.", first["capital"]
    )
    if random.random() < 0.5:
        return [opening] + [
            pick(
                random,
                [f"And of {row['country']}?", f"And the capital of {row['country']}?", f"What about {row['country']}?"],
                [f"The capital of {row['country']} is {row['capital']}."],
                row["capital"],
            )
            for row in rows[1 : random.randint(2, 3)]
        ]
    return [
        opening,
        pick(
            random,
            ["Which language do people speak there?", "What do people speak there?"],
            [f"People in {first['country']} speak {first['language']}."],
            first["language"],
        ),
    ]


def body(random: Random) -> Turn:
    row = random.choice(table("body"))
    many = row["plural"]
    return random.choice(
        [
            pick(
                random,
                [f"What do we do with our {many}?", f"What are {many} for?", f"What do we need our {many} for?", f"Why do we have {many}?"],
                [f"We use our {many} to {row['use']}."],
                row["use"],
            ),
            pick(
                random,
                [f"Which part of the body do we use to {row['use']}?", f"With what do we {row['use']}?"],
                [f"We use our {many} to {row['use']}."],
                many,
            ),
        ]
    )


SKILLS: list[tuple[float, Skill]] = [(7, thing), (3, food), (2.5, job), (4, country), (0.7, body)]
