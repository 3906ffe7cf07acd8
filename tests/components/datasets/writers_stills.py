"""Small datasets of stills in their official layouts, with pictures in which each joint is a disc of its own colour.

Written from the datasets' own documentation; it knows neither the readers nor the keypoint maps that it serves to test.
Places are pixels of the picture, (0, 0) the centre of the top-left one.
"""

import dataclasses
import json
import pathlib

import cv2
import numpy as np
import scipy.io

# README.txt of LSP and of LSP-extended.
LSP = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "right wrist", "right elbow",
    "right shoulder", "left shoulder", "left elbow", "left wrist", "neck", "head top",
)  # fmt: skip
# human-pose.mpi-inf.mpg.de/#download.
MPII = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "pelvis", "thorax", "neck",
    "head top", "right wrist", "right elbow", "right shoulder", "left shoulder", "left elbow", "left wrist",
)  # fmt: skip
# categories[0].keypoints of person_keypoints_val2017.json, with blanks for their underscores.
COCO = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
    "right ankle",
)  # fmt: skip
JOINTS = tuple(dict.fromkeys(LSP + MPII + COCO))

HEIGHT, WIDTH = 240, 320
RADIUS = 3


@dataclasses.dataclass
class Figure:
    """A person: where each joint is, which of them are hidden, and which have no label."""

    places: dict[str, tuple[int, int]]
    hidden: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()


def figures(count: int, seed: int = 0, **states) -> list[Figure]:
    """People that fit into one picture, no two joints closer than their discs."""
    cells = [(x, y) for x in range(8, WIDTH - 8, 12) for y in range(8, HEIGHT - 8, 12)]
    rng = np.random.default_rng(seed)
    chosen = iter(rng.permutation(len(cells))[: count * len(JOINTS)])
    people = []
    for _ in range(count):
        jitter = rng.integers(-2, 3, (len(JOINTS), 2))
        places = {}
        for joint, (dx, dy) in zip(JOINTS, jitter, strict=True):
            x, y = cells[next(chosen)]
            places[joint] = (int(x + dx), int(y + dy))
        people.append(Figure(places, **states))
    return people


