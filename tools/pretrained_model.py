"""The network that comes with the program: from a folder of `mviper bench accuracy` to model/pretrained/ with its card.

`make pretrained` runs both, generation included. Usage: python -m tools.pretrained_model ACCURACY_FOLDER
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys

from components import records, tfrecord
from model import checkpoint
from pipeline.export import PRETRAINED

# Not the best of several: figures of the eval split must not choose what is judged on it.
SEED = 0
ROWS = {
    "mpjpe_mm": "MPJPE, mm", "pa_mpjpe_mm": "PA-MPJPE, mm", "mpvpe_mm": "MPVPE, mm", "mrvpv_l2_m": "MRVPV p=2, m",
    "mrsv_l1": "MRSV p=1", "accel_mm_s2": "acceleration error, mm/s^2",
}  # fmt: skip
CARD = """# The network that comes with the program

A video model (attention LSTM on a small encoder, {parameters:.2f} million weights, clips of {length} frames of
{size} x {size} pixels) trained on generated people alone. `mviper predict` and `mviper serve` take it where no other is
named. It is there to try things out and as a start for training; it is not a network for products.

- **Made by** `make pretrained`: generation, frame model, HMR* and video model, seed {seed} of `mviper bench accuracy
  --config=small`. Not chosen among seeds.
- **Data**: {train_clips} clips of {length} frames to train with, plan {plan}, seed {data_seeds}: dressed free bodies
  (CC0), {people} people with those of the eval split, built-in motions, four viewpoints, 15 frames a second. No picture
  of a real person, no SMPL, no public dataset, no pretrained weights. `network.json` holds the whole configuration.
- **Figures** on {eval_clips} clips of people and motions that it was not trained on (`mviper bench accuracy`; the mean
  pose is what one gets without looking):

| | this network | mean pose |
|---|---|---|
{table}

- **Limits**: people of the generator, upright or bent, in twelve kinds of motion. One person, in the middle of the
  crop, seen whole. Floor poses, hands, faces, children, wide clothes, crowds, cut-off figures and night are not in it.
  On real video expect rough poses. Shape says little about anybody.
- **Body**: `{body}`; with SMPL's files (`--body`) it does not run.
- **Licence**: that of the project; bodies are CC0.
"""


def main(folder: str) -> None:
    """Copies the video model of a seed and writes the card."""
    accuracy = pathlib.Path(folder)
    trained = accuracy / f"seed{SEED}" / "video"
    _, config, body_id = checkpoint.read_settings(trained / checkpoint.EXTRA)
    metrics = json.loads((trained / "metrics.json").read_text())
    report = json.loads((accuracy / "data" / "job.json").read_text())
    held_out = tfrecord.count(records.find_shards(accuracy / "data" / "eval"))
    network, _, _ = checkpoint.load(trained / checkpoint.EXTRA)
    table = [
        f"| {title} | {_number(metrics[key])} | {_number(metrics[f'mean_pose_{key}'])} |" for key, title in ROWS.items()
    ]
    PRETRAINED.mkdir(parents=True, exist_ok=True)
    for name in (checkpoint.WEIGHTS, checkpoint.SETTINGS):
        shutil.copyfile(trained / checkpoint.EXTRA / name, PRETRAINED / name)
    card = CARD.format(
        parameters=network.count_params() / 1e6, length=config.model.clip_length, size=config.model.image_size,
        seed=SEED, train_clips=report["clips"] - held_out, plan=report["plan"],
        data_seeds=", ".join(map(str, report["seeds"])), people=report["simulations"]["made"],
        eval_clips=held_out, table="\n".join(table), body=body_id,
    )  # fmt: skip
    (PRETRAINED / "README.md").write_text(card)


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


if __name__ == "__main__":
    main(sys.argv[1])
