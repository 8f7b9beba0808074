"""Organs moved, turned and stretched from their usual place: patients unlike each other, for training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dosimetry.phantoms.body_parts import AnatomyPart
from dosimetry.phantoms.solids import FloatArray, Solid
from dosimetry.phantoms.virtual_anatomy import VirtualAnatomy

WAVE_MM, SHORTEST_WAVE_MM = 9.0, 110.0
BONES = ("Spine", "Sacrum", "Pelvis", "Hip socket", "Pubic", "Seat", "Femur", "Bone lesion")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseSpread:
    """Standard deviations of a group's shift (x, y, z; mm), turn about each axis (degrees) and stretch (logarithm)."""

    shift_mm: tuple[float, float, float]
    turn_degrees: float
    log_stretch: float


SPREADS: Mapping[str, PoseSpread] = MappingProxyType(
    {
        "Kidney left": PoseSpread(shift_mm=(7.0, 7.0, 16.0), turn_degrees=10.0, log_stretch=0.12),
        "Kidney right": PoseSpread(shift_mm=(7.0, 7.0, 16.0), turn_degrees=10.0, log_stretch=0.12),
        "Liver": PoseSpread(shift_mm=(6.0, 6.0, 12.0), turn_degrees=7.0, log_stretch=0.12),
        "Spleen": PoseSpread(shift_mm=(7.0, 9.0, 16.0), turn_degrees=16.0, log_stretch=0.22),
        "Stomach": PoseSpread(shift_mm=(10.0, 8.0, 14.0), turn_degrees=18.0, log_stretch=0.25),
        "Pancreas": PoseSpread(shift_mm=(7.0, 6.0, 10.0), turn_degrees=14.0, log_stretch=0.15),
        "Heart": PoseSpread(shift_mm=(8.0, 6.0, 10.0), turn_degrees=12.0, log_stretch=0.12),
        "Lung": PoseSpread(shift_mm=(3.0, 4.0, 10.0), turn_degrees=3.0, log_stretch=0.07),
        "Bladder": PoseSpread(shift_mm=(4.0, 6.0, 8.0), turn_degrees=10.0, log_stretch=0.25),
        "Parotid left": PoseSpread(shift_mm=(3.0, 4.0, 6.0), turn_degrees=12.0, log_stretch=0.15),
        "Parotid right": PoseSpread(shift_mm=(3.0, 4.0, 6.0), turn_degrees=12.0, log_stretch=0.15),
        "Submandibular left": PoseSpread(shift_mm=(3.0, 4.0, 5.0), turn_degrees=12.0, log_stretch=0.15),
        "Submandibular right": PoseSpread(shift_mm=(3.0, 4.0, 5.0), turn_degrees=12.0, log_stretch=0.15),
        "Bones": PoseSpread(shift_mm=(3.0, 6.0, 8.0), turn_degrees=3.0, log_stretch=0.06),
    }
)
"""Plausible values of ours, wider than between adults: a network shall not learn places by heart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A solid after x -> centre + M (x - centre) + shift.

    Parameters
    ----------
    solid : Solid
        As it was.
    matrix : (3, 3) array
        Turn and stretch.
    pivot_lps_mm : (3,) array
        What the matrix leaves where it is.
    shift_mm : (3,) array
        Added.
    """

    solid: Solid
    matrix: FloatArray
    pivot_lps_mm: FloatArray
    shift_mm: FloatArray

    @property
    def centre_lps_mm(self) -> tuple[float, float, float]:
        """Return the middle of the box, LPS mm."""
        middle = self.matrix @ (np.asarray(self.solid.centre_lps_mm) - self.pivot_lps_mm)
        x, y, z = (float(value) for value in middle + self.pivot_lps_mm + self.shift_mm)
        return x, y, z

    @property
    def half_size_lps_mm(self) -> FloatArray:
        """Return half the sides of a box round the moved box, mm."""
        return np.asarray(np.abs(self.matrix) @ self.solid.half_size_lps_mm)

    def level(self, points_lps_mm: NDArray[Any]) -> FloatArray:
        """Return the level of (..., 3) points."""
        back = np.linalg.inv(self.matrix)
        return self.solid.level(
            (np.asarray(points_lps_mm) - self.pivot_lps_mm - self.shift_mm) @ back.T + self.pivot_lps_mm
        )


def posed_anatomy(anatomy: VirtualAnatomy, *, generator: np.random.Generator) -> VirtualAnatomy:
    """Return the same patient with the parts of each group of organs moved together at random.

    A horseshoe kidney keeps its place: its halves are joined.
    """
    is_joined = any(part.name == "Kidney bridge" for part in anatomy.parts)
    members: dict[str, list[AnatomyPart]] = {}
    for part in anatomy.parts:
        group = _group(part)
        if group is not None and not (is_joined and group.startswith("Kidney")):
            members.setdefault(group, []).append(part)
    poses = {group: _drawn(SPREADS[group], parts[0].solid, generator) for group, parts in members.items()}
    moved = []
    for part in anatomy.parts:
        pose = poses.get(_group(part) or "")
        if pose is None:
            moved.append(part)
            continue
        matrix, pivot, shift = pose
        solid = Posed(solid=part.solid, matrix=matrix, pivot_lps_mm=pivot, shift_mm=shift)
        moved.append(replace(part, solid=solid))
    return replace(anatomy, parts=tuple(moved), wave_mm=WAVE_MM, shortest_wave_mm=SHORTEST_WAVE_MM)


def _group(part: AnatomyPart) -> str | None:
    if part.name.startswith(BONES):
        return "Bones"
    return next((group for group in SPREADS if part.name.startswith(group)), None)


def _drawn(
    spread: PoseSpread, solid: Solid, generator: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    angles = np.deg2rad(spread.turn_degrees) * generator.standard_normal(3)
    stretch = np.exp(spread.log_stretch * generator.standard_normal(3))
    shift = np.asarray(spread.shift_mm) * generator.standard_normal(3)
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = (other for other in range(3) if other != axis)
        about = np.eye(3)
        about[i, i] = about[j, j] = np.cos(angle)
        about[i, j], about[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ about
    return turn @ np.diag(stretch), np.asarray(solid.centre_lps_mm, dtype=float), shift
