"""Outline, muscles, vessels and bones of a virtual patient.

LPS mm, origin in the middle of the trunk at the height of the upper poles of the kidneys; a reference adult of 176 cm.
The whole is scaled by height afterwards.
"""

from dosimetry.phantoms.body_parts import AnatomyPart, organ
from dosimetry.phantoms.habitus import Habitus
from dosimetry.phantoms.shapes import Ellipsoid
from dosimetry.phantoms.solids import RibCage, Sections, Shell

SKIN_MM = 2.0
LEAN_BMI = 20.0
FAT_AT_LEAN_MM = {"male": 9.0, "female": 14.0}
FAT_PER_BMI_MM = 2.3
TRUNK_Z = (-345.0, -300.0, -230.0, -140.0, -60.0, 40.0, 130.0, 200.0, 245.0, 275.0)
TRUNK_LEAN = (
    (168.0, 98.0), (172.0, 104.0), (168.0, 106.0), (146.0, 96.0), (138.0, 94.0), (146.0, 102.0), (152.0, 106.0),
    (160.0, 98.0), (120.0, 74.0), (60.0, 54.0),
)  # fmt: skip
SPINE_Z = (-235.0, -200.0, -100.0, 0.0, 120.0, 220.0, 290.0, 345.0)
SPINE_Y = (66.0, 56.0, 48.0, 58.0, 70.0, 58.0, 34.0, 24.0)
SPINE_SIZE = (
    (24.0, 17.0),
    (26.0, 19.0),
    (25.0, 18.0),
    (22.0, 17.0),
    (18.0, 15.0),
    (15.0, 12.0),
    (11.0, 9.0),
    (10.0, 8.0),
)


def fat_mm(habitus: Habitus) -> float:
    """Return the thickness of subcutaneous fat, mm."""
    return FAT_AT_LEAN_MM[habitus.sex] + FAT_PER_BMI_MM * max(habitus.bmi - LEAN_BMI, -2.0)


def outline(habitus: Habitus, *, is_arms_up: bool) -> tuple[AnatomyPart, ...]:
    """Return skin, fat and muscle of trunk, neck, head, legs and arms, and the cavities of belly and chest."""
    fat = fat_mm(habitus)
    arm_x = 175.0 if is_arms_up else TRUNK_LEAN[3][0] + fat + 52.0
    arm_z = (235.0, 420.0, 620.0) if is_arms_up else (-345.0, -50.0, 230.0)
    arm = tuple((arm_x - 8.0 * i if is_arms_up else arm_x, 5.0) for i in range(3))
    parts = []
    for tissue, shrink in (("skin", 0.0), ("fat", SKIN_MM), ("muscle", SKIN_MM + fat)):
        grow = fat + SKIN_MM - shrink
        limb = 0.35 * fat + SKIN_MM - (shrink if tissue != "muscle" else SKIN_MM + 0.35 * fat)
        parts += [
            _part(f"Trunk {tissue}", _trunk(grow), tissue),
            _part(f"Neck {tissue}", _tube((240.0, 300.0, 370.0), 58.0 + limb, (8.0, 2.0, -2.0)), tissue),
            _part(f"Head {tissue}", _ball((0.0, -8.0, 452.0), 75.0 + limb, 96.0 + limb, 112.0 + limb), tissue),
        ]
        for side, sign in (("left", 1.0), ("right", -1.0)):
            leg = Sections(
                axis=2,
                places_mm=(-600.0, -420.0, -320.0),
                centres_mm=((sign * 84.0, 5.0), (sign * 86.0, 5.0), (sign * 84.0, 8.0)),
                semi_axes_mm=((66.0 + grow, 72.0 + grow), (70.0 + grow, 80.0 + grow), (72.0 + grow, 88.0 + grow)),
            )
            upper = Sections(
                axis=2,
                places_mm=arm_z,
                centres_mm=tuple((sign * x, y) for x, y in arm),
                semi_axes_mm=tuple((size + limb, size + limb) for size in (46.0, 42.0, 36.0)),
            )
            parts += [_part(f"Leg {side} {tissue}", leg, tissue), _part(f"Arm {side} {tissue}", upper, tissue)]
    belly = Sections(
        axis=2,
        places_mm=(-320.0, -230.0, -140.0, -60.0, 40.0, 90.0),
        centres_mm=((0.0, -8.0), (0.0, -12.0), (0.0, -14.0), (0.0, -12.0), (0.0, -8.0), (0.0, -5.0)),
        semi_axes_mm=((105.0, 62.0), (120.0, 72.0), (128.0, 74.0), (124.0, 74.0), (130.0, 84.0), (120.0, 80.0)),
        exponent=2.4,
    )
    return (*parts, _part("Belly", belly, "fat"))


