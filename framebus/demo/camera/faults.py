"""What can be wrong with a camera. Fields are read at every packet, so a caller changes them while the camera runs."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Faults:
    """The faults of one mount; as made, there are none."""

    stalled: bool = False
    """Stay connected and send nothing, reports neither; afterwards go on with the current GOP."""
    silent: bool = False
    """Take requests and never answer them."""
    garbage: Literal["", "answers", "media"] = ""
    """Noise instead of RTSP answers, or instead of what is in RTP packets."""
    status: int | None = None
    """Refuse every request with this RTSP status."""
    moved_to: str = ""
    """Redirect every request but OPTIONS to this address, with 302."""
    refused_transport: Literal["", "tcp", "udp"] = ""
    """Answer 461 to a SETUP over this transport."""
    clock_skew_seconds: float = 0.0
    """The wall clock of sender reports is this far ahead of the truth."""
    report_every_seconds: float | None = 1.0
    """Time between sender reports; None: none are sent."""
    first_report_after_seconds: float = 0.0
    """Time from a viewer's first packet to its first sender report; 0: the report comes first."""
    timestamp_jump_seconds: float = 0.0
    """RTP timestamps and the RTP time of reports lie this far from where they began: a change of it is a jump."""
    udp_loss: float = 0.0
    """The fraction of RTP packets that a viewer over UDP does not get, drawn with `seed` for each viewer."""
    seed: int = 1
