"""NF4, the 4-bit format of bitsandbytes (Dettmers et al. 2023, "QLoRA"), as a round trip on floating-point weights."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 64
CODES = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)


def nf4_roundtrip(weight: Tensor) -> Tensor:
    """The weight as NF4 keeps it: blocks of 64, each scaled by its largest magnitude, each value the nearest of 16."""
    blocks = weight.detach().reshape(-1, BLOCK)
    scale = blocks.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
    codes = torch.tensor(CODES, dtype=weight.dtype, device=weight.device)
    borders = (codes[1:] + codes[:-1]) / 2
    return (codes[torch.bucketize(blocks / scale, borders)] * scale).view_as(weight)
