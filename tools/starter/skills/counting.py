"""Numbers up to twenty, days, months and seasons."""

from __future__ import annotations

from random import Random

from language import capital, listing, number
from skills.turn import Skill, Turn, pick

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SEASONS = "spring summer autumn winter".split()
SEASON_OF = {
    "December": "winter",
    "January": "winter",
    "February": "winter",
    "March": "spring",
    "April": "spring",
    "May": "spring",
    "June": "summer",
    "July": "summer",
    "August": "summer",
    "September": "autumn",
    "October": "autumn",
    "November": "autumn",
}
SEASON_TRAITS = {
    "spring": "In spring the days grow longer, and the first flowers come out.",
    "summer": "In summer the days are long and warm.",
    "autumn": "In autumn the leaves turn yellow and red and fall from the trees.",
    "winter": "In winter it is cold, the days are short, and sometimes it snows.",
}
COUNTABLE = "apples pears balls coins eggs cakes books flowers birds pencils stars nuts".split()
NAMES = "Anna Tom Mia Ben Lucy Sam Emma Jack Rose Max Clara Paul".split()


def written(random: Random, value: int) -> str:
    """The number in digits or in words."""
    return str(value) if random.random() < 0.5 else number(value)


def add(random: Random) -> Turn:
    first, second = random.randint(0, 10), random.randint(0, 10)
    digits = random.random() < 0.6
    one, other, total = (str(v) if digits else number(v) for v in (first, second, first + second))
    return pick(
        random,
        [
            f"What is {one} plus {other}?",
            f"How much is {one} plus {other}?",
            f"What is {one} + {other}?",
            f"Add {one} and {other}.",
            f"What is the sum of {one} and {other}?",
        ],
        [f"{capital(one)} plus {other} is {total}."],
        f"is {total}",
    )


def subtract(random: Random) -> Turn:
    first = random.randint(1, 20)
    second = random.randint(0, min(first, 10))
    digits = random.random() < 0.6
    one, other, rest = (str(v) if digits else number(v) for v in (first, second, first - second))
    return pick(
        random,
        [
            f"What is {one} minus {other}?",
            f"How much is {one} minus {other}?",
            f"What is {one} - {other}?",
            f"Take {other} away from {one}.",
        ],
        [f"{capital(one)} minus {other} is {rest}."],
        f"is {rest}",
    )


def story_sum(random: Random) -> Turn:
    first, second = random.randint(1, 9), random.randint(1, 9)
    thing, (name, friend) = random.choice(COUNTABLE), random.sample(NAMES, 2)
    if random.random() < 0.5:
        return pick(
            random,
            [
                f"{name} has {number(first)} {thing}. {friend} gives {name} {number(second)} more. How many {thing} does {name} have now?",
                f"{name} has {number(first)} {thing} and gets {number(second)} more. How many {thing} does {name} have?",
            ],
            [f"{name} has {number(first + second)} {thing} now."],
            number(first + second),
        )
    whole = first + second
    return pick(
        random,
        [
            f"{name} has {number(whole)} {thing} and gives {number(second)} to {friend}. How many {thing} are left?",
            f"There are {number(whole)} {thing}. {name} takes {number(second)} of them away. How many {thing} are left?",
        ],
        [f"{capital(number(first))} {thing} are left." if first > 1 else f"One of the {thing} is left."],
        number(first),
    )


def neighbour(random: Random) -> Turn:
    value, after = random.randint(1, 19), random.random() < 0.5
    other = value + 1 if after else value - 1
    shown = number(value) if random.random() < 0.5 else str(value)
    result = number(other) if shown == number(value) else str(other)
    word = "after" if after else "before"
    return pick(
        random,
        [f"What number comes {word} {shown}?", f"Which number comes {word} {shown}?", f"What comes {word} {shown}?"],
        [f"{capital(result)} comes {word} {shown}."],
        f"{result} comes",
    )


