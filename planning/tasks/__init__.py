"""Every task under one import, so that the worker knows all names."""

from planning.tasks import (
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
