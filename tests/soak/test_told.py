"""What is drawn and written of a soak."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.processes import MB
from bench.soak.charts import plot
from bench.soak.sampler import note_write_buffer
from bench.soak.samples import Record, Samples, gather, read_samples
from bench.soak.schedule import CYCLE_SECONDS, schedule
from bench.soak.searching import found_seconds
from bench.soak.tables import cores_in_use, tables
from bench.soak.timeline import Chart, Line, Span, draw
from bench.soak.verdicts import PARTS, WITHOUT_BUFFER, verdicts
from tests.soak.made import MINUTES, bent, buffered, good

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("samples", [good(), bent(without="load_ended")], ids=["whole", "broken off"])
def test_a_plot_is_an_svg_with_every_process_in_it_and_within_its_borders(samples: Samples) -> None:
    drawn = ET.fromstring(plot(samples))
    width, height = float(drawn.attrib["width"]), float(drawn.attrib["height"])
    names = {title.text for title in drawn.iter(f"{SVG}title")}
    assert set(PARTS) | {"frames-live", "found, p50", "media", "the machine"} <= names
    for group in drawn.iter(f"{SVG}g"):
        left, top = map(float, group.attrib["transform"][len("translate(") : -1].split())
        for drawn_line in group.iter(f"{SVG}polyline"):
            places = [place.split(",") for place in drawn_line.attrib["points"].split()]
            assert all(0 <= left + float(x) <= width and 0 <= top + float(y) <= height for x, y in places)


def test_names_are_safe_in_a_plot_and_nothing_to_draw_is_no_error() -> None:
    drawn = draw([Chart("a < b", {"<x>": Line([(0.0, 1.0), (60.0, 2.0)], "#000")})], Span(60.0, 12.0), "c & d")
    assert [title.text for title in ET.fromstring(drawn).iter(f"{SVG}title")] == ["<x>"]
    ET.fromstring(plot(gather([])))


def test_tables_have_a_row_for_every_target_process_and_stretch_of_time() -> None:
    told = tables(good(), verdicts(good())).splitlines()
    rows = {line.split(" | ")[0].removeprefix("| ") for line in told if line.startswith("| ")}
    assert {one.target for one in verdicts(good())} | set(PARTS) | {f"{n}–{n + 1}" for n in range(MINUTES)} <= rows
    columns = {line.count("|") for line in told if line.startswith("| 0–1 |")}
    assert columns == {line.count("|") for line in told if line.startswith("| minutes |")}


def test_milvus_is_shown_with_the_write_buffers_of_its_log_and_judged_without() -> None:
    samples = buffered(lambda look: 0.05 * (look % 400))
    told = tables(samples, verdicts(samples)).splitlines()
    (less,) = [row for row in told if row.startswith(f"| {WITHOUT_BUFFER} |")]
    (whole,) = [row for row in told if row.startswith("| milvus |") and "not judged" in row]
    assert less.endswith("| flat |")
    assert whole.endswith("| not judged |")
    assert f"| {WITHOUT_BUFFER}" not in tables(good(), verdicts(good()))


def test_a_write_buffer_is_as_large_as_the_newest_log_of_each_database(tmp_path: Path) -> None:
    sizes = {"rocksmq/000005.log": 9_000_000, "rocksmq/000012.log": 2_000_000, "rocksmq_meta_kv/000003.log": 500_000}
    for name, size in sizes.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    seen: list[tuple[str, str, float]] = []
    note_write_buffer(tmp_path, lambda *one: seen.append(one))
    note_write_buffer(tmp_path / "absent", lambda *one: seen.append(one))
    assert seen == [("write_buffer_mb", "milvus", pytest.approx(2.5e6 / MB)), ("write_buffer_mb", "milvus", 0)]


def test_cores_are_those_of_the_stack_of_what_feeds_it_and_of_others() -> None:
    used = cores_in_use(good())
    assert round(used["the stack"], 3) == 0.7
    assert round(used["other programs"], 3) == 0.8


def test_what_is_recorded_is_read_again_while_it_is_being_written(tmp_path: Path) -> None:
    record = Record(tmp_path / "results" / "soak.csv")
    record.note("failed", 'search: "no", it said\nagain', 1)
    record.note("memory_mb", "kafka", 123.456789)
    seen = read_samples(tmp_path / "results" / "soak.csv")
    record.close()
    assert seen.words("failed") == ['search: "no", it said\nagain']
    assert seen.all("memory_mb")[0][1] == 123.457


def test_who_is_paused_or_removed_comes_back_and_the_watched_camera_is_left_alone() -> None:
    acts = schedule(3600, 10)
    assert len(acts) == 6 * 12
    for back, away in {"resume": "pause", "add": "remove", "forget": "import"}.items():
        went, came = ([act for act in acts if act.kind == kind] for kind in (away, back))
        assert [act.place for act in went] == [act.place for act in came]
        assert all(before.at_seconds < after.at_seconds for before, after in zip(went, came, strict=True))
    touched = [act.place for act in acts if act.kind in ("pause", "remove")]
    assert set(touched) == set(range(1, 10))
    assert all(one != other for one, other in zip(touched[::2], touched[1::2], strict=True))
    assert schedule(CYCLE_SECONDS - 1, 10) == []


def test_samples_that_are_found_together_count_each_since_its_own_second() -> None:
    assert found_seconds(newest_ms=5_000, peak_ms=6_000, now_ms=6_200) == [0.2]
    assert found_seconds(newest_ms=5_000, peak_ms=8_000, now_ms=8_500) == [2.5, 1.5, 0.5]
    assert found_seconds(newest_ms=5_000, peak_ms=5_400, now_ms=5_600) == [0.2]
    assert len(found_seconds(newest_ms=0, peak_ms=3_600_000, now_ms=3_600_100)) == 30
