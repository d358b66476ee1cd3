"""What all interop tests share: PyTorch on one thread. More would wait busily for each other on cores that the software GPU keeps."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
