"""Whether the progeny of a nuclide decay with it: a parameter of the dose that the user sees."""

from dosimetry.dose.by_radiation import local_energies


def progeny_of(nuclide_name: str) -> list[str]:
    """Return the radioactive progeny that can decay with their parent, in order of the chain."""
    return [member.nuclide for member in local_energies(nuclide_name, progeny="in_place")[1:]]


def default_progeny(nuclide_name: str) -> str:
    """Chains with alpha particles decay in place; other progeny are left out. The user sees and may change it."""
    has_alpha = any(member.alpha_kev > 0.0 for member in local_energies(nuclide_name, progeny="in_place"))
    return "in_place" if has_alpha else "none"
