"""Plain text for pretraining: stories, short descriptions of things, and talks between people, without any template."""

from __future__ import annotations

from random import Random

from conversations import one_turn
from facts import table
from language import article, capital, is_held_out, number
from stories import new_scene, short_story, story

ASKED = ("asked", "said", "asked", "wanted to know")


def describe_animal(random: Random) -> list[str]:
    """Sentences about an animal."""
    row = random.choice(table("animals"))
    one, many = capital(article(row["name"])), capital(row["plural"])
    sentences = [
        f"{one} is {article(row['kind'])}.",
        f"{many} live {row['home']}.",
        f"{many} eat {row['food']}.",
        f"{one} is {row['colour']}.",
        f"A young {row['name']} is called {article(row['young'])}.",
        row["fact"],
    ]
    if row["legs"] != "0" and row["name"] != "octopus":
        sentences.append(f"{one} has {number(int(row['legs']))} legs.")
    if row["sound"] != "-":
        sentences.append(f"{one} {row['sound']}.")
    return sentences


def describe_thing(random: Random) -> list[str]:
    """Sentences about a thing, a food, a job or a country."""
    kind = random.choice(("things", "foods", "jobs", "countries"))
    row = random.choice(table(kind))
    if kind == "things":
        if row["name"] in {"scissors", "soap", "glue"}:
            return [f"We use {row['name']} {row['use']}."]
        one = capital(article(row["name"]))
        return [
            f"{one} is {article(row['category'])}.",
            f"We use it {row['use']}.",
            f"It is made of {row['material']}.",
            f"You can find it {row['place']}.",
        ]
    if kind == "foods":
        name = capital(row["name"] if row["plural"] == "-" else row["plural"])
        verb, taste = ("is", "tastes") if row["plural"] == "-" else ("are", "taste")
        return [f"{name} {row['source']}.", f"{name} {verb} {row['colour']}.", f"{name} {taste} {row['taste']}."]
    if kind == "jobs":
        one = capital(article(row["name"]))
        return [f"{one} {row['does']}.", f"{one} works {row['place']}.", f"{one} uses {row['tool']}."]
    land = capital(row["country"])
    return [
        f"{land} is a country in {row['continent']}.",
        f"The capital of {row['country']} is {row['capital']}.",
        f"People in {row['country']} speak {row['language']}.",
    ]


def description(random: Random) -> str:
    """A paragraph or two of facts in a random order, the first sentence first."""
    paragraphs = []
    for _ in range(random.randint(1, 4)):
        maker = describe_animal if random.random() < 0.45 else describe_thing
        first, *rest = maker(random)
        random.shuffle(rest)
        extra = random.choice(table("nature")) if random.random() < 0.25 else None
        sentences = [first, *rest] if extra is None else [extra["definition"], extra["fact"]]
        if random.random() < 0.1:
            sentences = [random.choice(table("why"))["answer"]]
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs)


def talk(random: Random) -> str:
    """Two people, one asks and the other answers, as in a book."""
    scene = new_scene(random)
    child, elder = scene["hero"], scene["elder"]
    lines = []
    while len(lines) < random.randint(2, 6):
        turn = one_turn(random)
        if not turn.key or is_held_out(turn.question) or "\n" in turn.question + turn.answer or len(turn.question) > 120:
            continue
        answer = turn.answer[:-1] + "," if turn.answer.endswith(".") and turn.answer.count(".") == 1 else turn.answer
        lines.append(f'"{turn.question}" {random.choice(ASKED)} {child}.')
        said = f"said {scene['his']} {elder}"
        lines.append(f'"{answer}" {said}.' if answer.endswith((",", "!", "?")) else f'{capital(scene["his"])} {elder} said, "{answer}"')
    return "\n\n".join(lines)


def document(random: Random) -> str:
    """A story, a description or a talk."""
    chance = random.random()
    if chance < 0.5:
        return story(random).text
    if chance < 0.7:
        return short_story(random).text
    return description(random) if chance < 0.86 else talk(random)
