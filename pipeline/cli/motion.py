"""Motions: `mviper motion import`, `list`, `show`, `interpolate` or `mosh`.

A motion is named by a file (BVH, AMC with its ASF beside it, C3D, AMASS npz, a library's clip), by a clip of --library,
or by a built-in kind with a seed: walk, walk-3.

Examples:
  mviper motion import captures/ --library=motions --licence="CMU: free for all uses" --credit="mocap.cs.cmu.edu"
  mviper motion list motions
  mviper motion show walk-3 --out=walk.mp4
  mviper motion show captures/ --out=sheets/
  mviper motion show --all --library=motions --out=sheets/
  mviper motion interpolate kick-1 squat-2 --out=between.npz
  mviper motion interpolate captures/ --count=20 --library=motions
  mviper motion mosh trial.c3d --gender=male --out=solved.npz
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import sys
from collections.abc import Callable, Iterable

from absl import flags

from model.body.files import GENDERS
from model.errors import ConfigError, MotionError, UserError
from synthesis.motion import clips
from synthesis.motion.motion import Motion

FLAGS = flags.FLAGS
_BUILTIN_CREDIT = "made by mviper (Apache-2.0)"

flags.DEFINE_string("library", "", "folder of a motion library: index.json and clips/")
flags.DEFINE_string("licence", "", "import: terms on which the files may be used, kept with every clip")
flags.DEFINE_string("source", "", "import: where the files are from, kept with every clip before the file's name")
flags.DEFINE_string("credit", "", "import: what the terms ask to be said")
flags.DEFINE_string("mapping", "", "JSON file from SMPL's joints to the joints of files with a naming of their own")
flags.DEFINE_float("fps", None, "frames a second of files that do not say (AMC)", lower_bound=1e-3)
flags.DEFINE_string("markers", "cmu41", "marker set of C3D files: cmu41, or a JSON file as mosh/marker_sets has them")
flags.DEFINE_enum("gender", "neutral", GENDERS, "mosh: the body to fit")
flags.DEFINE_bool("json", False, "list: print JSON")
flags.DEFINE_bool("all", False, "show: every clip of --library, or every built-in kind")
flags.DEFINE_float("seconds", 4.0, "length of built-in motions", lower_bound=1e-3)
flags.DEFINE_string("out", "", "show: .jpg, .png, .mp4, or a folder for a sheet each; else .npz")
flags.DEFINE_integer(
    "seed", 0, "show --all: of the built-in motions; interpolate: which pairs are drawn", lower_bound=0
)
flags.DEFINE_integer("count", 1, "interpolate: how many motions to make from a folder", lower_bound=1)
flags.DEFINE_float("rate", 0.1, "interpolate: radians of pose distance from frame to frame", lower_bound=1e-6)
flags.DEFINE_enum("method", "linear", ("linear", "slerp"), "interpolate: linear in axis-angle (the paper's), or SLERP")


def main(positional: list[str]) -> int:
    """Runs one of the five; 2 where files were given and none could be taken."""
    actions: dict[str, Callable[[list[str]], int]] = {
        "import": _import,
        "list": _list,
        "show": _show,
        "interpolate": _interpolate,
        "mosh": _mosh,
    }
    if not positional or positional[0] not in actions:
        raise ConfigError(
            f"mviper motion takes one of {', '.join(actions)}. Received: {' '.join(positional) or 'none'}"
        )
    return actions[positional[0]](positional[1:])


def _import(sources: list[str]) -> int:
    """Adds files to a library, one after the other; what is there already is passed over."""
    import tqdm

    from synthesis.motion import library

    if not (FLAGS.library and FLAGS.licence):
        raise ConfigError("mviper motion import needs --library and --licence. Received: one of them empty")
    paths = _files(sources)
    target, reading = clips.ClipLibrary.open(FLAGS.library, create=True), _reading()
    added, known, rejects = 0, 0, []
    for path in tqdm.tqdm(paths, desc="import", unit="file", dynamic_ncols=True):
        try:
            sha256 = library.digest(path, reading)
            if target.holding(sha256):
                known += 1
                continue
            motion = library.load_motion(path, reading)
            name = target.free_name(motion.name, f"{motion.name}_{path.suffix[1:].lower()}")
            source = f"{FLAGS.source}: {path.name}" if FLAGS.source else path.name
            target.add(_renamed(motion, name), source, sha256, FLAGS.licence, FLAGS.credit)
            added += 1
        except UserError as error:
            rejects.append((path, str(error)))
    print(f"{added} added, {known} there already, {len(rejects)} rejected; {len(target)} clips in {FLAGS.library}")
    return _report(rejects, taken=added + known)


def _list(sources: list[str]) -> int:
    """The built-in kinds, and the clips of a library."""
    from synthesis.motion import builtin

    if len(sources) > 1:
        raise ConfigError(f"One library is listed at a time. Received: {' '.join(sources)}")
    folder = sources[0] if sources else FLAGS.library
    entries = clips.ClipLibrary.open(folder).entries if folder else ()
    if FLAGS.json:
        listed = [{**vars(entry), "file": str(pathlib.Path(folder) / entry.file)} for entry in entries]
        print(json.dumps({"builtin": list(builtin.KINDS), "library": str(folder) or None, "clips": listed}))
        return 0
    print(f"built-in kinds, each with any seed (walk-0, walk-1, ...): {', '.join(builtin.KINDS)}; {_BUILTIN_CREDIT}")
    if entries:
        width = max(len(entry.name) for entry in entries)
        print(f"\n{'name':<{width}} {'frames':>7} {'fps':>7} {'seconds':>8}  source; licence")
    for entry in entries:
        size = f"{entry.frames:>7} {entry.fps:>7.4g} {entry.seconds:>8.1f}"
        print(f"{entry.name:<{width}} {size}  {entry.source}; {entry.licence}")
    return 0


def _show(sources: list[str]) -> int:
    """Writes a contact sheet or a video; of several motions one picture with a row each, or a folder of sheets."""
    import numpy as np
    import tqdm

    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody
    from synthesis import motion_sheets as sheets

    motions = _shown(sources)
    out = pathlib.Path(FLAGS.out or "sheet.jpg")
    single = out.suffix.lower() in (*sheets.PICTURES, *sheets.VIDEOS)
    if not single and (out.suffix or not FLAGS.out):
        raise ConfigError(f"--out ends in {', '.join((*sheets.PICTURES, *sheets.VIDEOS))}. Received: {out}")
    together = single and len(motions) > 1
    if together and out.suffix.lower() in sheets.VIDEOS:
        raise ConfigError(f"A video shows one motion. Received: {out} for {len(motions)}")
    stage = sheets.MotionStage(NumpyBody(load_body("neutral")), sheets.SMALL if together else None)
    rows, rejects = [], []
    for label, load in tqdm.tqdm(motions, desc="show", unit="motion", disable=len(motions) == 1, dynamic_ncols=True):
        path = out if single else out / f"{label}.jpg"
        try:
            motion = load()
            if together:
                rows.append(stage.row(motion))
            elif path.suffix.lower() in sheets.VIDEOS:
                sheets.write_film(path, stage.film(motion), motion.fps)
            else:
                sheets.write_picture(path, stage.sheet(motion))
        except MotionError as error:
            if len(motions) == 1:
                raise
            rejects.append((pathlib.Path(label), str(error)))
    if rows:
        sheets.write_picture(out, np.concatenate(rows))
    stage.close()
    print(f"{len(motions) - len(rejects)} shown in {out}")
    return _report(rejects, taken=len(motions) - len(rejects))


def _interpolate(sources: list[str]) -> int:
    """Makes motions between others: of two, or of pairs drawn from a folder."""
    import numpy as np

    from model.body.files import load_body
    from model.body.numpy_body import NumpyBody
    from synthesis.motion import anatomy, interpolation, library

    if not sources or len(sources) > 2 or not (FLAGS.out or FLAGS.library):
        raise ConfigError(
            "mviper motion interpolate takes two motions or one folder, and --out or --library. "
            f"Received: {' '.join(sources) or 'none'}"
        )
    settings = interpolation.InterpolationSettings(rate=FLAGS.rate, method=FLAGS.method)
    body = NumpyBody(load_body("neutral"))
    limits = anatomy.Anatomy(body)
    if len(sources) == 2:
        motion = interpolation.interpolate(_motion(sources[0]), _motion(sources[1]), settings)
        made = [motion]
        for reason in limits.check(motion).reasons:
            print(f"{motion.name}: {reason}", file=sys.stderr)
    else:
        motions, rejects = [], []
        for path in library.find_motion_files(sources[0]):
            try:
                motions.append(library.load_motion(path, _reading()))
            except MotionError as error:
                rejects.append((path, str(error)))
        drawn = anatomy.draw_interpolations(motions, FLAGS.count, np.random.default_rng(FLAGS.seed), limits, settings)
        made = drawn.accepted
        for reason, count in sorted(drawn.rejected.items()):
            print(f"{count} rejected: {reason}", file=sys.stderr)
        _report(rejects, taken=len(motions))
    if FLAGS.out:
        if len(made) != 1 or pathlib.Path(FLAGS.out).suffix.lower() != ".npz":
            raise ConfigError(f"--out is one .npz file; --library takes several. Received: {FLAGS.out} for {len(made)}")
        clips.write_clip(FLAGS.out, made[0])
        print(f"{FLAGS.out}: {made[0].name}, {len(made[0])} frames")
        return 0
    return _keep(made)


def _mosh(sources: list[str]) -> int:
    """Solves a C3D file for shape, marker offsets and pose, and keeps all three."""
    import numpy as np

    from model.body.files import load_body
    from synthesis.motion.c3d import read_c3d
    from synthesis.motion.mosh import MoshSettings, solve

    out = pathlib.Path(FLAGS.out or "mosh.npz")
    if len(sources) != 1 or out.suffix.lower() != ".npz":
        raise ConfigError(
            f"mviper motion mosh takes one C3D file, and --out ends in .npz. Received: {' '.join(sources)} and {out}"
        )
    result = solve(read_c3d(sources[0]), load_body(FLAGS.gender), MoshSettings(FLAGS.markers), progress=True)
    result.save(out)
    residual = 1000 * float(np.nanmean(result.residual))
    left = int((~result.solved).sum())
    print(
        f"{out}: {len(result.pose)} frames of {result.body_id}, mean residual {residual:.1f} mm, {left} frames bridged"
    )
    return 0


def _keep(made: list[Motion]) -> int:
    """Puts interpolated motions into the library."""
    import hashlib

    target = clips.ClipLibrary.open(FLAGS.library, create=True)
    added = 0
    for motion in made:
        sha256 = hashlib.sha256(motion.pose.tobytes() + motion.root.tobytes()).hexdigest()
        if not target.holding(sha256):
            licence = FLAGS.licence or "that of the two motions"
            target.add(_renamed(motion, target.free_name(motion.name)), "interpolated", sha256, licence, FLAGS.credit)
            added += 1
    print(f"{added} added, {len(made) - added} there already; {len(target)} clips in {FLAGS.library}")
    return 0


def _shown(sources: list[str]) -> list[tuple[str, Callable[[], Motion]]]:
    """What `show` shows: names for the files to write, and what loads each."""
    from synthesis.motion import builtin, library

    if FLAGS.all:
        if sources:
            raise ConfigError(f"--all shows all of --library or all built-in kinds. Received: {' '.join(sources)} too")
        names = [f"{kind}-{FLAGS.seed}" for kind in builtin.KINDS]
        if FLAGS.library:
            names = [entry.name for entry in clips.ClipLibrary.open(FLAGS.library).entries]
        return [(name, functools.partial(_motion, name)) for name in names]
    if len(sources) != 1:
        raise ConfigError(f"mviper motion show takes one name, file or folder, or --all. Received: {len(sources)}")
    if not pathlib.Path(sources[0]).is_dir():
        return [(pathlib.Path(sources[0]).stem, functools.partial(_motion, sources[0]))]
    paths = library.find_motion_files(sources[0])
    stems = [path.stem for path in paths]
    labels = [p.stem if stems.count(p.stem) == 1 else f"{p.stem}_{p.suffix[1:].lower()}" for p in paths]
    loads = [functools.partial(library.load_motion, path, _reading()) for path in paths]
    return list(zip(labels, loads, strict=True))


def _motion(source: str) -> Motion:
    """A motion by its file, its name in --library, or its built-in kind and seed.

    Raises:
        MotionError: none of these is there.
    """
    from synthesis.motion import builtin, library

    if pathlib.Path(source).is_file():
        return library.load_motion(source, _reading())
    if FLAGS.library:
        return clips.ClipLibrary.open(FLAGS.library).load(source)
    named = re.fullmatch(r"([a-z_]+)(?:-(\d{1,9}))?", source)
    if named and named[1] in builtin.KINDS:
        return builtin.make(named[1], int(named[2] or 0), FLAGS.seconds)
    raise MotionError(
        "A motion is a file, a clip of --library, or a built-in kind with a seed (walk-3) out of "
        f"{', '.join(builtin.KINDS)}. Received: {source!r}"
    )


def _files(sources: Iterable[str]) -> list[pathlib.Path]:
    """Files and all motion files of folders, in order.

    Raises:
        ConfigError: nothing is given.
        MotionError: something given is neither file nor folder.
    """
    from synthesis.motion import library

    paths: list[pathlib.Path] = []
    for source in sources:
        path = pathlib.Path(source)
        if path.is_file():
            paths.append(path)
        else:
            paths += library.find_motion_files(path)
    if not paths:
        raise ConfigError("mviper motion import takes files and folders. Received: none")
    return paths


def _reading():
    from synthesis.motion.library import Reading

    return Reading(pathlib.Path(FLAGS.mapping) if FLAGS.mapping else None, FLAGS.fps, FLAGS.markers)


def _renamed(motion: Motion, name: str) -> Motion:
    import dataclasses

    return dataclasses.replace(motion, name=name)


def _report(rejects: list[tuple[pathlib.Path, str]], taken: int) -> int:
    """Lists what could not be taken; 2 where that is everything."""
    for path, reason in rejects:
        print(f"rejected {path}: {reason}", file=sys.stderr)
    return 0 if taken else 2
