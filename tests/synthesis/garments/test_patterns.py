"""Pattern files: what is well formed, what is not and how that is said."""

import copy
import json
import random

import dress_forms
import pytest
from dress_forms import mean_measurements
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import UserError
from synthesis.garments.dress import make
from synthesis.garments.expressions import PatternError, evaluate, names_in
from synthesis.garments.grading import grade
from synthesis.garments.library import OUTFITS, garments_of
from synthesis.garments.meshing import sew
from synthesis.garments.pattern import LIBRARY, known_garments, load_pattern, measurements_used, parse_pattern


def square(**changes):
    """A sack of two squares, sewn at both sides."""
    edges = {"hem": ["a", "b"], "right": ["b", "c"], "top": ["c", "d"], "left": ["d", "a"]}
    points = {"a": [-0.3, 0], "b": [0.3, 0], "c": [0.3, "width"], "d": [-0.3, "width"]}
    panel = {"around": "torso", "side": "front", "points": points, "edges": edges}
    tree = {
        "layer": 0,
        "top": "chest_y",
        "variables": {"width": 0.4},
        "panels": {"front": panel, "back": {**copy.deepcopy(panel), "side": "back"}},
        "seams": [["front.right", "back.left"], ["front.left", "back.right"]],
    }
    tree["panels"]["front"].update(changes)
    return tree


def graded(tree):
    return grade(parse_pattern("sack", tree), mean_measurements("female"))


def test_expressions():
    assert evaluate("chest / 4 * (1 + 0.1) - -min(a, 2)", {"chest": 1.0, "a": 3.0}) == pytest.approx(2.275)
    assert names_in("chest / 4 - min(a, 2)") == {"chest", "a"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.b", "chest ** 2", "missing", "1 +", "'a'", "min(a=1)", "min()", "a / 0", "1e308 * 10",
        "True", "(" * 300 + "a" + ")" * 300, "9" * 499, "a\x00", "a if a else a", "",
    ],
)  # fmt: skip
def test_expressions_refuse_everything_else(text):
    with pytest.raises(PatternError, match="Received"):
        evaluate(text, {"chest": 1.0, "a": 1.0})


def test_every_library_pattern_is_well_formed_and_uses_measurements_that_exist():
    measured = mean_measurements("male")
    for name in known_garments():
        assert set(measurements_used(load_pattern(name))) <= set(measured)


def test_outfits_are_of_garments_that_exist_inner_ones_first():
    assert len(OUTFITS) >= 8
    for garments in OUTFITS.values():
        layers = [load_pattern(name).layer for name in garments]
        assert layers == sorted(set(layers))


def test_unknown_names_list_the_known_ones():
    with pytest.raises(PatternError, match=r"tshirt.*Received: 'toga'"):
        load_pattern("toga")
    with pytest.raises(PatternError, match=r"tshirt_shorts.*Received: 'toga'"):
        garments_of("toga")


def test_a_pattern_of_ones_own_is_named_by_its_file(tmp_path):
    path = tmp_path / "sack.json"
    path.write_text(json.dumps(square()))
    assert garments_of(str(path)) == (str(path),)
    assert load_pattern(path).name == "sack"
    path.write_text("{")
    with pytest.raises(PatternError, match=r"JSON.*sack\.json"):
        load_pattern(path)
    with pytest.raises(PatternError, match="No such file"):
        load_pattern(tmp_path / "none.json")


def _set(tree, place, value):
    *path, last = place
    for key in path:
        tree = tree[key]
    tree[last] = value
    return tree


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("layer",), 1.5, r"layer must be a whole number.*Received: 1.5"),
        (("top",), float("nan"), r"top must be a number or an expression.*Received: nan"),
        (("panels", "front", "around"), "head", r"panels.front.around must be one of torso.*'head'"),
        (("panels", "front", "side"), "whole", r"panels.front.side must be one of front, back"),
        (("panels", "front", "edges", "hem"), ["a"], r"panels.front.edges.hem must be a list of 2 or more"),
        (("panels", "front", "edges", "hem"), ["a", [0, 1, 2]], r"panels.front.edges.hem\[1\] must be a list of 2"),
        (("panels", "front", "points", "a"), [0, {}], r"panels.front.points.a\[1\] must be a number"),
        (("panels", "front", "colour"), "red", r"panels.front must be an object of .*Received: 'colour'"),
        (("seams", 0), ["front.right"], r"seams\[0\] must be a list of 2"),
        (("seams", 0), ["front.right", "back.up"], r"has the edges .*Received: 'back.up'"),
        (("seams", 1), ["front.right", "back.right"], r"one seam.*Received: front.right"),
        (("panels", "front", "edges", "hem"), ["a", "z"], r"Edge 'hem' of panel 'front' .*Received: 'z'"),
        (("panels", "front", "edges", "right"), ["c", "d"], r"Panel 'front'.*'hem' must end where edge 'right' starts"),
        (("panels", "back"), {"mirror_of": "sleeve"}, r"Panel 'back'.*mirrors a panel.*'sleeve'"),
    ],
)
def test_a_tree_that_is_no_pattern_is_refused_with_the_place(place, value, message):
    tree = square()
    _set(tree, place, value)
    with pytest.raises(PatternError, match=message):
        parse_pattern("sack", tree)


