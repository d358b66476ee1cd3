"""Questions about animals."""

from __future__ import annotations

from random import Random

from facts import Row, table
from language import article, capital, number
from skills.turn import Skill, Turn, pick

GROUND_BIRDS = {"penguin", "ostrich"}
POOR_FLYERS = {"hen", "rooster", "turkey", "peacock", "ant", "grasshopper", "beetle"}
SWIMMERS = {"fish", "amphibian", "sea animal"}
ALSO_SWIM = {
    "duck",
    "goose",
    "swan",
    "penguin",
    "seal",
    "whale",
    "dolphin",
    "otter",
    "beaver",
    "hippo",
    "turtle",
    "crocodile",
    "polar bear",
    "dog",
}
CANNOT_SWIM = {"hen", "sparrow", "snail", "bee", "ant", "butterfly", "fly", "hummingbird", "pigeon", "rooster"}


def animal_row(random: Random) -> Row:
    return random.choice(table("animals"))


def what_it_is(random: Random, row: Row) -> Turn:
    name = article(row["name"])
    return pick(
        random,
        [f"What is {name}?", f"Can you tell me what {name} is?", f"What kind of animal is {name}?", f"Explain what {name} is."],
        [f"{capital(name)} is {article(row['kind'])}. It lives {row['home']}."],
        row["kind"],
    )


def food(random: Random, row: Row) -> Turn:
    many, one = row["plural"], article(row["name"])
    return pick(
        random,
        [
            f"What do {many} eat?",
            f"What does {one} eat?",
            f"What do {many} like to eat?",
            f"What is the food of {many}?",
            f"Do you know what {many} eat?",
        ],
        [f"{capital(many)} eat {row['food']}."],
        row["food"],
    )


def home(random: Random, row: Row) -> Turn:
    many, one = row["plural"], article(row["name"])
    return pick(
        random,
        [f"Where do {many} live?", f"Where does {one} live?", f"Where can I find {many}?", f"Where is the home of {many}?"],
        [f"{capital(many)} live {row['home']}."],
        row["home"],
    )


def colour(random: Random, row: Row) -> Turn:
    name = article(row["name"])
    return pick(
        random,
        [
            f"What colour is {name}?",
            f"Which colour does {name} have?",
            f"What colour are {row['plural']}?",
            f"What is the colour of {name}?",
        ],
        [f"{capital(name)} is {row['colour']}."],
        row["colour"],
    )


def sound(random: Random, row: Row) -> Turn:
    if row["sound"] == "-":
        return food(random, row)
    name = article(row["name"])
    return pick(
        random,
        [f"What sound does {name} make?", f"Which noise does {name} make?", f"What does {name} sound like?"],
        [f"{capital(name)} {row['sound']}."],
        row["sound"],
    )


def young(random: Random, row: Row) -> Turn:
    name, baby = article(row["name"]), article(row["young"])
    return pick(
        random,
        [f"What is a baby {row['name']} called?", f"What do you call a young {row['name']}?", f"What is the young of {name} called?"],
        [f"A young {row['name']} is called {baby}."],
        row["young"],
    )


def legs(random: Random, row: Row) -> Turn:
    if row["name"] == "octopus":
        return pick(random, ["How many arms does an octopus have?"], ["An octopus has eight arms."], "eight")
    name, count = article(row["name"]), int(row["legs"])
    words = "no" if count == 0 else number(count)
    return pick(
        random,
        [f"How many legs does {name} have?", f"How many legs do {row['plural']} have?", f"Count the legs of {name}."],
        [f"{capital(name)} has {words} legs."],
        words,
    )


def flying(random: Random, row: Row) -> Turn:
    name, kind = row["name"], row["kind"]
    if name in POOR_FLYERS:
        return legs(random, row)
    flies = name == "bat" or (kind in {"bird", "insect"} and name not in GROUND_BIRDS)
    questions = [f"Can {article(name)} fly?", f"Can {row['plural']} fly?", f"Is {article(name)} able to fly?"]
    answer = f"Yes, {article(name)} can fly." if flies else f"No, {article(name)} cannot fly."
    return pick(random, questions, [answer], "yes" if flies else "no")


def swimming(random: Random, row: Row) -> Turn:
    name = row["name"]
    swims = row["kind"] in SWIMMERS or name in ALSO_SWIM
    if not swims and name not in CANNOT_SWIM:
        return what_it_is(random, row)
    questions = [f"Can {article(name)} swim?", f"Can {row['plural']} swim?"]
    answer = f"Yes, {article(name)} can swim." if swims else f"No, {article(name)} cannot swim."
    return pick(random, questions, [answer], "yes" if swims else "no")


