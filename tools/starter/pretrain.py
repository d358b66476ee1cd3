"""Pretrains the starter model from random weights, on a GPU or on a CPU.

    python pretrain.py --tokens tokens.npz --out pretrained --seconds 5400

Rows grow from stage to stage and more of them become conversations; the learning rate falls in one line from the first stage to the end
of the last, which also teaches the weights to bear NF4. Writes `weights/` (f32) every ten minutes and at the end, and `log.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from model import Llama, Shape
from weights import write_shards

BEGIN = 0
SEED = 301


@dataclass(frozen=True)
class Stage:
    """What is read until a part of the run is over: shares of the rows, and their length in tokens."""

    until: float
    shares: Mapping[str, float]
    length: int


STAGES = (
    Stage(0.45, {"books": 0.45, "prose": 0.33, "conversations": 0.22}, 128),
    Stage(0.88, {"books": 0.26, "prose": 0.29, "conversations": 0.45}, 256),
    Stage(1.00, {"books": 0.26, "prose": 0.24, "conversations": 0.50}, 512),
)
NF4_FROM = 0.70
"""The part of the run after which half of the layers see their weights through NF4."""

WARM_UP = 0.02
MATRIX_RATE, OTHER_RATE = 6e-3, 3e-3
TEST_LENGTH = 256
SAVE_SECONDS = 600


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

    def batch(self, stage: Stage, tokens: int, random: torch.Generator) -> Tensor:
        """Rows of all streams by the shares of the stage, `tokens` in all."""
        count = max(1, tokens // stage.length)
        counts = {name: round(share * count) for name, share in stage.shares.items()}
        first = next(iter(counts))
        counts[first] += count - sum(counts.values())
        return torch.cat([self.rows(name, part, stage.length, random) for name, part in counts.items()])


def optimisers(model: Llama, fused: bool) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for the matrices of the blocks, AdamW for the embedding and the norms."""
    blocks = [weight for name, weight in model.named_parameters() if weight.dim() == 2 and "embed" not in name]
    others = [weight for name, weight in model.named_parameters() if weight.dim() < 2 or "embed" in name]
    return [
        torch.optim.Muon(blocks, lr=MATRIX_RATE, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=OTHER_RATE, weight_decay=0.01, betas=(0.9, 0.95), fused=fused),
    ]


def rate(progress: float) -> float:
    """The share of the peak rate: a short rise, then one line down to a hundredth."""
    return min(1.0, (progress + 1e-4) / WARM_UP) * (1 - 0.99 * min(progress, 1.0))


@torch.no_grad()
def evaluate(model: Llama, text: Text) -> dict[str, float]:
    """The loss on each test stream, on rows that are the same every time."""
    found = {}
    for name in text.streams:
        if name.startswith("test"):
            random = torch.Generator().manual_seed(SEED)
            with torch.autocast(text.device, dtype=torch.bfloat16):
                losses = [float(model(text.rows(name, 16, TEST_LENGTH, random))) for _ in range(4)]
            found[name] = round(sum(losses) / len(losses), 4)
    return found


class Log:
    """Lines of JSON in a file and on the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: dict[str, object]) -> None:
        """Appends one line."""
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def train(model: Llama, text: Text, batch_tokens: int, progress_at: Callable[[int], float], log: Log, folder: Path) -> None:
    """Trains until the progress is 1."""
    updates = optimisers(model, text.device == "cuda")
    peaks = [group["lr"] for update in updates for group in update.param_groups]
    groups = [group for update in updates for group in update.param_groups]
    random = torch.Generator().manual_seed(SEED)
    compiled = torch.compile(model, dynamic=False)
    step, tokens, began = 0, 0, time.monotonic()
    saved = began
    while (progress := progress_at(step)) < 1.0:
        stage = next(stage for stage in STAGES if progress < stage.until)
        model.quantise(random, 0.5 if progress >= NF4_FROM else 0.0)
        for group, peak in zip(groups, peaks, strict=True):
            group["lr"] = peak * rate(progress)
        batch = text.batch(stage, batch_tokens, random)
        with torch.autocast(text.device, dtype=torch.bfloat16):
            loss = compiled(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for update in updates:
            update.step()
            update.zero_grad(set_to_none=True)
        step += 1
        tokens += batch.numel() - len(batch)
        now = time.monotonic()
        if step % 50 == 0:
            spent = round(now - began, 1)
            log.write({"step": step, "progress": round(progress, 4), "loss": round(loss.item(), 4), "tokens": tokens, "seconds": spent})
        if now - saved > SAVE_SECONDS:
            saved = now
            keep(model, text, log, folder, {"step": step, "tokens": tokens})
    keep(model, text, log, folder, {"step": step, "tokens": tokens})


def keep(model: Llama, text: Text, log: Log, folder: Path, state: Mapping[str, int]) -> None:
    """Writes the weights, and the losses on text never read, with plain weights and with NF4."""
    random = torch.Generator().manual_seed(SEED)
    model.quantise(random, 0.0)
    write_shards(model.named_weights(), folder / "weights")
    plain = evaluate(model, text)
    model.quantise(random, 1.0)
    log.write({**state, "test_loss": plain, "test_loss_nf4": evaluate(model, text)})
    model.quantise(random, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=Path, required=True, help="the file that tokens.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, help="steps of the run")
    length.add_argument("--seconds", type=float, help="time of the run, compilation included")
    parser.add_argument("--paragraph", type=int, default=290, help="the token of a paragraph's end")
    parser.add_argument("--batch-tokens", type=int, default=8192, help="tokens of a step")
    arguments = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments.out.mkdir(parents=True, exist_ok=True)
    with np.load(arguments.tokens) as file:
        text = Text({name: file[name] for name in file.files}, arguments.paragraph, device)
    model = Llama(Shape()).to(device)
    print(f"{sum(weight.numel() for weight in model.parameters()):,} weights on {device}", flush=True)
    began = time.monotonic()

    def progress_at(step: int) -> float:
        return step / arguments.steps if arguments.steps else (time.monotonic() - began) / arguments.seconds

    train(model, text, arguments.batch_tokens, progress_at, Log(arguments.out / "log.jsonl"), arguments.out)


if __name__ == "__main__":
    main()
