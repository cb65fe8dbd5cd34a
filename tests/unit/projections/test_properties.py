"""What must hold for every race, however its events arrive."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import events as ev
from events import AnyEvent
from projections import timeline as timelines
from projections import views
from projections.engine.corrections import CorrectionApplied, effective_key
from projections.engine.double_reads import CrossingCountedOut
from projections.engine.state import canonical
from projections.race import Race
from projections.timeline import ForgottenPast, Timeline
from tests.builders import opened, race_of
from tests.profiles import examples
from tests.unit.projections.random_races import races
from tests.unit.projections.reference_corrections import what_counts


@pytest.fixture(autouse=True)
def _close_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints every few events, so that short races have many."""
    monkeypatch.setattr(timelines, "CHECKPOINT_EVERY", 3)


def in_batches(events: list[AnyEvent], cuts: list[int]) -> Timeline:
    """A timeline fed in batches that end at these indexes."""
    timeline = Timeline()
    start = 0
    for cut in [*sorted(cuts), len(events)]:
        timeline.add(events[start:cut])
        start = cut
    return timeline


def everything_shown(race: Race) -> str:
    """All that the views say of a race."""
    shown = {name: view(race) for name, view in views.VIEWS.items()}
    return json.dumps([shown, views.session_line(race)])


@given(races(), st.randoms(use_true_random=False), st.lists(st.integers(0, 60), max_size=8))
def test_any_order_of_arrival_gives_the_same_state(events, random, cuts):
    """State is a function of the set of events: order and batches do not matter."""
    expected = race_of(events)
    shuffled = list(events)
    random.shuffle(shuffled)
    race = in_batches(shuffled, cuts).race
    assert race.state_hash() == expected.state_hash()
    assert everything_shown(race) == everything_shown(expected)


@given(races(corrected=False))
def test_the_timeline_is_the_plain_fold_in_effective_order(events):
    """With nothing corrected, the state is the fold of the sorted events."""
    race = Race()
    in_order: list[AnyEvent] = sorted(events, key=effective_key)
    race.apply_all(in_order)
    assert race_of(reversed(events)).state_hash() == race.state_hash()


@given(
    races(max_size=90, corrections=2),
    st.randoms(use_true_random=False),
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
)
def test_corrections_among_late_events_are_the_straight_fold(events, random, sizes):
    """After each batch, whatever came late and was corrected in it, as after one straight fold."""
    # Some as late as the whole race, most by a few events.
    late = [at + random.choice([0, 0, 0, 3, 90]) * random.random() for at in range(len(events))]
    arrival = [events[index] for index in sorted(range(len(events)), key=late.__getitem__)]
    timeline, start = Timeline(), 0
    for number in range(len(arrival)):
        size = sizes[number % len(sizes)]
        timeline.add(arrival[start : start + size])
        start += size
        expected = what_counts(arrival[:start])
        assert timeline.events == expected
        if start >= len(arrival):
            break
    race = Race()
    race.apply_all(what_counts(arrival))
    assert timeline.race.state_hash() == race.state_hash()
    assert timeline.fork().race.state_hash() == race.state_hash()


@given(races(), st.lists(st.integers(0, 60), max_size=30))
def test_redelivery_changes_nothing(events, again):
    """Events sent again, at any time and as often as you like, count once."""
    timeline = in_batches(events, [10, 20])
    before = timeline.race.state_hash()
    known = len(timeline)
    repeated = [events[index % len(events)] for index in again]
    assert timeline.add(repeated) == 0
    assert (timeline.race.state_hash(), len(timeline)) == (before, known)


@given(races(), st.integers(0, 60))
def test_a_fold_split_anywhere_equals_the_whole(events, cut):
    """Folding up to a moment, forking there and going on is folding it all."""
    timeline = Timeline()
    timeline.add(events)
    whole = timeline.events
    race = Race()
    race.apply_all(whole[:cut])
    fork = race.fork(race.mark())
    race.apply_all(whole[cut:])
    assert race.state_hash() == timeline.race.state_hash()
    fork.apply_all(whole[cut:])
    assert fork.state_hash() == race.state_hash()


@given(races(), st.integers(-10, 450))
def test_the_race_at_a_moment_is_the_fold_until_then(events, at):
    """``race_at`` neither knows the future nor forgets the past."""
    timeline = Timeline()
    timeline.add(events)
    expected = Race()
    expected.apply_all(event for event in timeline.events if event.at <= at)
    now = timeline.race.state_hash()
    assert timeline.race_at(at).state_hash() == expected.state_hash()
    assert timeline.race.state_hash() == now


@given(races(max_size=120), st.integers(0, 120))
def test_a_rewind_is_exact(events, cut):
    """A race marked, driven on and rewound is the race that was marked."""
    in_order = sorted(events, key=effective_key)
    race = Race()
    race.apply_all(in_order[:cut])
    mark, before = race.mark(), race.state_hash()
    race.apply_all(in_order[cut:])
    race.rewind(mark)
    assert race.state_hash() == before


