"""What a camera does to the light: shutter, focus, exposure, white balance, noise, sharpening, JPEG.

Renderers give sharp, clean frames; a real video is neither. Everything here works on their frames, whichever backend
made them. Labels, masks and depth stay those of the sharp frame in the shutter's middle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from model.errors import ConfigError
from synthesis.render.interface import Frame
from synthesis.render.srgb import linear_from_srgb, srgb_from_linear

# Chroma subsampling of a JPEG file, by its usual name, for OpenCV.
SUBSAMPLING = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
_TO_LINEAR = linear_from_srgb(np.arange(256) / 255).astype(np.float32)
# Linear light is cut into this many steps before it becomes sRGB; a step is below a tenth of a grey level.
_STEPS = 1 << 14
_TO_SRGB = np.rint(255 * srgb_from_linear(np.arange(_STEPS + 1) / _STEPS)).astype(np.uint8)
# How far behind the figure the backdrop is taken to lie, metres: backdrops have no depth of their own.
_BACKDROP_BEHIND = 8.0
# Shorter exposures are drawn as instants. An odd number of instants has the sharp frame, drawn anyway, among them.
_LEAST_SHUTTER, _SUB_FRAMES = 0.3, 3
# Blur below this, pixels, cannot be seen.
_LEAST_BLUR = 0.25


@dataclasses.dataclass(frozen=True)
class Film:
    """A camera's settings for one clip; the defaults change nothing but the coding as JPEG.

    Attributes:
        shutter: how long each frame is exposed, as a share of the interval between frames; 0 is an instant.
        sub_frames: instants that an exposure is put together from, each as dear as a sharp frame; an even number costs
            one more, for the labels' own.
        f_number: of the lens, for what lies out of focus; 0 is a pinhole.
        focal_length: of the lens, metres.
        sensor_width: metres, over the image's width.
        exposure: stops by which the exposure misses.
        white_balance: gain of red over blue that is left, in stops; positive is too warm.
        noise: standard deviation of the sensor's noise at 18 % grey, as a share of white. It grows as the root of the
            light (shot noise) over a floor (read noise).
        chroma_noise: how much of the noise differs between the channels, 0..1.
        vignetting: light lost in the corners, 0..1.
        sharpening: amount of unsharp masking, as cameras do; 0 is none.
        jpeg_quality: 1..100.
        subsampling: chroma subsampling, a name of SUBSAMPLING.
        seed: of the noise.
    """

    shutter: float = 0.0
    sub_frames: int = 1
    f_number: float = 0.0
    focal_length: float = 0.18
    sensor_width: float = 0.032
    exposure: float = 0.0
    white_balance: float = 0.0
    noise: float = 0.0
    chroma_noise: float = 0.5
    vignetting: float = 0.0
    sharpening: float = 0.0
    jpeg_quality: int = 92
    subsampling: str = "420"
    seed: int = 0

    def __post_init__(self):
        ranges = {
            "shutter": (0, 1), "sub_frames": (1, 64), "f_number": (0, 64), "noise": (0, 0.5), "chroma_noise": (0, 1),
            "vignetting": (0, 1), "sharpening": (0, 3), "jpeg_quality": (1, 100), "exposure": (-4, 4),
            "white_balance": (-2, 2), "focal_length": (1e-3, 2), "sensor_width": (1e-3, 0.2),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} lies between {low} and {high}. Received: {getattr(self, name)}")
        if self.subsampling not in SUBSAMPLING:
            raise ConfigError(f"subsampling is one of {', '.join(SUBSAMPLING)}. Received: {self.subsampling!r}")


def draw_film(rng: np.random.Generator, focal_length: float = 0.18, sensor_width: float = 0.032) -> Film:
    """A random camera behind a lens: anything from a good one in daylight to a telephone indoors.

    Args:
        rng: where its settings come from.
        focal_length: of the lens, metres.
        sensor_width: metres.
    """
    # Bright scenes have short exposures and little noise, dark ones neither.
    dark = float(rng.beta(1.5, 2.5))
    shutter = float(np.clip(dark * rng.uniform(0.2, 1.2), 0, 0.9))
    moving = shutter > _LEAST_SHUTTER
    return Film(
        shutter=round(shutter, 3) if moving else 0.0,
        sub_frames=_SUB_FRAMES if moving else 1,
        f_number=round(float(rng.choice([0.0, 2.8, 4.0, 5.6, 8.0])), 1),
        focal_length=focal_length,
        sensor_width=sensor_width,
        exposure=round(float(np.clip(rng.normal(0, 0.25), -0.7, 0.6)), 3),
        white_balance=round(float(np.clip(rng.normal(0, 0.12), -0.35, 0.35)), 3),
        noise=round(float(0.004 + 0.022 * dark**2 * rng.uniform(0.3, 1.5)), 4),
        chroma_noise=round(float(rng.uniform(0.2, 0.8)), 2),
        vignetting=round(float(rng.choice([0.0, rng.uniform(0.02, 0.25)])), 3),
        sharpening=round(float(rng.choice([0.0, rng.uniform(0.2, 1.0)])), 3),
        jpeg_quality=int(rng.integers(55, 97)),
        subsampling=str(rng.choice(["420", "420", "422", "444"])),
        seed=int(rng.integers(2**31)),
    )


def instants(film: Film) -> np.ndarray:
    """Times [sub_frames] at which an exposure looks, in intervals between frames from the shutter's middle."""
    return ((np.arange(film.sub_frames) + 0.5) / film.sub_frames - 0.5) * film.shutter


