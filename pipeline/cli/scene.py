"""Scenes: what there is to dress people in and to stand them before: `mviper scene list`, `show` or `sheet`.

Examples:
  mviper scene list
  mviper scene show denim --out=denim.png
  mviper scene show textures/dtd/images --as=fabric --out=dtd.jpg
  mviper scene show photos/ --as=backdrop --out=photos.jpg
  mviper scene show asset:hdris --as=backdrop --out=hdris.jpg
  mviper scene sheet --out=docs/images
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable

from absl import flags

from model.errors import ConfigError
from synthesis.scene import backgrounds, cameras, textures

FLAGS = flags.FLAGS
PICTURES = (".jpg", ".jpeg", ".png")
_SHOWN = 8

flags.DEFINE_bool("json", False, "list: print JSON")
flags.DEFINE_enum("as", "", ("", "fabric", "backdrop"), "show: what a folder's pictures are; kinds know it themselves")
flags.DEFINE_string("out", "", "file (show: scene.jpg) or folder (sheet: docs/images) to write")


def main(positional: list[str]) -> int:
    """Runs one of the three."""
    actions: dict[str, Callable[[list[str]], int]] = {"list": _list, "show": _show, "sheet": _sheet}
    if not positional or positional[0] not in actions:
        raise ConfigError(f"mviper scene takes one of {', '.join(actions)}. Received: {' '.join(positional) or 'none'}")
    return actions[positional[0]](positional[1:])


def _list(names: list[str]) -> int:
    """The built-in kinds."""
    if names:
        raise ConfigError(f"mviper scene list takes no names. Received: {' '.join(names)}")
    kinds = {"fabrics": textures.KINDS, "backdrops": backgrounds.KINDS, "camera modes": cameras.MODES}
    if FLAGS.json:
        print(json.dumps({name.replace(" ", "_"): list(values) for name, values in kinds.items()}))
        return 0
    for name, values in kinds.items():
        print(f"{name}: {', '.join(values)}")
    return 0


def _show(sources: list[str]) -> int:
    """One source with several seeds."""
    from synthesis import scene_sheets

    if len(sources) != 1:
        raise ConfigError(f"mviper scene show takes one kind, folder or picture. Received: {len(sources)}")
    source, out = sources[0], pathlib.Path(FLAGS.out or "scene.jpg")
    if out.suffix.lower() not in PICTURES:
        raise ConfigError(f"--out ends in {', '.join(PICTURES)}. Received: {out}")
    kind = FLAGS["as"].value or ("fabric" if source in textures.KINDS else "")
    if source in backgrounds.KINDS:
        kind = kind or "backdrop"
    if not kind:
        raise ConfigError(f"--as=fabric or --as=backdrop says what a folder holds. Received: {source} without it")
    make = scene_sheets.fabrics_sheet if kind == "fabric" else scene_sheets.backdrops_sheet
    scene_sheets.write(out, make([source], _SHOWN))
    print(out)
    return 0


def _sheet(names: list[str]) -> int:
    """The pictures of docs/scenes.md."""
    from synthesis import scene_sheets

    if names:
        raise ConfigError(f"mviper scene sheet takes no names. Received: {' '.join(names)}")
    for path in scene_sheets.write_sheets(FLAGS.out or "docs/images"):
        print(path)
    return 0
