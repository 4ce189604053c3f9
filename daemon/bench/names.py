"""Makes file names of a library from a seed, as users and release groups write them."""

import random
import re

_ADJECTIVES = re.findall(
    r"\w+",
    "Amber Ancient Bitter Broken Burning Crimson Crooked Distant Drowned Electric Empty Endless Faded Final Forgotten "
    "Frozen Gentle Gilded Golden Hidden Hollow Hungry Invisible Iron Ivory Jealous Last Little Lonely Lost Lucky "
    "Midnight Modern Narrow Northern Outer Pale Paper Perfect Quiet Restless Rusty Sacred Second Secret Severed "
    "Silent Silver Sleeping Stolen Stormy Sunken Tender Velvet Violet Wandering Western Wicked Wild Winter",
)
_NOUNS = re.findall(
    r"\w+",
    "Anchor Apartment Archive Arrow Atlas Bakery Bridge Canyon Captain Cartographer Cathedral Circus Clock Colony "
    "Comet Compass Corridor Crossing Daughter Detective Diary Doctor Dragon Echo Empire Engine Expedition Factory "
    "Falcon Ferry Forest Fortune Garden Ghost Harbor Harvest Highway Horizon Hotel Hunter Island Jacket Journey "
    "Kingdom Ladder Lantern Library Lighthouse Machine Magician Map Mirror Monsoon Mountain Museum Neighbor Ocean "
    "Orchard Orchestra Passenger Pilot Planet Prince Prophet Quarry Railway River Sailor School Season Shadow "
    "Shepherd Signal Station Stranger Summer Teacher Theory Thief Tower Valley Village Voyage Watchman Widow Window",
)
_GROUPS = ("AMBER", "CtrlHD", "EVO", "FGT", "GECKOS", "KiNGS", "NTb", "RARBG", "SPARKS", "TOMMY", "ViSUM", "ION10")
_FILM_TAILS = (
    "1080p.BluRay.x264-{group}",
    "720p.WEB-DL.DD5.1.H.264-{group}",
    "2160p.UHD.BluRay.x265.10bit.HDR.TrueHD.7.1.Atmos-{group}",
    "German.DL.1080p.BluRay.x264-{group}",
    "Extended.1080p.AMZN.WEB-DL.DDP5.1.H.265-{group}",
    "DVDRip.XviD.AC3-{group}",
)
_EPISODE_TAILS = (
    "720p.HDTV.x264-{group}",
    "1080p.WEB.H264-{group}",
    "1080p.NF.WEB-DL.DDP5.1.x264-{group}",
    "FRENCH.2160p.WEB-DL.HDR.H.265-{group}",
)
_EPISODE = re.compile(r"(?P<before>.*[sS]\d\dE)(?P<number>\d\d)(?P<after>\D.*)")


def library_paths(count: int, seed: int = 1) -> list[str]:
    """Make different relative paths: two fifths films, the rest seasons of about ten episodes."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        # A season adds ten files at once, so 0.87 of all draws make two fifths of all files.
        found.update(dict.fromkeys([_film(rng)] if rng.random() < 0.87 else _season(rng)))
    return list(found)[:count]


def loose_paths(count: int, seed: int = 4) -> list[str]:
    """Make paths as `library_paths` does, with half of the films beside each other in one folder."""
    found: dict[str, None] = {}
    for number, path in enumerate(library_paths(2 * count, seed)):
        is_loose = path.startswith("Films/") and number % 2 == 0
        found[f"Films/{path.rpartition('/')[2]}" if is_loose else path] = None
    return list(found)[:count]


def arriving_paths(count: int, present: list[str], seed: int = 2) -> list[str]:
    """Name files that come later: alternately a film in its own folder, and an episode of a known
    season.
    """
    rng = random.Random(seed)
    seasons = [found for path in present if (found := _EPISODE.fullmatch(path))]
    rng.shuffle(seasons)
    later = iter(seasons)
    paths: dict[str, None] = {}
    while len(paths) < count:
        found = next(later, None) if len(paths) % 2 else None
        if found:
            paths[f"{found['before']}{int(found['number']) + 50}{found['after']}"] = None
        else:
            title, name = _title(rng), f"{rng.randrange(1930, 2025)}"
            paths[f"Arrivals/{title} ({name})/{title} ({name}){_ending(rng)}"] = None
    return list(paths)


def _film(rng: random.Random) -> str:
    title, year, ending = _title(rng), rng.randrange(1930, 2025), _ending(rng)
    release = f"{_dotted(title)}.{year}.{rng.choice(_FILM_TAILS).format(group=rng.choice(_GROUPS))}"
    folder = f"Films/{title} ({year})"
    return rng.choice(
        [
            f"{folder}/{title} ({year}){ending}",
            f"{folder}/{release}{ending}",
            f"{folder}/{title} ({year}) [1080p]{ending}",
            f"Films/{release}/{release}{ending}",
            f"Films/{title[0]}/{release}{ending}",
        ]
    )


def _season(rng: random.Random) -> list[str]:
    show, year, season, ending = _title(rng), rng.randrange(1970, 2025), rng.randrange(1, 9), _ending(rng)
    folder = f"Series/{show} ({year})/Season {season:02}"
    tail = rng.choice(_EPISODE_TAILS).format(group=rng.choice(_GROUPS))
    pattern = rng.choice(
        [
            f"{_dotted(show)}.S{season:02}E{{number:02}}.{tail}",
            f"{_dotted(show)}.S{season:02}E{{number:02}}.{{dotted}}.{tail}",
            f"{show} - S{season:02}E{{number:02}} - {{title}}",
            f"{show} {season}x{{number:02}} {{title}}",
        ]
    )
    titles = [_title(rng) for _ in range(rng.randrange(6, 15))]
    return [
        f"{folder}/{pattern.format(number=number, title=title, dotted=_dotted(title))}{ending}"
        for number, title in enumerate(titles, start=1)
    ]


def _title(rng: random.Random) -> str:
    adjective, noun, other = rng.choice(_ADJECTIVES), rng.choice(_NOUNS), rng.choice(_NOUNS)
    return rng.choice(
        [f"The {adjective} {noun}", f"{adjective} {noun}", f"{noun} of the {other}", f"{adjective} {noun} and {other}"]
    )


def _dotted(title: str) -> str:
    return title.replace(" ", ".")


def _ending(rng: random.Random) -> str:
    return rng.choices([".mkv", ".mp4", ".avi"], weights=[80, 14, 6])[0]
