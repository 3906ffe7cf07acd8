"""Stature and body mass index of real adults, to which the bodies' shape spaces are fitted.

National Health and Nutrition Examination Survey (NHANES), United States, August 2021 to August 2023: measured, without
shoes, weighted to the population. Fryar CD, Gu Q, Afful J, Carroll MD, Ogden CL. Anthropometric reference data for
children and adults: United States, August 2021-August 2023. Vital and Health Statistics 3(50), 2025: tables 7 and 10,
ages 20 to 29. The report is in the public domain.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import norm

NAME = "NHANES August 2021-August 2023, ages 20-29 (Vital Health Stat 3(50), 2025, tables 7 and 10)"
PERCENTILES = (5, 10, 15, 25, 50, 75, 85, 90, 95)
# The bodies are made for this range; the survey's people outside it (11 in 100 women, 5 in 100 men) are left out.
BMI_RANGE = (17.0, 40.0)


@dataclasses.dataclass(frozen=True)
class Population:
    """Published figures of one sex.

    Attributes:
        stature_mean: centimetres.
        stature: centimetres at PERCENTILES.
        bmi: kg/m^2 at PERCENTILES.
    """

    stature_mean: float
    stature: tuple[float, ...]
    bmi: tuple[float, ...]

    @property
    def stature_deviation(self) -> float:
        """Centimetres: slope of the published percentiles against the normal distribution's (least squares)."""
        z = _normal_quantiles()
        return float(z @ np.array(self.stature) / (z @ z))

    def statures(self, share: np.ndarray) -> np.ndarray:
        """Statures [n] metres of the people below whom these shares [n] (0..1) of the population are."""
        return (self.stature_mean + self.stature_deviation * norm.ppf(share)) / 100

    def bmis(self, share: np.ndarray) -> np.ndarray:
        """Body mass indices [n] below which these shares [n] of the people within BMI_RANGE lie."""
        low, high = (self._share_below(limit) for limit in BMI_RANGE)
        return np.exp(self._log_bmi(norm.ppf(low + share * (high - low))))

    def _log_bmi(self, z: np.ndarray) -> np.ndarray:
        """Log of the index at normal quantiles z, linear between the published ones and beyond them."""
        known, log_bmi = _normal_quantiles(), np.log(self.bmi)
        slopes = np.diff(log_bmi) / np.diff(known)
        inside = np.interp(z, known, log_bmi)
        return inside + slopes[0] * np.minimum(z - known[0], 0) + slopes[-1] * np.maximum(z - known[-1], 0)

    def _share_below(self, bmi: float) -> float:
        z = np.linspace(-6, 6, 12001)
        return float(norm.cdf(np.interp(np.log(bmi), self._log_bmi(z), z)))


def _normal_quantiles() -> np.ndarray:
    return norm.ppf(np.array(PERCENTILES) / 100)


POPULATIONS = {
    "male": Population(
        stature_mean=176.3,
        stature=(162.0, 167.7, 169.3, 171.3, 176.1, 181.0, 184.7, 185.9, 188.1),
        bmi=(18.9, 19.9, 21.6, 23.3, 27.0, 31.1, 34.2, 36.1, 39.6),
    ),
    "female": Population(
        stature_mean=163.5,
        stature=(153.2, 155.1, 156.1, 158.4, 163.3, 168.2, 170.8, 171.9, 174.6),
        bmi=(18.6, 19.9, 21.0, 22.2, 25.5, 31.6, 36.6, 39.7, 45.6),
    ),
}
