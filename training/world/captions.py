"""True captions: a caption is words plus the facts it claims, and it holds where a scene has them all."""

import dataclasses
from collections import Counter

import numpy as np

from training.world.kinds import KINDS, Kind
from training.world.places import PLACES
from training.world.scene import Scene, Thing

Generator = np.random.Generator
Fact = tuple[str | int, ...]

NUMBERS = ("no", "one", "two", "three", "four")
DARK_COLOURS = frozenset({"black", "brown", "grey", "blue", "purple"})


@dataclasses.dataclass(frozen=True)
class Caption:
    text: str
    facts: frozenset[Fact]

    def holds_in(self, scene_facts: frozenset[Fact]) -> bool:
        return self.facts <= scene_facts


def facts_of(scene: Scene) -> frozenset[Fact]:
    """Everything a caption may claim of `scene`."""
    facts: set[Fact] = {("place", scene.place), ("light", scene.light)}
    facts |= {("rain",)} if scene.rain else set()
    facts |= {("empty",)} if not scene.things else set()
    for kind, count in Counter(thing.kind for thing in scene.things).items():
        facts.add(("count", kind, count))
    for (kind, colour), count in Counter((t.kind, t.colour) for t in scene.things if _colour_shows(scene, t)).items():
        facts.add(("count", kind, colour, count))
    for thing in scene.things:
        facts |= _thing_facts(scene, thing)
    return frozenset(facts)


def random_caption(scene: Scene, rng: Generator) -> Caption:
    """One of many true captions of `scene`, from two words to a whole sentence."""
    if not scene.things:
        return _empty_caption(scene, rng)
    texts, facts = _things_phrase(scene, rng)
    for clause, claimed, chance in _settings(scene, rng):
        if rng.random() < chance:
            texts, facts = f"{texts} {clause}", facts | {claimed}
    return Caption(texts, frozenset(facts))


def place_caption(scene: Scene, rng: Generator) -> Caption:
    """Only where and when: holds whatever stands there."""
    place = PLACES[scene.place]
    name = place.phrases[int(rng.integers(len(place.phrases)))].split(" ", 1)[1]
    text, facts = name, {("place", scene.place)} | {("light", scene.light)}
    text += " at night" if scene.light == "night" else " by day"
    return Caption(text, frozenset(facts))


def _colour_shows(scene: Scene, thing: Thing) -> bool:
    """By night dark colours cannot be told apart; a tree's green is never worth saying."""
    return thing.kind != "tree" and not (scene.light == "night" and thing.colour in DARK_COLOURS)


def _side(thing: Thing) -> str:
    return "left" if thing.x < 0.36 else "right" if thing.x > 0.64 else "middle"


def _thing_facts(scene: Scene, thing: Thing) -> set[Fact]:
    kind = KINDS[thing.kind]
    looks: list[tuple[str, ...]] = [(thing.kind,), *((broad,) for broad in kind.broader)]
    looks += [(thing.kind, thing.colour)] if _colour_shows(scene, thing) else []
    facts: set[Fact] = set()
    for look in looks:
        facts |= {("is", *look), ("side", *look, _side(thing))}
        if thing.moving:
            facts |= {("moves", *look), ("heads", *look, "right" if thing.turn > 0 else "left")}
    return facts


def _empty_caption(scene: Scene, rng: Generator) -> Caption:
    phrases = PLACES[scene.place].phrases
    noun = phrases[int(rng.integers(len(phrases)))].split(" ", 1)[1]
    noun = noun.removeprefix("a ").removeprefix("the ")
    night = scene.light == "night"
    text = f"an empty {noun} at night" if night else f"an empty {noun}"
    light: set[Fact] = {("light", "night")} if night else set()
    return Caption(text, frozenset({("empty",), ("place", scene.place)} | light))


def _settings(scene: Scene, rng: Generator) -> list[tuple[str, Fact, float]]:
    phrases = PLACES[scene.place].phrases
    place = phrases[int(rng.integers(len(phrases)))]
    settings: list[tuple[str, Fact, float]] = [(place, ("place", scene.place), 0.5)]
    settings += [("at night", ("light", "night"), 0.6)] if scene.light == "night" else []
    settings += [("in the rain", ("rain",), 0.6)] if scene.rain else []
    return settings


def _things_phrase(scene: Scene, rng: Generator) -> tuple[str, set[Fact]]:
    order = rng.permutation(len(scene.things))
    first = scene.things[int(order[0])]
    text, facts = _phrase(scene, first, rng)
    second = next((t for i in order if (t := scene.things[int(i)]).kind != first.kind), None)
    if second is not None and rng.random() < 0.5:
        more, claimed = _phrase(scene, second, rng, plain=True)
        return f"{text} and {more}", facts | claimed
    return text, facts


def _phrase(scene: Scene, thing: Thing, rng: Generator, *, plain: bool = False) -> tuple[str, set[Fact]]:
    same = sum(other.kind == thing.kind for other in scene.things)
    if same > 1 and rng.random() < 0.6:
        return _counted(scene, thing, rng)
    kind = KINDS[thing.kind]
    look, name = _look(scene, thing, rng)
    text = _with_article(name)
    return (text, {("is", *look)}) if plain else _placed(thing, kind, look, text, rng)


def _look(scene: Scene, thing: Thing, rng: Generator) -> tuple[tuple[str, ...], str]:
    """What is claimed of the thing, its kind and perhaps its colour, or a broader word, and how that is said."""
    kind = KINDS[thing.kind]
    if _colour_shows(scene, thing) and rng.random() < 0.65:
        return (kind.name, thing.colour), _named(kind, thing.colour, rng)
    if kind.broader and rng.random() < 0.15:
        return (kind.broader[0],), kind.broader[0]
    return (kind.name,), _named(kind, "", rng)


def _counted(scene: Scene, thing: Thing, rng: Generator) -> tuple[str, set[Fact]]:
    kind = KINDS[thing.kind]
    alike = sum((other.kind, other.colour) == (thing.kind, thing.colour) for other in scene.things)
    if alike > 1 and _colour_shows(scene, thing) and rng.random() < 0.6:
        return f"{NUMBERS[alike]} {thing.colour} {kind.plural}", {("count", kind.name, thing.colour, alike)}
    same = sum(other.kind == thing.kind for other in scene.things)
    return f"{NUMBERS[same]} {kind.plural}", {("count", kind.name, same)}


def _named(kind: Kind, colour: str, rng: Generator) -> str:
    names = kind.names or (kind.name,)
    name = names[int(rng.integers(len(names)))]
    if kind.name == "person" and colour:
        return f"{name} in {colour}" if rng.random() < 0.5 else f"{name} in a {colour} shirt"
    return f"{colour} {name}".strip()


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def _placed(thing: Thing, kind: Kind, look: tuple[str, ...], text: str, rng: Generator) -> tuple[str, set[Fact]]:
    facts: set[Fact] = {("is", *look)}
    if thing.moving and rng.random() < 0.45:
        way = "right" if thing.turn > 0 else "left"
        verb = kind.verbs[int(rng.integers(len(kind.verbs)))]
        if rng.random() < 0.5:
            return f"{text} {verb}", facts | {("moves", *look)}
        return f"{text} {verb} to the {way}", facts | {("heads", *look, way)}
    if rng.random() < 0.25:
        side = _side(thing)
        return f"{text} {'in' if side == 'middle' else 'on'} the {side}", facts | {("side", *look, side)}
    return text, facts