def colour(joint: str) -> np.ndarray:
    """B, G, R of a joint's disc, far from those of the others and from black."""
    index = JOINTS.index(joint) + 1
    return np.array([(index % 3) * 120 + 10, (index // 3 % 3) * 120 + 10, (index // 9 % 3) * 120 + 10], np.uint8)


def draw(path: pathlib.Path, people: list[Figure]) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for person in people:
        for joint, place in person.places.items():
            cv2.circle(image, place, RADIUS, colour(joint).tolist(), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    best = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    cv2.imwrite(str(path), image, best)


def distance_to_disc(path: pathlib.Path, joint: str, place: np.ndarray) -> float:
    """Pixels from a place to the centre of the joint's disc around it; inf where there is none."""
    image = cv2.imread(str(path))
    x, y = np.round(place).astype(int)
    left, top = max(0, x - 2 * RADIUS), max(0, y - 2 * RADIUS)
    part = image[top : y + 2 * RADIUS + 1, left : x + 2 * RADIUS + 1].astype(int)
    rows, columns = np.nonzero(np.abs(part - colour(joint)).max(-1) < 20)
    if len(rows) == 0:
        return np.inf
    return float(np.hypot(columns.mean() + left - place[0], rows.mean() + top - place[1]))


def write_lsp(root: pathlib.Path, people: list[Figure], *, one_means_visible: bool = False) -> None:
    """joints [3, 14, N], pixels from 1; the third row is 1 where a joint is hidden."""
    joints = np.zeros((3, 14, len(people)))
    for i, person in enumerate(people):
        for j, joint in enumerate(LSP):
            x, y = person.places[joint]
            joints[:, j, i] = x + 1, y + 1, (joint in person.hidden) != one_means_visible
        draw(root / "images" / f"im{i + 1:04d}.jpg", [person])
    scipy.io.savemat(root / "joints.mat", {"joints": joints})


def write_lsp_extended(root: pathlib.Path, people: list[Figure]) -> None:
    """joints [14, 3, N], pixels from 1; the third column is 0 where a joint has no place."""
    joints = np.zeros((14, 3, len(people)))
    for i, person in enumerate(people):
        for j, joint in enumerate(LSP):
            x, y = person.places[joint]
            joints[j, :, i] = (-178.4, np.nan, 0) if joint in person.unlabelled else (x + 1, y + 1, 1)
        draw(root / "images" / f"im{i + 1:05d}.jpg", [person])
    scipy.io.savemat(root / "joints.mat", {"joints": joints})


def struct_array(elements: list[dict]) -> np.ndarray:
    """A MATLAB struct array [1, N] of elements with the same fields."""
    array = np.zeros((1, len(elements)), [(name, object) for name in elements[0]])
    for i, element in enumerate(elements):
        for name, value in element.items():
            array[0, i][name] = value
    return array


def mpii_rect(person: Figure, *, flags: str = "number") -> dict:
    """An element of annorect with head rectangle, position and joints.

    flags: how is_visible is stored: "number", "text", "empty" or "missing".
    """
    points = []
    for number, joint in enumerate(MPII):
        if joint in person.unlabelled:
            continue
        x, y = person.places[joint]
        point = {"x": float(x + 1), "y": float(y + 1), "id": np.uint8(number)}
        visible = joint not in person.hidden
        if flags != "missing":
            stored = {"number": np.uint8(visible), "text": str(int(visible)), "empty": np.zeros((0, 0))}
            point["is_visible"] = stored[flags]
        points.append(point)
    return {
        "x1": 10.0, "y1": 20.0, "x2": 30.0, "y2": 40.0, "annopoints": {"point": struct_array(points)},
        "scale": 1.2, "objpos": {"x": 100.0, "y": 120.0},
    }  # fmt: skip


def mpii_rect_without_joints(field: bool) -> dict:
    """An element of annorect of one whom nobody annotated: annopoints is empty, or not a field at all."""
    rect = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "scale": 0.9, "objpos": {"x": 5.0, "y": 6.0}}
    return rect | ({"annopoints": np.zeros((0, 0))} if field else {})


def write_mpii(root: pathlib.Path, images: list[tuple[str, int, list[dict]]], *, compress: bool = True) -> None:
    """The official file from images' names, their img_train and their annorect; one person is a plain struct."""
    annolist = []
    for name, _, rects in images:
        annorect = np.zeros((0, 0)) if not rects else rects[0] if len(rects) == 1 else struct_array(rects)
        empty = np.zeros((0, 0))
        annolist.append({"image": {"name": name}, "annorect": annorect, "frame_sec": empty, "vididx": empty})
    release = {
        "annolist": struct_array(annolist),
        "img_train": np.array([[train for _, train, _ in images]], np.uint8),
        "version": "12",
        "single_person": np.array([[1]] * len(images), object),
    }
    root.mkdir(parents=True, exist_ok=True)
    path = root / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release}, do_compression=compress, long_field_names=True)


def mpii_entry(name: str, person: Figure) -> dict:
    """A person of the conversion to JSON, pixels from 1; joints without a label are at (-1, -1)."""
    joints = [[-1.0, -1.0] if j in person.unlabelled else [p + 1.0 for p in person.places[j]] for j in MPII]
    states = [int(j not in person.unlabelled) for j in MPII]
    return {"joints_vis": states, "joints": joints, "image": name, "scale": 1.1, "center": [100.0, 120.0]}


def write_json(path: pathlib.Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def coco_image(image_id: int) -> dict:
    name = f"{image_id:012d}.jpg"
    return {"license": 4, "file_name": name, "height": HEIGHT, "width": WIDTH, "id": image_id}


def coco_annotation(annotation_id: int, image_id: int, person: Figure) -> dict:
    keypoints = []
    for joint in COCO:
        state = 0 if joint in person.unlabelled else 1 if joint in person.hidden else 2
        keypoints += [*person.places[joint], state] if state else [0, 0, 0]
    return {
        "segmentation": [[1.5, 2.5, 30.25, 2.5, 30.25, 40.0]], "num_keypoints": sum(v > 0 for v in keypoints[2::3]),
        "area": 1234.5, "iscrowd": 0, "keypoints": keypoints, "image_id": image_id, "bbox": [1.0, 2.0, 30.0, 40.0],
        "category_id": 1, "id": annotation_id,
    }  # fmt: skip


def coco_content(images: list[dict], annotations: list[dict]) -> dict:
    """A person_keypoints_*.json, its parts in the official order."""
    names = [joint.replace(" ", "_") for joint in COCO]
    category = {"supercategory": "person", "id": 1, "name": "person", "keypoints": names, "skeleton": [[16, 14]]}
    return {
        "info": {"description": "COCO 2017 Dataset"}, "licenses": [{"id": 4, "name": "CC BY"}],
        "images": images, "annotations": annotations, "categories": [category],
    }  # fmt: skip
