"""Where each number of a plan and of its people stands in the flat arrays of the compiled engine.

Not the numbers: `sheet` writes them, the engine reads them. Few arrays, each of one type, keep compiling short and calls cheap.

A place is an index into the whole numbers of the sheet (`t`) or into its real ones (`f`); -1 where there is nothing.
"""

from __future__ import annotations

from collections import namedtuple

#: All that a play reads and changes: counters; whole and real numbers of the plan; its states and laws; what of people never
#: changes and what does; their visits to each state; queues; what is due (key, value); what happened.
World = namedtuple("World", "c t f s d a p v q heap rows")

#: Counters: the clock, rows of the log, length of the heap, who enters next and last, turns of service; whether room was lacking.
NOW, ROWS, HEAP, ENTERS, ENTERS_LAST, TURN, FULL, OPENED, CAME = range(9)
#: … and what stays the same in a play: end, bits of a person in a key, seed and replication, and places.
HORIZON, BITS, SEED, REPLICATION, N_TRACKS, N_SITES, N_POOLS, QUEUE_OF, ERAS, N_ERAS = range(9, 19)
COUNTERS = 19

#: Columns of a state. Lists go from one place up to another; a choice, a hazard or a list of ways is one place.
(
    KEY, KIND, POOL, LINE, PRIORITY, NOT_BEFORE, BALK_TO, BALK_AT, PREEMPT, PLAIN, RELEASE, RELEASE_END, CHANGE, CHANGE_END,
    BRING, BRING_END, DURATIONS, LIMITS, DONE_WAYS, LATE_WAYS, DURATION_CASE, LIMIT_CASE, DONE_CASE, LATE_CASE, HAZARD,
    LIMIT_HAZARD,
) = range(26)  # fmt: skip
STATE_COLUMNS = 26
#: A change of a track: track, level, place of its share, law of its delay, key. Someone to bring: first column of `a`, most.
CHANGE_SIZE, BRING_SIZE = 5, 2

#: Columns of a law: family, place of its two numbers, points, places of hazard, days and slope, causes, places of their
#: cumulative shares and of where they lead.
FAMILY, NUMBERS, POINTS, HAZARDS, DAYS, SLOPES, N_CAUSES, CAUSES, CAUSE_TO = range(9)

#: What of a person never changes; traits follow, then whom they may bring.
IDENTITY, SITE, HEAD, ARRIVAL, AFTER, ELAPSED = range(6)
TRAITS = 6

#: What changes: the state, the number of the stay, routes drawn; the neighbours in line; the next to enter a state,
#: which, and how; of a unit that may be taken back: pool and state waited in, then queue, end, how, neighbours, from, turn; what was
#: left.
(
    STATE, STAY, TO_DONE, TO_LATE, BEFORE, BEHIND, ENTERS_NEXT, ENTERS_STATE, ENTERS_HOW, GRANTED_POOL, GRANTED_FROM,
    END_QUEUE, END, END_HOW, SERVED_BEFORE, SERVED_BEHIND, SERVED_FROM, SERVED_TURN, LEFT_STATE, LEFT_REST, LEFT_HOW,
    LEFT_DONE, LEFT_LATE,
) = range(23)  # fmt: skip
#: Then three blocks of tracks (as they stand, when they will change, to what), then the pools of which a unit is held.
MOVING = 23

#: Columns of a queue, then the first and last of each line.
FREE, WAITING, SERVED, HELD, PREEMPTIBLE, N_LINES = range(6)
LINES = 6

#: An opening: tick, queue, number, what, pool.
AT, OPEN_QUEUE, OPEN_NUMBER, OPEN_WHAT, OPEN_POOL = range(5)

#: Trait of a choice: a column of `a` when not negative, the era, or a track counted down from `TRACK`.
ERA_TRAIT, TRACK = -1, -2
