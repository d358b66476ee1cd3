"""
Follows a QLoRA run of ours in PyTorch and PEFT, for models too large for the test suite (docs/llama-1b-on-lavapipe.md):

    python tests/interop/follow_run.py MODEL DATA.jsonl CONFIG.json CHECKPOINT

DATA is pre-tokenised, CHECKPOINT a copy of the run's `checkpoint/` from before its first step. Prints loss and gradient norm of each step.
"""

import json
import pathlib
import resource
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

import nf4
from models import load_in_f32
from terminal import read_lines
from training import train


def main(model: str, data: str, config: str, checkpoint: str) -> None:
    settings = {"micro_batch_size": 1, **json.loads(pathlib.Path(config).read_text())}
    base = load_in_f32(pathlib.Path(model))
    nf4.round_trip(base)
    lora = LoraConfig(
        r=settings["r"],
        lora_alpha=settings.get("lora_alpha", 16),
        target_modules=list(nf4.LINEARS),
        task_type="CAUSAL_LM",
    )
    tuned = get_peft_model(base, lora)
    start = load_file(pathlib.Path(checkpoint) / "parameters.safetensors")
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if parameter.requires_grad:
                own = name.removeprefix("base_model.model.model.").replace(".default.weight", "")
                parameter.copy_(start.pop(own))
    assert not start, f"not in PEFT's model: {sorted(start)}"
    for number, step in enumerate(train(tuned, read_lines(pathlib.Path(data)), settings), start=1):
        print(f"step {number}: loss {step.loss:.6f}, gradient norm {step.grad_norm:.6f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak / 2**20:.2f} GiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
