"""Random adults: MakeHuman's sliders, drawn so that stature and body mass index follow a population's."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from model.body.measure import DENSITY
from tools.body_builder import meshes, survey
from tools.body_builder.source import NUM_SKIN, Source

AGES = ("child", "young", "old")
MUSCLE = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHT = ("minweight", "averageweight", "maxweight")
CUP = ("mincup", "averagecup", "maxcup")
FIRMNESS = ("minfirmness", "averagefirmness", "maxfirmness")
HEIGHT = ("minheight", "maxheight")
PROPORTIONS = ("uncommonproportions", "idealproportions")
ORIGINS = ("african", "asian", "caucasian")
GENDERS = ("male", "female")
FACTORS = (*GENDERS, *AGES, *MUSCLE, *WEIGHT, *CUP, *FIRMNESS, *HEIGHT, *PROPORTIONS, *ORIGINS)

# Mean muscle slider at some body mass indices: MakeHuman's heavy bodies are heavy only where muscle is low.
BMI_KNOTS = (18.0, 24.0, 32.0, 40.0)
MUSCLE_AT_BMI = {"male": (0.5, 0.45, 0.2, 0.04), "female": (0.45, 0.3, 0.08, 0.0)}


@dataclasses.dataclass(frozen=True)
class Person:
    """MakeHuman's macro sliders, 0..1 each (weight may pass 1: extrapolated), age in years.

    Attributes:
        male: 1 for a man, 0 for a woman.
        origin: shares of ORIGINS, sum 1.
    """

    male: float = 0.5
    age: float = 30.0
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.6
    cup: float = 0.5
    firmness: float = 0.5
    origin: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)


class People:
    """MakeHuman's macro targets as one matrix: persons -> vertices."""

    def __init__(self, source: Source, retouching: scipy.sparse.csr_matrix, shifts: np.ndarray):
        """Reads every macro target.

        Args:
            source: the wheel.
            retouching: [U, U] operator applied to the base mesh and to each target.
            shifts: [U, 3] metres, added to the base mesh.
        """
        keys, targets = _macro_targets(source)
        self._base = (retouching @ source.mesh.vertices + shifts).astype(np.float32).ravel()
        self._targets = np.stack([retouching @ target for target in targets]).astype(np.float32).reshape(len(keys), -1)
        # Each key is a product of up to six factors; the last column of the factor table is a constant one.
        self._factors = np.full((len(keys), 6), len(FACTORS))
        for row, key in enumerate(keys):
            self._factors[row, : len(key)] = [FACTORS.index(name) for name in key]
        self._triangles = meshes.triangulate(source.mesh.quads)

    def vertices(self, people: list[Person]) -> np.ndarray:
        """Vertices [n, U, 3] metres of MakeHuman's A-posed bodies, in the order of the base mesh."""
        table = np.array([_factor_values(person) for person in people])
        coefficients = table[:, self._factors].prod(2).astype(np.float32)
        return (self._base + coefficients @ self._targets).reshape(len(people), -1, 3)

    def measure(self, people: list[Person]) -> tuple[np.ndarray, np.ndarray]:
        """Stature [n] metres and body mass index [n] kg/m^2."""
        stature, bmi = [], []
        for start in range(0, len(people), 64):  # in parts, for memory
            skin = self.vertices(people[start : start + 64])[:, :NUM_SKIN]
            height = np.ptp(skin[:, :, 1], axis=1)
            stature.append(height)
            bmi.append(DENSITY * meshes.volume(skin, self._triangles) / height**2)
        return np.concatenate(stature), np.concatenate(bmi)

    def sample(self, gender: str, count: int, rng: np.random.Generator) -> tuple[list[Person], np.ndarray]:
        """Adults of one gender, "male" or "female", whose statures and body mass indices are those of the survey.

        Their ages run from 18 to 80 years all the same, for the sake of the shapes that come with age.

        Returns:
            The people and their statures [count] metres. The sliders reach these to a few millimetres.
        """
        population = survey.POPULATIONS[gender]
        # Evenly spaced shares of the population in random order: its mean and deviation are met without chance.
        stature, bmi = ((rng.permutation(count) + 0.5) / count for _ in range(2))
        stature, bmi = population.statures(stature), population.bmis(bmi)
        people = [_random_person(gender, index, rng) for index in bmi]
        # The sliders act on each other, so the two are solved in turn.
        for _ in range(3):
            people = self._solve(people, "height", (0.0, 0.5, 1.0), stature, 0)
            people = self._solve(people, "weight", (0.0, 0.5, 1.0, 1.2), bmi, 1)
        return people, stature

    def _solve(
        self, people: list[Person], slider: str, knots: tuple[float, ...], wanted: np.ndarray, measure: int
    ) -> list[Person]:
        """Sets one slider of each person so that the measure (0 stature, 1 BMI), linear between knots, is as wanted."""

        def moved(values: Sequence[float]) -> list[Person]:
            changes: list[dict[str, Any]] = [{slider: float(value)} for value in values]
            return [dataclasses.replace(person, **change) for person, change in zip(people, changes, strict=True)]

        at_knots = np.stack([self.measure(moved([knot] * len(people)))[measure] for knot in knots], axis=1)
        return moved([float(np.interp(goal, row, knots)) for goal, row in zip(wanted, at_knots, strict=True)])


