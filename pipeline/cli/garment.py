"""Garments: `mviper garment list`, `show` or `fabrics`.

A garment is a name of the library or the path of a pattern file of one's own (docs/garments.md); outfits are names too.

Examples:
  mviper garment list
  mviper garment list patterns/ --json
  mviper garment show skirt --out=skirt.jpg
  mviper garment show shirt_trousers --gender=male --betas=2,-1 --out=outfit.png
  mviper garment show my_cape.json --out=cape.jpg
  mviper garment show --all --out=sheets/
  mviper garment fabrics                            # what cloth is made of, SI units
  mviper garment fabrics skirt tshirt --out=sheets/ # and what that does to garments
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable

import numpy as np
from absl import flags

from model.errors import ConfigError
from pipeline.betas import parse_betas
from synthesis.garments.dress import check_edge_length
from synthesis.garments.fabrics import FABRICS
from synthesis.garments.library import OUTFITS, garments_of
from synthesis.garments.pattern import SUFFIX, Pattern, known_garments, load_pattern, measurements_used

FLAGS = flags.FLAGS
PICTURES = (".jpg", ".jpeg", ".png")
LARGEST_BETA = 5.0
_JPEG_QUALITY = 76
# Throws skirts out and lifts shirts.
_FABRIC_MOTION = "dance"

flags.DEFINE_bool("json", False, "list, fabrics: print JSON")
flags.DEFINE_bool("all", False, "show: every garment and every outfit, a picture each, and two sheets of all")
flags.DEFINE_string("out", "garment.jpg", "show: .jpg or .png; with --all, and for fabrics, a folder")
flags.DEFINE_string("cache", "", "folder that keeps simulations, for pictures that are made again; default: none")
flags.DEFINE_enum("gender", "female", ("female", "male", "neutral"), "who wears it")
flags.DEFINE_string("betas", "", "shape, up to ten comma-separated numbers of standard deviations; default: mean")
flags.DEFINE_float("edge_length", None, "of the cloth's triangles, metres; default: 0.02, and 0.03 for --all")


def main(positional: list[str]) -> int:
    """Runs one of the three."""
    actions: dict[str, Callable[[list[str]], int]] = {"list": _list, "show": _show, "fabrics": _fabrics}
    if not positional or positional[0] not in actions:
        raise ConfigError(
            f"mviper garment takes one of {', '.join(actions)}. Received: {' '.join(positional) or 'none'}"
        )
    return actions[positional[0]](positional[1:])


def _list(sources: list[str]) -> int:
    """The library's garments and outfits, or the pattern files of a folder."""
    if len(sources) > 1:
        raise ConfigError(f"One folder is listed at a time. Received: {' '.join(sources)}")
    names = [str(path) for path in _files(pathlib.Path(sources[0]))] if sources else list(known_garments())
    patterns = {name: load_pattern(name) for name in names}
    outfits = {} if sources else OUTFITS
    if FLAGS.json:
        print(json.dumps({"garments": {n: _facts(p) for n, p in patterns.items()}, "outfits": outfits}))
        return 0
    width = max(map(len, patterns))
    for name, pattern in patterns.items():
        facts = _facts(pattern)
        print(f"{name:<{width}}  {pattern.title}: {len(facts['panels'])} panels, {facts['seams']} seams")
        print(f"{'':<{width}}  panels {', '.join(facts['panels'])}")
        print(f"{'':<{width}}  measurements {', '.join(facts['measurements'])}")
    if outfits:
        print("\noutfits, inner garments first")
        for name, garments in outfits.items():
            print(f"{name:<{width + 6}}  {', '.join(garments)}")
    return 0


def _facts(pattern: Pattern) -> dict:
    return {
        "title": pattern.title,
        "layer": pattern.layer,
        "panels": list(pattern.panels),
        "seams": len(pattern.seams),
        "darts": sum(len(panel.darts) for panel in pattern.panels.values()),
        "elastic": bool(pattern.elastics),
        "measurements": list(measurements_used(pattern)),
    }


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    paths = [folder] if folder.is_file() else sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise ConfigError(f"A folder with pattern files *{SUFFIX} is needed. Received: {folder}")
    return paths


def _show(sources: list[str]) -> int:
    """One picture of a garment or outfit, or a folder of all."""
    body, betas, cache = _wearer()
    if FLAGS.all:
        if sources:
            raise ConfigError(f"--all shows all garments and outfits. Received: {' '.join(sources)} too")
        return _show_all(body, betas, cache)
    if len(sources) != 1:
        raise ConfigError(f"mviper garment show takes one garment or outfit, or --all. Received: {len(sources)}")
    out = pathlib.Path(FLAGS.out)
    if out.suffix.lower() not in PICTURES:
        raise ConfigError(f"--out ends in {', '.join(PICTURES)}. Received: {out}")
    _show_one(sources[0], body, betas, _edge_length(0.02), out, cache)
    print(out)
    return 0


