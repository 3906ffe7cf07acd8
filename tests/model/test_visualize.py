import numpy as np

from model.visualize import draw_heat

GREY = np.full((80, 160, 3), 100, np.uint8)


def test_heat_is_painted_where_it_is():
    heat = np.zeros((4, 8))
    heat[3, 6] = 0.5
    painted = draw_heat(GREY, heat, 0.5).astype(int)
    # The centre of row 3 of 4 and column 6 of 8 is redder than anything else; far cells are left as they are.
    redness = painted[..., 0] - painted[..., 2]
    row, column = np.unravel_index(redness.argmax(), redness.shape)
    assert abs(row - 70) <= 10 and abs(column - 130) <= 10 and redness.max() > 50
    assert np.array_equal(painted[:40], GREY[:40])
    assert (GREY == 100).all()


def test_heat_beyond_the_hottest_is_no_hotter():
    assert np.array_equal(draw_heat(GREY, np.full((4, 8), 3.0), 0.5), draw_heat(GREY, np.full((4, 8), 0.5), 0.5))
    assert np.array_equal(draw_heat(GREY, np.zeros((4, 8)), 0.0), GREY)
