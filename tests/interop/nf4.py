"""NF4 with double quantisation by its rules (Dettmers et al. 2023), in exact terms of f32: what codes and scales must be."""

from __future__ import annotations

from dataclasses import dataclass

import bitsandbytes.functional as bnb
import torch
from torch import Tensor

BLOCK = 64
NESTED_BLOCK = 256
# bitsandbytes' CPU kernels may choose the neighbour of a value that lies closer than this to a threshold.
UNCERTAIN = 2e-5
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass
class Nf4:
    """A quantised weight; `scale_codes`, `nested_absmax` and `offset` are the second quantisation, of the block scales."""

    codes: Tensor  # [elements] 0..15
    scale_codes: Tensor  # [blocks] 0..255
    nested_absmax: Tensor  # [blocks / 256]
    offset: Tensor  # []
    shape: torch.Size

    def scales(self) -> Tensor:
        """[blocks], after the round trip through the second quantisation."""
        groups = torch.arange(len(self.scale_codes)) // NESTED_BLOCK
        return scale_book()[self.scale_codes.long()] * self.nested_absmax[groups] + self.offset

    def dequantize(self) -> Tensor:
        blocks = code_book()[self.codes.long()].reshape(-1, BLOCK)
        return (blocks * self.scales()[:, None]).reshape(self.shape)


def code_book() -> Tensor:
    return bnb.get_4bit_type("nf4", device="cpu")


def scale_book() -> Tensor:
    return bnb.create_dynamic_map()


def quantize(weight: Tensor) -> Nf4:
    """@param weight any float type; its elements must be a multiple of 64"""
    blocks = weight.float().reshape(-1, BLOCK)
    absmax = blocks.abs().amax(dim=1)
    offset = absmax.mean()
    centred, nested_absmax = _centred(absmax, offset)
    return Nf4(
        codes=torch.bucketize(blocks / absmax[:, None], middles(code_book())).flatten(),
        scale_codes=torch.bucketize(centred, middles(scale_book())),
        nested_absmax=nested_absmax,
        offset=offset,
        shape=weight.shape,
    )


def middles(book: Tensor) -> Tensor:
    """The thresholds between neighbouring values; a value on a threshold takes the lower one."""
    return (book[1:] + book[:-1]) / 2


def away_from_thresholds(weight: Tensor) -> Tensor:
    """
    The f32 weight, changed a little so that no element and no block's scale lies so close to a threshold that bitsandbytes' CPU
    kernels may choose either neighbour. Of what comes out there is one right quantisation.
    """
    blocks = weight.detach().reshape(-1, BLOCK).clone()
    for _ in range(10):
        absmax = blocks.abs().amax(dim=1, keepdim=True)
        centred, _nested = _centred(absmax[:, 0], absmax.mean())
        normal = blocks / absmax
        unsure = _near(normal, code_book()) & (normal.abs() < 1)
        if not unsure.any() and not _near(centred, scale_book()).any():
            return blocks.reshape(weight.shape)
        blocks = torch.where(unsure, (normal - 9 * UNCERTAIN) * absmax, blocks)
        blocks *= _scales_on_the_map(absmax[:, 0])[:, None] / absmax
    raise AssertionError("no weight without uncertain codes was found")


def _scales_on_the_map(absmax: Tensor) -> Tensor:
    """
    Each block's scale moved to the nearest value of the map, which is far from its thresholds; not to those around zero, which lie
    closer together than kernels are exact, and the largest of each group stays, since the others are measured by it.
    """
    offset = absmax.mean()
    centred, nested = _centred(absmax, offset)
    book = scale_book()
    book = book[book.abs() > 0.02]
    moved = book[torch.bucketize(centred, middles(book))]
    groups = torch.arange(len(absmax)) // NESTED_BLOCK
    return torch.where(centred.abs() == 1, absmax, moved * nested[groups] + offset)


def _centred(absmax: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Block scales without their mean, in groups of 256 over the largest magnitude of each; and these magnitudes."""
    padding = -len(absmax) % NESTED_BLOCK
    groups = torch.nn.functional.pad(absmax - offset, (0, padding)).reshape(-1, NESTED_BLOCK)
    largest = groups.abs().amax(dim=1)
    return (groups / largest[:, None]).flatten()[: len(absmax)], largest


def _near(values: Tensor, book: Tensor) -> Tensor:
    """Whether each value lies closer to a threshold than kernels are exact, three times over."""
    thresholds = middles(book)
    above = torch.bucketize(values.contiguous(), thresholds)
    lower = thresholds[(above - 1).clamp_min(0)]
    upper = thresholds[above.clamp_max(len(thresholds) - 1)]
    return torch.minimum((values - lower).abs(), (upper - values).abs()) < 3 * UNCERTAIN


def is_quantised(name: str) -> bool:
    """Whether QLoRA keeps this parameter in 4 bits: the seven linears of each block."""
    return name.endswith(tuple(f"{linear}.weight" for linear in LINEARS))


@torch.no_grad()
def round_trip(model: torch.nn.Module) -> None:
    """Replaces the linears of all blocks by what NF4 makes of them."""
    for name, parameter in model.named_parameters():
        if is_quantised(name):
            parameter.copy_(quantize(parameter).dequantize())
