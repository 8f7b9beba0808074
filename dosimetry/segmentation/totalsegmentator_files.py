"""What is installed of TotalSegmentator: package, weights, and their digest. Light: it imports and starts nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from types import MappingProxyType

from dosimetry.errors import InvalidInputError

PACKAGE_NAME = "TotalSegmentator"
VERTEBRAE = tuple(
    f"vertebrae_{part}{number}" for part, last in (("C", 7), ("T", 12), ("L", 5)) for number in range(1, last + 1)
)
REGION_CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Kidney left": ("kidney_left",),
        "Kidney right": ("kidney_right",),
        "Liver": ("liver",),
        "Spleen": ("spleen",),
        "Lung left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
        "Lung right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
        "Heart": ("heart", "atrial_appendage_left"),
        "Stomach": ("stomach",),
        "Bladder": ("urinary_bladder",),
        "Spine": VERTEBRAE,
        "Pelvis": ("hip_left", "hip_right", "sacrum", "vertebrae_S1"),
    }
)
"""Our regions, each with the classes of its task ``total`` that make it up; the sacrum belongs to the pelvis here."""

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the models of the task ``total``.

    Parameters
    ----------
    name : str
        As a site sets it.
    spacing_mm : float
        Voxels that it works on, mm.
    trainer : str
        Class of nnU-Net that it was trained with; a part of the name of its folder.
    datasets : tuple of str
        Folders of its weights, as the package looks for them.
    """

    name: str
    spacing_mm: float
    trainer: str
    datasets: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Return what an inference reads, relative to the folder of the weights."""
        inner = f"{self.trainer}__nnUNetPlans__3d_fullres"
        names = ("dataset.json", "plans.json", "fold_0/checkpoint_final.pth")
        return tuple(f"{dataset}/{inner}/{name}" for dataset in self.datasets for name in names)


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "fast": Variant(
            name="fast",
            spacing_mm=3.0,
            trainer="nnUNetTrainer_4000epochs_NoMirroring",
            datasets=("Dataset297_TotalSegmentator_total_3mm_1559subj",),
        ),
        "full": Variant(
            name="full",
            spacing_mm=1.5,
            trainer="nnUNetTrainerNoMirroring",
            datasets=(
                "Dataset291_TotalSegmentator_part1_organs_1559subj",
                "Dataset292_TotalSegmentator_part2_vertebrae_1532subj",
                "Dataset293_TotalSegmentator_part3_cardiac_1559subj",
                "Dataset294_TotalSegmentator_part4_muscles_1559subj",
                "Dataset295_TotalSegmentator_part5_ribs_1559subj",
            ),
        ),
    }
)
"""Names, trainers and folders as the package has them in version 2.18.0 (``map_tasks_config``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where the package and its weights lie, and which of its models is used.

    Parameters
    ----------
    package : Path
        Folder that ``requirements-totalsegmentator.txt`` was installed into.
    weights : Path
        Folder that holds the folders of the data sets; only read.
    variant : Variant
        Of ``VARIANTS``.
    """

    package: Path
    weights: Path
    variant: Variant

    def version(self) -> str:
        """Return the version of the package.

        Raises
        ------
        InvalidInputError
            The folder does not hold the package (``missing_package``).
        """
        for found in distributions(name=PACKAGE_NAME, path=[str(self.package)]):
            return found.version
        raise InvalidInputError(
            f"{PACKAGE_NAME} is not installed where the settings say: run make totalsegmentator, or set "
            "TOTALSEGMENTATOR_DIR to its folder.",
            code="missing_package",
        )

    def fingerprint(self) -> tuple[tuple[str, int, int], ...]:
        """Return name, size and time of change (ns) of each file of weights: what a digest may be kept by.

        Raises
        ------
        InvalidInputError
            A file is not there (``missing_weights``).
        """
        found = []
        for name in self.variant.files:
            path = self.weights / name
            if not path.is_file():
                raise InvalidInputError(
                    f"The weights of {PACKAGE_NAME} ({self.variant.name}) are not complete: {name} is missing. The "
                    "operator copies them into the folder TOTALSEGMENTATOR_WEIGHTS; nothing is downloaded.",
                    code="missing_weights",
                )
            state = path.stat()
            found.append((name, state.st_size, state.st_mtime_ns))
        return tuple(found)

    def digest(self) -> str:
        """Return the SHA-256 over the version of the package, the variant, and names and contents of the weights.

        Raises
        ------
        InvalidInputError
            No package (``missing_package``) or not all weights (``missing_weights``).
        """
        total = hashlib.sha256(f"{PACKAGE_NAME} {self.version()} {self.variant.name}\n".encode())
        for name, _size, _changed in self.fingerprint():
            content = hashlib.sha256()
            with (self.weights / name).open("rb") as file:
                while part := file.read(READ_BYTES):
                    content.update(part)
            total.update(f"{name} {content.hexdigest()}\n".encode())
        return total.hexdigest()

    def label(self, digest: str) -> str:
        """Return name, version, variant and the start of the digest, as a contour keeps them."""
        return f"totalsegmentator {self.version()} {self.variant.name} ({digest[:8]})"


def installation(*, package: Path, weights: Path, variant: str) -> Installation:
    """Return an installation by the name of its variant.

    Raises
    ------
    InvalidInputError
        There is no such variant (``unknown_variant``).
    """
    if variant not in VARIANTS:
        raise InvalidInputError(
            f"TOTALSEGMENTATOR_VARIANT is {' or '.join(VARIANTS)}, not {variant!r}.", code="unknown_variant"
        )
    return Installation(package=package, weights=weights, variant=VARIANTS[variant])
