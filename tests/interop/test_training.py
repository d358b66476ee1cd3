"""Runs of ours follow a plain loop of PyTorch and PEFT, step by step, and what they leave loads there."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

import nf4
from models import (
    LLAMA3_ROPE,
    assert_same_logits,
    load_in_f32,
    random_llama,
    random_tokens,
    transformers_logits,
)
from terminal import headless, logits_of, read_lines, write_json
from training import SETTINGS, Example, Step, random_examples, train, write_examples

TOKENS = random_tokens([33, 60], seed=9)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A bf16 model, whose linears NF4 will change a great deal."""
    folder = tmp_path_factory.mktemp("base") / "model"
    model = random_llama(seed=7, attention_bias=True, rope_parameters=LLAMA3_ROPE)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def dequantised(base: pathlib.Path) -> LlamaForCausalLM:
    model = load_in_f32(base)
    nf4.round_trip(model)
    return model


def random_adapter(base: pathlib.Path, folder: pathlib.Path, **changes: Any) -> None:
    """An adapter of PEFT's own whose A and B are both random: a B of zeros would hide the gradient of A."""
    torch.manual_seed(11)
    settings: dict[str, Any] = {
        "r": 8,
        "lora_alpha": 16,
        "target_modules": list(nf4.LINEARS),
        "task_type": "CAUSAL_LM",
    }
    model = get_peft_model(load_in_f32(base), LoraConfig(**{**settings, **changes}))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    model.save_pretrained(folder)


def run(
    folder: pathlib.Path,
    base: pathlib.Path,
    examples: Sequence[Example],
    settings: dict[str, Any],
    *options: object,
    precision: str = "f32",
) -> list[Step]:
    """Trains headless into folder / "run" and returns its metrics."""
    data = write_examples(folder / "data.jsonl", examples)
    config = write_json(folder / "config.json", settings)
    out = folder / "run"
    headless(
        "train", "--model", base, "--data", data, "--config", config, "--out", out,
        "--precision", precision, *options,
    )
    keys = ("loss", "grad_norm", "learning_rate", "trained_tokens")
    lines = read_lines(out / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(1, settings["max_steps"] + 1))
    return [Step(*(line[key] for key in keys)) for line in lines]


def assert_follows(ours: Sequence[Step], theirs: Sequence[Step], *, relative: float) -> None:
    assert len(ours) == len(theirs)
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=True), start=1):
        assert mine.trained_tokens == other.trained_tokens, f"step {index}"
        # The same formula in f64 on both sides.
        assert mine.learning_rate == pytest.approx(other.learning_rate, rel=1e-9), f"step {index}"
        assert mine.loss == pytest.approx(other.loss, rel=relative), f"step {index}"
        assert mine.grad_norm == pytest.approx(other.grad_norm, rel=relative), f"step {index}"


def assert_same_weights(ours: pathlib.Path, theirs: dict[str, torch.Tensor], tolerance: float) -> None:
    stored = load_file(ours)
    assert stored.keys() == theirs.keys()
    for name, expected in theirs.items():
        difference = (stored[name].float() - expected).abs().max().item()
        assert difference <= tolerance, f"{name}: {difference} apart"


def adapter_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    return {
        name.replace(".default.", "."): parameter.detach()
        for name, parameter in model.named_parameters()
        if "lora_" in name
    }


