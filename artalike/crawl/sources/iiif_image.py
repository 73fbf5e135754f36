"""The size worth asking an image service for, chosen before anything is asked.

Image API 1.1, 2.1 and 3.0 and their compliance levels: https://iiif.io/api/image/1.1/, https://iiif.io/api/image/2.1/,
https://iiif.io/api/image/3.0/, https://iiif.io/api/image/3.0/compliance/. Upscaling (``^``) is never asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from artalike.crawl import urls
from artalike.crawl.sources.iiif_json import Json, address, kind_of, listed, number, objects, strings

INFO: Final = "/info.json"
MAX_SIZES: Final = 200
NEAR: Final = (0.75, 1.5)
"""A listed size between these parts of the preferred one is taken as it is: the server has it at hand."""

# The profiles of version 1.0 have no number: http://library.stanford.edu/iiif/image-api/compliance.html#level1
_VERSION: Final = re.compile(r"(?:image(?:-api)?/|ImageService)([123])|image-api/(?:compliance|conformance)")
_LEVEL: Final = re.compile(r"level([012])")
_CONFINED: Final = "sizeByConfinedWh"
_BOTH: Final = frozenset({"sizeByWh", "sizeByDistortedWh", "sizeByForcedWh"})

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class ImageService:
    """What is known of an image service. ``id`` is its base address; ``level`` None where nothing says.

    ``sizes`` are of the whole picture. ``told`` says that it comes from the service's own ``info.json``.
    """

    id: str
    version: int = 2
    level: int | None = None
    size: Size | None = None
    sizes: tuple[Size, ...] = ()
    features: frozenset[str] = frozenset()
    max_width: int | None = None
    max_height: int | None = None
    max_area: int | None = None
    told: bool = False

    @classmethod
    def of(cls, value: Any, base: str) -> Self | None:
        """The image service among the services that a resource at ``base`` has, if there is one."""
        for service in listed(value)[:20]:
            if isinstance(service, str):
                service = {"id": service}  # noqa: PLW2901  # a reference and nothing else
            if isinstance(service, dict) and _is_image_service(service):
                url = address(service, base)
                if url is not None and urls.is_web(url):
                    return cls.described(service, url.removesuffix(INFO).rstrip("/"))
        return None

    @classmethod
    def described(cls, service: Json, url: str, *, told: bool = False, default: int = 2) -> Self:
        """The service at ``url``, by what its ``info.json`` or a manifest says of it.

        ``default`` is its version where nothing says.
        """
        profiles = [*strings(service.get("profile")), *filter(None, map(_name, objects(service.get("profile"))))]
        contexts = [*strings(service.get("@context")), *strings(service.get("type")), *strings(service.get("@type"))]
        versions = (match for name in [*contexts, *profiles] if (match := _VERSION.search(name)))
        levels = (match for name in profiles if (match := _LEVEL.search(name)))
        version, level = next(versions, None), next(levels, None)
        wholes = [service, *objects(service.get("profile"))]
        features = (name for whole in wholes for key in _FEATURES for name in strings(whole.get(key))[:MAX_SIZES])
        size = size_of(service)
        return cls(
            id=url,
            version=int(version[1] or 1) if version else default,
            level=int(level[1]) if level else None,
            size=size,
            sizes=tuple(dict.fromkeys([*_listed_sizes(service), *_tiled_sizes(service, size)])),
            features=frozenset(features),
            max_width=_least(wholes, "maxWidth"),
            max_height=_least(wholes, "maxHeight") or _least(wholes, "maxWidth"),
            max_area=_least(wholes, "maxArea"),
            told=told,
        )

    def polite(self, side: int, size: Size | None = None) -> str | None:
        """The address of the whole picture as near to ``side`` pixels on its longer side as the service gives it.

        ``size`` is what a manifest says of the picture, for a service that does not say it. Never larger than the
        picture, nor than the service's limits. None when only its ``info.json`` can tell.
        """
        size = self.size or size
        listed = self._nearest(side)
        confined = (self.level or 0) >= 2 or _CONFINED in self.features
        by_width = (self.level or 0) >= 1 or "sizeByW" in self.features
        by_both = (self.level or 0) >= 2 or bool(self.features & _BOTH)
        flexible = confined or ((by_width or by_both) and size is not None)
        if listed is not None and (not flexible or NEAR[0] * side <= max(listed) <= NEAR[1] * side):
            return self._at(listed)
        if confined:
            return self._url("!{},{}".format(*self._box(side, size)))
        if flexible and size is not None:
            width, height = self._scaled(side, size)
            return self._url(f"{width}," if by_width else f"{width},{height}")
        return self.whole() if self.told else None

    def whole(self) -> str:
        """The whole picture at the largest size there is: what every level has."""
        return self._url("max" if self.version == 3 else "full")

    def _nearest(self, side: int) -> Size | None:
        # By ratio: 512 and 2048 are equally far from 1024, and then the smaller one is the cheaper.
        return min(self.sizes, key=lambda size: (abs(math.log2(max(size) / side)), max(size)), default=None)

    def _at(self, size: Size) -> str:
        width, height = size
        return self._url(f"{width},{height}" if self.version == 3 else f"{width},")

    def _box(self, side: int, size: Size | None) -> Size:
        limited = bool(self.max_width or self.max_height or self.max_area)
        if size is not None:
            return self._scaled(side, size) if limited else (min(side, max(size)),) * 2
        area = math.isqrt(self.max_area) if self.max_area else side
        return min(side, self.max_width or side, area), min(side, self.max_height or side, area)

    def _scaled(self, side: int, size: Size) -> Size:
        width, height = size
        factor = min(1.0, side / max(size), (self.max_width or width) / width, (self.max_height or height) / height)
        if self.max_area:
            factor = min(factor, math.sqrt(self.max_area / (width * height)))
        return max(1, math.floor(width * factor)), max(1, math.floor(height * factor))

    def _url(self, size: str) -> str:
        return f"{self.id}/full/{size}/0/{'native' if self.version == 1 else 'default'}.jpg"


_FEATURES: Final = ("supports", "extraFeatures")


def is_info(document: Json, url: str) -> bool:
    """Whether the document at ``url`` describes an image service. Version 1.0 says so in its address alone."""
    is_named = _says_image(document) or url.partition("?")[0].endswith(INFO)
    return is_named and size_of(document) is not None


def size_of(resource: Json) -> Size | None:
    """The width and height that a resource says it has."""
    width, height = number(resource.get("width")), number(resource.get("height"))
    return (width, height) if width and height else None


def _is_image_service(service: Json) -> bool:
    # Other services, of authorization and search, always say what they are.
    return _says_image(service) or (not _names(service) and kind_of(service) in {"", "image"})


def _says_image(service: Json) -> bool:
    if kind_of(service).startswith("imageservice"):
        return True
    return any("api/image" in name or "image-api" in name or _LEVEL.fullmatch(name) for name in _names(service))


def _names(service: Json) -> list[str]:
    return [name for key in ("@context", "profile", "protocol") for name in strings(service.get(key))]


def _name(profile: Json) -> str | None:
    return next((found for key in ("id", "@id") if isinstance(found := profile.get(key), str)), None)


def _least(wholes: list[Json], key: str) -> int | None:
    return min((value for whole in wholes if (value := number(whole.get(key)))), default=None)


def _listed_sizes(service: Json) -> Iterator[Size]:
    for entry in list(objects(service.get("sizes")))[:MAX_SIZES]:
        if size := size_of(entry):
            yield size


def _tiled_sizes(service: Json, size: Size | None) -> Iterator[Size]:
    """The scales at which the whole picture fits into one tile; in version 1, every scale."""
    if size is None:
        return
    for factor in listed(service.get("scale_factors"))[:MAX_SIZES]:
        if scale := number(factor):
            yield _reduced(size, scale)
    for tile in list(objects(service.get("tiles")))[:MAX_SIZES]:
        width = number(tile.get("width"))
        height = number(tile.get("height")) or width
        for factor in listed(tile.get("scaleFactors"))[:MAX_SIZES]:
            reduced = _reduced(size, number(factor) or 1)
            if width and height and reduced[0] <= width and reduced[1] <= height:
                yield reduced


def _reduced(size: Size, scale: int) -> Size:
    return max(1, math.ceil(size[0] / scale)), max(1, math.ceil(size[1] / scale))
