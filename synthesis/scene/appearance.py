"""A person as surfaces: the body with painted skin, and the hair and shoes that ride on it."""

from __future__ import annotations

import numpy as np

from model.body.data import BodyData
from synthesis.render.interface import BODY_ID, Surface
from synthesis.scene import hair, shoes
from synthesis.scene.attachments import Attachment
from synthesis.scene.look import Appearance, draw_appearance
from synthesis.scene.skin import body_material

__all__ = ["Appearance", "body_surface", "draw_appearance", "dress_body"]


def body_surface(data: BodyData, appearance: Appearance) -> Surface:
    """The whole body as a surface of a scene, with painted hair roots and bare feet."""
    return Surface(
        name="body",
        mask_id=BODY_ID,
        faces=data.faces,
        uv=data.uv[data.uv_faces],
        material=body_material(data, appearance),
    )


def dress_body(
    data: BodyData, rest_vertices: np.ndarray, appearance: Appearance
) -> tuple[Surface, tuple[Attachment, ...]]:
    """A body of one shape with its hair and shoes.

    The same arguments give the same surfaces. Skin inside the shoes is left out of the body's faces; its vertices are
    numbered as ever.

    Args:
        data: the body.
        rest_vertices: [V, 3] rest shape of this person, metres (NumpyBody.shaped).
        appearance: the look.

    Returns:
        The body's surface and what is attached to it, hair first.
    """
    body = body_surface(data, appearance)
    worn = []
    if appearance.hair is not None:
        grown = hair.grow(
            data, rest_vertices, appearance.hair_style, np.array(appearance.hair), appearance.hairline, appearance.seed
        )
        worn += [] if grown is None else [grown]
    if appearance.shoes is not None:
        pair, inside = shoes.fit(
            data, rest_vertices, appearance.shoe_style, np.array(appearance.shoes), appearance.seed
        )
        worn.append(pair)
        body = Surface(body.name, body.mask_id, body.faces[~inside], body.uv[~inside], body.material)
    return body, tuple(worn)
