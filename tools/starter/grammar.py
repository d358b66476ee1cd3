"""A tiny grammar: `[one|another]` chooses, `{slot}`, `{a slot}` and `{Slot}` fill in words of a story."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from language import article, capital

INNERMOST_CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(?:([Aa]) )?([A-Za-z_0-9]+)\}")


class Scene(dict[str, str]):
    """Words bound to slots. A slot not yet bound draws from the pool of its own name and keeps what it drew."""

    def __init__(self, random: Random, pools: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.random = random
        self.pools = pools

    def draw(self, slot: str, pool: str) -> str:
        """Binds a slot to a word of a pool that no other slot holds."""
        taken = set(self.values())
        free = [word for word in self.pools[pool] if word not in taken]
        self[slot] = self.random.choice(free)
        return self[slot]

    def __missing__(self, slot: str) -> str:
        return self.draw(slot, slot)


def expand(template: str, scene: Scene) -> str:
    """The template with every choice made and every slot filled."""
    text = template
    while INNERMOST_CHOICE.search(text):
        text = INNERMOST_CHOICE.sub(lambda found: scene.random.choice(found[1].split("|")), text)

    def fill(found: re.Match[str]) -> str:
        lead, name = found.groups()
        # Capitals anywhere in the slot's name ask for a capital in the text: {Hero}, {F_His}.
        word = scene[name.lower()]
        word = article(word) if lead else word
        return capital(word) if (lead == "A" or name[0].isupper()) else word

    return re.sub(r" {2,}", " ", SLOT.sub(fill, text)).strip()
