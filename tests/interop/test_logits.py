"""Dense models of every kind that transformers saves give the logits of transformers."""

import json
import pathlib
from typing import Any

import pytest
import torch

from models import (
    LINEAR_ROPE,
    LLAMA3_ROPE,
    assert_same_logits,
    load_in_f32,
    random_llama,
    random_tokens,
    transformers_logits,
)
from terminal import logits_of

# Positions past 32 (the "original" context of LLAMA3_ROPE), and lengths that are no multiple of any tile.
TOKENS = random_tokens([1, 37, 90])

KINDS: dict[str, tuple[dict[str, Any], torch.dtype]] = {
    "untied-f32": ({}, torch.float32),
    "tied-bf16": ({"tie_word_embeddings": True}, torch.bfloat16),
    "biases-f16": ({"attention_bias": True, "mlp_bias": True}, torch.float16),
    "llama3-rope-bf16": ({"rope_parameters": LLAMA3_ROPE}, torch.bfloat16),
    "linear-rope-f32": ({"rope_parameters": LINEAR_ROPE}, torch.float32),
    "head-dim-given": ({"head_dim": 64, "num_key_value_heads": 1}, torch.float32),
}


@pytest.mark.parametrize("kind", KINDS)
def test_dense_model(kind: str, tmp_path: pathlib.Path) -> None:
    changes, dtype = KINDS[kind]
    folder = tmp_path / "model"
    random_llama(**changes).to(dtype).save_pretrained(folder)
    theirs = transformers_logits(load_in_f32(folder), TOKENS)
    assert_same_logits(logits_of(tmp_path, folder, TOKENS), theirs)


def test_shards(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "model"
    random_llama().save_pretrained(folder, max_shard_size="300KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    theirs = transformers_logits(load_in_f32(folder), TOKENS)
    assert_same_logits(logits_of(tmp_path, folder, TOKENS), theirs)


@pytest.mark.parametrize("rope", [LLAMA3_ROPE, LINEAR_ROPE], ids=["llama3", "linear"])
def test_config_of_transformers_4(rope: dict[str, Any], tmp_path: pathlib.Path) -> None:
    """`rope_theta` beside `rope_scaling`, as all configurations had it before transformers 5."""
    folder = tmp_path / "model"
    model = random_llama(rope_parameters=rope)
    model.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    scaling = config.pop("rope_parameters")
    config["rope_theta"] = scaling.pop("rope_theta")
    config["rope_scaling"] = scaling
    path.write_text(json.dumps(config))
    assert_same_logits(
        logits_of(tmp_path, folder, TOKENS), transformers_logits(model, TOKENS)
    )


def test_starter(tmp_path: pathlib.Path) -> None:
    starter = pathlib.Path(__file__).parents[2] / "public" / "starter"
    tokens = random_tokens([70], vocabulary=3072)
    theirs = transformers_logits(load_in_f32(starter), tokens)
    assert_same_logits(logits_of(tmp_path, starter, tokens), theirs)
