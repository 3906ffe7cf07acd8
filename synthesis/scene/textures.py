"""What cloth looks like: procedural fabrics by kind and seed, or pictures from the user's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from model.errors import ConfigError
from synthesis.render.interface import Material
from synthesis.scene import fabric_prints, fabric_weaves, painting
from synthesis.scene.fabric_weaves import Painted
from synthesis.scene.relief import normal_map

TEXTURE_SIZE = 512

_PAINTERS: dict[str, Callable[[np.random.Generator, int], Painted]] = {
    "plain": fabric_weaves.plain,
    "satin": fabric_weaves.satin,
    "chambray": fabric_weaves.chambray,
    "denim": fabric_weaves.denim,
    "twill": fabric_weaves.twill,
    "corduroy": fabric_weaves.corduroy,
    "knit": fabric_weaves.knit,
    "rib": fabric_weaves.rib,
    "heather": fabric_weaves.heather,
    "herringbone": fabric_weaves.herringbone,
    "houndstooth": fabric_weaves.houndstooth,
    "plaid": fabric_weaves.plaid,
    "gingham": fabric_weaves.gingham,
    "pinstripe": fabric_weaves.pinstripe,
    "argyle": fabric_weaves.argyle,
    "stripes": fabric_prints.stripes,
    "dots": fabric_prints.dots,
    "flowers": fabric_prints.flowers,
    "leaves": fabric_prints.leaves,
    "paisley": fabric_prints.paisley,
    "lettering": fabric_prints.lettering,
    "geometric": fabric_prints.geometric,
    "camouflage": fabric_prints.camouflage,
    "animal": fabric_prints.animal,
    "dip_dyed": fabric_prints.dip_dyed,
    "tie_dyed": fabric_prints.tie_dyed,
}
KINDS = tuple(_PAINTERS)


@dataclasses.dataclass(frozen=True, eq=False)
class FabricTexture:
    """A picture of cloth.

    Attributes:
        name: one of KINDS, or the picture's file.
        image: uint8 [h, w, 3] sRGB, tileable.
        normals: uint8 [h, w, 3] as Material.normals, tileable.
        metres: length of one repeat, metres.
        roughness: of the GGX lobe.
    """

    name: str
    image: np.ndarray
    normals: np.ndarray
    metres: float
    roughness: float = 0.85

    def material(self) -> Material:
        """Look of a garment whose texture coordinates are in metres."""
        return Material(
            albedo=self.image,
            roughness=self.roughness,
            two_sided=True,
            uv_scale=1.0 / self.metres,
            normals=self.normals,
        )


def find(source: str, seed: int) -> FabricTexture:
    """The fabric that a plan names.

    Args:
        source: one of KINDS, or a folder of pictures (texture_folders.from_folder).
        seed: of the fabric; it also picks the folder's picture.

    Raises:
        ConfigError: neither a kind nor a folder with a readable picture.
    """
    if source in KINDS:
        return make(source, seed)
    from synthesis.scene import texture_folders

    return texture_folders.from_folder(source, seed)


def make(kind: str, seed: int, size: int = TEXTURE_SIZE) -> FabricTexture:
    """Paints one fabric, size x size texels; the same kind and seed give the same picture.

    Raises:
        ConfigError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ConfigError(f"A fabric texture is one of {', '.join(KINDS)}. Received: {kind!r}")
    painted = _PAINTERS[kind](painting.generator(kind, seed), size)
    return FabricTexture(
        name=kind,
        image=painting.to_uint8(painted.colour),
        normals=normal_map(painted.height, size / painted.metres),
        metres=float(painted.metres),
        roughness=float(painted.roughness),
    )
