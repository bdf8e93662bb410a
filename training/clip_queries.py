"""Plain texts for the real clips that training never saw, and the clips that show what they say.

They were written from the clips alone: frames over each clip's whole length were looked at, then what a person who
remembers the clip might type was put down. No encoder was run on them before they were fixed; none is chosen, worded
or dropped for what an encoder makes of it. Each text was checked against every clip, and each clip for which it
holds is an answer. What more than three scenes show ("a person") is not asked; clips of one scene share answers.
"""

Query = tuple[str, tuple[str, ...]]

CARS, BOTTLES, ROOM, PARK, COUNTER = (
    "car-detection",
    "bottle-detection",
    "one-by-one-person-detection",
    "test_non_zero_start",
    "av1_video",
)
WOMAN = ("asl_book", "asl_walk")
MAN = ("asl_again", "asl_yes")
SIGNERS = (*MAN, *WOMAN)
TELESCOPE = ("nasa_13013", "nasa_13013_rotated")
# One film in two codecs, 36 to 38 dB apart: a picture of one is a picture of the other.
TIMECODES = ("h264_10bits", "h265_10bits")
PATTERNS = (COUNTER, *TIMECODES)

# The twelve of the earlier figure, with the answers it had, so that a new figure can stand beside it.
EARLIER_QUERIES: tuple[Query, ...] = (
    ("cars on a road", (CARS,)),
    ("a red car", (CARS,)),
    ("an empty road", (CARS,)),
    ("plastic bottles", (BOTTLES,)),
    ("three bottles in a row", (BOTTLES,)),
    ("a person standing in a room", (ROOM,)),
    ("a small round table", (ROOM,)),
    ("a woman in a yellow sweater", WOMAN),
    ("a man in a black shirt", MAN),
    ("a man on a crane at night", TELESCOPE),
    ("trees in a park", (PARK,)),
    ("coloured stripes", PATTERNS),
)

# Two of the twelve hold for clips that the earlier figure did not count.
MORE_ANSWERS: dict[str, tuple[str, ...]] = {
    "a person standing in a room": SIGNERS,
    "a man in a black shirt": (ROOM,),
}

CLIP_QUERIES: tuple[Query, ...] = (
    *((text, (*answers, *MORE_ANSWERS.get(text, ()))) for text, answers in EARLIER_QUERIES),
    # A car park from straight above; one or two cars drive through it.
    ("white car", (CARS,)),
    ("two cars passing each other", (CARS,)),
    ("a parking lot seen from above", (CARS,)),
    ("the roof of a car", (CARS,)),
    ("dark grey asphalt", (CARS,)),
    ("a white sports car with a sunroof", (CARS,)),
    ("outdoors in daylight", (CARS, PARK)),
    # Bottles on a table; hands take them away and put them back.
    ("water bottle", (BOTTLES,)),
    ("a hand picking up a bottle", (BOTTLES,)),
    ("blue bottle caps", (BOTTLES,)),
    ("two bottles on a white table", (BOTTLES,)),
    ("only one bottle left", (BOTTLES,)),
    ("an arm in a red sleeve", (BOTTLES,)),
    # Six people, one after another, read a paper on a bar table, their backs to the camera.
    ("wooden floor", (ROOM,)),
    ("a woman with long blonde hair", (ROOM,)),
    ("a man dressed all in black", (ROOM,)),
    ("a woman seen from behind", (ROOM,)),
    ("a woman in a grey cardigan", (ROOM,)),
    ("a man in a grey shirt and jeans", (ROOM,)),
    ("someone reading a sheet of paper at a table", (ROOM,)),
    ("an empty room with a table in it", (ROOM,)),
    ("a person walking across the room", (ROOM,)),
    ("a concrete pillar and a white wall", (ROOM,)),
    # A woman signs in an office.
    ("orange hoodie", WOMAN),
    ("a young woman facing the camera", WOMAN),
    ("a woman using sign language", WOMAN),
    ("a woman with her palms pressed together", ("asl_book",)),
    ("a woman moving her hands up and down in front of her", ("asl_walk",)),
    ("a woman", (ROOM, *WOMAN)),
    ("a woman with dark hair", (ROOM, *WOMAN)),
    # A man signs in the same office.
    ("a skull", MAN),
    ("a black hoodie with a skull on it", MAN),
    ("a man with short hair facing the camera", MAN),
    ("a man talking with his hands", MAN),
    ("a man raising his fist", ("asl_yes",)),
    ("a man tapping his palm with his other hand", ("asl_again",)),
    ("blue jeans", (ROOM, *MAN)),
    # What both office scenes show.
    ("sign language", SIGNERS),
    ("hoodie", SIGNERS),
    ("someone wearing an ID badge on a lanyard", SIGNERS),
    ("a blue board on a white wall", SIGNERS),
    ("a bright computer screen", SIGNERS),
    # A worker on a lift before a telescope's mirror in a dark hall; one clip has a close view too.
    ("cherry picker", TELESCOPE),
    ("a worker on a red lifting platform", TELESCOPE),
    ("a person in a white protective suit", TELESCOPE),
    ("a space telescope", TELESCOPE),
    ("a huge golden mirror", TELESCOPE),
    ("a big machine in a dark hall", TELESCOPE),
    ("darkness", TELESCOPE),
    ("close-up of golden hexagons", ("nasa_13013",)),
    ("someone in a hood in front of a bright yellow wall", ("nasa_13013",)),
    # A paved path between trees in sunshine.
    ("forest", (PARK,)),
    ("green grass", (PARK,)),
    ("a footpath with nobody on it", (PARK,)),
    ("sunlight through the leaves", (PARK,)),
    ("a sunny summer day", (PARK,)),
    ("shadows of trees on a lawn", (PARK,)),
    # Television's test pictures: one with a circle and a digit, two (one picture, two codings) with a time.
    ("TV test pattern", PATTERNS),
    ("rainbow", PATTERNS),
    ("vertical bars of red, green, yellow and blue", PATTERNS),
    ("computer graphics", PATTERNS),
    ("a big circle over coloured bars", (COUNTER,)),
    ("a single large digit in a black box", (COUNTER,)),
    ("a timer in the top left corner", TIMECODES),
    ("a diagonal rainbow line", TIMECODES),
    ("a grey bar on a colourful background", TIMECODES),
)
