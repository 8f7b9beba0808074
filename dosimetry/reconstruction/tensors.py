"""The projector and the update of OSEM on tensors: the same arithmetic as the compiled code, for a card."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.compute import TensorBackend
from dosimetry.reconstruction.projector import Projector

Float32Array = NDArray[np.float32]
SMALLEST_EXPECTED_SHARE = 1e-6
"""Expected counts below this share of the mean of a view are nothing: the ratio there is set to zero counts."""
SMALLEST_SENSITIVITY_SHARE = 1e-3
"""Voxels that a subset sees with less than this share of the largest sensitivity are outside the field of view."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorProjector:
    """Project on the device of a backend; images and projections are (voxel, z) and (column, z) tensors of float32.

    Turning is a sparse matrix product, blur a weighted sum of shifted copies; weights and attenuation are made once.

    Parameters
    ----------
    projector : Projector
        The system.
    backend : TensorBackend
        torch and its device.
    """

    projector: Projector
    backend: TensorBackend
    _views: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def tensor(self, values: NDArray[Any]) -> Any:
        """Return an array as a float32 tensor on the device."""
        array = np.ascontiguousarray(values, dtype=np.float32)
        return self.backend.torch.from_numpy(array).to(self.backend.name)

    def forward(self, columns: Any, view: int) -> Any:
        """Return one view (column, z) of an image (voxel, z)."""
        torch = self.backend.torch
        turn, _, attenuation, weights_u, weights_z = self._view(view)
        planes = torch.sparse.mm(turn, columns).reshape(*self._shape, -1)
        if attenuation is not None:
            planes = planes * attenuation
        blurred = self._blur(self._blur(planes, weights_z, 2), weights_u, 1)
        return self._with_penetration(blurred.sum(0)) * self.projector.view_scale(view)

    def back(self, projection: Any, view: int) -> Any:
        """Return the transpose of ``forward`` of a view: an image (voxel, z)."""
        torch = self.backend.torch
        _, turn_back, attenuation, weights_u, weights_z = self._view(view)
        scaled = self._with_penetration(projection) * self.projector.view_scale(view)
        planes = scaled[None].expand(self._shape[0], -1, -1)
        planes = self._blur(self._blur(planes, weights_z, 2), weights_u, 1)
        if attenuation is not None:
            planes = planes * attenuation
        return torch.sparse.mm(turn_back, planes.reshape(turn_back.shape[1], -1))

    @property
    def _shape(self) -> tuple[int, int]:
        return self.projector.n_depths, self.projector.n_columns

    def _view(self, view: int) -> tuple[Any, ...]:
        found = self._views.get(view)
        if found is None:
            found = self._views[view] = self._made(view)
        return found

    def _made(self, view: int) -> tuple[Any, ...]:
        torch = self.backend.torch
        turned = self.projector.view_weights(view)
        n_cells = turned.starts.size - 1
        n_voxels = int(np.prod(self.projector.grid.shape_zyx[1:]))
        cells = np.repeat(np.arange(n_cells), np.diff(turned.starts))
        places = torch.from_numpy(np.stack([cells, turned.voxels.astype(np.int64)]))
        shares = torch.from_numpy(turned.shares)
        # Invariants are checked once per view: torch asks for a decision.
        turn = torch.sparse_coo_tensor(places, shares, (n_cells, n_voxels), check_invariants=True)
        turn_back = torch.sparse_coo_tensor(places.flip(0), shares, (n_voxels, n_cells), check_invariants=True)
        attenuation = self.projector.view_attenuation(view)
        weights_u, _, weights_z, _ = self.projector.view_response(view)
        return (
            turn.coalesce().to(self.backend.name),
            turn_back.coalesce().to(self.backend.name),
            None if attenuation.shape[0] == 0 else self.tensor(attenuation),
            self.tensor(weights_u),
            self.tensor(weights_z),
        )

    def _blur(self, planes: Any, weights: Any, axis: int) -> Any:
        """Blur (depth, column, z) along an axis, each depth with its own symmetric kernel."""
        size = planes.shape[axis]
        total = planes * weights[:, 0, None, None]
        for offset in range(1, min(weights.shape[1], size)):
            weight = weights[:, offset, None, None]
            near, far = planes.narrow(axis, 0, size - offset), planes.narrow(axis, offset, size - offset)
            total.narrow(axis, 0, size - offset).add_(weight * far)
            total.narrow(axis, offset, size - offset).add_(weight * near)
        return total

    def _with_penetration(self, projection: Any) -> Any:
        wide = self.projector.penetration_kernels()
        if wide is None:
            return projection
        share, weights_u, weights_z = wide
        planes = self._blur(projection[None], self.tensor(weights_z), 2)
        return (1.0 - share) * projection + share * self._blur(planes, self.tensor(weights_u), 1)[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorUpdates:
    """Updates of OSEM on tensors; counts and scatter are (view, column, z)."""

    system: TensorProjector
    counts: Float32Array
    scatter: Float32Array
    subsets: tuple[tuple[int, ...], ...]

    def update(self, image: Float32Array, subset: int) -> Float32Array:
        """Return an image (voxel, z) after the views of one subset."""
        torch = self.system.backend.torch
        columns = self.system.tensor(image)
        correction, sensitivity = torch.zeros_like(columns), torch.zeros_like(columns)
        for view in self.subsets[subset]:
            expected = self.system.forward(columns, view) + self.system.tensor(self.scatter[view])
            floor = SMALLEST_EXPECTED_SHARE * max(float(expected.mean()), 1e-30)
            ratio = torch.where(expected > floor, self.system.tensor(self.counts[view]) / expected, 0.0)
            correction += self.system.back(ratio, view)
            sensitivity += self.system.back(torch.ones_like(ratio), view)
        is_seen = sensitivity > SMALLEST_SENSITIVITY_SHARE * sensitivity.max()
        factor = torch.where(is_seen, correction / torch.where(is_seen, sensitivity, 1.0), 0.0)
        return np.asarray((columns * factor).cpu().numpy(), dtype=np.float32)
