"""What is remembered, and what is forgotten."""

from streaming.recent import Recent


def test_a_name_is_new_once() -> None:
    recent = Recent()
    assert [recent.note(name) for name in ("a", "b", "a", "b")] == [True, True, False, False]


def test_of_too_many_names_the_one_that_was_noted_longest_ago_is_forgotten() -> None:
    recent = Recent(most=2)
    for name in ("a", "b", "a", "c"):
        recent.note(name)
    assert not recent.note("a")
    assert recent.note("b")
