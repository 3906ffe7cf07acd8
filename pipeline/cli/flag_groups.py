"""Flags that several verbs share, defined once."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator

from absl import flags

from model.config import Config
from synthesis.render import backends
from synthesis.scene.plan import SIMULATION_FPS, ClipPlan, PlanSettings, draw_clips

FLAGS = flags.FLAGS


def define_dataset(defaults: PlanSettings) -> None:
    """Flags that say what a dataset is; `dataset_plan` reads them."""
    flags.DEFINE_integer("seed", defaults.seed, "every random choice is drawn from it", lower_bound=0)
    flags.DEFINE_integer("train_simulations", defaults.train_simulations, "dressed, moving people to train on")
    flags.DEFINE_integer("eval_simulations", defaults.eval_simulations, "dressed, moving people to evaluate on")
    flags.DEFINE_integer("windows", defaults.windows, "clips cut from a simulation, each seen from 4 viewpoints")
    flags.DEFINE_integer("length", defaults.length, "frames of a clip")
    flags.DEFINE_integer("stride", defaults.stride, "frames of simulation (30 a second) between frames of a clip")
    flags.DEFINE_float("edge_length", defaults.edge_length, "of the cloth's triangles, metres")
    flags.DEFINE_string("photos", defaults.photos, "folder of background photos; default: painted backdrops")
    flags.DEFINE_string("hdris", defaults.hdris, "folder of panoramas that light their clips, or asset:hdris")
    flags.DEFINE_float("hdri_share", defaults.hdri_share, "share of the clips that take their backdrop from --hdris")
    flags.DEFINE_string("textures", defaults.textures, "folder of pictures for garments; default: built-in fabrics")
    flags.DEFINE_list("camera_modes", list(defaults.camera_modes), "how cameras move; each view draws one of these")
    flags.DEFINE_enum("renderer", defaults.renderer, backends.NAMES, "OpenGL, or Cycles in Blender's Python")
    flags.DEFINE_string("motion", "", "folder of BVH, AMC, C3D or AMASS files, or a motion library; default: built-in")


def plan_settings() -> PlanSettings:
    """PlanSettings of the flags.

    Raises:
        ConfigError: a value cannot work.
    """
    names = [field.name for field in dataclasses.fields(PlanSettings)]
    values = {name: FLAGS[name].value for name in names}
    return PlanSettings(**values | {"camera_modes": tuple(values["camera_modes"])})


def dataset_plan() -> list[ClipPlan]:
    """The plan that the flags describe."""
    return list(dataset_clips())


def dataset_clips() -> Iterator[ClipPlan]:
    """The plan that the flags describe, clip by clip.

    Raises:
        ConfigError: a value cannot work.
        MotionError: the folder of motions cannot be used.
    """
    return draw_clips(plan_settings(), read_motions(FLAGS.motion) if FLAGS.motion else ())


def read_motions(folder: str) -> list[tuple[pathlib.Path, int]]:
    """Motion files below a folder with their lengths; files that cannot be read are named and left out.

    Raises:
        MotionError: the folder is missing, empty, or none of its files can be read.
    """
    from synthesis.motion import library

    return [(path, len(motion)) for path, motion in library.load_motions(folder, SIMULATION_FPS)]


def define_config(default: str) -> None:
    """The flag that names or points to a model.config.Config; `config` reads it."""
    flags.DEFINE_string(
        "config",
        default,
        "demo, small, paper, a row of table 4 such as small-2d-3d (docs/model.md), or a JSON file of a Config",
    )


def config() -> Config:
    """Config of the flag.

    Raises:
        ConfigError: no such name or file.
    """
    from pipeline.configs import CONFIGS

    return CONFIGS[FLAGS.config] if FLAGS.config in CONFIGS else Config.read(FLAGS.config)
