"""What goes over the wire, byte by byte: payloads, stamps, reports, digest, and numbers in pictures."""

import hashlib
import re
import struct

import av
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from framebus.demo.camera.digest import challenge, is_authorized
from framebus.demo.camera.nal import h264_parameters, h265_parameters, nal_units
from framebus.demo.camera.rtcp import sender_report
from framebus.demo.camera.rtp import PAYLOAD_BYTES, h264_payloads, h265_payloads, packets
from framebus.demo.camera.rtsp import NotRtsp, Response, parse_request
from framebus.demo.camera.timecode import NUMBER_BITS, Picture, draw_number, read_number

SIZES = st.integers(3, 5 * PAYLOAD_BYTES)


@given(SIZES, st.sampled_from([0x65, 0x41, 0x06]))
def test_an_h264_unit_is_whole_again_when_its_fragments_are_joined(size: int, header: int) -> None:
    nal = bytes([header]) + bytes(number % 251 for number in range(size))
    sent = list(h264_payloads(nal))
    assert all(len(payload) <= PAYLOAD_BYTES for payload in sent)
    if len(sent) == 1:
        assert sent == [nal]
        return
    first = bytes([sent[0][0] & 0xE0 | sent[0][1] & 0x1F])
    assert first + b"".join(payload[2:] for payload in sent) == nal
    assert [payload[1] >> 6 for payload in sent] == [2, *[0] * (len(sent) - 2), 1]


@given(SIZES, st.sampled_from([19, 1, 39]))
def test_an_h265_unit_is_whole_again_when_its_fragments_are_joined(size: int, kind: int) -> None:
    nal = bytes([kind << 1, 1]) + bytes(number % 251 for number in range(size))
    sent = list(h265_payloads(nal))
    assert all(len(payload) <= PAYLOAD_BYTES for payload in sent)
    if len(sent) == 1:
        assert sent == [nal]
        return
    assert {payload[0] >> 1 & 0x3F for payload in sent} == {49}
    assert bytes([(sent[0][2] & 0x3F) << 1, sent[0][1]]) + b"".join(payload[3:] for payload in sent) == nal


def test_parameter_sets_are_read_from_records_and_from_start_codes() -> None:
    sps, pps = b"\x67\x42\x00\x1e", b"\x68\xce"
    record = b"\x01\x42\x00\x1e\xff\xe1" + struct.pack(">H", len(sps)) + sps + b"\x01" + struct.pack(">H", len(pps)) + pps
    assert h264_parameters(record).sets == h264_parameters(b"\0\0\0\1" + sps + b"\0\0\1" + pps).sets == (sps, pps)
    assert h264_parameters(record).length_bytes == 4
    vps, sei = b"\x40\x01\x0c", b"\x4e\x01\x05"
    arrays = b"".join(bytes([unit[0] >> 1]) + struct.pack(">HH", 1, len(unit)) + unit for unit in (vps, sei))
    assert h265_parameters(b"\x01" + bytes(20) + b"\x03\x02" + arrays).sets == (vps,)


def test_units_are_split_by_their_length_or_by_start_codes() -> None:
    assert nal_units(b"\0\0\0\2ab\0\0\0\1c", 4) == [b"ab", b"c"]
    assert nal_units(b"\0\0\1ab\0\0\0\1c", 0) == [b"ab", b"c"]


def test_stamping_touches_nothing_but_sequence_timestamp_and_ssrc() -> None:
    made = packets([b"first", b"second"], 96, channel=2)
    sent = list(made.stamped(0xFFFF, 1234, 99).datagrams())
    assert [struct.unpack(">BBHII", datagram[:12]) for datagram in sent] == [
        (0x80, 96, 0xFFFF, 1234, 99),
        (0x80, 0x80 | 96, 0, 1234, 99),
    ]
    assert [bytes(datagram[12:]) for datagram in sent] == [b"first", b"second"]
    assert made.on_channel(6).framed[:4] == b"$\x06" + struct.pack(">H", 12 + 5)
    assert made.payload_bytes == 11
    assert [len(datagram) for datagram in made.with_noise(bytes).datagrams()] == [17, 18]


def test_a_report_says_which_time_a_timestamp_is() -> None:
    report = sender_report(7, 1_700_000_000.5, 90_000, 3, 400)
    assert struct.unpack(">BBHIIIIII", report[:28]) == (0x80, 200, 6, 7, 1_700_000_000 + 2_208_988_800, 1 << 31, 90_000, 3, 400)
    version, kind, words = struct.unpack(">BBH", report[28:32])
    assert (version, kind, 4 * (words + 1)) == (0x81, 202, len(report) - 28)


def test_digest_wants_the_right_answer_to_its_own_nonce() -> None:
    nonce = re.findall(r'nonce="(\w+)"', challenge("abc"))[0]
    owner, act = (hashlib.md5(text.encode()).hexdigest() for text in ("cam:camera:secret", "PLAY:rtsp://h/gate"))
    response = hashlib.md5(f"{owner}:{nonce}:{act}".encode()).hexdigest()
    said = f'Digest username="cam", realm="camera", nonce="{nonce}", uri="rtsp://h/gate", response="{response}"'
    assert is_authorized(said, "PLAY", ("cam", "secret"), nonce)
    assert not is_authorized(said, "SETUP", ("cam", "secret"), nonce)
    assert not is_authorized(said, "PLAY", ("cam", "other"), nonce)
    assert not is_authorized(said, "PLAY", ("cam", "secret"), "another")
    assert not is_authorized("", "PLAY", ("cam", "secret"), nonce)


def test_a_request_names_its_camera_and_its_track() -> None:
    request = parse_request(b"SETUP rtsp://h:1/yard/gate/trackID=1 RTSP/1.0\r\nCSeq: 4\r\nSession: ab;timeout=60\r\n\r\n")
    assert (request.mount, request.track, request.session) == ("yard/gate", 1, "ab")
    assert Response(404).encode(request).startswith(b"RTSP/1.0 404 Not Found\r\nCSeq: 4\r\n")
    with pytest.raises(NotRtsp):
        parse_request(b"GET / HTTP/1.1\r\n\r\n")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, (1 << NUMBER_BITS) - 1), st.sampled_from([(320, 180), (640, 360), (512, 288)]))
def test_a_number_is_read_from_a_jpeg_of_a_picture(number: int, size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    draw_number(picture, number)
    jpeg = simplejpeg.encode_jpeg(picture, quality=70)
    assert read_number(simplejpeg.decode_jpeg(jpeg)) == number
    assert read_number(halved(picture)) == number


def halved(picture: Picture) -> Picture:
    height, width = picture.shape[0] // 4 * 2, picture.shape[1] // 2 * 2
    smaller = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(width=width // 2, height=height // 2)
    return smaller.to_ndarray(format="gray").astype(np.uint8)


def test_a_picture_without_a_number_has_none() -> None:
    assert read_number(np.full((180, 320, 3), 90, np.uint8)) is None
    noise = np.random.default_rng(1).integers(0, 255, (180, 320, 3)).astype(np.uint8)
    assert read_number(noise) is None
