"""Writes trained weights as a Hugging Face folder beside the tokenizer files.

python publish.py --weights pretrained/final --out ../../public/starter
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from model import Shape
from tokenizer import BEGIN, CONTEXT, END, TURN_END
from weights import read_shards

LIMIT_BYTES = 10_000_000
"""What the whole folder may weigh, since it is part of the page."""

TYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def settings(shape: Shape, tokenizer: Tokenizer, type_name: str) -> dict[str, dict[str, object]]:
    """`config.json` and `generation_config.json`."""
    begin, end, turn_end = (tokenizer.token_to_id(text) for text in (BEGIN, END, TURN_END))
    config: dict[str, object] = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": begin,
        "eos_token_id": end,
        "head_dim": shape.head_size,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": CONTEXT,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.key_value_heads,
        "pad_token_id": end,
        "rms_norm_eps": shape.epsilon,
        "rope_scaling": None,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": type_name,
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }
    generation: dict[str, object] = {
        "bos_token_id": begin,
        "do_sample": True,
        "eos_token_id": [turn_end, end],
        "max_new_tokens": 160,
        "pad_token_id": end,
        "temperature": 0.7,
        "top_k": 40,
        "top_p": 0.95,
    }
    return {"config.json": config, "generation_config.json": generation}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder with shards of f32 weights")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder, with tokenizer.json in it")
    parser.add_argument("--type", choices=TYPES, default="bfloat16", help="the type of the weights")
    arguments = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(arguments.out / "tokenizer.json"))
    weights = {name: weight.to(TYPES[arguments.type]) for name, weight in read_shards(arguments.weights).items()}
    save_file(weights, arguments.out / "model.safetensors", metadata={"format": "pt"})
    (arguments.out / "model.safetensors").chmod(0o644)
    for name, value in settings(Shape(), tokenizer, arguments.type).items():
        (arguments.out / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    total = sum(file.stat().st_size for file in arguments.out.iterdir())
    print(f"{total:,} bytes in {arguments.out}")
    if arguments.type == "bfloat16" and total > LIMIT_BYTES:
        raise SystemExit(f"The folder may hold at most {LIMIT_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
