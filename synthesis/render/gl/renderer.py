"""Deferred renderer: a supersampled geometry buffer, occlusion once a pixel, lighting once a sample, resolve.

Only the figure's pixel box is lit, resolved and read back. Shadow maps and vertex buffers are kept while vertices and
lights stay the same, so the views of one moment share them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import moderngl
import numpy as np

from synthesis.render import checks
from synthesis.render.gl import projection
from synthesis.render.gl.context import create_context, create_texture, load_program, set_uniform
from synthesis.render.gl.mesh import SplitMesh
from synthesis.render.interface import AreaLight, Backdrop, Camera, Frame, Surface

# As in shaders/*.frag.glsl.
MAX_LIGHTS = 4
MAX_SURFACES = 16
SHADOW_MAP_SIZE = 384
_SHADOW_MARGIN = 0.01
# How OpenGL keeps 8-bit pictures. What is read from the first is linear: mipmaps average light, not code values.
_SRGB8, _RGB8 = 0x8C41, 0x8051
_NO_LIGHT = AreaLight(position=(0.0, 10.0, 10.0), target=(0.0, 0.0, 0.0), radiance=0.0, size=1.0)


_Releasable = moderngl.Buffer | moderngl.Texture | moderngl.VertexArray


@dataclasses.dataclass(frozen=True, eq=False)
class _Loaded:
    """One surface on the device."""

    surface: Surface
    mesh: SplitMesh
    buffer: moderngl.Buffer
    albedo: moderngl.Texture
    normals: moderngl.Texture | None
    draw: moderngl.VertexArray
    draw_shadow: moderngl.VertexArray
    fixed: tuple[moderngl.Buffer, ...]

    def release(self) -> None:
        items: tuple[_Releasable | None, ...] = (
            self.draw, self.draw_shadow, self.buffer, self.albedo, self.normals, *self.fixed,
        )  # fmt: skip
        for item in items:
            if item is not None:
                item.release()


@dataclasses.dataclass(frozen=True, eq=False)
class _ScreenPass:
    """A program run over a whole target, with what it reads."""

    draw: moderngl.VertexArray
    textures: tuple[moderngl.Texture, ...]

    def run(self) -> None:
        for unit, texture in enumerate(self.textures):
            texture.use(unit)
        self.draw.render()


class GlRenderer:
    """Renderer of synthesis/render/interface.py on OpenGL.

    Example:
        renderer = GlRenderer(250, 250)
        renderer.load([body_surface, shirt_surface])
        frame = renderer.render([body_vertices, shirt_vertices], camera, lights, backdrop)
        renderer.close()
    """

    def __init__(self, width: int, height: int, supersample: int = 2):
        """Allocates buffers for images of one size.

        Args:
            width: pixels.
            height: pixels.
            supersample: samples per pixel along each axis.

        Raises:
            RenderError: no EGL or no driver on this machine.
        """
        self._size = (width, height)
        self._supersample = supersample
        self._context = context = create_context()
        # All clip matrices have y down, as images do: faces that are counter-clockwise from outside appear clockwise.
        context.front_face = "cw"
        context.cull_face = "back"
        self._surface_program = load_program(context, "surface", "surface")
        self._shadow_program = load_program(context, "shadow", "shadow")
        self._reduce_program = load_program(context, "screen", "reduce")
        self._occlusion_program = load_program(context, "screen", "occlusion")
        self._lighting_program = load_program(context, "screen", "lighting")
        self._resolve_program = load_program(context, "screen", "resolve")

        fine = (width * supersample, height * supersample)
        self._albedo_surface = create_texture(context, fine, 4, "f2")
        self._normals = create_texture(context, fine, 4, "f2")
        self._depths = create_texture(context, fine, 1, "f4")
        self._colours = create_texture(context, fine, 4, "f2")
        depth_buffer = context.depth_renderbuffer(fine)
        self._geometry_target = context.framebuffer([self._albedo_surface, self._normals, self._depths], depth_buffer)
        self._lighting_target = context.framebuffer([self._colours], depth_buffer)

        self._normal_depth = create_texture(context, self._size, 4, "f4")
        self._seen = create_texture(context, self._size, 4, "f1")
        self._open_depth = create_texture(context, self._size, 2, "f4")
        coarse_buffer = context.depth_renderbuffer(self._size)
        self._reduce_target = context.framebuffer([self._normal_depth], coarse_buffer)
        self._occlusion_target = context.framebuffer([self._seen, self._open_depth], coarse_buffer)

        self._image = create_texture(context, self._size, 4, "f1")
        self._depth_id = create_texture(context, self._size, 2, "f4")
        self._resolve_target = context.framebuffer([self._image, self._depth_id])
        self._backdrop = create_texture(context, self._size, 3, "f1")
        self._shadow_atlas = context.depth_texture((2 * SHADOW_MAP_SIZE, 2 * SHADOW_MAP_SIZE))
        self._shadow_atlas.compare_func = ""
        self._shadow_atlas.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._shadow_target = context.framebuffer([], self._shadow_atlas)

        fine_samples = {
            "albedo_surface": self._albedo_surface, "normals": self._normals, "depths": self._depths,
        }  # fmt: skip
        self._reduce = self._screen_pass(self._reduce_program, fine_samples)
        self._occlusion = self._screen_pass(
            self._occlusion_program, {"normal_depth": self._normal_depth, "shadow_atlas": self._shadow_atlas}
        )
        self._lighting = self._screen_pass(
            self._lighting_program, {**fine_samples, "seen_lights": self._seen, "open_depth": self._open_depth}
        )
        self._resolve = self._screen_pass(
            self._resolve_program,
            {
                "albedo_surface": self._albedo_surface, "depths": self._depths, "colours": self._colours,
                "backdrop": self._backdrop,
            },
        )  # fmt: skip
        set_uniform(self._surface_program, "albedo", 0, np.int32)
        set_uniform(self._surface_program, "normal_map", 1, np.int32)
        set_uniform(self._lighting_program, "supersample", supersample)
        for program in (self._reduce_program, self._resolve_program):
            set_uniform(program, "supersample", supersample, np.int32)

        self._loaded: list[_Loaded] = []
        self._posed: list[np.ndarray] = []
        self._lights: tuple[AreaLight, ...] = ()

    def load(self, surfaces: Sequence[Surface]) -> None:
        """Takes the surfaces of a clip in place of those before.

        Raises:
            RenderError: too many surfaces for one frame, or one that cannot be shown.
        """
        checks.check_surfaces(surfaces, MAX_SURFACES - 1)
        look, mask_ids = np.zeros((MAX_SURFACES, 4), np.float32), np.zeros(MAX_SURFACES, np.int32)
        for number, surface in enumerate(surfaces, start=1):
            look[number] = *surface.material.subsurface, surface.material.roughness
            mask_ids[number] = surface.mask_id
        with self._context:
            for loaded in self._loaded:
                loaded.release()
            self._loaded = [self._upload(surface) for surface in surfaces]
            set_uniform(self._lighting_program, "surface_look", look)
            set_uniform(self._resolve_program, "mask_ids", mask_ids, np.int32)
        self._posed, self._lights = [], ()

    def render(
        self, vertices: Sequence[np.ndarray], camera: Camera, lights: Sequence[AreaLight], backdrop: Backdrop
    ) -> Frame:
        """Draws one frame.

        Args:
            vertices: for each loaded surface its [V, 3] world positions, metres.
            camera: of the renderer's image size.
            lights: at most four.
            backdrop: of the renderer's image size.

        Raises:
            RenderError: an argument does not match what the renderer was built or loaded for.
        """
        surfaces = [loaded.surface for loaded in self._loaded]
        checks.check_frame(surfaces, vertices, camera, lights, backdrop, self._size, MAX_LIGHTS)
        points = np.concatenate([np.asarray(v, np.float32) for v in vertices])
        frame = Frame(
            rgb=backdrop.image.copy(),
            mask=np.zeros(self._size[::-1], np.uint8),
            depth=np.full(self._size[::-1], np.inf, np.float32),
        )
        view = projection.fit_view(camera, points)
        left, top, width, height = view.box
        if not width or not height:
            return frame
        with self._context:
            self._pose(vertices, points, tuple(lights))
            self._draw_geometry(view)
            self._draw_occlusion(view)
            self._draw_lighting(view, backdrop)
            self._draw_resolve(view, backdrop)
            image = np.frombuffer(self._resolve_target.read(view.box, 4, attachment=0, alignment=1), np.uint8)
            depth_id = np.frombuffer(self._resolve_target.read(view.box, 2, attachment=1, dtype="f4"), np.float32)
        image, depth_id = image.reshape(height, width, 4), depth_id.reshape(height, width, 2)
        inside = np.s_[top : top + height, left : left + width]
        np.copyto(frame.rgb[inside], image[..., :3], where=image[..., 3:] > 0)
        frame.mask[inside] = np.rint(depth_id[..., 1])
        np.copyto(frame.depth[inside], depth_id[..., 0], where=depth_id[..., 1] > 0)
        return frame

    def close(self) -> None:
        """Frees the context and everything in it."""
        self._context.release()

    def _upload(self, surface: Surface) -> _Loaded:
        context = self._context
        mesh = SplitMesh(surface.faces, surface.uv)
        buffer = context.buffer(reserve=len(mesh.source) * 24, dynamic=True)
        uv, indices = context.buffer(mesh.uv.tobytes()), context.buffer(mesh.indices.tobytes())
        draw = [(buffer, "3f 3f", "position", "normal"), (uv, "2f", "uv")]
        return _Loaded(
            surface=surface,
            mesh=mesh,
            buffer=buffer,
            albedo=self._upload_picture(surface.material.albedo, _SRGB8),
            normals=None if surface.material.normals is None else self._upload_picture(surface.material.normals, _RGB8),
            draw=context.vertex_array(self._surface_program, draw, indices),
            draw_shadow=context.vertex_array(self._shadow_program, [(buffer, "3f 12x", "position")], indices),
            fixed=(uv, indices),
        )

    def _upload_picture(self, picture: np.ndarray, internal_format: int) -> moderngl.Texture:
        height, width = picture.shape[:2]
        rows = np.ascontiguousarray(picture[::-1]).tobytes()
        texture = self._context.texture((width, height), 3, rows, alignment=1, internal_format=internal_format)
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        return texture

    def _screen_pass(self, program: moderngl.Program, textures: dict[str, moderngl.Texture]) -> _ScreenPass:
        corners = self._context.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
        for unit, name in enumerate(textures):
            set_uniform(program, name, unit, np.int32)
        return _ScreenPass(self._context.vertex_array(program, [(corners, "2f", "corner")]), tuple(textures.values()))

    def _pose(self, vertices: Sequence[np.ndarray], points: np.ndarray, lights: tuple[AreaLight, ...]) -> None:
        """Brings vertex buffers and shadow maps to this moment, unless they are there from the view before."""
        same = len(self._posed) == len(vertices) and all(map(np.array_equal, self._posed, vertices))
        if same and lights == self._lights:
            return
        if not same:
            for loaded, positions in zip(self._loaded, vertices, strict=True):
                loaded.buffer.write(loaded.mesh.pack(positions))
            self._posed = [np.array(v) for v in vertices]
        self._lights = lights
        self._draw_shadows(points, lights)

    def _draw_shadows(self, points: np.ndarray, lights: tuple[AreaLight, ...]) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = "<"
        self._shadow_target.use()
        self._shadow_target.viewport = (0, 0, 2 * SHADOW_MAP_SIZE, 2 * SHADOW_MAP_SIZE)
        self._shadow_target.clear(depth=1.0)
        padded = lights + (_NO_LIGHT,) * (MAX_LIGHTS - len(lights))
        views = [projection.fit_light(light, points, _SHADOW_MARGIN) for light in padded]
        for i, view in enumerate(views[: len(lights)]):
            corner = (i % 2 * SHADOW_MAP_SIZE, i // 2 * SHADOW_MAP_SIZE)
            self._shadow_target.viewport = (*corner, SHADOW_MAP_SIZE, SHADOW_MAP_SIZE)
            set_uniform(self._shadow_program, "clip_from_world", view.clip_from_world.T)
            for loaded in self._loaded:
                self._cull(loaded)
                loaded.draw_shadow.render()
        for program in (self._occlusion_program, self._lighting_program):
            set_uniform(program, "light_position", [light.position for light in padded])
            set_uniform(program, "light_emission", [(light.radiance, light.size) for light in padded])
            set_uniform(program, "light_rotation", [view.rotation.T for view in views])
        set_uniform(self._occlusion_program, "light_window", [view.window for view in views])
        set_uniform(self._occlusion_program, "light_depth", [view.depth for view in views])

    def _draw_geometry(self, view: projection.View) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = "<"
        self._geometry_target.use()
        self._geometry_target.scissor = self._fine(view.box)
        self._geometry_target.clear(depth=1.0)
        program = self._surface_program
        set_uniform(program, "clip_from_world", view.clip_from_world.T)
        for number, loaded in enumerate(self._loaded, start=1):
            material = loaded.surface.material
            set_uniform(program, "surface", number)
            set_uniform(program, "two_sided", material.two_sided, np.int32)
            set_uniform(program, "uv_scale", material.uv_scale)
            set_uniform(program, "has_normals", loaded.normals is not None, np.int32)
            loaded.albedo.use(0)
            if loaded.normals is not None:
                loaded.normals.use(1)
            self._cull(loaded)
            loaded.draw.render()

    def _cull(self, loaded: _Loaded) -> None:
        """Leaves out the far side of a closed surface: a rasteriser on the CPU spends most of its time on triangles."""
        if loaded.surface.material.two_sided:
            self._context.disable(moderngl.CULL_FACE)
        else:
            self._context.enable(moderngl.CULL_FACE)

    def _draw_occlusion(self, view: projection.View) -> None:
        left, top, width, height = view.box
        self._context.disable(moderngl.CULL_FACE)
        self._reduce_target.use()
        self._reduce_target.scissor = view.box
        self._reduce_target.clear(depth=1.0)
        self._context.depth_func = "1"
        self._reduce.run()
        self._occlusion_target.use()
        self._occlusion_target.scissor = view.box
        # Clearing colours only: the depths say where there is anything to do.
        self._occlusion_target.depth_mask = False
        self._occlusion_target.clear()
        self._context.depth_func = ">"
        program = self._occlusion_program
        set_uniform(program, "clip_from_world", view.clip_from_world.T)
        set_uniform(program, "ray_from_pixel", view.ray_from_pixel.T)
        set_uniform(program, "eye", view.eye)
        set_uniform(program, "drawn", (left, top, left + width - 1, top + height - 1), np.int32)
        self._occlusion.run()

    def _draw_lighting(self, view: projection.View, backdrop: Backdrop) -> None:
        left, top, width, height = view.box
        self._lighting_target.use()
        self._lighting_target.scissor = self._fine(view.box)
        self._lighting_target.depth_mask = False
        self._context.depth_func = ">"
        program = self._lighting_program
        set_uniform(program, "ray_from_pixel", view.ray_from_pixel.T)
        set_uniform(program, "eye", view.eye)
        set_uniform(program, "ambient", backdrop.ambient)
        set_uniform(program, "drawn", (left, top, left + width - 1, top + height - 1), np.int32)
        self._lighting.run()

    def _draw_resolve(self, view: projection.View, backdrop: Backdrop) -> None:
        self._context.enable_only(moderngl.NOTHING)
        self._resolve_target.use()
        self._resolve_target.scissor = view.box
        self._backdrop.write(np.ascontiguousarray(backdrop.image), alignment=1)
        self._resolve.run()

    def _fine(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        left, top, width, height = (self._supersample * side for side in box)
        return left, top, width, height
