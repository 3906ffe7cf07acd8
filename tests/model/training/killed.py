"""Runs the tiny video stage and is killed in the middle of its second epoch, two steps after a checkpoint."""

import os
import pathlib
import signal
import sys

import tiny


def main() -> None:
    stage = tiny.stage(pathlib.Path(sys.argv[1]), tiny.RESUMED, "video")
    update = stage.bar.bar.update

    def count() -> None:
        update()
        if (stage.progress.epoch, stage.progress.step) == (1, 6):
            os.kill(os.getpid(), signal.SIGKILL)

    stage.bar.bar.update = count
    stage.run()


if __name__ == "__main__":
    main()