def _random_person(gender: str, bmi: float, rng: np.random.Generator) -> Person:
    male = 1.0 if gender == "male" else 0.0
    if rng.random() < 0.3:  # some androgynous bodies on both sides
        male = abs(male - rng.uniform(0, 0.25))
    return Person(
        male=male,
        age=float(np.clip(rng.gamma(4, 6) + 16, 18, 80)),
        muscle=float(np.clip(rng.normal(np.interp(bmi, BMI_KNOTS, MUSCLE_AT_BMI[gender]), 0.12), 0, 1)),
        proportions=float(np.clip(rng.normal(0.6, 0.2), 0, 1)),
        cup=float(np.clip(rng.normal(0.5, 0.2), 0, 1)),
        firmness=float(np.clip(rng.normal(0.5, 0.2), 0, 1)),
        origin=tuple(rng.dirichlet([0.35] * 3).tolist()),
    )


def _factor_values(person: Person) -> list[float]:
    """Value of each of FACTORS for one person, then a one."""
    years = person.age
    old = max(0.0, (years - 25) / 65)  # MakeHuman's anchors: child 10, young 25, old 90 years
    child = max(0.0, (25 - years) / 15)
    return [
        person.male, 1 - person.male, child, 1 - child - old, old,
        *_anchors(person.muscle), *_anchors(person.weight), *_anchors(person.cup), *_anchors(person.firmness),
        max(0.0, 1 - 2 * person.height), max(0.0, 2 * person.height - 1),
        max(0.0, 1 - 2 * person.proportions), max(0.0, 2 * person.proportions - 1),
        *person.origin, 1.0,
    ]  # fmt: skip


def _anchors(x: float) -> tuple[float, float, float]:
    """Weights of the anchors at 0, 0.5 and 1; above 1 the last segment is extrapolated."""
    if x > 1:
        return 0.0, 2 - 2 * x, 2 * x - 1
    return max(0.0, 1 - 2 * x), 1 - abs(2 * x - 1), max(0.0, 2 * x - 1)


def _macro_targets(source: Source) -> tuple[list[tuple[str, ...]], list[np.ndarray]]:
    """Every macro target of the wheel with the factors whose product weighs it."""
    macro = "macrodetails/"
    files: dict[tuple[str, ...], str] = {}
    for gender, age in itertools.product(GENDERS, AGES):
        for origin in ORIGINS:
            files[gender, age, origin] = f"{macro}{origin}-{gender}-{age}"
        for muscle, weight in itertools.product(MUSCLE, WEIGHT):
            key = (gender, age, muscle, weight)
            stem = "-".join(key)
            files[key] = f"{macro}universal-{stem}"
            for height in HEIGHT:
                files[(*key, height)] = f"{macro}height/{stem}-{height}"
            for proportions in PROPORTIONS:
                files[(*key, proportions)] = f"{macro}proportions/{stem}-{proportions}"
            if gender == "female":
                for cup, firmness in itertools.product(CUP, FIRMNESS):
                    files[(*key, cup, firmness)] = f"breast/{stem}-{cup}-{firmness}"
    targets = {key: source.target(path) for key, path in files.items()}
    kept = [key for key, target in targets.items() if target is not None]
    return kept, [target for target in targets.values() if target is not None]