def is_kind(random: Random, row: Row) -> Turn:
    name, kind = article(row["name"]), row["kind"]
    asked = random.choice([kind, random.choice(["mammal", "bird", "fish", "insect", "reptile"])])
    question = f"Is {name} {article(asked)}?"
    if asked == kind:
        return Turn(question, f"Yes, {name} is {article(kind)}.", "yes")
    return Turn(question, f"No, {name} is not {article(asked)}. It is {article(kind)}.", "no")


def about(random: Random, row: Row) -> Turn:
    many = row["plural"]
    return pick(
        random,
        [
            f"Tell me something about {many}.",
            f"What do you know about {many}?",
            f"Tell me a fact about {many}.",
            f"Tell me about {many}.",
            f"Tell me something interesting about {many}.",
        ],
        [row["fact"], f"{row['fact']} {capital(many)} eat {row['food']}."],
    )


def by_size(random: Random) -> tuple[str, str]:
    """Two animals of clearly different size, the bigger one first."""
    rows = table("animals")
    first, second = random.sample(rows, 2)
    while int(first["size"]) - int(second["size"]) < 2:
        first, second = random.sample(rows, 2)
    return article(first["name"]), article(second["name"])


def compare(random: Random) -> Turn:
    bigger, smaller = by_size(random)
    one, other = random.sample((bigger, smaller), 2)
    if random.random() < 0.5:
        return pick(
            random,
            [f"Which is bigger, {one} or {other}?", f"What is bigger: {one} or {other}?", f"Who is bigger, {one} or {other}?"],
            [f"{capital(bigger)} is bigger than {smaller}."],
            f"{bigger} is bigger",
        )
    return pick(
        random,
        [f"Which is smaller, {one} or {other}?", f"What is smaller: {one} or {other}?"],
        [f"{capital(smaller)} is smaller than {bigger}."],
        f"{smaller} is smaller",
    )


def is_bigger(random: Random) -> Turn:
    bigger, smaller = by_size(random)
    if random.random() < 0.5:
        return Turn(f"Is {bigger} bigger than {smaller}?", f"Yes, {bigger} is bigger than {smaller}.", "yes")
    return Turn(f"Is {smaller} bigger than {bigger}?", f"No, {smaller} is smaller than {bigger}.", "no")


def young_of(random: Random) -> Turn:
    rows = table("animals")
    names = [row["young"] for row in rows]
    row = random.choice([row for row in rows if names.count(row["young"]) == 1])
    baby, name = article(row["young"]), row["name"]
    return pick(random, [f"What is {baby}?", f"Which animal is {baby} when it grows up?"], [f"{capital(baby)} is a young {name}."], name)


def which_makes_sound(random: Random) -> Turn:
    rows = table("animals")
    sounds = [row["sound"] for row in rows]
    row = random.choice([row for row in rows if row["sound"] != "-" and sounds.count(row["sound"]) == 1])
    return pick(
        random,
        [f"Which animal {row['sound']}?", f"What animal {row['sound']}?"],
        [f"{capital(article(row['name']))} {row['sound']}."],
        row["name"],
    )


def riddle(random: Random) -> Turn:
    row = animal_row(random)
    name = article(row["name"])
    return pick(
        random,
        [
            f"I am {article(row['kind'])}. I live {row['home']} and I eat {row['food']}. What am I?",
            f"It is {article(row['kind'])}, it is {row['colour']}, and it eats {row['food']}. What is it?",
            f"Guess the animal: it lives {row['home']} and eats {row['food']}.",
        ],
        [f"I think it is {name}.", f"It is {name}."],
        row["name"],
    )


ABOUT_ONE = (what_it_is, food, home, colour, sound, young, legs, flying, swimming, is_kind, about)


def one_question(random: Random) -> Turn:
    return random.choice(ABOUT_ONE)(random, animal_row(random))


def thread(random: Random) -> list[Turn]:
    """Two to four questions about one animal; after the first it is only called `it` or `they`."""
    row = animal_row(random)
    one, many = article(row["name"]), row["plural"]
    turns = [about(random, row) if random.random() < 0.5 else what_it_is(random, row)]
    follow = [
        pick(
            random,
            ["What do they eat?", "What does it eat?", "And what do they eat?"],
            [f"{capital(many)} eat {row['food']}."],
            row["food"],
        ),
        pick(
            random,
            ["Where do they live?", "Where does it live?", "And where do they live?"],
            [f"{capital(many)} live {row['home']}."],
            row["home"],
        ),
        pick(random, ["What colour are they?", "What colour is it?"], [f"{capital(one)} is {row['colour']}."], row["colour"]),
        pick(
            random,
            ["What are their babies called?", "What is its baby called?"],
            [f"A young {row['name']} is called {article(row['young'])}."],
            row["young"],
        ),
    ]
    return turns + random.sample(follow, random.randint(1, 3))


SKILLS: list[tuple[float, Skill]] = [
    (10, one_question),
    (2, compare),
    (2, is_bigger),
    (0.7, young_of),
    (0.7, which_makes_sound),
    (1, riddle),
]