def _wearer():
    """Body, betas [10] and cache folder or None, of the flags."""
    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody

    betas = parse_betas(FLAGS.betas, LARGEST_BETA)
    return NumpyBody(load_body(FLAGS.gender)), betas, pathlib.Path(FLAGS.cache) if FLAGS.cache else None


def _edge_length(default: float) -> float:
    return check_edge_length(default if FLAGS.edge_length is None else FLAGS.edge_length)


def _show_one(
    name: str, body, betas: np.ndarray, edge_length: float, out: pathlib.Path, cache: pathlib.Path | None
) -> None:
    from synthesis import garment_sheets

    patterns = [load_pattern(garment) for garment in garments_of(name)]
    title = " + ".join(pattern.title for pattern in reversed(patterns))
    _write(out, garment_sheets.sheet(patterns, body, betas, edge_length, title, cache))


def _show_all(body, betas: np.ndarray, cache: pathlib.Path | None) -> int:
    """A picture of each, and the two sheets of the documentation."""
    import tqdm

    from model.body.files import genders, load_body
    from model.body.numpy_body import NumpyBody
    from synthesis import garment_sheets

    folder, edge_length = _folder(), _edge_length(0.03)
    progress = tqdm.tqdm(
        total=len(known_garments()) + 2 * len(OUTFITS), desc="show", unit="picture", dynamic_ncols=True
    )
    for name in [*known_garments(), *OUTFITS]:
        _show_one(name, body, betas, edge_length, folder / f"{name}.jpg", cache)
        progress.update()
    wearers = [NumpyBody(load_body(g)) for g in genders() if g != "neutral"] or [body]
    outfits = [(name, [load_pattern(garment) for garment in garments]) for name, garments in OUTFITS.items()]
    flat = garment_sheets.patterns_sheet([load_pattern(name) for name in known_garments()], body, betas)
    _write(folder / "garment_patterns.jpg", flat)
    all_outfits = garment_sheets.outfits_sheet(outfits, wearers, betas, edge_length, cache, progress.update)
    _write(folder / "garment_outfits.jpg", all_outfits)
    progress.close()
    print(folder)
    return 0


def _fabrics(sources: list[str]) -> int:
    """The fabrics' properties; with garments, a sheet of each of them in every fabric."""
    if FLAGS.json:
        print(json.dumps([dataclasses.asdict(fabric) for fabric in FABRICS.values()]))
    else:
        for line in _fabric_lines():
            print(line)
    if sources:
        _fabric_sheets([load_pattern(name) for name in sources])
    return 0


def _fabric_lines() -> list[str]:
    heads = {"density": "kg/m^2", "stretch_weft": "N/m", "stretch_warp": "N/m", "shear": "N/m", "bend": "uN m",
             "friction": "", "damping": "ms", "stretch_limit": "%", "shear_limit": ""}  # fmt: skip
    scales = {"bend": 1e6, "damping": 1e3, "stretch_limit": 100.0}
    lines = [
        f"{'':<8}" + "".join(f"{head:>14}" for head in heads),
        f"{'':<8}" + "".join(f"{u:>14}" for u in heads.values()),
    ]
    for name, fabric in FABRICS.items():
        values = (getattr(fabric, head) * scales.get(head, 1.0) for head in heads)
        lines.append(f"{name:<8}" + "".join(f"{value:>14.3g}" for value in values))
    return lines


def _fabric_sheets(patterns: list[Pattern]) -> None:
    import tqdm

    from synthesis import garment_sheets

    folder, edge_length = _folder(), _edge_length(0.02)
    body, betas, cache = _wearer()
    progress = tqdm.tqdm(total=len(patterns) * len(FABRICS), desc="fabrics", unit="fabric", dynamic_ncols=True)
    for pattern in patterns:
        picture = garment_sheets.fabrics_sheet(
            pattern, _FABRIC_MOTION, body, betas, edge_length, cache, progress.update
        )
        _write(folder / f"fabrics_{pattern.name}.jpg", picture)
    progress.close()
    print(folder)


def _folder() -> pathlib.Path:
    folder = pathlib.Path(FLAGS.out)
    if folder.suffix:
        raise ConfigError(f"--out names a folder for many pictures. Received: {folder}")
    return folder


def _write(path: pathlib.Path, picture: np.ndarray) -> None:
    import cv2

    from model import storage

    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    storage.write_bytes(path, encoded.tobytes())
