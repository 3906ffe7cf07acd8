"""Renders with Cycles: a worker of synthesis/blender/runner.py, not a module of the package.

`synthesis/render/blender/client.py` writes the requests. The answer to a frame has, for the pixels of its box, `light`
[h, w, 4] linear and multiplied by its coverage, which comes last; for each surface `shares` [K, h, w] of the pixel that
it covers and `depths` [K, h, w] metres along the camera's axis times that share. Row 0 is at the top.
"""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_BOUNCES = 2
_BSDF = "bsdf"


def start(folder: pathlib.Path) -> Callable[[dict[str, Any], dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Loads Blender; `folder` takes the rendered passes."""
    import bpy

    studio = _Studio(bpy, folder / "frame.exr")

    def answer(job: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if job["do"] == "load":
            studio.load(job, arrays)
            return {}
        return studio.render(job, arrays)

    return answer


class _Studio:
    """Blender's scene: surfaces of a clip, and camera, lights and sky of the frame."""

    def __init__(self, bpy: Any, output: pathlib.Path):
        import mathutils

        self._bpy, self._matrix, self._output = bpy, mathutils.Matrix, output
        self._meshes: list[Any] = []
        self._free_paths: list[list[float]] = []
        self._lamps: list[Any] = []
        self._sky = np.zeros((0, 0, 3), np.float32)

    def load(self, job: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Takes surfaces into a scene that is otherwise empty."""
        bpy = self._bpy
        bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.context.scene
        _settle(scene, job["settings"], self._output)
        camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(camera)
        scene.camera = camera
        scene.world = bpy.data.worlds.new("world")
        scene.world.use_nodes = True
        self._sky, self._lamps, self._meshes = np.zeros((0, 0, 3), np.float32), [], []
        self._free_paths = [look["free_paths"] for look in job["surfaces"]]
        for k, look in enumerate(job["surfaces"]):
            own = scene.view_layers[0].aovs.add()
            own.name, own.type = _pass_name(k), "COLOR"
            mesh = _mesh(bpy, k, arrays[f"faces_{k}"], arrays[f"uv_{k}"])
            mesh.materials.append(_material(bpy, k, look, arrays[f"albedo_{k}"], arrays.get(f"normals_{k}")))
            scene.collection.objects.link(bpy.data.objects.new(mesh.name, mesh))
            self._meshes.append(mesh)

    def render(self, job: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Traces one frame's box.

        Light that comes out of a surface less than half a pixel from where it went in is not seen to: surfaces then are
        plain diffuse, which at few samples has far less noise.
        """
        bpy, scene = self._bpy, self._bpy.context.scene
        for k, mesh in enumerate(self._meshes):
            mesh.vertices.foreach_set("co", arrays[f"vertices_{k}"].ravel())
            mesh.update()
            scatters = float(any(path > job["pixel"] / 2 for path in self._free_paths[k]))
            mesh.materials[0].node_tree.nodes[_BSDF].inputs["Subsurface Weight"].default_value = scatters
        _assign(scene.camera.data, job["camera"]["camera"])
        _assign(scene.render, job["camera"]["render"])
        scene.camera.matrix_world = self._matrix(job["camera"]["matrix"])
        self._hang(job["lights"])
        self._paint_sky(arrays["sky"])
        _frame(scene.render, job["box"])
        bpy.ops.render.render(write_still=True)
        passes = read_exr(self._output)
        own = [[passes[f"ViewLayer.{_pass_name(k)}.{c}"] for c in "RG"] for k in range(len(self._meshes))]
        return {
            "light": np.stack([passes[f"ViewLayer.Combined.{c}"] for c in "RGBA"], 2),
            "shares": np.stack([share for share, _ in own]),
            "depths": np.stack([depth for _, depth in own]),
        }

    def _hang(self, lights: Sequence[dict[str, Any]]) -> None:
        """Brings the lamps in the scene to those wanted."""
        bpy = self._bpy
        while len(self._lamps) > len(lights):
            bpy.data.lights.remove(self._lamps.pop().data)
        while len(self._lamps) < len(lights):
            lamp = bpy.data.objects.new("lamp", bpy.data.lights.new("lamp", "AREA"))
            lamp.visible_camera = False
            bpy.context.scene.collection.objects.link(lamp)
            self._lamps.append(lamp)
        for lamp, light in zip(self._lamps, lights, strict=True):
            _assign(lamp.data, light["light"])
            lamp.matrix_world = self._matrix(light["matrix"])

    def _paint_sky(self, sky: np.ndarray) -> None:
        """Lights the scene from an equirectangular picture [h, w, 3]; a new one only where it has changed."""
        if np.array_equal(sky, self._sky):
            return
        self._sky = sky
        bpy, tree = self._bpy, self._bpy.context.scene.world.node_tree
        before = [node.image for node in tree.nodes if node.bl_idname == "ShaderNodeTexEnvironment"]
        tree.nodes.clear()
        around = tree.nodes.new("ShaderNodeTexEnvironment")
        around.image = _image(bpy, "sky", sky, colours=False, high_range=True)
        # Not before the other exists: Cycles knows pictures by their address, and would go on with the old one's.
        for image in before:
            bpy.data.images.remove(image)
        shine, world = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeOutputWorld")
        tree.links.new(around.outputs["Color"], shine.inputs["Color"])
        tree.links.new(shine.outputs["Background"], world.inputs["Surface"])


def _settle(scene: Any, settings: dict[str, int], output: pathlib.Path) -> None:
    """What stays the same from frame to frame."""
    _assign(
        scene.render,
        {
            "engine": "CYCLES",
            "resolution_x": settings["width"],
            "resolution_y": settings["height"],
            "resolution_percentage": 100,
            "film_transparent": True,
            "use_border": True,
            "use_crop_to_border": True,
            "use_persistent_data": True,
            "threads_mode": "FIXED",
            "threads": settings["threads"],
            "filepath": str(output),
        },
    )
    _assign(
        scene.render.image_settings,
        {"file_format": "OPEN_EXR_MULTILAYER", "color_depth": "32", "exr_codec": "NONE"},
    )
    _assign(
        scene.cycles,
        {
            "device": "CPU",
            "samples": settings["samples"],
            "seed": 0,
            "use_adaptive_sampling": False,
            "use_auto_tile": False,
            # A pixel is the mean over its own square, so that shares of surfaces are areas.
            "pixel_filter_type": "BOX",
            "max_bounces": _BOUNCES,
            "diffuse_bounces": _BOUNCES,
            "glossy_bounces": 1,
            "transmission_bounces": 0,
            "caustics_reflective": False,
            "caustics_refractive": False,
            "use_denoising": True,
            "denoiser": "OPENIMAGEDENOISE",
        },
    )


def _mesh(bpy: Any, k: int, faces: np.ndarray, uv: np.ndarray) -> Any:
    """A smooth mesh whose vertices are set with each frame."""
    mesh = bpy.data.meshes.new(f"surface{k}")
    mesh.vertices.add(int(faces.max()) + 1)
    mesh.loops.add(faces.size)
    mesh.polygons.add(len(faces))
    mesh.loops.foreach_set("vertex_index", faces.ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.uv_layers.new(name="uv").uv.foreach_set("vector", uv.ravel())
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return mesh


def _material(bpy: Any, k: int, look: dict[str, Any], albedo: np.ndarray, normals: np.ndarray | None) -> Any:
    """A dielectric over coloured diffuse, which reports where it is seen in the surface's own pass."""
    material = bpy.data.materials.new(f"surface{k}")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()

    def node(kind: str, **properties: Any) -> Any:
        made = tree.nodes.new(f"ShaderNode{kind}")
        _assign(made, properties)
        return made

    # Burley's profile has less noise than a random walk.
    bsdf, output = node("BsdfPrincipled", name=_BSDF, subsurface_method="BURLEY"), node("OutputMaterial")
    picture = node("TexImage", image=_image(bpy, f"albedo{k}", albedo, colours=True))
    tree.links.new(picture.outputs["Color"], bsdf.inputs["Base Color"])
    bsdf.inputs["Roughness"].default_value = look["roughness"]
    bsdf.inputs["Subsurface Radius"].default_value = look["free_paths"]
    bsdf.inputs["Subsurface Scale"].default_value = 1.0
    if normals is not None:
        relief = node("TexImage", image=_image(bpy, f"normals{k}", normals, colours=False))
        bent = node("NormalMap", space="TANGENT", uv_map="uv")
        tree.links.new(relief.outputs["Color"], bent.inputs["Color"])
        tree.links.new(bent.outputs["Normal"], bsdf.inputs["Normal"])

    # The pass holds 1 and the depth where the surface is seen, so that means over a pixel are its share and, divided by
    # that, its depth.
    seen, own = node("CombineXYZ"), node("OutputAOV", aov_name=_pass_name(k))
    depth = node("CameraData").outputs["View Z Depth"]
    tree.links.new(seen.outputs["Vector"], own.inputs["Color"])
    if look["two_sided"]:
        seen.inputs["X"].default_value = 1.0
        tree.links.new(depth, seen.inputs["Y"])
        tree.links.new(bsdf.outputs["BSDF"], output.inputs["Surface"])
        return material

    # Back faces are not there for the camera; for light they are, as they lie inside.
    back = node("NewGeometry").outputs["Backfacing"]
    front, distance = node("Math", operation="SUBTRACT"), node("Math", operation="MULTIPLY")
    front.inputs[0].default_value = 1.0
    tree.links.new(back, front.inputs[1])
    tree.links.new(front.outputs["Value"], distance.inputs[0])
    tree.links.new(depth, distance.inputs[1])
    tree.links.new(front.outputs["Value"], seen.inputs["X"])
    tree.links.new(distance.outputs["Value"], seen.inputs["Y"])
    away, side = node("Math", operation="MULTIPLY"), node("MixShader")
    tree.links.new(back, away.inputs[0])
    tree.links.new(node("LightPath").outputs["Is Camera Ray"], away.inputs[1])
    tree.links.new(away.outputs["Value"], side.inputs["Fac"])
    tree.links.new(bsdf.outputs["BSDF"], side.inputs[1])
    tree.links.new(node("BsdfTransparent").outputs["BSDF"], side.inputs[2])
    tree.links.new(side.outputs["Shader"], output.inputs["Surface"])
    material.use_transparent_shadow = False
    return material


def _image(bpy: Any, name: str, picture: np.ndarray, colours: bool, high_range: bool = False) -> Any:
    """A picture [h, w, 3], uint8 with row 0 at the top, or float with row 0 at the bottom, in Blender."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new(name, width, height, float_buffer=high_range, is_data=not colours)
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = picture if high_range else picture[::-1] / np.float32(255)
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    return image


def _frame(render: Any, box: Sequence[int]) -> None:
    """Renders only a box (left, top, width, height) of pixels; Blender cuts its edges down to whole pixels."""
    left, top, width, height = box
    bottom = render.resolution_y - top - height
    render.border_min_x = (left + 0.25) / render.resolution_x
    render.border_max_x = (left + width + 0.25) / render.resolution_x
    render.border_min_y = (bottom + 0.25) / render.resolution_y
    render.border_max_y = (bottom + height + 0.25) / render.resolution_y


def read_exr(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Channels of an OpenEXR file of uncompressed 32-bit scan lines, as `_settle` has them written: float32 [h, w].

    Source: OpenEXR file layout, https://openexr.com/en/latest/OpenEXRFileLayout.html.
    """
    content = path.read_bytes()
    attributes, at = {}, 8
    while content[at]:
        name, at = _text(content, at)
        _, at = _text(content, at)
        (size,) = struct.unpack_from("<i", content, at)
        attributes[name] = content[at + 4 : at + 4 + size]
        at += 4 + size
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    names, listed, channel = [], attributes["channels"], 0
    while listed[channel]:
        name, channel = _text(listed, channel)
        names.append(name)
        channel += 16
    # A table of offsets; then for each line its number, its size and its channels one after another.
    lines = np.frombuffer(content, "<f4", offset=at + 1 + 8 * height).reshape(height, 2 + len(names) * width)
    return {name: lines[:, 2 + k * width : 2 + (k + 1) * width] for k, name in enumerate(names)}


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A string that ends with a zero, and where it ends."""
    end = content.index(b"\0", at)
    return content[at:end].decode(), end + 1


def _pass_name(k: int) -> str:
    return f"surface{k}"


def _assign(properties: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(properties, name, value)
