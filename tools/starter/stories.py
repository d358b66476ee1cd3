"""Short plain stories from the plots in `plots/`, each with what it is about, so that it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from grammar import Scene, expand

FOLDER = Path(__file__).parent / "plots"

PRONOUNS = {
    "girl": {"he": "she", "him": "her", "his": "her", "child": "girl", "a_child": "a girl"},
    "boy": {"he": "he", "him": "him", "his": "his", "child": "boy", "a_child": "a boy"},
}


@dataclass(frozen=True)
class Plot:
    """Slots to bind (name to pool), templates of what the story is about, and its paragraphs."""

    slots: dict[str, str]
    about: tuple[str, ...]
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """A story and the words with which one may ask for it, such as `a girl who lost her ball`."""

    about: str
    text: str


@cache
def pools() -> dict[str, tuple[str, ...]]:
    """The words that slots draw from."""
    lines = (FOLDER / "slots.txt").read_text(encoding="utf-8").splitlines()
    named = (line.split(": ", 1) for line in lines if line.strip())
    return {name: tuple(words.split(", ")) for name, words in named}


@cache
def plots(short: bool) -> tuple[Plot, ...]:
    """The plots of `plots/short.txt`, a paragraph each, or those of all other files."""
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        if file.name == "slots.txt" or (file.name == "short.txt") is not short:
            continue
        for block in file.read_text(encoding="utf-8").split("=== ")[1:]:
            lines = block.splitlines()[1:]
            slots = lines[0].removeprefix("slots:").split()
            about = tuple(line.removeprefix("about: ") for line in lines if line.startswith("about: "))
            body = "\n".join(line for line in lines[1:] if not line.startswith("about: "))
            paragraphs = tuple(part.strip() for part in body.split("\n\n") if part.strip())
            found.append(Plot(dict(slot.split("=") for slot in slots), about, paragraphs))
    return tuple(found)


def new_scene(random: Random) -> Scene:
    """A scene with a hero, a friend and an elder, each with fitting pronouns."""
    scene = Scene(random, pools())
    hero, friend = random.choice(("girl", "boy")), random.choice(("girl", "boy"))
    scene.draw("hero", hero)
    scene.draw("friend", friend)
    scene.draw("boyname", "boy")
    scene.update(PRONOUNS[hero])
    scene.update({f"f_{name}": word for name, word in PRONOUNS[friend].items()})
    elder = random.choice(("she", "he"))
    scene.draw("elder", f"elder_{elder}")
    scene["elder_he"] = elder
    return scene


def story(random: Random) -> Story:
    """A story of several paragraphs."""
    return told(random, random.choice(plots(short=False)))


def short_story(random: Random) -> Story:
    """A story of one paragraph."""
    return told(random, random.choice(plots(short=True)))


def told(random: Random, plot: Plot) -> Story:
    """The plot with a fresh scene."""
    scene = new_scene(random)
    for slot, pool in plot.slots.items():
        scene.draw(slot, pool)
    about = expand(random.choice(plot.about), scene)
    return Story(about, "\n\n".join(expand(paragraph, scene) for paragraph in plot.paragraphs))
