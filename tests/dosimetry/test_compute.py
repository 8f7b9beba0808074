"""The gate to numerical devices."""

import subprocess
import sys

import numpy as np
import pytest

from dosimetry.compute import cuda_is_available, fft_backend, n_cpu_workers
from dosimetry.errors import InvalidInputError


@pytest.mark.parametrize("device", ["cpu", "torch_cpu"])
@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_transform_and_back(device, kind, tolerance):
    backend = fft_backend(device)
    values = np.random.default_rng(0).random((5, 6, 7)).astype(kind)
    shape = backend.fast_shape((8, 9, 11))
    assert all(found >= wanted for found, wanted in zip(shape, (8, 9, 11), strict=True))
    back = backend.values(backend.spectrum(values, shape), shape)
    assert back.dtype == kind
    assert back[:5, :6, :7] == pytest.approx(values, abs=tolerance)
    assert np.abs(back[5:]).max() < tolerance


def test_without_a_card_the_cpu_is_taken():
    assert fft_backend().device == ("cuda" if cuda_is_available() else "cpu")
    assert n_cpu_workers() >= 1


def test_cuda_without_a_card_is_refused(monkeypatch):
    monkeypatch.setattr("dosimetry.compute.cuda_is_available", lambda: False)
    with pytest.raises(InvalidInputError) as caught:
        fft_backend("cuda")
    assert caught.value.code == "no_cuda"


def test_torch_is_not_imported_where_there_is_no_card():
    code = (
        "import sys; from dosimetry.compute import cuda_is_available, fft_backend; fft_backend('cpu'); "
        "import dosimetry.dose.engines; print(cuda_is_available() or not {'torch', 'numba'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "True"