def vessels_and_muscles() -> tuple[AnatomyPart, ...]:
    """Return aorta, caval vein, psoas and the muscles of the back, and the trachea."""
    parts = [
        _part("Aorta", _tube((-150.0, 0.0, 150.0), 10.5, (26.0, 34.0, 46.0), x=11.0), "blood"),
        _part("Caval vein", _tube((-150.0, 0.0, 90.0), 11.5, (26.0, 32.0, 22.0), x=-19.0), "blood"),
        _part("Trachea", _tube((150.0, 240.0, 330.0), 8.5, (8.0, -4.0, -18.0)), "gas"),
    ]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        psoas = Sections(
            axis=2,
            places_mm=(-260.0, -150.0, -20.0),
            centres_mm=((sign * 70.0, 10.0), (sign * 44.0, 42.0), (sign * 32.0, 56.0)),
            semi_axes_mm=((20.0, 20.0), (21.0, 22.0), (8.0, 8.0)),
        )
        back = Sections(
            axis=2,
            places_mm=(-240.0, -100.0, 60.0, 230.0),
            centres_mm=tuple((sign * 33.0, y) for y in (84.0, 80.0, 88.0, 84.0)),
            semi_axes_mm=((26.0, 14.0), (29.0, 19.0), (24.0, 14.0), (18.0, 10.0)),
        )
        parts += [_part(f"Psoas {side}", psoas, "muscle"), _part(f"Back muscle {side}", back, "muscle")]
    return tuple(parts)


def ribs() -> tuple[AnatomyPart, ...]:
    """Return the ribs, round the lungs: painted before the organs of the belly, which they would cut into."""
    cage = RibCage(centre_lps_mm=(0.0, 2.0, 100.0), semi_axes_xy_mm=(138.0, 90.0), half_length_mm=130.0)
    return (organ("Ribs", cage, "spongiosa"),)


def skeleton() -> tuple[AnatomyPart, ...]:
    """Return spine with marrow, canal and processes, breastbone, pelvis, femora, skull and humeri."""
    body = _spine(1.0)
    return (
        _part("Breastbone", _tube((70.0, 220.0), 1.0, (-88.0, -78.0), size=(20.0, 6.0)), "spongiosa"),
        organ("Spine", body, "cortical"),
        organ("Spine marrow", _spine(0.86), "spongiosa", region="Spine"),
        organ("Spine processes", _spine(1.0, shift_mm=38.0, size=(6.0, 15.0)), "spongiosa", region="Spine"),
        _part("Spinal canal", _spine(1.0, shift_mm=24.0, size=(9.0, 7.5)), "canal"),
        *_pelvis(),
        *_femora(),
        _part("Skull", Shell(centre_lps_mm=(0.0, -8.0, 462.0), semi_axes_mm=(69.0, 90.0, 92.0), thickness_mm=7.0,
                             low_mm=(-80.0, -100.0, -70.0), high_mm=(80.0, 110.0, 110.0)), "cortical"),
        _part("Brain", _ball((0.0, -8.0, 468.0), 64.0, 85.0, 82.0), "brain"),
        _part("Jaw", Shell(centre_lps_mm=(0.0, -40.0, 362.0), semi_axes_mm=(48.0, 52.0, 60.0), thickness_mm=11.0,
                           low_mm=(-60.0, -60.0, -14.0), high_mm=(60.0, 10.0, 14.0)), "cortical"),
    )  # fmt: skip


def implant() -> tuple[AnatomyPart, ...]:
    """Return a metal hip on the right."""
    stem = Sections(
        axis=2,
        places_mm=(-460.0, -340.0, -315.0),
        centres_mm=((-88.0, 2.0), (-98.0, 2.0), (-98.0, 0.0)),
        semi_axes_mm=((6.0, 6.0), (10.0, 9.0), (9.0, 9.0)),
    )
    return (
        _part("Implant stem", stem, "metal"),
        _part("Implant head", _ball((-92.0, 0.0, -302.0), 17.0, 17.0, 17.0), "metal"),
    )


