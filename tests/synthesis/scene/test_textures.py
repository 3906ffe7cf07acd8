import numpy as np
import pytest

from model.errors import UserError
from synthesis.scene import textures


@pytest.mark.parametrize("kind", textures.KINDS)
def test_fabrics_follow_their_seed(kind):
    first, again, other = textures.make(kind, 3), textures.make(kind, 3), textures.make(kind, 4)
    assert first.image.dtype == np.uint8 and first.image.shape[2] == 3
    assert first.image.tobytes() == again.image.tobytes() and first.metres == again.metres
    assert first.image.tobytes() != other.image.tobytes()
    assert 0.02 < first.metres < 2.0


@pytest.mark.parametrize("kind", textures.KINDS)
def test_fabrics_tile(kind):
    """The step across the repeat's edge is like the steps inside it."""
    for seed in range(3):
        image = textures.make(kind, seed).image.astype(int)
        for axis in (0, 1):
            steps = np.abs(np.diff(image, axis=axis, append=np.take(image, [0], axis))).mean((1 - axis, 2))
            assert steps[-1] <= 1.5 * np.quantile(steps, 0.99) + 2


def test_material_repeats_by_metres():
    fabric = textures.make("plaid", 0)
    material = fabric.material()
    assert material.uv_scale * fabric.metres == pytest.approx(1)
    assert material.two_sided


def test_unknown_kind_is_refused():
    with pytest.raises(UserError, match="Received: 'steel'"):
        textures.make("steel", 0)
