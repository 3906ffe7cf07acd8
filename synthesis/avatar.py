"""Random people. Sexes are drawn from the gendered bodies and expressed in the neutral body's shape space.

Every record then carries one body id and one meaning of beta, and the labels stay exact: the avatar that is rendered
is the neutral body with the betas of the label.
"""

from __future__ import annotations

import functools

import numpy as np

from model import conventions
from model.body.data import check_body_id
from model.body.files import genders, load_body
from model.body.numpy_body import NumpyBody

SEXES = ("male", "female")
BETA_LIMIT = 2.0


@functools.lru_cache(maxsize=1)
def avatar_body() -> NumpyBody:
    """The body that every avatar is posed with."""
    return NumpyBody(load_body("neutral"))


def planned_body(body_id: str) -> NumpyBody:
    """The avatars' body, for a plan that was drawn for the body of this id.

    Raises:
        BodyMismatchError: another body is in use.
    """
    body = avatar_body()
    check_body_id(body_id, body.data.body_id, "A plan")
    return body


@functools.lru_cache(maxsize=2)
def _to_neutral(sex: str) -> tuple[np.ndarray, np.ndarray]:
    """(A [10, 10], b [10]) with beta_neutral = A beta_sex + b, the least-squares fit of the rest meshes.

    Where the user has only a neutral body, people of both sexes are drawn from it.
    """
    if sex not in genders():
        return np.eye(conventions.NUM_BETAS), np.zeros(conventions.NUM_BETAS)
    neutral, gendered = load_body("neutral"), load_body(sex)
    basis = neutral.shapedirs.reshape(-1, conventions.NUM_BETAS).astype(np.float64)
    targets = gendered.shapedirs.reshape(-1, conventions.NUM_BETAS)
    offset = (gendered.v_template - neutral.v_template).reshape(-1, 1)
    solution = np.linalg.lstsq(basis, np.concatenate([targets, offset], 1), rcond=None)[0]
    return solution[:, :-1], solution[:, -1]


def random_betas(sex: str, rng: np.random.Generator) -> np.ndarray:
    """Betas [10] of the neutral body for one random person.

    Args:
        sex: "male" or "female".
        rng: source of the gendered betas, standard normal within +-2.
    """
    betas = np.clip(rng.normal(size=conventions.NUM_BETAS), -BETA_LIMIT, BETA_LIMIT)
    matrix, offset = _to_neutral(sex)
    return (matrix @ betas + offset).astype(np.float32)
