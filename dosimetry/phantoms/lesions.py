"""Lesions of a virtual patient: how many, how large, and where they fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dosimetry.errors import InvalidInputError
from dosimetry.phantoms.anatomy import RegionKind
from dosimetry.phantoms.body_parts import AnatomyPart
from dosimetry.phantoms.lesion_room import SHARE_INSIDE, LesionRoom, Point, is_free, scaled_size
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.solids import Solid
from dosimetry.units import ML_MM3

Site = Literal["liver", "bone", "node", "prostate"]
SITE_NAMES: dict[str, str] = {
    "liver": "Liver lesion",
    "bone": "Bone lesion",
    "node": "Node",
    "prostate": "Prostate lesion",
}
HOSTS: dict[str, tuple[str, ...]] = {
    "liver": ("Liver",),
    "bone": ("Spine", "Sacrum", "Femur left neck", "Femur right neck"),
    "node": (),
    "prostate": ("Prostate",),
}
BONE_TISSUES = ("cortical", "spongiosa")
TISSUE_OF: dict[str, str] = {"liver": "tumour", "bone": "sclerosis", "node": "tumour", "prostate": "tumour"}
NODE_BOX_MM: tuple[Point, Point] = ((-32.0, 8.0, -160.0), (34.0, 30.0, -10.0))
"""Round the great vessels, where retroperitoneal nodes lie."""
VOLUME_MEDIAN_ML, VOLUME_LOG_SPREAD = 6.0, 1.0
VOLUME_RANGE_ML = (0.8, 80.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionRequest:
    """Lesions that a patient shall have.

    Parameters
    ----------
    site : {"liver", "bone", "node", "prostate"}
        Where.
    volume_ml : float
        Of each, above zero.
    n : int
        How many.
    centre_lps_mm : (x, y, z) float or None
        In the reference adult, for one lesion; None finds room.

    Raises
    ------
    InvalidInputError
        An unknown site, a volume or number that cannot be, or one centre for several lesions (``bad_lesion``).
    """

    site: Site
    volume_ml: float
    n: int = 1
    centre_lps_mm: Point | None = None

    def __post_init__(self) -> None:
        if self.site not in SITE_NAMES:
            raise InvalidInputError(f"Lesions lie in {', '.join(SITE_NAMES)}; got {self.site!r}.", code="bad_lesion")
        if not (np.isfinite(self.volume_ml) and self.volume_ml > 0.0 and self.n >= 1):
            raise InvalidInputError("A lesion needs a volume above zero and a number of at least 1.", code="bad_lesion")
        if self.n > 1 and self.centre_lps_mm is not None:
            raise InvalidInputError(
                f"{self.n} lesions cannot all lie at {self.centre_lps_mm} mm; ask for each at a place of its own.",
                code="bad_lesion",
            )


def sample_requests(generator: np.random.Generator) -> tuple[LesionRequest, ...]:
    """Draw 0 to 6 lesions in the liver and in bone and 0 to 3 nodes, of log-normal volumes."""
    requests = []
    sites: tuple[tuple[Site, int], ...] = (("liver", 6), ("bone", 6), ("node", 3))
    for site, most in sites:
        for _ in range(int(generator.integers(0, most + 1))):
            volume = VOLUME_MEDIAN_ML * float(np.exp(VOLUME_LOG_SPREAD * generator.standard_normal()))
            largest = VOLUME_RANGE_ML[1] if site == "liver" else 0.25 * VOLUME_RANGE_ML[1]
            requests.append(LesionRequest(site=site, volume_ml=float(np.clip(volume, VOLUME_RANGE_ML[0], largest))))
    return tuple(requests)


def place_lesions(
    requests: tuple[LesionRequest, ...],
    *,
    parts: tuple[AnatomyPart, ...],
    generator: np.random.Generator,
    volume_scale: float,
    may_shrink: bool = False,
) -> tuple[AnatomyPart, ...]:
    """Return lesions as parts, apart from each other, at least ``SHARE_INSIDE`` of each inside its host.

    A node's host is all of the body but bone, its centre round the great vessels. Lesions whose place is given are
    placed first, so that drawn ones leave them their place.

    Parameters
    ----------
    requests : tuple of LesionRequest
        What is wanted; volumes of the patient.
    parts : tuple of AnatomyPart
        The body in the reference adult.
    generator : Generator
        Draws places and shapes.
    volume_scale : float
        Volume of the patient over that of the reference adult.
    may_shrink : bool
        Whether a lesion that finds no room becomes smaller by fifths until it does; for drawn volumes.

    Raises
    ------
    InvalidInputError
        A centre outside the host (``lesion_outside``), a lesion that leaves its host at its given centre
        (``lesion_too_large``) or meets another there (``lesion_overlap``), a host that the patient lacks
        (``no_host``), or no room (``no_room``).
    """
    sites = [request.site for request in requests for _ in range(request.n)]
    names = [f"{SITE_NAMES[site]} {1 + sites[:place].count(site)}" for place, site in enumerate(sites)]
    wanted = list(zip(names, (request for request in requests for _ in range(request.n)), strict=True))
    solids: dict[str, Solid] = {}
    for name, request in sorted(wanted, key=lambda item: item[1].centre_lps_mm is None):
        size = _semi_axes(request.volume_ml / volume_scale, generator)
        room = _room(request.site, parts)
        if request.centre_lps_mm is not None:
            _check_place(request, request.centre_lps_mm, size, room, solids)
            centre = request.centre_lps_mm
        else:
            centre, size = _find_place(request, size, room, tuple(solids.values()), generator, may_shrink=may_shrink)
        solids[name] = Ellipsoid(centre_lps_mm=centre, semi_axes_mm=size)
    return tuple(
        AnatomyPart(
            name=name,
            solid=solids[name],
            tissue=TISSUE_OF[request.site],
            source_region=name,
            kind=RegionKind.LESION,
        )
        for name, request in wanted
    )


def _semi_axes(volume_ml: float, generator: np.random.Generator) -> Point:
    """Return half-diameters of a slightly uneven ellipsoid of a volume."""
    uneven = np.exp(0.12 * generator.standard_normal(3))
    uneven /= np.prod(uneven) ** (1.0 / 3.0)
    radius = (volume_ml * ML_MM3 * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    x, y, z = (float(radius * factor) for factor in uneven)
    return x, y, z


def _room(site: Site, parts: tuple[AnatomyPart, ...]) -> LesionRoom:
    if site == "node":
        box = np.array([NODE_BOX_MM])
        return LesionRoom(parts=parts, is_host=lambda part: part.tissue not in BONE_TISSUES, boxes_mm=box)
    hosts = [part.solid for part in parts if part.name in HOSTS[site]]
    if not hosts:
        raise InvalidInputError(f"The patient has nothing for a lesion of the {site}.", code="no_host")
    sides = np.array([[-1.0], [1.0]])
    boxes = np.array([host.centre_lps_mm + sides * host.half_size_lps_mm for host in hosts])
    return LesionRoom(
        parts=parts,
        is_host=lambda part: part.tissue in BONE_TISSUES if site == "bone" else part.name in HOSTS[site],
        boxes_mm=boxes,
    )


def _check_place(
    request: LesionRequest, centre: Point, size: Point, room: LesionRoom, placed: Mapping[str, Solid]
) -> None:
    """Refuse a given centre outside the host, too near its edge, or within another lesion."""
    at = np.array([centre])
    if not room.holds_centres(at)[0]:
        raise InvalidInputError(
            f"The lesion at {centre} mm lies outside the {request.site}; choose another place.", code="lesion_outside"
        )
    share = float(room.shares_inside(at, size)[0])
    if share < SHARE_INSIDE:
        largest_ml = request.volume_ml * room.largest_factor_at(centre, size)
        raise InvalidInputError(
            f"Only {share:.0%} of the lesion of {request.volume_ml:g} mL at {centre} mm would lie in its host "
            f"({request.site}); the largest that fits there is about {largest_ml:.2g} mL, or choose another place.",
            code="lesion_too_large",
        )
    for name, solid in placed.items():
        if not is_free(at, size, (solid,))[0]:
            raise InvalidInputError(
                f"The lesion at {centre} mm would meet {name}; choose another place.", code="lesion_overlap"
            )


def _find_place(
    request: LesionRequest,
    size: Point,
    room: LesionRoom,
    placed: tuple[Solid, ...],
    generator: np.random.Generator,
    *,
    may_shrink: bool,
) -> tuple[Point, Point]:
    """Return centre and half-diameters of a lesion at a random place."""
    centre = room.find(size, placed=placed, generator=generator)
    if centre is not None:
        return centre, size
    found = room.find_largest(size, placed=placed, generator=generator)
    if found is None:
        raise InvalidInputError(
            f"There is no room for another lesion of the {request.site}; ask for fewer or smaller ones.", code="no_room"
        )
    centre, factor = found
    if not may_shrink:
        raise InvalidInputError(
            f"There is no room for another lesion of the {request.site} of {request.volume_ml:g} mL; the largest that "
            f"found a place has about {factor * request.volume_ml:.2g} mL.",
            code="no_room",
        )
    return centre, scaled_size(size, factor)
