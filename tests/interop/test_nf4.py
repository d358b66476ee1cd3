"""Our NF4 is that of bitsandbytes: codes, scales, and checkpoints that hold them."""

import pathlib

import bitsandbytes.functional as bnb
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BitsAndBytesConfig, LlamaForCausalLM

import nf4
from models import (
    assert_same_logits,
    load_in_f32,
    random_llama,
    random_tokens,
    transformers_logits,
)
from terminal import logits_of, refusal, write_json

TOKENS = random_tokens([40])


def prequantised(dense: pathlib.Path, folder: pathlib.Path, *, double: bool = True) -> None:
    """Quantises a model's folder as people do: by transformers and bitsandbytes."""
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=torch.float32,
    )
    LlamaForCausalLM.from_pretrained(
        dense, quantization_config=settings, device_map="cpu", dtype=torch.float32
    ).save_pretrained(folder)


def unpack(packed: torch.Tensor) -> torch.Tensor:
    """Codes [elements] of bytes [elements / 2, 1]: the first of two is the high nibble."""
    return torch.stack([packed >> 4, packed & 15], dim=-1).flatten()


@pytest.fixture(scope="module")
def certain(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with `dense`, whose weights have one right quantisation each, and `nf4`, what bitsandbytes makes of it."""
    folder = tmp_path_factory.mktemp("certain")
    model = random_llama(seed=5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if nf4.is_quantised(name):
                parameter.copy_(nf4.away_from_thresholds(parameter))
    model.save_pretrained(folder / "dense")
    prequantised(folder / "dense", folder / "nf4")
    return folder


def test_rules_are_those_of_bitsandbytes(certain: pathlib.Path) -> None:
    """The plain rules that the other tests dequantise by give bitsandbytes' own codes and scales."""
    theirs = load_file(certain / "nf4" / "model.safetensors")
    dense = load_file(certain / "dense" / "model.safetensors")
    linears = [name for name in dense if nf4.is_quantised(name)]
    assert len(linears) == 14
    for name in linears:
        ours = nf4.quantize(dense[name])
        assert torch.equal(unpack(theirs[name]), ours.codes.to(torch.uint8)), name
        assert torch.equal(theirs[f"{name}.absmax"], ours.scale_codes.to(torch.uint8)), name
        assert torch.equal(theirs[f"{name}.nested_absmax"], ours.nested_absmax), name


def test_gpu_quantises_bit_for_bit(certain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """
    A dense model that our GPU quantises and bitsandbytes' own file of it run through the same kernels: the same bits in, the same
    bits out.
    """
    [ours] = logits_of(tmp_path, certain / "dense", TOKENS, "--quantization", "nf4")
    [theirs] = logits_of(tmp_path, certain / "nf4", TOKENS)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("suffix", ["", ".absmax"], ids=["code", "scale"])
def test_one_neighbour_shows(suffix: str, certain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The comparison above would see a single code or scale that is one off."""
    [before] = logits_of(tmp_path, certain / "nf4", TOKENS)
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "config.json").write_bytes((certain / "nf4" / "config.json").read_bytes())
    tensors = load_file(certain / "nf4" / "model.safetensors")
    tensors[f"model.layers.0.mlp.down_proj.weight{suffix}"].view(-1)[77] ^= 1
    save_file(tensors, changed / "model.safetensors", {"format": "pt"})
    [after] = logits_of(tmp_path, changed, TOKENS)
    assert not torch.equal(before, after)


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_prequantised_checkpoint(double: bool, tmp_path: pathlib.Path) -> None:
    """bitsandbytes' file goes in as it is and gives the logits of transformers over its dequantised weights."""
    random_llama(seed=6, attention_bias=True).to(torch.bfloat16).save_pretrained(tmp_path / "dense")
    prequantised(tmp_path / "dense", tmp_path / "nf4", double=double)
    model = load_in_f32(tmp_path / "dense")
    stored = LlamaForCausalLM.from_pretrained(tmp_path / "nf4", device_map="cpu")
    states = {
        name: parameter.quant_state
        for name, parameter in stored.named_parameters()
        if nf4.is_quantised(name)
    }
    packed = dict(stored.named_parameters())
    with torch.no_grad():
        for name, state in states.items():
            values = bnb.dequantize_4bit(packed[name], state)
            model.get_parameter(name).copy_(values)
    theirs = transformers_logits(model, TOKENS)
    assert_same_logits(logits_of(tmp_path, tmp_path / "nf4", TOKENS), theirs)
    dense = logits_of(tmp_path, tmp_path / "nf4", TOKENS, "--quantization", "none")
    assert_same_logits(dense, theirs)


def test_some_linears_dense(certain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """A file may hold some linears in NF4 and others dense, as those of unsloth do."""
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "config.json").write_bytes((certain / "nf4" / "config.json").read_bytes())
    dense = load_file(certain / "dense" / "model.safetensors")
    tensors = load_file(certain / "nf4" / "model.safetensors")
    kept = "model.layers.1.mlp.down_proj.weight"
    tensors = {name: value for name, value in tensors.items() if not name.startswith(kept)}
    save_file({**tensors, kept: dense[kept]}, mixed / "model.safetensors", {"format": "pt"})
    model = load_in_f32(certain / "dense")
    nf4.round_trip(model)
    with torch.no_grad():
        model.get_parameter(kept).copy_(dense[kept])
    assert_same_logits(logits_of(tmp_path, mixed, TOKENS), transformers_logits(model, TOKENS))


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_scales_that_are_no_numbers(double: bool, tmp_path: pathlib.Path) -> None:
    """One block's scale that is not finite is bad input, told with file and weight, and nothing is written."""
    random_llama(seed=6).save_pretrained(tmp_path / "dense")
    prequantised(tmp_path / "dense", tmp_path / "nf4", double=double)
    path = tmp_path / "nf4" / "model.safetensors"
    tensors = load_file(path)
    name = "model.layers.1.mlp.down_proj.weight"
    tensors[f"{name}.nested_absmax" if double else f"{name}.absmax"][1 - double] = torch.inf
    save_file(tensors, path, {"format": "pt"})
    tokens = write_json(tmp_path / "tokens.json", TOKENS)
    out = tmp_path / "logits.safetensors"
    sentence = refusal("logits", "--model", path.parent, "--tokens", tokens, "--out", out)
    assert "model.safetensors" in sentence
    assert name in sentence
    assert not out.exists()
