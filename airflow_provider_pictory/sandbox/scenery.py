"""The things that a landscape is made of, and a canvas to put them on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from airflow_provider_pictory.sandbox.palettes import Color, mix, palette_of, words_of

Point = tuple[float, float]

MOUNTAINS = ("mountain", "mountains", "mountainous", "peak", "peaks", "alps", "cliff", "cliffs", "volcano")
CITY = ("city", "skyline", "town", "street", "office", "tower", "towers", "skyscraper", "workspace", "urban")
STRIPS = 161


@dataclass(frozen=True)
class Picture:
    """
    Everything that a picture depends on.

    Attributes:
        reference: The text that the colours are taken from instead of the prompt.

    """

    prompt: str
    width: int
    height: int
    model: str
    style: str | None = None
    reference: str | None = None


class Scene:
    """A landscape under way: where things are, and a canvas to put them on."""

    def __init__(self, picture: Picture) -> None:
        self.random = Random(f"{picture.prompt} {picture.model} {picture.reference}")
        self.words = words_of(picture.prompt)
        self.palette = palette_of(picture.reference or picture.prompt)
        self.width, self.height = picture.width * 2, picture.height * 2
        self.unit = min(self.width, self.height) / 100
        self.horizon = self.height * self.random.uniform(0.56, 0.66)
        self.sun = (
            self.width * self.random.choice((self.random.uniform(0.2, 0.4), self.random.uniform(0.6, 0.8))),
            self.horizon - self.height * self.random.uniform(0.16, 0.3),
        )
        self.sun_radius = self.unit * self.random.uniform(6, 10)
        self.image = Image.new("RGB", (self.width, self.height), self.palette.horizon)
        self.canvas = ImageDraw.Draw(self.image)

    def shows(self, keywords: tuple[str, ...]) -> bool:
        """Return whether the prompt names one of some things."""
        return not self.words.isdisjoint(keywords)

    def finished(self) -> Image.Image:
        """Return what was drawn at the size of the picture."""
        return self.image.reduce(2)

    def gradient(self, top: Color, bottom: Color, until: float) -> None:
        """Fade from the upper edge down to a height."""
        ramp = Image.linear_gradient("L").resize((self.width, max(1, round(until))))
        shaded = ImageOps.colorize(ramp, top, bottom)
        self.image.paste(shaded, (0, 0))

    def glow(self, radius: float, color: Color, strength: float) -> None:
        """Let the sun shine onto what is there."""
        size = max(2, round(radius * 2))
        # Pillow's gradient is at 181 where its circle touches the edges.
        light = Image.radial_gradient("L").point(lambda value: round(max(0.0, 1 - value / 181) ** 2 * 255 * strength))
        corner = (round(self.sun[0] - radius), round(self.sun[1] - radius))
        self.image.paste(color, corner, light.resize((size, size)))

    def disc(self, center: Point, radius: float, color: Color, outline: Color | None = None) -> None:
        """Draw a sun or a moon."""
        x, y = center
        box = (x - radius, y - radius, x + radius, y + radius)
        self.canvas.ellipse(box, fill=color, outline=outline, width=round(self.unit * 0.6))

    def ridge(self, base: float, rise: float) -> list[Point]:
        """Return a line from edge to edge, up to `rise` above its base: of rock if named, else of hills."""
        rocky = self.shows(MOUNTAINS)
        waves = [
            (self.random.uniform(0.5, 1.1) * 2**octave, self.random.uniform(0, math.tau), 0.5**octave)
            for octave in range(6 if rocky else 2)
        ]
        points = []
        for step in range(STRIPS):
            at = step / (STRIPS - 1)
            if rocky:
                # The folded sine has the pointed crests that rock has.
                height = sum((1 - abs(math.sin(at * math.pi * f + p))) * weight for f, p, weight in waves) / 1.6
            else:
                height = sum((math.sin(at * math.tau * f + p) + 1) / 2 * weight for f, p, weight in waves) / 1.5
            points.append((at * self.width, base - rise * height))
        return points

    def land(self, line: list[Point], color: Color) -> None:
        """Fill everything below a line."""
        self.canvas.polygon([*line, (self.width, self.height), (0, self.height)], fill=color)

    def trace(self, line: list[Point], color: Color) -> None:
        """Draw a line itself."""
        self.canvas.line(line, fill=color, width=round(self.unit * 0.7), joint="curve")

    def snow(self, line: list[Point], depth: float, color: Color) -> None:
        """Lay snow onto the crests of a line."""
        limit = min(y for _, y in line) + depth
        edge = [
            (x, max(y, limit + depth * 0.25 * (math.sin(step * 0.9) + math.sin(step * 2.3))))
            for step, (x, y) in enumerate(line)
        ]
        self.canvas.polygon([*line, *reversed(edge)], fill=color)

    def stars(self, color: Color) -> None:
        """Scatter stars over the sky."""
        for _ in range(140):
            x, y = self.random.uniform(0, self.width), self.random.uniform(0, self.horizon)
            size = self.unit * self.random.choice((0.12, 0.16, 0.22, 0.34))
            faded = mix(color, self.palette.sky, self.random.uniform(0, 0.6))
            self.canvas.ellipse((x - size, y - size, x + size, y + size), fill=faded)

    def clouds(self, color: Color, outline: Color | None = None) -> None:
        """Put a few clouds into the sky."""
        for _ in range(self.random.randint(2, 4)):
            x = self.random.uniform(0.05, 0.95) * self.width
            y = self.random.uniform(0.1, 0.55) * self.horizon
            size = self.unit * self.random.uniform(3, 5)
            puffs = [(x + size * shift, y - size * lift, size * grow) for shift, lift, grow in _PUFFS]
            for grown, fill in ((round(self.unit * 0.6), outline), (0, color)):
                for px, py, radius in puffs if fill else ():
                    reach = radius + grown
                    self.canvas.ellipse((px - reach, py - reach * 0.8, px + reach, py + reach * 0.8), fill=fill)

    def haze(self, color: Color, strength: float) -> None:
        """Let thin streaks of cloud drift over the sky."""
        size = (6, 40)
        noise = Image.frombytes("L", size, self.random.randbytes(size[0] * size[1]))
        veil = noise.resize((self.width, round(self.horizon)), Image.Resampling.BICUBIC)
        veil = veil.point(lambda value: round(max(0, value - 150) / 105 * 255 * strength))
        self.image.paste(color, (0, 0), veil)

    def trees(self, line: list[Point], color: Color, outline: Color | None = None) -> None:
        """Plant firs along a line."""
        for x, y in line[:: self.random.choice((2, 3))]:
            if self.random.random() < 0.25:
                continue
            height, x = self.unit * self.random.uniform(7, 15), x + self.unit * self.random.uniform(-1, 1)
            for tier in (0.0, 0.28, 0.56):
                spread, top = height * (0.30 - tier * 0.28), y - height * (tier + 0.44)
                points = [(x - spread, y - height * tier * 0.9), (x, top), (x + spread, y - height * tier * 0.9)]
                self.canvas.polygon(points, fill=color)
                if outline:
                    self.canvas.line([*points, points[0]], fill=outline, width=round(self.unit * 0.4))

    def skyline(self, base: float, color: Color, window: Color, outline: Color | None = None) -> None:
        """Build houses along a height, some of their windows lit."""
        x = -self.unit * 2
        while x < self.width:
            wide = self.unit * self.random.uniform(5, 11)
            # Highest in the middle, as cities are.
            tall = self.unit * self.random.uniform(10, 22) * (1.5 - abs(x / self.width - 0.5) * 1.6)
            shade = mix(color, self.palette.horizon, self.random.uniform(0, 0.25))
            box = (x, base - tall, x + wide, base + self.unit)
            self.canvas.rectangle(box, fill=shade, outline=outline, width=round(self.unit * 0.5))
            step, pane = self.unit * 1.9, self.unit * 0.8
            for row in range(1, int(tall / step)):
                for column in range(int((wide - self.unit) / step)):
                    if self.random.random() < 0.4:
                        left, top = x + self.unit + column * step, base - tall + row * step - pane
                        self.canvas.rectangle((left, top, left + pane, top + pane), fill=window)
            x += wide + self.unit * self.random.choice((0.0, 0.0, 1.2))

    def water(self, base: float, color: Color, glint: Color, calm: float) -> None:
        """Fill the foreground with water that mirrors what stands above it."""
        top = round(base)
        deep = self.height - top
        mirror = ImageOps.flip(self.image.crop((0, max(0, top - deep), self.width, top)))
        mirror = mirror.resize((self.width, deep)).filter(ImageFilter.BoxBlur(self.unit * 0.4))
        self.image.paste(Image.blend(mirror, Image.new("RGB", mirror.size, color), calm), (0, top))
        for _ in range(90):
            near = self.random.random() ** 1.6
            y = top + near * deep
            half = self.unit * (0.6 + near * 7) * self.random.uniform(0.5, 1)
            aside = self.random.gauss(0, self.unit * (4 + near * 16))
            x = self.sun[0] + aside if self.random.random() < 0.6 else self.random.uniform(0, self.width)
            thick = max(1.0, self.unit * 0.28 * (0.4 + near))
            self.canvas.rounded_rectangle((x - half, y, x + half, y + thick), thick / 2, fill=glint)


# Sideways and upwards, in cloud sizes, and how large.
_PUFFS = ((-1.5, 0.0, 0.75), (-0.6, 0.5, 1.0), (0.5, 0.65, 1.15), (1.5, 0.1, 0.85), (0.1, -0.15, 0.9))
