"""A plain PyTorch training loop over PEFT or a whole model: the rules of the Hugging Face trainer, token by token, nothing else."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models import VOCABULARY
from terminal import write_lines

Example = dict[str, list[int]]
# What every run here sets, over the settings of its own; all else has its default.
SETTINGS: dict[str, Any] = {"shuffle": False, "packing": False, "max_seq_length": 64}


@dataclass
class Step:
    loss: float
    grad_norm: float
    learning_rate: float
    trained_tokens: int


def random_examples(count: int, seed: int = 3) -> list[Example]:
    """
    Pre-tokenised examples of 4 to 48 tokens whose beginnings are not trained. Each goes round a short cycle of tokens of its own, so
    that there is something to learn.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=generator))

    examples = []
    for _ in range(count):
        cycle = [draw(2, VOCABULARY) for _ in range(draw(2, 7))]
        length = draw(4, 49)
        ids = [cycle[t % len(cycle)] for t in range(length)]
        hidden = draw(0, length - 2)
        examples.append({"input_ids": ids, "labels": [-100] * hidden + ids[hidden:]})
    return examples


def write_examples(path: pathlib.Path, examples: Sequence[Example]) -> pathlib.Path:
    return write_lines(path, examples)


def accumulated(examples: Sequence[Example], settings: dict[str, Any]) -> Iterator[list[Example]]:
    """The examples of each step, without packing and in their order: an epoch's last step takes what is left."""
    size = settings["micro_batch_size"] * settings["gradient_accumulation_steps"]
    while True:
        for first in range(0, len(examples), size):
            yield list(examples[first : first + size])


def learning_rate(settings: dict[str, Any], step: int) -> float:
    """Of the update with this index, from 0: warm-up, then half a cosine, or a straight line, down to 0."""
    total = settings["max_steps"]
    warmup = math.ceil(settings.get("warmup_ratio", 0) * total - 1e-9)
    if step < warmup:
        return settings["learning_rate"] * step / warmup
    done = (step - warmup) / (total - warmup)
    shape = {"cosine": (1 + math.cos(math.pi * done)) / 2, "linear": 1 - done, "constant": 1}
    return settings["learning_rate"] * shape[settings["lr_scheduler_type"]]


def loss_sum(model: torch.nn.Module, example: Example) -> tuple[Tensor, int]:
    """The sum of -log p over an example's trained tokens, and their number."""
    logits = model(torch.tensor([example["input_ids"]])).logits[0, :-1]
    labels = torch.tensor(example["labels"])[1:]
    total = cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return total, int((labels != -100).sum())


def train(model: torch.nn.Module, examples: Sequence[Example], settings: dict[str, Any]) -> list[Step]:
    """Trains what `requires_grad`, each example by itself; norms and biases of a whole model are not decayed."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    plain = [p for name, p in trained.items() if "norm" in name or name.endswith("bias")]
    decayed = [p for name, p in trained.items() if not ("norm" in name or name.endswith("bias"))]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings.get("weight_decay", 0)},
            {"params": plain, "weight_decay": 0.0},
        ],
        betas=(settings.get("adam_beta1", 0.9), settings.get("adam_beta2", 0.999)),
        eps=settings.get("adam_epsilon", 1e-8),
    )
    steps = []
    batches = accumulated(examples, settings)
    for index in range(settings["max_steps"]):
        batch = next(batches)
        tokens = sum(label != -100 for example in batch for label in example["labels"][1:])
        optimizer.zero_grad()
        loss = 0.0
        for example in batch:
            total, _ = loss_sum(model, example)
            (total / tokens).backward()
            loss += total.item() / tokens
        limit = settings.get("max_grad_norm", 1.0)
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), limit or math.inf)
        rate = learning_rate(settings, index)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        steps.append(Step(loss, norm.item(), rate, tokens))
    return steps
