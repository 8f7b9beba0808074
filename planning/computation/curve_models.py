"""Names of the curve models that a person may ask for."""

from dosimetry.kinetics.models import FURTHER_MODELS, MODELS

FITTED_MODELS = tuple({**MODELS, **FURTHER_MODELS})
