"""Random skeletons in motion, written by the books of each format: what the readers must give back."""

import numpy as np
from scipy.spatial.transform import Rotation

from synthesis.motion.skeleton import SkeletonMotion

FPS = 50.0
INCHES = 0.45


def random_skeleton(rng, frames=3):
    """A tree of up to 9 joints with bones of any direction, turning at random."""
    count = int(rng.integers(2, 10))
    parents = (-1, *(int(rng.integers(0, j)) for j in range(1, count)))
    return _moved(rng, [f"j{i}" for i in range(count)], parents, rng.normal(size=(count, 3)), frames)


def _moved(rng, names, parents, offsets, frames, local=None):
    """Forward kinematics, joint by joint, apart from the library's own."""
    count = len(names)
    local = local or [Rotation.random(frames, random_state=rng) for _ in names]
    path = rng.normal(size=(frames, 3))
    rest, rot, pos = np.zeros((count, 3)), np.zeros((frames, count, 3, 3)), np.zeros((frames, count, 3))
    for t in range(frames):
        turns = []
        for j, parent in enumerate(parents):
            own = local[j][t]
            turns.append(own if parent < 0 else turns[parent] * own)
            pos[t, j] = path[t] if parent < 0 else pos[t, parent] + turns[parent].apply(offsets[j])
            rest[j] = offsets[j] + (rest[parent] if parent >= 0 else 0.0)
            rot[t, j] = turns[j].as_matrix()
    return SkeletonMotion("random", tuple(names), parents, rest, rot, pos, FPS)


def as_bvh(skeleton):
    """Text of a BVH file with another channel order at each joint and an end site at each leaf."""
    lines, columns = ["HIERARCHY"], []
    root = skeleton.parents.index(-1)

    def row(values):
        return " ".join(repr(float(v)) for v in values)

    def joint(j, indent):
        order = "".join(np.random.default_rng(j).permutation(list("XYZ")))
        parent = skeleton.parents[j]
        offset = skeleton.rest[j] - (skeleton.rest[parent] if parent >= 0 else 0.0)
        channels = [f"{axis}rotation" for axis in order]
        before = np.eye(3) if parent < 0 else np.swapaxes(skeleton.world_rot[:, parent], -1, -2)
        if parent < 0:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
            columns.append(skeleton.world_pos[:, root])
        columns.append(Rotation.from_matrix(before @ skeleton.world_rot[:, j]).as_euler(order, degrees=True))
        lines.extend([f"{indent}{'ROOT' if parent < 0 else 'JOINT'} {skeleton.names[j]}", indent + "{"])
        lines.extend([f"{indent}  OFFSET {row(offset)}", f"{indent}  CHANNELS {len(channels)} {' '.join(channels)}"])
        children = [k for k, p in enumerate(skeleton.parents) if p == j]
        for child in children:
            joint(child, indent + "  ")
        if not children:
            lines.extend([f"{indent}  End Site", indent + "  {", f"{indent}    OFFSET 0 1 0", indent + "  }"])
        lines.append(indent + "}")

    joint(root, "")
    lines += ["MOTION", f"Frames: {len(skeleton)}", f"Frame Time: {1 / FPS}"]
    return "\n".join([*lines, *map(row, np.concatenate(columns, 1))]) + "\n"


def random_acclaim(rng, frames=3):
    """A skeleton as ASF, its motion as AMC, and what they mean: bones with axes and degrees of freedom of their own."""
    count = int(rng.integers(3, 10))
    names = ["root", *(f"bone{i}" for i in range(1, count))]
    parents = (-1, *(int(rng.integers(0, j)) for j in range(1, count)))
    ends = rng.normal(size=(count, 3)) * (np.arange(count) > 0)[:, None]
    degrees = bool(rng.integers(2))
    unit = "deg" if degrees else "rad"
    data, frames_of, local = [], [[] for _ in range(frames)], []
    for j, name in enumerate(names):
        order = "XYZ" if j == 0 else "".join(rng.permutation(list("XYZ")))
        axis = np.zeros(3) if j == 0 else rng.uniform(-1, 1, 3) * (180 if degrees else np.pi)
        used = [0, 1, 2] if j == 0 else sorted(rng.permutation(3)[: int(rng.integers(0, 4))])
        angles = np.zeros((frames, 3))
        angles[:, used] = rng.uniform(-1, 1, (frames, len(used))) * (180 if degrees else np.pi)
        letters = ["XYZ".index(letter) for letter in order]
        # SciPy's lower-case sequences are about fixed axes, in the order of the letters.
        frame = Rotation.from_euler(order.lower(), axis[letters], degrees)
        local.append(frame * Rotation.from_euler(order.lower(), angles[:, letters], degrees) * frame.inv())
        if j:
            length = np.linalg.norm(ends[j])
            data += ["begin", f"id {j}", f"name {name}", f"direction {_row(3.0 * ends[j])}", f"length {length!r}"]
            data += [f"axis {_row(axis)} {order}"]
            data += [f"dof {' '.join('r' + 'xyz'[k] for k in used)}", "limits (-180.0 20.0)"] if used else []
            data += ["end"]
        for t in range(frames):
            if used:
                frames_of[t].append((name, angles[t, used]))
    offsets = np.stack([np.zeros(3), *(ends[p] for p in parents[1:])])
    skeleton = _moved(rng, names, parents, offsets, frames, local)
    asf = [":version 1.10", ":units", f"  length {INCHES}", f"  angle {unit}", ":root", "order TX TY TZ RX RY RZ"]
    asf += ["axis XYZ", "position 0 0 0", "orientation 0 0 0", ":bonedata", *data, ":hierarchy", "begin"]
    asf += [" ".join([names[j], *(n for n, p in zip(names, parents, strict=True) if p == j)]) for j in range(count)]
    amc = ["#!OML:ASF", ":FULLY-SPECIFIED", ":DEGREES" if degrees else ":RADIANS"]
    for t, bones in enumerate(frames_of):
        amc.append(str(t + 1))
        for name, values in bones:
            amc.append(f"{name} {_row([*skeleton.world_pos[t, 0], *values] if name == 'root' else values)}")
    return "\n".join([*asf, "end", ""]), "\n".join([*amc, ""]), skeleton


def _row(values):
    return " ".join(repr(float(v)) for v in values)
