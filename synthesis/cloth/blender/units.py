"""Fabrics in the units of Blender's cloth.

Blender's solver counts time in frames scaled by `time_scale`, and gravity as 0.001 of the scene's in metres a unit of
time squared, so that a unit of time is sqrt(0.001) s and a force in newtons is 1,000 of its own. The factors were
checked against closed forms with bpy 4.5: free fall within 0.1 %, the lengthening of a hanging strip within 1 %, the
speed of a sheet falling flat, the deflection of a cantilever (0.8 to 1.1 of a strip's B by direction), and the angle at
which a sheet slides on an incline.
"""

from __future__ import annotations

import math
from typing import Any

from synthesis.garments.fabrics import Fabric

TIME_UNIT = math.sqrt(0.001)
FORCE_UNIT = 1000.0
# A spring of k N/m on every edge of an equilateral mesh makes a membrane of 2 k / sqrt(3) N/m.
_SPRING_PER_MEMBRANE = math.sqrt(3.0) / 2.0
# Blender: the force on the wing vertices of a hinge of length e and angle a is 0.1 bending e a. Fitted on cantilevers.
_BENDING = 0.05
_FRICTION = 100.0
_DRAG = 0.01


def cloth_properties(
    fabric: Fabric, edge_length: float, vertex_area: float, fps: float, steps: int, air_drag: float
) -> dict[str, Any]:
    """Properties of `bpy.types.ClothSettings`.

    Blender's edge springs are isotropic: warp and weft get their mean, and the shear stiffness follows from them
    (0.375 of the membrane's), where woven cloth is softer.

    Args:
        fabric: SI units.
        edge_length: metres, mean edge of the placed mesh, by which Blender divides stiffnesses.
        vertex_area: square metres of cloth for each vertex.
        fps: frames a second.
        steps: a frame.
        air_drag: kg/(m^2 s), of a face moving along its normal; Blender's acts alike in all directions.
    """
    membrane = 0.5 * (fabric.stretch_weft + fabric.stretch_warp)
    tension = _SPRING_PER_MEMBRANE * membrane * edge_length / FORCE_UNIT
    damping = tension * fabric.damping / TIME_UNIT
    return {
        "quality": steps,
        "time_scale": 1.0 / (fps * TIME_UNIT),
        "mass": fabric.density * vertex_area,
        "air_damping": air_drag * vertex_area / (_DRAG * FORCE_UNIT * TIME_UNIT),
        "bending_model": "ANGULAR",
        "tension_stiffness": tension,
        "compression_stiffness": tension,
        "shear_stiffness": tension,
        "bending_stiffness": _BENDING * fabric.bend / edge_length**2,
        "tension_damping": damping,
        "compression_damping": damping,
        "shear_damping": damping,
        "bending_damping": 0.0,
    }


def collider_friction(fabric: Fabric) -> float:
    """`cloth_friction` of what a fabric slides on: a hundred times Coulomb's coefficient, at most 80."""
    return min(_FRICTION * fabric.friction, 80.0)
