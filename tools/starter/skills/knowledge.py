"""What things are, why they are so, how to do them; lists, jokes and riddles."""

from __future__ import annotations

from random import Random

from facts import table
from language import capital, listing, number
from skills.turn import Skill, Turn, pick


def nature(random: Random) -> Turn:
    row = random.choice(table("nature"))
    name = row["name"]
    if random.random() < 0.7:
        return pick(
            random,
            [f"What is {name}?", f"Can you tell me what {name} is?", f"Explain what {name} is.", f"Do you know what {name} is?"],
            [row["definition"], f"{row['definition']} {row['fact']}"],
            row["definition"].split(" is ", 1)[-1].rstrip("."),
        )
    return pick(
        random,
        [f"Tell me something about {name}.", f"What do you know about {name}?", f"Tell me a fact about {name}."],
        [row["fact"], f"{row['definition']} {row['fact']}"],
    )


def why(random: Random) -> Turn:
    row = random.choice(table("why"))
    clause = row["clause"]
    return pick(
        random,
        [
            f"Why is it that {clause}?",
            f"Can you tell me why {clause}?",
            f"Explain why {clause}.",
            f"Do you know why {clause}?",
            f"Tell me why {clause}.",
            why_question(clause),
            why_question(clause),
            why_question(clause),
        ],
        [row["answer"]],
        row["answer"].split(" because ", 1)[1].rstrip("."),
    )


def why_question(clause: str) -> str:
    """The clause as a question: an auxiliary moves to the front, other verbs take `do` or `does`."""
    words = clause.split()
    for auxiliary in ("is", "are", "should", "can", "cannot", "do"):
        if auxiliary in words[:4]:
            place = words.index(auxiliary)
            rest = words[:place] + words[place + 1 :]
            if auxiliary == "cannot":
                return f"Why can {words[0]} not {' '.join(words[place + 1 :])}?"
            if auxiliary == "do":
                return f"Why do {' '.join(rest)}?"
            return f"Why {auxiliary} {' '.join(rest)}?"
    singular = {
        "rains": "rain",
        "snows": "snow",
        "follows": "follow",
        "needs": "need",
        "shines": "shine",
        "changes": "change",
        "blows": "blow",
        "rises": "rise",
        "rusts": "rust",
        "floats": "float",
        "melts": "melt",
        "beats": "beat",
        "gets": "get",
    }
    for verb, base in singular.items():
        if verb in words[:4]:
            place = words.index(verb)
            return f"Why does {' '.join([*words[:place], base, *words[place + 1 :]])}?"
    return f"Why do {clause}?"


def howto(random: Random) -> Turn:
    row = random.choice(table("howto"))
    theirs = row["task"].replace(" my ", " your ").replace(" I am", " you are")
    return pick(
        random,
        [
            f"How do I {row['task']}?",
            f"How can I {row['task']}?",
            f"Tell me how to {theirs}.",
            f"How do you {theirs}?",
            f"Explain how to {theirs}.",
            f"What do I have to do to {row['task']}?",
        ],
        [row["steps"]],
        row["steps"].split(". ")[0],
    )


def group(random: Random) -> Turn:
    row = random.choice(table("groups"))
    members = row["members"].split(", ")
    count = random.randint(2, min(5, len(members)))
    chosen = random.sample(members, count)
    fixed = row["group"] in {"seasons", "meals", "days of the week"}
    if fixed:
        return pick(
            random,
            [f"What are the {row['group']}?", f"Name the {row['group']}.", f"List the {row['group']}."],
            [f"The {row['group']} are {listing(members)}."],
            members[-1],
        )
    return pick(
        random,
        [
            f"Name {number(count)} {row['group']}.",
            f"Tell me {number(count)} {row['group']}.",
            f"List {number(count)} {row['group']}.",
            f"Can you name {number(count)} {row['group']}?",
            f"Give me {number(count)} {row['group']}.",
        ],
        [f"{capital(listing(chosen))}."],
    )


def odd_one_out(random: Random) -> Turn:
    # Groups whose members cannot belong to one another.
    names = [
        "colours",
        "fruits",
        "insects",
        "tools",
        "musical instruments",
        "vehicles",
        "clothes",
        "days of the week",
        "metals",
        "family members",
    ]
    rows = {row["group"]: row["members"].split(", ") for row in table("groups")}
    main, other = random.sample(names, 2)
    words = [*random.sample(rows[main], 3), odd := random.choice(rows[other])]
    random.shuffle(words)
    return pick(
        random,
        [f"Which word does not belong: {', '.join(words)}?", f"Which one is different: {', '.join(words)}?"],
        [f"{capital(odd)} does not belong, because the others are {main}."],
        odd,
    )


def belongs(random: Random) -> Turn:
    names = ["fruits", "insects", "tools", "musical instruments", "vehicles", "clothes", "metals", "toys", "drinks", "flowers", "games"]
    rows = {row["group"]: row["members"].split(", ") for row in table("groups")}
    name = random.choice(names)
    words = random.sample(rows[name], 3)
    return pick(random, [f"What are {listing(words)}?", f"What do {listing(words)} have in common?"], [f"They are {name}."], name)


def riddle(random: Random) -> Turn:
    row = random.choice(table("riddles"))
    if random.random() < 0.4:
        return pick(
            random,
            ["Tell me a riddle.", "Ask me a riddle.", "Do you know a riddle?", "Give me a riddle, please."],
            [f"{row['question']} {row['answer']}", f"Here is a riddle. {row['question']} The answer is: {row['answer']}"],
        )
    return Turn(row["question"], row["answer"], row["answer"].rstrip("."))


def joke(random: Random) -> Turn:
    row = random.choice(table("jokes"))
    if random.random() < 0.7:
        return pick(
            random,
            [
                "Tell me a joke.",
                "Do you know a joke?",
                "Make me laugh.",
                "Can you tell me a joke?",
                "Tell me something funny.",
                "Another joke, please.",
            ],
            [f"{row['setup']} {row['punchline']}"],
        )
    return Turn(row["setup"], row["punchline"])


def meaning(random: Random) -> Turn:
    row = random.choice(table("words"))
    word = row["word"]
    bare = word.removeprefix("to ").removeprefix("a ").removeprefix("an ")
    if word.startswith("to "):
        answer = f"{capital(word)} means {row['meaning']}."
    elif word.startswith(("a ", "an ")) or row["meaning"].startswith(("the ", "a ", "being ", "something ", "doing ", "treating ")):
        answer = f"{capital(word)} is {row['meaning']}."
    else:
        answer = f"{capital(word)} means {row['meaning']}."
    questions = [
        f"What does '{bare}' mean?",
        f"What does the word '{bare}' mean?",
        f"What is the meaning of '{bare}'?",
        f"Explain the word '{bare}'.",
        f"What does {bare} mean?",
    ]
    if word.startswith(("a ", "an ")) or (word == bare and " is " in answer):
        questions.append(f"What is {word}?")
    return pick(random, questions, [answer], row["meaning"])


SKILLS: list[tuple[float, Skill]] = [
    (3.5, nature),
    (3.5, why),
    (2, howto),
    (3, group),
    (1, odd_one_out),
    (0.7, belongs),
    (0.8, riddle),
    (0.5, joke),
    (2, meaning),
]
