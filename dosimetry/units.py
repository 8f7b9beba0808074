"""Unit factors. Inside ``dosimetry`` only Bq, s, mm, mL, g, Gy and keV; convert at the edges."""

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0
US_S = 1e-6
YEAR_S = 365.2422 * DAY_S
"""Tropical year, the convention of ICRP Publication 107."""

KBQ_BQ = 1e3
MBQ_BQ = 1e6
GBQ_BQ = 1e9
MBQ_H_BQ_S = MBQ_BQ * HOUR_S
"""One MBq h in Bq s."""

ML_MM3 = 1e3
"""One mL in mm3."""

KEV_J = 1.602176634e-16
"""One keV in J (SI 2019, exact)."""

KEV_PER_G_GY = KEV_J * 1e3
"""Absorbed dose in Gy of one keV deposited in one gram."""
