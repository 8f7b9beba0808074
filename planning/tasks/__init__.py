"""Every task under one import, so that the worker knows all names."""

from planning.tasks import (
    calibrations,
    contours,
    doses,
    imaging,
    imports,
    kinetics,
    populations,
    registrations,
    reports,
    virtual_patients,
)

__all__ = [
    "calibrations",
    "contours",
    "doses",
    "imaging",
    "imports",
    "kinetics",
    "populations",
    "registrations",
    "reports",
    "virtual_patients",
]