def count_up(random: Random) -> Turn:
    start = 1 if random.random() < 0.5 else random.randint(2, 15)
    end = start + random.randint(2, 9) if start > 1 else random.randint(3, 20)
    back = random.random() < 0.25
    numbers = list(range(start, end + 1))
    if back:
        numbers.reverse()
    shown = [number(value) if value <= 20 else str(value) for value in numbers]
    if back:
        questions = [f"Count backwards from {numbers[0]} to {numbers[-1]}.", f"Count down from {shown[0]} to {shown[-1]}."]
    elif start == 1:
        questions = [f"Count to {end}.", f"Count from one to {shown[-1]}.", f"Can you count to {shown[-1]}?"]
    else:
        questions = [f"Count from {start} to {end}.", f"Count from {shown[0]} to {shown[-1]}."]
    return pick(random, questions, [f"{capital(', '.join(shown))}."], ", ".join(shown[1:]))


def larger(random: Random) -> Turn:
    first, second = random.sample(range(21), 2)
    word, best = random.choice((("bigger", max(first, second)), ("smaller", min(first, second))))
    other = first + second - best
    return pick(
        random,
        [
            f"Which number is {word}, {first} or {second}?",
            f"Which is {word}, {first} or {second}?",
            f"What is {word}: {number(first)} or {number(second)}?",
        ],
        [f"{capital(number(best))} is {word} than {number(other)}."],
        f"{number(best)} is",
    )


def parity(random: Random) -> Turn:
    value = random.randint(1, 20)
    kind = "odd" if value % 2 else "even"
    return pick(
        random,
        [f"Is {written(random, value)} odd or even?", f"Is {written(random, value)} an even or an odd number?"],
        [f"{capital(number(value))} is an {kind} number."],
        f"an {kind}",
    )


def cycle(random: Random) -> Turn:
    names, noun = random.choice(((DAYS, "day"), (DAYS, "day"), (MONTHS, "month"), (SEASONS, "season")))
    place, after = random.randrange(len(names)), random.random() < 0.5
    other = names[(place + (1 if after else -1)) % len(names)]
    word = "after" if after else "before"
    questions = [
        f"Which {noun} comes {word} {names[place]}?",
        f"What {noun} comes {word} {names[place]}?",
        f"What comes {word} {names[place]}?",
    ]
    if noun == "day":
        questions += [f"Today is {names[place]}. What day {'is it tomorrow' if after else 'was it yesterday'}?"] * 2
    return pick(random, questions, [f"{capital(other)} comes {word} {names[place]}."], f"{other} comes")


def calendar(random: Random) -> Turn:
    month = random.choice(MONTHS)
    season = random.choice(SEASONS)
    days = LENGTHS[MONTHS.index(month)]
    return random.choice(
        [
            pick(
                random,
                ["How many days are there in a week?", "How many days does a week have?"],
                ["There are seven days in a week."],
                "seven",
            ),
            pick(
                random,
                ["How many months are there in a year?", "How many months does a year have?"],
                ["There are twelve months in a year."],
                "twelve",
            ),
            pick(
                random,
                ["Name the months of the year.", "What are the months?", "List the months."],
                [f"The months are {listing(MONTHS)}."],
                "december",
            ),
            pick(
                random,
                ["Name the days of the week.", "What are the days of the week?"],
                [f"The days of the week are {listing(DAYS)}."],
                "sunday",
            ),
            pick(
                random,
                ["How many seasons are there?", "What are the four seasons?"],
                ["There are four seasons: spring, summer, autumn and winter."],
                "four",
            ),
            pick(
                random,
                [f"How many days does {month} have?", f"How many days are there in {month}?"],
                [f"{month} has {days} days." if days != 28 else "February has 28 days, and 29 in a leap year."],
                str(days),
            ),
            pick(
                random,
                [f"In which season is {month}?", f"Which season is it in {month}?"],
                [f"{month} is in {SEASON_OF[month]}."],
                SEASON_OF[month],
            ),
            pick(
                random,
                [f"What is {season} like?", f"Tell me something about {season}.", f"What happens in {season}?"],
                [SEASON_TRAITS[season]],
                SEASON_TRAITS[season].split()[-1].rstrip("."),
            ),
        ]
    )


SKILLS: list[tuple[float, Skill]] = [
    (2.5, add),
    (1.5, subtract),
    (1.5, story_sum),
    (1.5, neighbour),
    (1.2, count_up),
    (1.2, larger),
    (0.5, parity),
    (1.5, cycle),
    (1.5, calendar),
]
