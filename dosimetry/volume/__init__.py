"""Voxel grids in DICOM patient coordinates (LPS, mm), volumes on them, rigid transforms between frames."""

from dosimetry.volume.blocks import block_mean, coarser_grid
from dosimetry.volume.grid import Grid, Volume
from dosimetry.volume.resample import resample
from dosimetry.volume.transform import RigidTransform

__all__ = ["Grid", "RigidTransform", "Volume", "block_mean", "coarser_grid", "resample"]
