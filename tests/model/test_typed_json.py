import dataclasses
from typing import Annotated

import pytest

from model.config import Config, LossConfig, ModelConfig, TrainConfig
from model.errors import ConfigError
from model.typed_json import Above, AtLeast, FieldError, OneOf, build


@dataclasses.dataclass(frozen=True)
class Wheel:
    size: Annotated[float, Above(0)]
    kind: Annotated[str, OneOf(["spoked", "solid"])] = "solid"


@dataclasses.dataclass(frozen=True)
class Cart:
    name: str
    wheels: tuple[Wheel, ...]
    load: tuple[str, int] | None
    seats: Annotated[int, AtLeast(1)]
    notes: dict[str, bool] = dataclasses.field(default_factory=dict)


GOOD = {"name": "c", "wheels": [{"size": 1}, {"size": 0.5, "kind": "spoked"}], "load": ["hay", 3], "seats": 2}


def problems(**changes):
    with pytest.raises(FieldError) as caught:
        build(Cart, {**GOOD, **changes})
    return [str(problem) for problem in caught.value.problems]


def test_annotations_say_how_to_read():
    cart = build(Cart, GOOD)
    assert cart == Cart("c", (Wheel(1.0), Wheel(0.5, "spoked")), ("hay", 3), 2)
    assert build(Cart, dataclasses.asdict(cart)) == cart
    assert build(Cart, {**GOOD, "load": None}).load is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seats": 0}, "seats: a whole number >= 1. Received: 0"),
        ({"seats": 1.0}, "seats: a whole number. Received: 1.0"),
        ({"seats": True}, "seats: a whole number. Received: True"),
        ({"wheels": [{"size": 1}, {"size": float("nan")}]}, "wheels[1].size: a finite number. Received: nan"),
        ({"wheels": [{"size": -1}]}, "wheels[0].size: a finite number > 0. Received: -1"),
        ({"wheels": [{"kind": "solid"}]}, "wheels[0].size: a value is needed. Received: nothing"),
        ({"wheels": 3}, "wheels: a list. Received: 3"),
        ({"load": ["hay"]}, "load: a list of 2. Received: ['hay']"),
        ({"load": ["hay", "3"]}, "load[1]: a whole number. Received: '3'"),
        ({"notes": {"x": 1}}, "notes.x: true or false. Received: 1"),
        ({"colour": 1}, "colour: a field is one of name, wheels, load, seats, notes. Received: 'colour'"),
    ],
)
def test_a_problem_names_its_field(changes, said):
    assert problems(**changes) == [said]


def test_names_are_answered_with_the_nearest_and_all_problems_are_told_at_once():
    found = problems(seats="two", wheels=[{"size": 1, "kind": "spokd"}], nmae="x")
    assert found[0] == "wheels[0].kind: one of spoked, solid (nearest: spoked). Received: 'spokd'"
    assert found[1] == "seats: a whole number. Received: 'two'"
    assert "(nearest: name)" in found[2]


def test_configs_are_read_the_same_way(tmp_path):
    config = Config(ModelConfig(clip_length=4), LossConfig(smooth=0.0), TrainConfig(seed=1))
    assert Config.from_dict(config.to_dict()) == config
    for text, said in (
        ('{"model": {"clip_lenght": 4}}', r"model\.clip_lenght: .*nearest: clip_length"),
        ('{"frame": {"epochs": "3"}}', r"frame\.epochs: a whole number\. Received: '3'"),
        ('{"loss": {"smooth": -1}}', "loss: Loss weight smooth is not negative. Received: -1"),
        ("[", "A config is a JSON file"),
    ):
        path = tmp_path / "config.json"
        path.write_text(text)
        with pytest.raises(ConfigError, match=said):
            Config.read(path)
