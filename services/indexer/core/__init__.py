"""Samples of one partition in, rows to write and a safe offset out. Pure: no clock, no log, no I/O.

The invariant, on which every restart stands:

    When offset P is committed, every row whose support has a record below P has been handed out, and of every stream
    that is open at P the first record from P on is one that was taken, not a repeat that was dropped.

So a reader that begins at its own commit hands out, of a stream that it enters in the middle, first the sample whose whole
support it has read, and takes or drops every later record as the reader before it did. Streamed, chunked, restarted,
replayed and offline results are then equal, to rounding.

The support of a sample is its window, `cut_memory` + 1 records before the window and one record beyond it; it ends earlier
where the log itself shows a beginning: seq 0, a hole in seq, a gap longer than the window's reach, a newer run. Two things
are outside the promise, because no log can show them: a run whose first record has another seq than 0, which is a beginning to
the first reader that comes to it, and the middle of a run to one that reads it again; and late repeats of a run after its end,
which are dropped only by a reader that has seen that end (another one computes the same rows again).

A camera's newest samples are also handed out before they are final, as provisional ones. They stand outside the invariant:
they hold no offset, and whether they were ever written changes no final row.
"""
