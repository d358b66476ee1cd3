"""Runs Tunesmith's terminal commands as a person would, and reads what they leave."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).parents[2]
TIMEOUT_SECONDS = 240


def headless(*words: object) -> dict[str, Any]:
    """Runs a command and returns the JSON object that it prints; fails with its standard error where it fails."""
    done = _run(*words)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stderr}"
    return json.loads(done.stdout)


def refusal(*words: object) -> str:
    """Runs a command that must find its input bad, and returns the sentence that says so."""
    done = _run(*words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    return done.stderr.splitlines()[-1]


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm")
    assert npm is not None, "npm is not on the path"
    return subprocess.run(
        [npm, "run", "--silent", "headless", "--", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "INIT_CWD": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def write_json(path: pathlib.Path, value: object) -> pathlib.Path:
    path.write_text(json.dumps(value))
    return path


def write_lines(path: pathlib.Path, values: Sequence[object]) -> pathlib.Path:
    path.write_text("".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values))
    return path


def read_lines(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def logits_of(
    folder: pathlib.Path,
    model: pathlib.Path,
    token_lists: Sequence[Sequence[int]],
    *options: object,
) -> list[torch.Tensor]:
    """Our logits [tokens, vocabulary] in full f32 arithmetic, for each list of token ids; `folder` takes the files."""
    number = len(list(folder.glob("logits-*.safetensors")))
    out = folder / f"logits-{number}.safetensors"
    tokens = write_json(folder / f"tokens-{number}.json", [list(ids) for ids in token_lists])
    headless(
        "logits", "--model", model, "--tokens", tokens, "--out", out, "--precision", "f32", *options
    )
    tensors = load_file(out)
    assert sorted(tensors) == sorted(f"logits.{i}" for i in range(len(token_lists)))
    return [tensors[f"logits.{i}"] for i in range(len(token_lists))]
