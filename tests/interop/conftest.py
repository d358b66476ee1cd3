"""What all interop tests share: PyTorch on few threads, so that it leaves this machine's cores to the GPU in software."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def two_threads() -> None:
    torch.set_num_threads(2)
