"""The generated world: what a caption says is so, what is drawn can be seen, and the same seed draws the same."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.world.captions import facts_of, place_caption, random_caption
from training.world.kinds import COLOURS, KINDS
from training.world.places import PLACES
from training.world.render import render
from training.world.scene import MAX_COVERED, Scene, Thing, overlap_free, random_scene
from training.world.script import Script, Track, facts_at, truth_of

seeds = st.integers(0, 2**31)


def street(*things: Thing, light: str = "day", rain: bool = False) -> Scene:
    return Scene("street", light, rain, things, seed=5)


def car(colour: str = "red", x: float = 0.5, turn: int = 1) -> Thing:
    return Thing("car", colour, x, foot=0.9, height=0.35, turn=turn, moving=True, phase=0.0)


@given(seeds)
@settings(deadline=None)
def test_every_caption_of_a_scene_holds_in_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = random_scene(rng)
    for caption in (random_caption(scene, rng), place_caption(scene, rng)):
        assert caption.holds_in(facts_of(scene)), caption.text


@given(seeds)
@settings(deadline=None)
def test_things_stand_in_the_picture_and_do_not_hide_each_other(seed: int) -> None:
    things = random_scene(np.random.default_rng(seed)).things
    for thing in things:
        others = tuple(other for other in things if other is not thing)
        assert overlap_free(others, thing), (MAX_COVERED, thing, others)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_drawn_in_its_own_colour(kind: str) -> None:
    colour = KINDS[kind].colours[0]
    thing = Thing(kind, colour, 0.5, foot=0.95, height=min(0.7, 0.7 / KINDS[kind].reach), turn=1, moving=False, phase=0.1)
    apart = np.abs(render(street(thing), 320, 180).astype(int) - render(street(), 320, 180)).sum(axis=2)
    drawn = render(street(thing), 320, 180)[apart > 60].astype(float)
    distance = np.linalg.norm(drawn - np.array(COLOURS[colour]), axis=1)
    assert (distance < 60).mean() > 0.15


def test_a_caption_does_not_hold_in_a_scene_that_lacks_what_it_says() -> None:
    rng = np.random.default_rng(1)
    captions = [random_caption(street(car("red")), rng) for _ in range(50)]
    coloured = [caption for caption in captions if "red" in caption.text.split()]
    assert coloured
    assert not any(caption.holds_in(facts_of(street(car("blue")))) for caption in coloured)


def test_left_and_right_follow_the_way_a_thing_faces() -> None:
    assert ("heads", "car", "left") in facts_of(street(car(turn=-1)))
    assert ("heads", "car", "right") in facts_of(street(car(turn=1)))


def test_counts_are_of_a_kind_and_of_a_kind_in_a_colour() -> None:
    facts = facts_of(street(car("red", 0.2), car("red", 0.5), car("blue", 0.8)))
    assert {("count", "car", 3), ("count", "car", "red", 2), ("count", "car", "blue", 1)} <= facts


def test_dark_colours_are_not_claimed_by_night() -> None:
    facts = facts_of(street(car("black", 0.3), car("yellow", 0.7), light="night"))
    assert ("is", "car", "yellow") in facts
    assert ("is", "car", "black") not in facts


@pytest.mark.parametrize("place", PLACES)
def test_a_picture_depends_on_the_scene_alone(place: str) -> None:
    scene = Scene(place, "day", rain=True, things=(), seed=3)
    assert np.array_equal(render(scene, 80, 45), render(scene, 80, 45))
    assert not np.array_equal(render(scene, 80, 45), render(dataclasses.replace(scene, seed=4), 80, 45))


@pytest.mark.parametrize(("width", "height"), [(48, 48), (96, 54), (640, 360)])
def test_a_scene_can_be_drawn_at_any_size(width: int, height: int) -> None:
    picture = render(street(car()), width, height)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


def test_night_is_darker_than_day() -> None:
    assert render(street(light="night"), 80, 45).mean() < 0.6 * render(street(), 80, 45).mean()


CROSSING = Script(
    "street", "day", rain=False, duration_ms=10_000, seed=1,
    tracks=(Track("car", "red", 2_000, 8_000, 1.4, -0.4, 0.9, 0.3, "a red car driving to the left"),),
)  # fmt: skip


def test_a_track_is_true_only_while_it_can_be_seen() -> None:
    (span,) = truth_of(CROSSING)
    assert 2_000 < span.start_ms < span.end_ms < 8_000
    assert ("heads", "car", "red", "left") in facts_at(CROSSING, (span.start_ms + span.end_ms) // 2)
    assert ("empty",) in facts_at(CROSSING, span.start_ms - 200)
    assert ("empty",) in facts_at(CROSSING, 9_000)


def test_a_track_that_never_enters_the_picture_is_refused() -> None:
    outside = dataclasses.replace(CROSSING.tracks[0], from_x=2.0, to_x=3.0)
    with pytest.raises(ValueError, match="never inside the picture"):
        truth_of(dataclasses.replace(CROSSING, tracks=(outside,)))
