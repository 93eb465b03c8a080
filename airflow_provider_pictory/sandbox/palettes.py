"""The colours of a picture, taken from the words of its prompt."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from random import Random

Color = tuple[int, int, int]

MOODS: dict[str, tuple[str, ...]] = {
    "night": ("night", "midnight", "moon", "moonlight", "stars", "starry", "galaxy", "space", "dark"),
    "sunset": ("sunset", "sunrise", "dusk", "dawn", "golden", "evening"),
    "snow": ("snow", "snowy", "winter", "ice", "frozen", "arctic", "glacier"),
    "forest": ("forest", "woods", "jungle", "tree", "trees", "meadow", "garden", "park", "green"),
    "sea": ("sea", "ocean", "lake", "river", "beach", "coast", "island", "water", "harbor", "harbour"),
    "desert": ("desert", "dune", "dunes", "canyon", "sand", "sahara", "savanna"),
}


@dataclass(frozen=True)
class Palette:
    """From the top of the sky to what is nearest."""

    sky: Color
    horizon: Color
    light: Color
    far: Color
    near: Color


_PALETTES = {
    "night": Palette((9, 14, 42), (58, 68, 124), (246, 241, 214), (38, 47, 92), (10, 14, 34)),
    "sunset": Palette((71, 52, 118), (255, 158, 98), (255, 233, 168), (158, 78, 118), (48, 26, 62)),
    "snow": Palette((122, 164, 204), (228, 238, 246), (255, 255, 250), (164, 190, 214), (74, 104, 136)),
    "forest": Palette((132, 190, 206), (238, 240, 208), (255, 250, 214), (112, 158, 128), (24, 62, 48)),
    "sea": Palette((52, 132, 192), (190, 228, 236), (255, 248, 220), (84, 142, 170), (16, 60, 88)),
    "desert": Palette((96, 164, 196), (250, 222, 176), (255, 247, 222), (216, 150, 98), (122, 66, 44)),
}


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text in lower case."""
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def mix(first: Color, second: Color, share: float) -> Color:
    """Return a colour between two, at a share of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def shifted(color: Color, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0) -> Color:
    """Return a colour turned on the wheel and with its saturation and brightness scaled."""
    h, s, v = colorsys.rgb_to_hsv(*(channel / 255 for channel in color))
    red, green, blue = colorsys.hsv_to_rgb((h + hue) % 1, min(1.0, s * saturation), min(1.0, v * value))
    return round(red * 255), round(green * 255), round(blue * 255)


def palette_of(text: str) -> Palette:
    """Return the colours for a text: those of its mood, or any harmonious ones, always slightly its own."""
    random = Random(f"palette {text}")
    words = words_of(text)
    mood = next((name for name, keywords in MOODS.items() if words & set(keywords)), None)
    if mood:
        base, turn = _PALETTES[mood], random.uniform(-0.03, 0.03)
    else:
        base, turn = random.choice(list(_PALETTES.values())), random.uniform(-0.5, 0.5)
    return Palette(*(shifted(color, turn) for color in (base.sky, base.horizon, base.light, base.far, base.near)))