def _pelvis() -> tuple[AnatomyPart, ...]:
    wings = Shell(
        centre_lps_mm=(0.0, 4.0, -190.0),
        semi_axes_mm=(124.0, 92.0, 112.0),
        thickness_mm=11.0,
        low_mm=(-140.0, -42.0, -75.0),
        high_mm=(140.0, 78.0, 62.0),
    )
    sacrum = Sections(
        axis=2,
        places_mm=(-300.0, -270.0, -215.0),
        centres_mm=((0.0, 84.0), (0.0, 82.0), (0.0, 66.0)),
        semi_axes_mm=((12.0, 8.0), (34.0, 12.0), (52.0, 18.0)),
    )
    parts = [organ("Pelvis", wings, "spongiosa"), organ("Sacrum", sacrum, "spongiosa", region="Pelvis")]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        inner, outer = (-30.0, 18.0) if sign > 0.0 else (-18.0, 30.0)
        socket = Shell(
            centre_lps_mm=(sign * 92.0, 0.0, -300.0),
            semi_axes_mm=(31.0, 31.0, 31.0),
            thickness_mm=13.0,
            low_mm=(inner, -40.0, -30.0),
            high_mm=(outer, 40.0, 40.0),
        )
        centres = ((-52.0, -322.0), (-30.0, -305.0))
        branch = Sections(
            axis=0,
            places_mm=(8.0, 70.0) if sign > 0.0 else (-70.0, -8.0),
            centres_mm=centres if sign > 0.0 else centres[::-1],
            semi_axes_mm=((8.0, 14.0), (9.0, 11.0)),
        )
        seat = _tube((-372.0, -320.0), 1.0, (34.0, 28.0), x=sign * 62.0, size=(13.0, 18.0))
        parts += [
            organ(f"Hip socket {side}", socket, "spongiosa", region="Pelvis"),
            organ(f"Pubic branch {side}", branch, "spongiosa", region="Pelvis"),
            organ(f"Seat bone {side}", seat, "spongiosa", region="Pelvis"),
        ]
    return tuple(parts)


def _femora() -> tuple[AnatomyPart, ...]:
    parts = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        region = f"Femur {side}"
        shaft = _tube((-600.0, -400.0, -335.0), 15.0, (0.0, 0.0, 4.0), x=sign * 100.0)
        marrow = _tube((-600.0, -400.0, -345.0), 8.0, (0.0, 0.0, 4.0), x=sign * 100.0)
        neck = _ball((sign * 100.0, 4.0, -318.0), 24.0, 17.0, 22.0)
        parts += [
            organ(region, shaft, "cortical"),
            organ(f"{region} marrow", marrow, "spongiosa", region=region),
            organ(f"{region} neck", neck, "spongiosa", region=region),
            organ(f"{region} head", _ball((sign * 92.0, 0.0, -300.0), 23.0, 23.0, 23.0), "spongiosa", region=region),
        ]
    return tuple(parts)


def _trunk(grow_mm: float) -> Sections:
    return Sections(
        axis=2,
        places_mm=TRUNK_Z,
        centres_mm=tuple((0.0, 4.0) for _ in TRUNK_Z),
        semi_axes_mm=tuple((x + grow_mm, y + grow_mm) for x, y in TRUNK_LEAN),
        exponent=2.3,
    )


def _spine(scale: float, *, shift_mm: float = 0.0, size: tuple[float, float] | None = None) -> Sections:
    return Sections(
        axis=2,
        places_mm=SPINE_Z,
        centres_mm=tuple((0.0, y + shift_mm) for y in SPINE_Y),
        semi_axes_mm=tuple(size or (scale * x, scale * y) for x, y in SPINE_SIZE),
    )


def _tube(
    places_mm: tuple[float, ...],
    radius_mm: float,
    y_mm: tuple[float, ...],
    *,
    x: float = 0.0,
    size: tuple[float, float] | None = None,
) -> Sections:
    """Return a tube along z, round or with half-sizes in x and y."""
    return Sections(
        axis=2,
        places_mm=places_mm,
        centres_mm=tuple((x, y) for y in y_mm),
        semi_axes_mm=tuple(size or (radius_mm, radius_mm) for _ in places_mm),
    )


def _ball(centre: tuple[float, float, float], x: float, y: float, z: float) -> Ellipsoid:
    return Ellipsoid(centre_lps_mm=centre, semi_axes_mm=(x, y, z))


def _part(name: str, solid: Sections | Ellipsoid | Shell, tissue: str) -> AnatomyPart:
    return AnatomyPart(name=name, solid=solid, tissue=tissue)
