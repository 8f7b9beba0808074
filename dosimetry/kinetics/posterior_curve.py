"""A posterior as a curve that everything after kinetics can use: plot, dose rate, BED, voxels."""

import numpy as np

from dosimetry.kinetics.bayes import TiaPosterior
from dosimetry.kinetics.checks import TAIL_GUIDE, maximum_correlation
from dosimetry.kinetics.curve_fit import CurveFit, terms_of
from dosimetry.kinetics.terms import tail_fraction

POSTERIOR = "posterior"
TWO_SIGMA = 1.959964
"""Half the central 95 % interval of a normal over its standard deviation."""


def posterior_curve(posterior: TiaPosterior, *, last_scan_s: float) -> CurveFit:
    """Return the posterior as a curve named ``posterior``: its mean shape, its median integral, its covariance.

    The integral, its standard uncertainty (half the central 68.3 %) and its 95 % interval are those of the samples; the
    band and the shape come from mean and covariance of the log parameters.

    Parameters
    ----------
    posterior : TiaPosterior
        From ``estimate_tia``.
    last_scan_s : float
        Time of the last scan, s, for the share that is extrapolated.
    """
    mean, covariance = posterior.samples.moments()
    theta = np.concatenate([[np.log(posterior.time_integrated_activity_bq_s)], mean[1:]])
    names = ("time_integrated_activity_bq_s", *posterior.prior.without_amplitude().parameter_names)
    low, high = posterior.effective_half_life_interval_95_s
    terms = terms_of(
        model=posterior.prior.model, shape=theta[1:], physical_per_s=posterior.physical_decay_constant_per_s
    )
    tail = tail_fraction(terms=terms, after_s=last_scan_s)
    is_short = tail <= TAIL_GUIDE
    checks = [
        {
            "text": f"Tail {100 * tail:.1f} % of TIA",
            "guide": "≤ 20 %",
            "level": "ok" if is_short else "ask",
            "code": "tail_large",
        },
        *({"text": item.message, "guide": "", "level": item.level, "code": item.code} for item in posterior.findings),
    ]
    return CurveFit(
        model=POSTERIOR,
        shape_model=posterior.prior.model,
        n_parameters=theta.size,
        parameters=dict(zip(names, np.exp(theta).tolist(), strict=True)),
        standard_uncertainties=dict(zip(names, (np.exp(theta) * np.sqrt(np.diag(covariance))).tolist(), strict=True)),
        theta=tuple(theta.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        physical_decay_constant_per_s=posterior.physical_decay_constant_per_s,
        chi2=0.0,
        aicc=None,
        weight=None,
        time_integrated_activity_bq_s=posterior.time_integrated_activity_bq_s,
        time_integrated_activity_standard_uncertainty_bq_s=posterior.time_integrated_activity_standard_uncertainty_bq_s,
        effective_half_life_s=posterior.effective_half_life_s,
        effective_half_life_standard_uncertainty_s=(high - low) / (2.0 * TWO_SIGMA),
        extrapolated_fraction=tail,
        r_squared=None,
        maximum_correlation=maximum_correlation(covariance),
        is_interpolation=False,
        checks=tuple(checks),
        interval_95_bq_s=posterior.interval_95_bq_s,
        source=posterior.prior.source,
    )
