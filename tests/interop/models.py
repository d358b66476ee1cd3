"""Small Llamas with random weights, as transformers saves them, and the logits that transformers computes with them."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 512
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
LINEAR_ROPE = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}


def random_llama(seed: int = 0, **changes: Any) -> LlamaForCausalLM:
    """A Llama of two layers in f32 whose every parameter, norms and biases too, is random."""
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 128,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": False,
        # About 1 / sqrt(hidden): activations keep their size from layer to layer, and logits are of the order of 1.
        "initializer_range": 0.09,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    model = LlamaForCausalLM(LlamaConfig(**{**shape, **changes}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def load_in_f32(folder: pathlib.Path) -> LlamaForCausalLM:
    """The model of a folder with its stored values, computing in f32."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def random_tokens(lengths: Sequence[int], seed: int = 1, vocabulary: int = VOCABULARY) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(vocabulary, (length,), generator=generator).tolist() for length in lengths]


@torch.no_grad()
def transformers_logits(
    model: torch.nn.Module, token_lists: Sequence[Sequence[int]]
) -> list[torch.Tensor]:
    return [model(torch.tensor([list(ids)])).logits[0].float() for ids in token_lists]


def assert_same_logits(ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> None:
    """
    Equal but for the order of f32 sums. One sum of 192 products errs by a few units of 2^-24 of its largest term; two layers and the
    head pass on and add up a few dozen of them: 2e-5 of the largest logit leaves room for ten times what is seen.
    """
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        largest = other.abs().max().item()
        assert largest > 0.5, "logits near zero would show nothing"
        difference = (mine - other).abs().max().item()
        assert difference <= 2e-5 * largest, f"{difference} apart, largest logit {largest}"
