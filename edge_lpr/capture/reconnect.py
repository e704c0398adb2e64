"""When to open a camera again that failed: pure, so that the waits are tested without waiting."""

from __future__ import annotations

from dataclasses import dataclass

START_LIMIT_S = 30.0
"""How long a process may take to say its first word: Python and its libraries come from a slow SD card."""
LONGEST_START_S = 480.0


@dataclass(frozen=True)
class RetryOptions:
    """The waits between openings, and how long a camera may stay silent.

    The defaults suit a camera that was unplugged or is starting: it is back within a second of its return at first,
    and a camera that stays away costs one attempt in half a minute.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    jitter: float = 0.25
    """Share by which a wait may be shorter: cameras that failed together must not all come back in the same moment."""
    replace_after: int = 5
    """After so many failed openings in a row the process itself is replaced: vendors' libraries keep broken state."""
    stall_s: float = 5.0
    """Without a frame for so long a source is closed and opened again."""
    open_timeout_s: float = 10.0
    """How long one opening may take."""


def delay_s(attempt: int, fixable: bool, options: RetryOptions, chance: float) -> float:
    """Seconds to wait after the `attempt`-th failure in a row (1, 2, ...): doubled each time, up to the longest.

    `chance` 0..1 draws the jitter. A failure that waiting does not mend (`fixable` False: a wrong password, a package
    that is not installed) waits the longest at once.
    """
    wait_s = options.longest_s
    if fixable:
        doublings = min(max(attempt, 1) - 1, 30)
        wait_s = min(options.first_s * 2.0**doublings, options.longest_s)
    return wait_s * (1.0 - options.jitter * chance)


def start_limit_s(slow_starts: int) -> float:
    """How long the next process may take to start after so many in a row that were ended for being too slow.

    Doubled each time: on a starved machine a fixed limit would end every process just before it is ready, for ever.
    """
    return min(START_LIMIT_S * 2.0 ** min(slow_starts, 30), LONGEST_START_S)


def wants_new_process(attempt: int, options: RetryOptions) -> bool:
    """Whether the `attempt`-th failure in a row is one after which the process is replaced."""
    return attempt > 0 and attempt % max(options.replace_after, 1) == 0
