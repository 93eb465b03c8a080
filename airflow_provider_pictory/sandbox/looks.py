"""The looks: how a landscape is painted in each of the vendors' styles."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from airflow_provider_pictory.sandbox.palettes import MOODS, Color, mix, shifted
from airflow_provider_pictory.sandbox.scenery import CITY, MOUNTAINS, Scene

INK = (34, 28, 40)
Look = Callable[[Scene], Image.Image]


def look_of(style: str | None) -> Look:
    """Return the painter of a style; None, and any style unknown here, is painted plainly."""
    return {
        "photorealistic": _photorealistic,
        "artistic": _artistic,
        "cartoon": _cartoon,
        "minimalist": _minimalist,
        "vintage": _vintage,
        "futuristic": _futuristic,
    }.get(style or "", _plain)


def _plain(scene: Scene) -> Image.Image:
    _sky(scene)
    scene.disc(scene.sun, scene.sun_radius, scene.palette.light)
    _ground(scene, layers=4)
    return scene.finished()


def _photorealistic(scene: Scene) -> Image.Image:
    _sky(scene)
    scene.haze(mix(scene.palette.horizon, scene.palette.light, 0.5), 0.5)
    scene.glow(scene.sun_radius * 7, scene.palette.light, 0.75)
    scene.disc(scene.sun, scene.sun_radius * 0.7, mix(scene.palette.light, (255, 255, 255), 0.5))
    _ground(scene, layers=6)
    scene.glow(scene.sun_radius * 5, scene.palette.light, 0.35)
    return _vignette(scene.finished(), 0.45)


def _artistic(scene: Scene) -> Image.Image:
    _sky(scene)
    scene.glow(scene.sun_radius * 5, scene.palette.light, 0.9)
    scene.disc(scene.sun, scene.sun_radius, scene.palette.light)
    _ground(scene, layers=4)
    return _brushed(scene)


def _cartoon(scene: Scene) -> Image.Image:
    palette = scene.palette
    bands = 5
    for band in range(bands):
        color = shifted(mix(palette.sky, palette.horizon, band / (bands - 1)), 0, 1.35, 1.1)
        edge = scene.horizon * band / bands
        scene.canvas.rectangle((0, edge, scene.width, scene.height), fill=color)
    if scene.shows(MOODS["night"]):
        scene.stars(palette.light)
    scene.disc(scene.sun, scene.sun_radius * 1.2, shifted(palette.light, 0, 2.2, 1.1), INK)
    scene.clouds((255, 255, 255), INK)
    _ground(scene, layers=3, outline=INK, vivid=1.5)
    return scene.finished()


def _minimalist(scene: Scene) -> Image.Image:
    palette = scene.palette
    paper = mix(palette.horizon, (250, 247, 240), 0.75)
    scene.canvas.rectangle((0, 0, scene.width, scene.height), fill=paper)
    scene.disc(scene.sun, scene.sun_radius * 2, mix(palette.far, palette.light, 0.35))
    scene.land(scene.ridge(scene.horizon + scene.unit * 14, scene.unit * 26), palette.far)
    scene.land(scene.ridge(scene.height * 0.92, scene.unit * 12), palette.near)
    return scene.finished()


def _vintage(scene: Scene) -> Image.Image:
    toned = ImageOps.colorize(ImageOps.grayscale(_plain(scene)), (52, 34, 20), (246, 230, 196), (168, 130, 88))
    grain = Image.frombytes("L", toned.size, scene.random.randbytes(toned.width * toned.height))
    grained = Image.blend(toned, Image.merge("RGB", [grain] * 3), 0.09)
    aged = _vignette(ImageEnhance.Contrast(grained).enhance(1.15), 0.7)
    border = round(scene.unit * 0.8)
    return ImageOps.expand(ImageOps.crop(aged, border), border, (240, 228, 204))


def _futuristic(scene: Scene) -> Image.Image:
    palette = scene.palette
    neon, second = shifted(palette.far, 0.0, 3, 3), shifted(palette.horizon, 0.45, 4, 2)
    scene.gradient((8, 6, 26), shifted(palette.sky, 0.05, 1.6, 0.55), scene.horizon)
    scene.stars((220, 230, 255))
    scene.glow(scene.sun_radius * 6, second, 0.6)
    scene.disc(scene.sun, scene.sun_radius * 2, second)
    for stripe in range(5):
        y = scene.sun[1] + scene.sun_radius * (0.1 + stripe * 0.4)
        box = (scene.sun[0] - scene.sun_radius * 2, y, scene.sun[0] + scene.sun_radius * 2, y + scene.unit * 0.9)
        scene.canvas.rectangle(box, fill=shifted(palette.sky, 0.05, 1.6, 0.5))
    for layer in range(2):
        line = scene.ridge(scene.horizon + scene.unit * 2, scene.unit * (22 - layer * 10))
        scene.land(line, mix((12, 8, 34), (30, 18, 66), 0.5 - layer * 0.4))
        scene.trace(line, neon)
    if scene.shows(CITY):
        scene.skyline(scene.horizon + scene.unit, (16, 12, 44), second, neon)
    _grid(scene, neon)
    image = scene.finished()
    bloom = image.reduce(4).filter(ImageFilter.GaussianBlur(scene.unit / 8)).resize(image.size)
    return ImageChops.screen(image, ImageEnhance.Brightness(bloom).enhance(0.8))


def _sky(scene: Scene) -> None:
    scene.gradient(scene.palette.sky, scene.palette.horizon, scene.horizon + scene.unit * 6)
    if scene.shows(MOODS["night"]):
        scene.stars(scene.palette.light)


def _ground(scene: Scene, layers: int, outline: Color | None = None, vivid: float = 1.0) -> None:
    """Paint ridges one before the other, hazier the further away, and what the prompt puts between them."""
    palette = scene.palette
    far, near = (shifted(color, 0, vivid, math.sqrt(vivid)) for color in (palette.far, palette.near))
    shore = scene.horizon + scene.unit * 8
    depth = (shore if scene.shows(MOODS["sea"]) else scene.height * 0.93) - scene.horizon
    line = []
    for layer in range(layers):
        share = layer / (layers - 1)
        base = scene.horizon + scene.unit * 4 + depth * share * 0.8
        line = scene.ridge(base, scene.unit * (34 - 22 * share))
        color = mix(mix(far, palette.horizon, 0.45 * (1 - share)), near, share)
        scene.land(line, color)
        if layer == 0 and scene.shows(MOUNTAINS + MOODS["snow"]):
            scene.snow(line, scene.unit * 7, mix(palette.light, (255, 255, 255), 0.4))
        if outline:
            scene.trace(line, outline)
        if layer == layers // 2 and scene.shows(CITY):
            scene.skyline(base, mix(far, near, 0.7), mix(palette.light, (255, 214, 120), 0.6), outline)
    if scene.shows(MOODS["forest"]):
        scene.trees(line, mix(near, (8, 20, 16), 0.35), outline)
    if scene.shows(MOODS["sea"]):
        scene.water(shore, mix(palette.sky, near, 0.4), mix(palette.horizon, palette.light, 0.5), 0.35)


def _brushed(scene: Scene) -> Image.Image:
    """Paint a scene again in strokes, from broad to fine."""
    canvas = scene.finished()
    width, height, colors = canvas.width, canvas.height, canvas.tobytes()
    brush = ImageDraw.Draw(canvas)
    random, unit = scene.random, scene.unit / 2
    for count, length, thick in ((500, 6.0, 2.0), (3200, 3.6, 1.1), (4200, 2.0, 0.5)):
        for _ in range(count):
            x, y = random.randrange(width), random.randrange(height)
            at = (y * width + x) * 3
            red, green, blue = colors[at : at + 3]
            light = random.uniform(-22, 22)
            angle = 0.5 * math.sin(x / width * 5 + y / height * 3) + random.uniform(-0.3, 0.3)
            dx, dy = math.cos(angle) * unit * length / 2, math.sin(angle) * unit * length / 2
            color = (round(red + light), round(green + light), round(blue + light * 0.8))
            brush.line((x - dx, y - dy, x + dx, y + dy), color, max(1, round(unit * thick)))
    return canvas


def _grid(scene: Scene, color: Color) -> None:
    """Lay a glowing grid towards the horizon."""
    top = scene.horizon + scene.unit * 2
    scene.canvas.rectangle((0, top, scene.width, scene.height), fill=(10, 6, 28))
    middle, thick = scene.width / 2, max(1, round(scene.unit * 0.3))
    for column in range(-24, 25):
        reach = column / 24
        start, end = (middle + reach * scene.width * 0.55, top), (middle + reach * scene.width * 4, scene.height)
        scene.canvas.line([start, end], fill=color, width=thick)
    for row in range(1, 14):
        y = top + (scene.height - top) * (row / 13) ** 2.2
        scene.canvas.line([(0, y), (scene.width, y)], fill=color, width=thick)


def _vignette(image: Image.Image, strength: float) -> Image.Image:
    """Darken the corners."""
    shade = Image.radial_gradient("L").point(lambda value: 255 - round((value / 255) ** 2.5 * 255 * strength))
    return ImageChops.multiply(image, Image.merge("RGB", [shade.resize(image.size)] * 3))
