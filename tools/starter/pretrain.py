"""Pretrains the starter model from random weights, on a GPU or (slowly) on a CPU.

    python pretrain.py --tokens tokens.npz --out pretrained --steps 4000 2500

Two stages: the base reads books and generated prose; the second stage adds generated conversations in the chat template, and teaches the
weights to bear NF4. Writes `base/` and `final/`, each with its weights in f32, and `log.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model import Llama, Shape
from weights import read_shards, write_shards

BEGIN = 0
SEED = 301


@dataclass(frozen=True)
class Stage:
    """What a stage reads (shares of the rows), at what length, and how fast it learns."""

    name: str
    shares: Mapping[str, float]
    length: int
    peak_rate: float
    last_rate: float
    nf4_from: float
    """The part of the stage after which half of the layers see their weights through NF4; 1 means never."""


STAGES = (
    Stage("base", {"books": 0.62, "prose": 0.38}, 1024, 3e-3, 3e-4, 1.0),
    Stage("final", {"books": 0.25, "prose": 0.15, "conversations": 0.60}, 512, 2e-3, 2e-5, 0.5),
)
WARM_UP = 0.04


class Text:
    """Streams of tokens on the device, and the places where a row may begin."""

    def __init__(self, streams: Mapping[str, np.ndarray], paragraph: int, device: str) -> None:
        self.streams = {name: torch.from_numpy(stream.astype(np.int32)).to(device) for name, stream in streams.items()}
        # A row of a book begins at a paragraph, every other row at a document; its first token becomes beginning-of-text.
        self.starts = {
            name: torch.nonzero((stream == BEGIN) | ((stream == paragraph) if "book" in name else False)).flatten()
            for name, stream in self.streams.items()
        }
        self.device = device

    def rows(self, name: str, count: int, length: int, random: torch.Generator) -> Tensor:
        """Random rows [count, length + 1] of a stream."""
        stream, starts = self.streams[name], self.starts[name]
        usable = int((starts + length < len(stream)).sum())
        chosen = starts[torch.randint(usable, (count,), generator=random).to(self.device)]
        rows = stream[chosen[:, None] + torch.arange(length + 1, device=self.device)].long()
        rows[:, 0] = BEGIN
        return rows

    def batch(self, shares: Mapping[str, float], count: int, length: int, random: torch.Generator) -> Tensor:
        """Rows of all streams by their shares."""
        counts = {name: round(share * count) for name, share in shares.items()}
        first = next(iter(counts))
        counts[first] += count - sum(counts.values())
        return torch.cat([self.rows(name, part, length, random) for name, part in counts.items()])


def rate(progress: float, stage: Stage) -> float:
    """Linear warm-up over the first part of the stage, then a cosine from the peak to the last rate."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return min(1.0, (progress + 1e-3) / WARM_UP) * (stage.last_rate + (stage.peak_rate - stage.last_rate) * cosine)


@torch.no_grad()
def evaluate(model: Llama, text: Text, length: int, count: int) -> dict[str, float]:
    """The loss on each test stream, on rows that are the same every time."""
    found = {}
    for name in text.streams:
        if name.startswith("test"):
            random = torch.Generator().manual_seed(SEED)
            with torch.autocast(text.device, dtype=torch.bfloat16):
                losses = [float(model(text.rows(name, count, length, random))) for _ in range(4)]
            found[name] = sum(losses) / len(losses)
    return found


def run_stage(model: Llama, stage: Stage, text: Text, limit: float, by_time: bool, batch_tokens: int, out: Path, compiled: bool) -> None:
    """Trains one stage for `limit` steps (or seconds), then writes its weights."""
    device = text.device
    decayed = [weight for weight in model.parameters() if weight.dim() == 2]
    plain = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=device == "cuda")
    random = torch.Generator().manual_seed(SEED)
    loss_of = torch.compile(model, dynamic=False) if compiled else model
    count = max(1, batch_tokens // stage.length)
    began, step, progress = time.monotonic(), 0, 0.0
    model.quantise(random, 0.0)
    while progress < 1.0:
        if progress >= stage.nf4_from:
            model.quantise(random, 0.5)
        for group in optimiser.param_groups:
            group["lr"] = rate(progress, stage)
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = loss_of(text.batch(stage.shares, count, stage.length, random))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step == 0:
            loss.item()
            print(f"{stage.name}: first step after {time.monotonic() - began:.0f} s", flush=True)
            began = time.monotonic()
        step += 1
        if step % 20 == 0 and device == "cuda":
            torch.cuda.synchronize()
        seconds = time.monotonic() - began
        progress = seconds / limit if by_time else step / limit
        if step % (200 if device == "cuda" else 20) == 0 or progress >= 1.0:
            line = {
                "stage": stage.name,
                "step": step,
                "loss": round(loss.item(), 4),
                "seconds": round(seconds, 1),
                "tokens_per_second": round(step * count * stage.length / seconds),
            }
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)
    model.quantise(random, 0.0)
    write_shards(model.named_weights(), out / stage.name)
    plain_losses = evaluate(model, text, stage.length, min(count, 64))
    model.quantise(random, 1.0)
    quantised_losses = evaluate(model, text, stage.length, min(count, 64))
    model.quantise(random, 0.0)
    line = {
        "stage": stage.name,
        "steps": step,
        "tokens": step * count * stage.length,
        "test_loss": plain_losses,
        "test_loss_nf4": quantised_losses,
    }
    with (out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=Path, required=True, help="the file that tokens.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, nargs=2, metavar=("BASE", "FINAL"), help="steps of the two stages; 0 leaves one out")
    length.add_argument("--seconds", type=float, nargs=2, metavar=("BASE", "FINAL"), help="seconds of the two stages, compilation left out")
    parser.add_argument("--paragraph", type=int, required=True, help="the token of a paragraph's end")
    parser.add_argument("--batch-tokens", type=int, default=131072, help="tokens of a step")
    parser.add_argument("--begin", type=Path, help="folder of weights to go on from, instead of random ones")
    parser.add_argument("--longest", type=int, default=1024, help="longest row in tokens; short rows are faster on a CPU")
    parser.add_argument("--compile", action="store_true", help="let torch.compile build faster kernels (GPU)")
    arguments = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments.out.mkdir(parents=True, exist_ok=True)
    with np.load(arguments.tokens) as file:
        text = Text({name: file[name] for name in file.files}, arguments.paragraph, device)
    model = Llama(Shape()).to(device)
    print(f"{sum(weight.numel() for weight in model.parameters()):,} weights on {device}", flush=True)
    limits = arguments.steps or arguments.seconds
    if arguments.begin:
        model.read_weights(read_shards(arguments.begin))
    for stage, limit in zip(STAGES, limits, strict=True):
        if limit == 0:
            continue
        stage = replace(stage, length=min(stage.length, arguments.longest))
        run_stage(model, stage, text, limit, arguments.steps is None, arguments.batch_tokens, arguments.out, arguments.compile)


if __name__ == "__main__":
    main()
