"""A record's frames with joints and mesh, or a network's attention, over them: `mviper view RECORD`.

RECORD is a shard, or a folder of shards; of several clips the first is shown, or the one that --clip names.

Examples:
  mviper view data/train/26ccc43a8d7aa59d.tfrecord.gz --list
  mviper view data/train --clip=train-00001-0-left --out=clip.png
  mviper view data/train --clip=train-00001-0-left --out=clip.mp4
  mviper view data/train --attention=model/video --out=attention.png
"""

from __future__ import annotations

import pathlib

from absl import flags

from model.errors import ConfigError

FLAGS = flags.FLAGS
PICTURES, ANIMATIONS, FILMS = (".png", ".jpg", ".jpeg"), (".gif", ".webp"), (".mp4",)
_KNOWN = 5

flags.DEFINE_string("clip", "", "id of the clip; default: the first one")
flags.DEFINE_string("out", "clip.png", "contact sheet (.png, .jpg) or all frames (.gif, .webp, .mp4)")
flags.DEFINE_integer("frames", 12, "in a contact sheet", lower_bound=1)
flags.DEFINE_integer("height", 320, "of a frame, pixels", lower_bound=64, upper_bound=1080)
flags.DEFINE_string("attention", "", "folder of a video model whose attention maps to show instead of the labels")
flags.DEFINE_bool("list", False, "print the ids of the clips instead")


def main(positional: list[str]) -> int:
    """Shows one clip."""
    if len(positional) != 1:
        raise ConfigError(f"mviper view takes one record. Received: {' '.join(positional) or 'nothing'}")
    out = pathlib.Path(FLAGS.out)
    if out.suffix.lower() not in (*PICTURES, *ANIMATIONS, *FILMS):
        raise ConfigError(f"--out ends in {', '.join((*PICTURES, *ANIMATIONS, *FILMS))}. Received: {out}")
    from components import records

    place = pathlib.Path(positional[0])
    shards = records.find_shards(place) if place.is_dir() else [place]
    if FLAGS.list:
        for clip in (clip for shard in shards for clip in records.read(shard)):
            print(f"{clip.clip_id}  {clip.action} from {clip.camera}, {clip.length} frames")
        return 0
    clip = _find(shards, FLAGS.clip)
    _write(out, _view(clip), clip.fps)
    print(out)
    return 0


def _view(clip):
    """What draws the clip's frames."""
    if FLAGS.attention:
        from pipeline.attention_view import AttentionView

        return AttentionView(clip, FLAGS.attention, FLAGS.height)
    from components.dataset_report.clip_view import ClipView

    return ClipView(clip, FLAGS.height)


def _find(shards: list[pathlib.Path], clip_id: str):
    """The clip of this id, or the first one."""
    from components import records

    seen: list[str] = []
    for clip in (clip for shard in shards for clip in records.read(shard)):
        if clip_id in ("", clip.clip_id):
            return clip
        seen.append(clip.clip_id)
    if not seen:
        raise ConfigError(f"A record with a clip is needed. Received: {shards[0]}, which is empty")
    there = ", ".join(seen[:_KNOWN]) + (f" and {len(seen) - _KNOWN} more" if len(seen) > _KNOWN else "")
    raise ConfigError(f"--clip is one of {there} (--list prints all). Received: {clip_id}")


def _write(out: pathlib.Path, view, fps: float) -> None:
    from components.dataset_report.page import animation
    from model.storage import write_bytes
    from synthesis.motion_sheets import write_film, write_picture

    kind = out.suffix.lower()
    if kind in PICTURES:
        write_picture(out, view.sheet(FLAGS.frames))
    elif kind in FILMS:
        write_film(out, view.film(), fps)
    else:
        write_bytes(out, animation(view.film(), fps, kind[1:].upper()))