def test_qlora_follows_pytorch(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """30 steps over five epochs whose last step is short, with accumulation, clipping, warm-up and decay."""
    examples = random_examples(21)
    settings = {
        **SETTINGS,
        "method": "qlora",
        "learning_rate": 3e-3,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 3.2,
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "max_steps": 30,
    }
    random_adapter(base, tmp_path / "start")
    ours = run(tmp_path, base, examples, settings, "--adapter", tmp_path / "start")
    model = PeftModel.from_pretrained(dequantised(base), tmp_path / "start", is_trainable=True)
    theirs = train(model, examples, settings)

    clipped = [step.grad_norm > settings["max_grad_norm"] for step in theirs]
    assert any(clipped) and not all(clipped), "clipping must be tried both ways"
    assert theirs[-1].loss < 0.9 * theirs[0].loss, "the run must learn something"
    # f32 sums in another order differ by about 1e-7 of themselves. AdamW divides by the gradient's own size, so where a gradient is
    # near zero that becomes a share of a whole update, which 29 more feed back: 1e-5 leaves room for that. On lavapipe 2e-7 is seen.
    assert_follows(ours, theirs, relative=1e-5)

    # The adapter as it was written, in real PEFT over the same weights, against our own reading of it.
    tuned = PeftModel.from_pretrained(dequantised(base), tmp_path / "run").eval()
    read = logits_of(
        tmp_path, base, TOKENS, "--adapter", tmp_path / "run", "--quantization", "nf4"
    )
    expected = transformers_logits(tuned, TOKENS)
    assert_same_logits(read, expected)
    untuned = transformers_logits(dequantised(base), TOKENS)
    moved = max((a - b).abs().max().item() for a, b in zip(expected, untuned, strict=True))
    assert moved > 0.1, "the adapter must show in the logits"


def test_default_precision_stays_close_to_pytorch(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A run as a person starts it, whose kept activations are f16 where the adapter has it."""
    examples = random_examples(21)
    settings = {
        **SETTINGS,
        "method": "qlora",
        "learning_rate": 1e-3,
        "lr_scheduler_type": "linear",
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "max_steps": 12,
    }
    random_adapter(base, tmp_path / "start")
    ours = run(
        tmp_path, base, examples, settings, "--adapter", tmp_path / "start", precision="auto"
    )
    model = PeftModel.from_pretrained(dequantised(base), tmp_path / "start", is_trainable=True)
    # Kept activations have 11 bits: that moves single gradients by up to 2e-3 (tests/model/training.gpu.test.ts), their norm and a loss over
    # many tokens by far less, and the updates before feed back. On lavapipe 2e-4 of norms and 3e-5 of losses are seen.
    assert_follows(ours, train(model, examples, settings), relative=1e-3)


def test_packed_rows_count_as_examples_alone(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """One step takes all examples, packed on our side and one by one in PyTorch."""
    examples = random_examples(21, seed=4)
    settings = {
        **SETTINGS,
        "packing": True,
        "method": "qlora",
        "learning_rate": 1e-3,
        "lr_scheduler_type": "linear",
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 32,
        "max_steps": 3,
    }
    random_adapter(base, tmp_path / "start", use_rslora=True)
    ours = run(tmp_path, base, examples, settings, "--adapter", tmp_path / "start")
    model = PeftModel.from_pretrained(dequantised(base), tmp_path / "start", is_trainable=True)
    # As above, over three updates.
    assert_follows(ours, train(model, examples, settings), relative=1e-5)


def test_lora_follows_pytorch(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """LoRA on dense weights, on some of the linears only; the adapter's own numbers too."""
    examples = random_examples(12, seed=5)
    settings = {
        **SETTINGS,
        "method": "lora",
        "learning_rate": 1e-3,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": 3,
        "max_steps": 6,
    }
    targets = ["q_proj", "v_proj", "down_proj"]
    random_adapter(base, tmp_path / "start", target_modules=targets)
    ours = run(tmp_path, base, examples, settings, "--adapter", tmp_path / "start")
    model = PeftModel.from_pretrained(load_in_f32(base), tmp_path / "start", is_trainable=True)
    assert_follows(ours, train(model, examples, settings), relative=1e-5)
    # An update is at most about the learning rate; f32 noise turns a few per cent of one where a gradient is nearly zero.
    assert_same_weights(
        tmp_path / "run" / "adapter_model.safetensors", adapter_weights(model), tolerance=1e-4
    )
    tuned = PeftModel.from_pretrained(load_in_f32(base), tmp_path / "run").eval()
    read = logits_of(tmp_path, base, TOKENS, "--adapter", tmp_path / "run")
    assert_same_logits(read, transformers_logits(tuned, TOKENS))


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_full_fine_tuning_follows_pytorch(tied: bool, tmp_path: pathlib.Path) -> None:
    base = tmp_path / "base"
    random_llama(seed=8, tie_word_embeddings=tied, attention_bias=True).save_pretrained(base)
    examples = random_examples(12, seed=6)
    settings = {
        **SETTINGS,
        "method": "full",
        "learning_rate": 5e-4,
        "lr_scheduler_type": "linear",
        "weight_decay": 0.1,
        "micro_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "max_steps": 4,
    }
    ours = run(tmp_path, base, examples, settings)
    model = load_in_f32(base)
    # As for LoRA; 1e-4 is a fifth of one update.
    assert_follows(ours, train(model, examples, settings), relative=1e-5)
    tuned = LlamaForCausalLM.from_pretrained(tmp_path / "run")
    assert tuned.dtype == torch.float32
    for (name, mine), (_, other) in zip(
        tuned.named_parameters(), model.named_parameters(), strict=True
    ):
        assert (mine - other).abs().max().item() <= 1e-4, name


def test_new_adapter_starts_as_in_peft(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The first update of a warm-up has learning rate 0, so one step leaves the adapter that the run began with."""
    settings = {**SETTINGS, "method": "qlora", "r": 8, "warmup_steps": 1, "max_steps": 1}
    run(tmp_path, base, random_examples(4), settings)
    ours = load_file(tmp_path / "run" / "adapter_model.safetensors")
    peft = get_peft_model(
        load_in_f32(base),
        LoraConfig(r=8, target_modules=list(nf4.LINEARS), task_type="CAUSAL_LM"),
    )
    assert ours.keys() == adapter_weights(peft).keys()
    for name, value in ours.items():
        if "lora_B" in name:
            assert not value.any(), name
        else:
            # kaiming_uniform with a = sqrt 5: uniform within 1 / sqrt(in); its deviation is the bound over sqrt 3.
            bound = value.shape[1] ** -0.5
            assert value.abs().max() <= bound, name
            # 1,024 or more draws: the deviation is known to 1.5 % and the mean to 2 % of the bound, four of each are allowed.
            assert value.std().item() == pytest.approx(bound / 3**0.5, rel=0.06), name
            assert abs(value.mean().item()) < 0.08 * bound, name