def test_a_panel_that_crosses_itself_is_refused_with_both_edges():
    tree = square(points={"a": [0.3, 0], "b": [-0.3, 0], "c": [0.3, 0.4], "d": [-0.3, 0.4]})
    with pytest.raises(PatternError, match=r"Panel 'front' of 'sack'.*edges 'right' and 'left' cross"):
        graded(tree)


def test_a_clockwise_panel_is_refused():
    tree = square(points={"a": [0.3, 0], "b": [-0.3, 0], "c": [-0.3, 0.4], "d": [0.3, 0.4]})
    with pytest.raises(PatternError, match="Panel 'front' of 'sack' must run counter-clockwise"):
        graded(tree)


def test_seam_partners_beyond_easing_are_refused_with_both_lengths():
    tree = square(points={"a": [-0.3, 0], "b": [0.3, 0], "c": [0.3, 0.46], "d": [-0.3, 0.46]})
    with pytest.raises(PatternError, match=r"'back.left' must be as long as edge 'front.right'.*0.400 m and 0.460 m"):
        graded(tree)
    tree["seams"] = [{"edges": ["back.left", "front.right"], "gather": 1.15}]
    graded(tree)
    tree["seams"] = [{"edges": ["front.right", "back.left"], "gather": 1.15}]
    with pytest.raises(PatternError, match=r"1\.15 times as long as"):
        graded(tree)


def test_an_edge_without_length_is_refused():
    tree = square(points={"a": [-0.3, 0], "b": [-0.3, 0], "c": [0.3, 0.4], "d": [-0.3, 0.4]})
    with pytest.raises(PatternError, match=r"Panel 'front' of 'sack': edge 'hem' must be .* long"):
        graded(tree)


def test_a_panel_thinner_than_a_triangle_is_refused_with_an_edge():
    tree = square()
    for panel in tree["panels"].values():
        panel["points"]["e"] = [0.299, 0.1]
        panel["edges"]["top"] = ["c", [0.299, "width"], [0.2985, 0.01], [0.25, 0.01], [0.25, "width"], "d"]
    with pytest.raises(PatternError, match=r"Panel 'front' of 'sack' must be wider than the edge length"):
        sew(graded(tree), 0.03)


def test_an_elastic_longer_than_its_edges_is_refused():
    tree = square()
    tree["elastics"] = [{"edges": ["front.hem", "back.hem"], "length": 1.3}]
    with pytest.raises(PatternError, match=r"elastic in front.hem, back.hem of 'sack'.*1.200 m.*Received: 1.300 m"):
        graded(tree)


def test_a_variable_does_not_hide_a_measurement():
    tree = square()
    tree["variables"]["waist_y"] = 1.0
    with pytest.raises(PatternError, match=r"name of its own.*Received: waist_y.*'sack'"):
        graded(tree)


def test_fits_without_a_solution_say_what_their_bounds_leave():
    tree = square()
    fit = {"variable": "width", "between": [0.1, 0.2], "edges": ["front.right"], "match": ["front.hem"]}
    tree["fits"] = [fit]
    with pytest.raises(PatternError, match=r"width of 'sack' must match front.hem.*Received: 0.100 m leaves -0.500 m"):
        graded(tree)
    fit["between"] = [0.1, 1.0]
    assert graded(tree).values["width"] == pytest.approx(0.6)


_JUNK = (None, True, -1, 0, 1e9, 10**400, "", "nonsense", "waist_girth", "1/0", [], [0], {}, ["a", "b"], "back.hem")


def _places(tree, path=()):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(known_garments()), st.randoms(use_true_random=False), st.integers(1, 3))
def test_a_damaged_pattern_is_a_pattern_or_a_users_error(name, chance: random.Random, wounds):
    tree = json.loads((LIBRARY / f"{name}.json").read_text())
    for _ in range(wounds):
        place = chance.choice(list(_places(tree)))
        owner = tree
        for key in place[:-1]:
            owner = owner[key]
        if chance.random() < 0.3:
            del owner[place[-1]]
        else:
            owner[place[-1]] = copy.deepcopy(chance.choice(_JUNK))  # the next wound may lie inside of it
    try:
        make(parse_pattern("damaged", tree), dress_forms.form("female"), mean_measurements("female"), edge_length=0.06)
    except UserError as error:
        assert "Received" in str(error)