@settings(max_examples=examples(60))
@given(races(corrected=False, max_size=200), st.integers(1, 200))
def test_a_stored_checkpoint_takes_up_where_it_was(events, cut):
    """Through JSON and back, a race goes on to the same state, or says it cannot."""
    in_order = sorted(events, key=effective_key)
    before = Timeline()
    before.add(in_order[:cut])
    blocks = before.race.blocks(known=lambda _: False)
    stored = json.loads(canonical(before.race.summary()))
    race = Race.restored(stored, lambda name: json.loads(blocks[name]))
    assert race is not None
    assert race.state_hash() == before.race.state_hash()
    assert everything_shown(race) == everything_shown(before.race)
    resumed = Timeline.resumed(race, json.loads(canonical(before.identities())))
    try:
        resumed.add(in_order[max(0, cut - 5) :])
    except ForgottenPast:
        assert in_order[cut].at == in_order[cut - 1].at
        return
    before.add(in_order[cut:])
    assert resumed.race.state_hash() == before.race.state_hash()


def test_blocks_are_stored_once():
    """A later checkpoint stores only the blocks that are new since."""
    story = opened("1").laps("1", 200)
    timeline = Timeline()
    timeline.add(story.events[:150])
    stored = timeline.race.blocks(known=lambda _: False)
    timeline.add(story.events[150:])
    more = timeline.race.blocks(known=stored.__contains__)
    assert stored
    assert more
    assert not stored.keys() & more.keys()
    summary = json.loads(canonical(timeline.race.summary()))
    race = Race.restored(summary, lambda name: json.loads({**stored, **more}[name]))
    assert race is not None
    assert race.state_hash() == timeline.race.state_hash()


def test_a_checkpoint_of_another_version_is_refused():
    """A checkpoint of other code is no checkpoint."""
    summary = Race().summary()
    summary["versions"] = {**summary["versions"], "order": 0}
    assert Race.restored(summary, lambda _: None) is None


def test_what_reaches_behind_a_stored_checkpoint_is_reported():
    """A late event or a correction after a restart asks for a rebuild; it is never lost."""
    story = opened("1").laps("1", 10)
    late = story.lap("2", 1, 61_000).last
    before = Timeline()
    before.add(event for event in story if event is not late)
    race = before.race.fork(before.race.mark())
    with pytest.raises(ForgottenPast):
        Timeline.resumed(race, before.identities()).add([late])
    void = story.void(story.events[3])
    with pytest.raises(ForgottenPast):
        Timeline.resumed(race, before.identities()).add([void])


def test_lateness_costs_what_it_is_late():
    """A late event refolds about as many events as it is late, not the whole race."""
    story = opened("1", "2", lines=("FL",))
    for lap in range(1, 10_001):
        story.lap("1", lap, lap * 1_000, 1_000)
    events = story.events
    for lateness in (10, 100, 1_000, 5_000):
        timeline = Timeline()
        late = events[-lateness]
        timeline.add(event for event in events if event is not late)
        timeline.add([late])
        assert timeline.refolded <= lateness * 9 / 8 + 2 * timelines.CHECKPOINT_EVERY


def test_what_is_a_little_late_again_and_again_is_cheap(monkeypatch: pytest.MonkeyPatch):
    """The first late event goes back to a checkpoint far away, those after it to their own."""
    monkeypatch.setattr(timelines, "CHECKPOINT_EVERY", 1024)
    events = opened("1", lines=("FL",)).laps("1", 4_000, 1_000).events
    timeline = Timeline()
    timeline.add(events[:2_000])
    costs = []
    for start in range(2_000, len(events) - 20, 20):
        batch = events[start : start + 20]
        timeline.add([*batch[:-6], *batch[-5:]])
        before = timeline.refolded
        timeline.add([batch[-6]])
        costs.append(timeline.refolded - before)
    assert max(costs[1:]) <= 5 + 20 + timelines.CLOSEST
    assert timeline.race.state_hash() == race_of(timeline.events).state_hash()


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6))
def test_identities_hold_any_order_and_gaps(order, repeats):
    """A number is new once; the memory of an unbroken run is one number."""
    identities = timelines.Identities()
    assert all(identities.add(seq) for seq in order)
    assert not any(identities.add(seq) for seq in repeats)
    assert identities.dump() == [[0, 11]]


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 30)))
def test_identities_are_kept_as_ranges(first, then):
    """Whatever number a source begins with, its memory is as long as there are gaps in it."""
    identities = timelines.Identities()
    known: set[int] = set()
    for seq in first:
        assert identities.add(seq) == (seq not in known)
        known.add(seq)
    again = timelines.Identities(json.loads(json.dumps(identities.dump())))
    for seq in then:
        assert again.add(seq) == (seq not in known)
        known.add(seq)
    ranges = again.dump()
    assert [seq for low, high in ranges for seq in range(low, high + 1)] == sorted(known)
    assert all(low > before[1] + 1 for before, (low, _) in itertools.pairwise(ranges))


def test_every_race_event_is_known_to_the_fold():
    """Each type of the catalogue has a place in the dispatch, if only to be ignored."""
    race = Race()
    assert set(race._handlers) == {*ev.EVENT_TYPES.values(), CorrectionApplied, CrossingCountedOut}