def expose(render_at: Callable[[float], Frame], film: Film) -> Frame:
    """Exposes one frame: the mean of the light while the shutter is open.

    Args:
        render_at: draws the scene at a time, in intervals between frames from the shutter's middle.
        film: the camera.

    Returns:
        A frame with the mean's colours, and mask and depth of the shutter's middle.
    """
    middle = render_at(0.0)
    if film.shutter == 0 or film.sub_frames == 1:
        return middle
    light = np.zeros(middle.rgb.shape, np.float32)
    for time in instants(film):
        light += _TO_LINEAR[(middle if time == 0 else render_at(float(time))).rgb]
    return Frame(_to_uint8(light / film.sub_frames), middle.mask, middle.depth)


def defocus(frame: Frame, film: Film) -> Frame:
    """Blurs what lies out of focus; the focus is on the middle of the figure.

    The backdrop and the figure are blurred apart, each in layers of equal depth, and laid over each other, so that
    neither bleeds into the other. Nothing is done for a pinhole or where no figure is.
    """
    seen = frame.mask > 0
    if film.f_number == 0 or not seen.any():
        return frame
    focus = float(np.median(frame.depth[seen]))
    behind = _blur_radius(film, focus, focus + _BACKDROP_BEHIND, frame.mask.shape[1])
    nearest, furthest = np.quantile(frame.depth[seen], (0.02, 0.98))
    before = max(_blur_radius(film, focus, float(depth), frame.mask.shape[1]) for depth in (nearest, furthest))
    if max(behind, before) < _LEAST_BLUR:
        return frame
    light = _TO_LINEAR[frame.rgb]
    cover = seen.astype(np.float32)[..., None]
    if behind >= _LEAST_BLUR:
        # The figure is taken out first: the mean of what is left, over the share that is left.
        share = _disc_blur(1 - cover, behind)[..., None]
        backdrop = _disc_blur(light * (1 - cover), behind) / np.maximum(share, 1e-3)
        light = np.where(seen[..., None], light, backdrop)
    if before >= _LEAST_BLUR:
        share = _disc_blur(cover, before)[..., None]
        figure = _disc_blur(light * cover, before)
        sharp = np.abs(np.nan_to_num(frame.depth, posinf=focus) - focus)[..., None]
        weight = np.clip(sharp / max(furthest - focus, focus - nearest, 1e-3), 0, 1)
        blurred = figure + (1 - share) * light
        light = light + weight * seen[..., None] * (blurred - light)
    return Frame(_to_uint8(light), frame.mask, frame.depth)


def develop(rgb: np.ndarray, film: Film, frame_number: int = 0) -> np.ndarray:
    """What the sensor and its processing make of a frame.

    Args:
        rgb: uint8 [H, W, 3] sRGB.
        film: the camera.
        frame_number: of the clip; every frame has noise of its own.

    Returns:
        uint8 [H, W, 3] sRGB. The same arguments give the same pixels.
    """
    light = _TO_LINEAR[rgb]
    gain = np.exp2(film.exposure + film.white_balance * np.array([0.5, 0.0, -0.5])).astype(np.float32)
    if not np.all(gain == 1):
        light = light * gain
    height, width = rgb.shape[:2]
    if film.vignetting:
        x, y = (np.linspace(-1, 1, side, dtype=np.float32) ** 2 / 2 for side in (width, height))
        light = light * (1 - film.vignetting * (y[:, None] + x[None]) ** 2)[..., None]
    if film.noise:
        rng = np.random.default_rng([film.seed, frame_number])
        common = rng.standard_normal((height, width, 1), dtype=np.float32)
        apart = rng.standard_normal((height, width, 3), dtype=np.float32)
        mixed = (1 - film.chroma_noise) ** 0.5 * common + film.chroma_noise**0.5 * apart
        light = light + film.noise * np.sqrt(0.9 * np.maximum(light, 0) / 0.18 + 0.1) * mixed
    pixels = _to_uint8(light)
    if film.sharpening:
        soft = cv2.GaussianBlur(pixels, (0, 0), 1.0)
        pixels = cv2.addWeighted(pixels, 1 + film.sharpening, soft, -film.sharpening, 0)
    return pixels


def encode(rgb: np.ndarray, film: Film) -> bytes:
    """A JPEG file of a frame, uint8 [H, W, 3] sRGB."""
    settings = [
        cv2.IMWRITE_JPEG_QUALITY, film.jpeg_quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SUBSAMPLING[film.subsampling],
    ]  # fmt: skip
    return cv2.imencode(".jpg", rgb[..., ::-1], settings)[1].tobytes()


def photograph(render_at: Callable[[float], Frame], film: Film, frame_number: int = 0) -> Frame:
    """Exposes, focuses and develops one frame; `encode` then makes a file of its `rgb`."""
    frame = defocus(expose(render_at, film), film)
    return Frame(develop(frame.rgb, film, frame_number), frame.mask, frame.depth)


def _blur_radius(film: Film, focus: float, depth: float, width: int) -> float:
    """Radius of the circle of confusion, pixels, of a thin lens focused at one depth, of light from another."""
    aperture = film.focal_length / film.f_number
    on_sensor = aperture * film.focal_length * abs(depth - focus) / (depth * max(focus - film.focal_length, 1e-3))
    return 0.5 * on_sensor * width / film.sensor_width


def _disc_blur(image: np.ndarray, radius: float) -> np.ndarray:
    """The mean over a disc, about: a Gaussian of the same variance does, and is separable."""
    return cv2.GaussianBlur(image, (0, 0), radius / 2, borderType=cv2.BORDER_REPLICATE)


def _to_uint8(light: np.ndarray) -> np.ndarray:
    return _TO_SRGB[np.clip(light * _STEPS + 0.5, 0, _STEPS).astype(np.uint16)]
