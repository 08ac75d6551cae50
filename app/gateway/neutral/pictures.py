"""Pictures as addresses: `data:` with the bytes, or https."""

import re

from app.gateway.neutral.reading import untranslatable
from app.gateway.neutral.words import Image

_DATA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)


def picture(url: str) -> Image:
    """The picture of an address; InputError for any other kind of address."""
    data = _DATA.fullmatch(url)
    if data:
        return Image(media_type=data[1], data=data[2])
    if not url.startswith("https://"):
        raise untranslatable("picture that is neither base64 nor an https address")
    return Image(url=url)


def address(image: Image) -> str:
    """The address of a picture."""
    return image.url or f"data:{image.media_type};base64,{image.data}"
