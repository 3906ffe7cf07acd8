"""Runs Blender's cloth: a worker of synthesis/blender/runner.py, not a module of the package.

`synthesis/cloth/blender/engine.py` writes the requests and documents their fields. The answer has for garment k
`vertices_k` [N, P_k, 3] float32 metres, and `cpu_seconds` [N] that each frame took, all threads together.
"""

from __future__ import annotations

import functools
import os
import pathlib
import resource
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# Edges without a face are sewing springs to Blender, which contract without limit when this bounds them at zero.
_NO_LIMIT = 0.0


def start(folder: pathlib.Path) -> Callable[[dict[str, Any], dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Loads Blender; `folder` takes the vertex caches."""
    import bpy

    return functools.partial(_simulate, bpy, folder)


def _simulate(bpy: Any, folder: pathlib.Path, job: dict[str, Any], given: dict[str, np.ndarray]) -> dict[str, Any]:
    frames = len(given["body"])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.gravity = 1, frames, (0.0, -job["gravity"], 0.0)
    body = _animated_mesh(bpy, "body", given["body"], given["body_faces"], np.zeros((0, 2), int), folder)
    _make_collider(body, job["body"])
    cloths = []
    for k, settings in enumerate(job["garments"]):
        cloth = _animated_mesh(bpy, f"cloth{k}", given[f"base_{k}"], given[f"faces_{k}"], given[f"seams_{k}"], folder)
        _make_cloth(cloth, settings, given[f"anchors_{k}"], frames)
        if settings["collider"]:
            _make_collider(cloth, settings["collider"])
        cloths.append(cloth)
    vertices = [np.empty((frames, len(cloth.data.vertices), 3), np.float32) for cloth in cloths]
    cpu_seconds = np.empty(frames)
    parent = os.getppid()
    for frame in range(frames):
        if os.getppid() != parent:
            sys.exit("The program that wanted the result is gone")
        began = _cpu_seconds()
        scene.frame_set(frame + 1)
        graph = bpy.context.evaluated_depsgraph_get()
        for cloth, out in zip(cloths, vertices, strict=True):
            cloth.evaluated_get(graph).data.vertices.foreach_get("co", out[frame].reshape(-1))
        cpu_seconds[frame] = _cpu_seconds() - began
    return {"cpu_seconds": cpu_seconds, **{f"vertices_{k}": out for k, out in enumerate(vertices)}}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _animated_mesh(
    bpy: Any, name: str, positions: np.ndarray, faces: np.ndarray, edges: np.ndarray, folder: pathlib.Path
) -> Any:
    """An object whose mesh is positions[t] at frame t + 1, through a vertex cache file (PC2)."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(positions[0].tolist(), edges.tolist(), faces.tolist())
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    path = folder / f"{name}.pc2"
    header = struct.pack("<12siiffi", b"POINTCACHE2\0", 1, positions.shape[1], 0.0, 1.0, len(positions))
    path.write_bytes(header + np.ascontiguousarray(positions, "<f4").tobytes())
    cache = thing.modifiers.new("positions", "MESH_CACHE")
    cache.cache_format, cache.filepath, cache.frame_start = "PC2", str(path), 1
    # Blender's own axes: the vertices are taken as they are.
    cache.forward_axis, cache.up_axis = "POS_Y", "POS_Z"
    return thing


def _make_collider(thing: Any, settings: dict[str, float]) -> None:
    thing.modifiers.new("collision", "COLLISION")
    _assign(thing.collision, settings)


def _make_cloth(cloth: Any, settings: dict[str, Any], anchors: np.ndarray, frames: int) -> None:
    modifier = cloth.modifiers.new("cloth", "CLOTH")
    modifier.point_cache.frame_start, modifier.point_cache.frame_end = 1, frames
    _assign(modifier.settings, settings["cloth"])
    _assign(modifier.collision_settings, settings["collision"])
    # The rest shape is the animated base mesh; a shape key as the rest shape has no effect beneath a vertex cache.
    modifier.settings.use_dynamic_mesh = True
    modifier.settings.use_sewing_springs, modifier.settings.sewing_force_max = True, _NO_LIMIT
    if len(anchors):
        group = cloth.vertex_groups.new(name="anchors")
        group.add(anchors.tolist(), 1.0, "REPLACE")
        modifier.settings.vertex_group_mass = group.name


def _assign(properties: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(properties, name, value)
