"""Lines and words over pictures, smooth edges, the same on every machine (matplotlib brings its own font)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_DPI = 100
PAPER = 250


class Annotation:
    """Draws over one picture in its own pixels: x to the right, y down, pixel centres at whole numbers.

    Example:
        note = Annotation(picture)
        note.text("nose", (320, 80), size=15)
        annotated = note.image()
    """

    def __init__(self, picture: np.ndarray):
        """Takes a picture uint8 [H, W, 3] sRGB."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height, width = picture.shape[:2]
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        self._canvas = FigureCanvasAgg(figure)
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.axis("off")
        self._axes.imshow(picture, interpolation="nearest", aspect="auto")
        self._axes.set_xlim(-0.5, width - 0.5)
        self._axes.set_ylim(height - 0.5, -0.5)

    def text(
        self, words: str, at, size: float = 15, colour: str = "#222222", align: str = "center", bold: bool = False,
        turn: float = 0.0,
    ) -> None:  # fmt: skip
        """Writes words, `size` pixels high, centred vertically on `at` (x, y).

        Args:
            words: one line or more.
            at: pixels.
            size: pixels.
            colour: of the letters.
            align: "left", "center" or "right" of the words lies at x.
            bold: heavier letters.
            turn: degrees, counter-clockwise.
        """
        self._axes.text(
            at[0], at[1], words, fontsize=size * 72 / _DPI, color=colour, ha=align, va="center", rotation=turn,
            family="DejaVu Sans", weight="bold" if bold else "normal",
        )  # fmt: skip

    def line(self, points, colour: str = "#222222", width: float = 1.5, opacity: float = 1.0) -> None:
        """Draws a line through points [N, 2], `width` pixels wide."""
        x, y = np.asarray(points).T
        self._axes.plot(
            x, y, color=colour, linewidth=width * 72 / _DPI, alpha=opacity, solid_capstyle="round", snap=False
        )

    def arrow(self, start, end, colour: str, width: float = 3.0) -> None:
        """Draws an arrow from `start` to `end` (x, y)."""
        look = {"arrowstyle": "-|>,head_width=0.35,head_length=0.7", "shrinkA": 0, "shrinkB": 0}
        self._axes.annotate("", xy=end, xytext=start, arrowprops={**look, "color": colour, "lw": width * 72 / _DPI})

    def dot(self, at, colour: str, size: float = 9.0) -> None:
        """Draws a disc with a white rim, `size` pixels across."""
        from matplotlib.patches import Circle

        for radius, shown in ((size / 2 + 1, "white"), (size / 2, colour)):
            self._axes.add_patch(Circle(at, radius, facecolor=shown, linewidth=0, zorder=3))

    def image(self) -> np.ndarray:
        """The annotated picture, uint8 [H, W, 3]."""
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


def numbered_frames(frame: Callable[[int], np.ndarray], length: int, count: int, columns: int) -> np.ndarray:
    """A contact sheet of frames evenly spaced from the first to the last, each with its number: uint8 [H, W, 3].

    Args:
        frame: number -> uint8 [h, w, 3], all of one size.
        length: number of frames.
        count: of cells, at most.
        columns: cells in a row.
    """
    cells = []
    for number in np.unique(np.linspace(0, length - 1, count).round().astype(int)).tolist():
        note = Annotation(frame(number))
        note.text(f"{number}", (8, 14), 15, "#ffffff", "left", bold=True)
        cells.append(cv2.copyMakeBorder(note.image(), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(PAPER,) * 3))
    cells += [np.full_like(cells[0], PAPER)] * (-len(cells) % columns)
    return np.concatenate([np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)])
