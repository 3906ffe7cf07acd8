"""Deferred renderer: surfaces to a supersampled geometry buffer, one lighting pass over it, one resolve to pixels.

Only the figure's pixel box is lit, resolved and read back. Shadow maps and vertex buffers are kept while vertices and
lights stay the same, so the views of one moment share them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import moderngl
import numpy as np

from synthesis.render.gl import projection
from synthesis.render.gl.context import create_context, create_texture, load_program, set_uniform
from synthesis.render.gl.mesh import SplitMesh
from synthesis.render.interface import AreaLight, Backdrop, Camera, Frame, RenderError, Surface

# As in shaders/lighting.frag.glsl.
MAX_LIGHTS = 4
MAX_SURFACES = 8
SHADOW_MAP_SIZE = 384
_SHADOW_MARGIN = 0.01
_NO_LIGHT = AreaLight(position=(0.0, 10.0, 10.0), target=(0.0, 0.0, 0.0), radiance=0.0, size=1.0)


_Releasable = moderngl.Buffer | moderngl.Texture | moderngl.VertexArray


@dataclasses.dataclass(frozen=True, eq=False)
class _Loaded:
    """One surface on the device."""

    surface: Surface
    mesh: SplitMesh
    buffer: moderngl.Buffer
    albedo: moderngl.Texture
    draw: moderngl.VertexArray
    draw_shadow: moderngl.VertexArray
    fixed: tuple[moderngl.Buffer, ...]

    def release(self) -> None:
        items: tuple[_Releasable, ...] = (self.draw, self.draw_shadow, self.buffer, self.albedo, *self.fixed)
        for item in items:
            item.release()


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
        self._lighting_program = load_program(context, "screen", "lighting")
        self._resolve_program = load_program(context, "screen", "resolve")

        fine = (width * supersample, height * supersample)
        self._albedo_id = create_texture(context, fine, 4, "f1")
        self._normals = create_texture(context, fine, 4, "f2")
        self._depths = create_texture(context, fine, 1, "f4")
        self._colours = create_texture(context, fine, 4, "f2")
        depth_buffer = context.depth_renderbuffer(fine)
        self._geometry_target = context.framebuffer([self._albedo_id, self._normals, self._depths], depth_buffer)
        self._lighting_target = context.framebuffer([self._colours], depth_buffer)
        self._image = create_texture(context, self._size, 4, "f1")
        self._depth_id = create_texture(context, self._size, 2, "f4")
        self._resolve_target = context.framebuffer([self._image, self._depth_id])
        self._backdrop = create_texture(context, self._size, 3, "f1")
        self._shadow_atlas = context.depth_texture((2 * SHADOW_MAP_SIZE, 2 * SHADOW_MAP_SIZE))
        self._shadow_atlas.compare_func = ""
        self._shadow_atlas.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._shadow_target = context.framebuffer([], self._shadow_atlas)

        corners = context.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32).tobytes())
        self._lighting_pass = context.vertex_array(self._lighting_program, [(corners, "2f", "corner")])
        self._resolve_pass = context.vertex_array(self._resolve_program, [(corners, "2f", "corner")])
        for program, names in (
            (self._lighting_program, ("albedo_id", "normals", "depths", "shadow_atlas")),
            (self._resolve_program, ("albedo_id", "colours", "depths", "backdrop")),
        ):
            for unit, name in enumerate(names):
                set_uniform(program, name, unit, np.int32)
        set_uniform(self._lighting_program, "supersample", supersample)
        set_uniform(self._resolve_program, "supersample", supersample, np.int32)

        self._loaded: list[_Loaded] = []
        self._posed: list[np.ndarray] = []
        self._lights: tuple[AreaLight, ...] = ()

    def load(self, surfaces: Sequence[Surface]) -> None:
        """Takes the surfaces of a clip in place of those before.

        Raises:
            RenderError: there are too many surfaces for one frame.
        """
        if not 0 < len(surfaces) <= MAX_SURFACES - 1 or any(not 0 < s.mask_id < MAX_SURFACES for s in surfaces):
            raise RenderError(
                f"A scene has 1 to {MAX_SURFACES - 1} surfaces with mask ids 1 to {MAX_SURFACES - 1}. "
                f"Received: {[(s.name, s.mask_id) for s in surfaces]}"
            )
        look = np.zeros((MAX_SURFACES, 4), np.float32)
        for surface in surfaces:
            look[surface.mask_id] = *surface.material.subsurface, surface.material.roughness
        with self._context:
            for loaded in self._loaded:
                loaded.release()
            self._loaded = [self._upload(surface) for surface in surfaces]
            set_uniform(self._lighting_program, "surface_look", look)
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
        self._check(vertices, camera, lights, backdrop)
        points = np.concatenate([np.asarray(v, np.float32) for v in vertices])
        if not np.isfinite(points).all():
            raise RenderError(
                f"Finite vertices are needed. Received: {(~np.isfinite(points)).sum()} numbers that are not"
            )
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

    def _check(
        self, vertices: Sequence[np.ndarray], camera: Camera, lights: Sequence[AreaLight], backdrop: Backdrop
    ) -> None:
        if len(vertices) != len(self._loaded) or any(
            np.ndim(v) != 2 or len(v) < loaded.mesh.num_vertices
            for v, loaded in zip(vertices, self._loaded, strict=True)
        ):
            wanted = [(loaded.surface.name, loaded.mesh.num_vertices) for loaded in self._loaded]
            raise RenderError(
                f"Vertices [V, 3] of the loaded surfaces {wanted} are needed. "
                f"Received: {[np.shape(v) for v in vertices]}"
            )
        if len(lights) > MAX_LIGHTS:
            raise RenderError(f"At most {MAX_LIGHTS} lights. Received: {len(lights)}")
        if (camera.width, camera.height) != self._size or backdrop.image.shape != (*self._size[::-1], 3):
            raise RenderError(
                f"Camera and backdrop must be {self._size[0]} x {self._size[1]} pixels. Received: "
                f"camera {camera.width} x {camera.height}, backdrop {backdrop.image.shape}"
            )

    def _upload(self, surface: Surface) -> _Loaded:
        context = self._context
        mesh = SplitMesh(surface.faces, surface.uv)
        picture = np.ascontiguousarray(surface.material.albedo[::-1])
        height, width = picture.shape[:2]
        albedo = context.texture((width, height), 3, picture.tobytes(), alignment=1)
        albedo.build_mipmaps()
        albedo.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        buffer = context.buffer(reserve=len(mesh.source) * 24, dynamic=True)
        uv, indices = context.buffer(mesh.uv.tobytes()), context.buffer(mesh.indices.tobytes())
        draw = [(buffer, "3f 3f", "position", "normal"), (uv, "2f", "uv")]
        return _Loaded(
            surface=surface,
            mesh=mesh,
            buffer=buffer,
            albedo=albedo,
            draw=context.vertex_array(self._surface_program, draw, indices),
            draw_shadow=context.vertex_array(self._shadow_program, [(buffer, "3f 12x", "position")], indices),
            fixed=(uv, indices),
        )

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
        lighting = self._lighting_program
        set_uniform(lighting, "light_position", [light.position for light in padded])
        set_uniform(lighting, "light_emission", [(light.radiance, light.size) for light in padded])
        set_uniform(lighting, "light_rotation", [view.rotation.T for view in views])
        set_uniform(lighting, "light_window", [view.window for view in views])
        set_uniform(lighting, "light_depth", [view.depth for view in views])

    def _draw_geometry(self, view: projection.View) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = "<"
        self._geometry_target.use()
        self._geometry_target.scissor = self._fine(view.box)
        self._geometry_target.clear(depth=1.0)
        program = self._surface_program
        set_uniform(program, "clip_from_world", view.clip_from_world.T)
        set_uniform(program, "eye", view.eye)
        for loaded in self._loaded:
            material = loaded.surface.material
            set_uniform(program, "mask_id", loaded.surface.mask_id)
            set_uniform(program, "two_sided", material.two_sided, np.int32)
            set_uniform(program, "uv_scale", material.uv_scale)
            loaded.albedo.use(0)
            self._cull(loaded)
            loaded.draw.render()

    def _cull(self, loaded: _Loaded) -> None:
        """Leaves out the far side of a closed surface: a rasteriser on the CPU spends most of its time on triangles."""
        if loaded.surface.material.two_sided:
            self._context.disable(moderngl.CULL_FACE)
        else:
            self._context.enable(moderngl.CULL_FACE)

    def _draw_lighting(self, view: projection.View, backdrop: Backdrop) -> None:
        self._context.disable(moderngl.CULL_FACE)
        self._lighting_target.use()
        self._lighting_target.scissor = self._fine(view.box)
        self._lighting_target.depth_mask = False
        self._context.depth_func = ">"
        program = self._lighting_program
        set_uniform(program, "clip_from_world", view.clip_from_world.T)
        set_uniform(program, "ray_from_pixel", view.ray_from_pixel.T)
        set_uniform(program, "eye", view.eye)
        set_uniform(program, "ambient", backdrop.ambient)
        left, top, width, height = self._fine(view.box)
        set_uniform(program, "drawn", (left, top, left + width - 1, top + height - 1), np.int32)
        for unit, texture in enumerate((self._albedo_id, self._normals, self._depths, self._shadow_atlas)):
            texture.use(unit)
        self._lighting_pass.render()

    def _draw_resolve(self, view: projection.View, backdrop: Backdrop) -> None:
        self._context.enable_only(moderngl.NOTHING)
        self._resolve_target.use()
        self._resolve_target.scissor = view.box
        self._backdrop.write(np.ascontiguousarray(backdrop.image), alignment=1)
        for unit, texture in enumerate((self._albedo_id, self._colours, self._depths, self._backdrop)):
            texture.use(unit)
        self._resolve_pass.render()

    def _fine(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        left, top, width, height = (self._supersample * side for side in box)
        return left, top, width, height
