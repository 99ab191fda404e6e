"""The poison desk's writes: real SDK, real HTTP. Whatever fails in between, no message is lost and all of it is said."""

from collections.abc import Iterator

import pytest

from emulator.server import Emulator
from services.actions import Actions
from services.errors import AccessDenied, InvalidInput, NotFound
from services.poison.moves import PoisonMoves
from services.poison.reading import encode
from tests.contract.poison_support import INPUT, LOOSE, POISON, Bench, call, encoded, open_bench


@pytest.fixture(scope="module")
def opened(shared_emulator: Emulator) -> Iterator[Bench]:
    with open_bench(shared_emulator) as found:
        yield found


@pytest.fixture
def bench(emulator: Emulator, opened: Bench) -> Bench:
    """On a Local Azure that is empty."""
    return opened


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """The queue that messages belong to exists."""
    bench.run.services.queues.ensure([INPUT])
    return bench


def test_a_message_is_replayed_as_it_is(ready: Bench) -> None:
    """Its CorrelationId with it: the run waits for that, and the function knows a repeat by it."""
    (message,) = ready.put(POISON, call(1))

    report = ready.moves.replay(POISON, [message])

    assert (report.destination, report.is_whole) == (INPUT, True)
    assert ready.contents(INPUT) == [call(1)]
    assert ready.count(POISON) == 0


def test_only_what_was_selected_is_replayed_and_the_rest_shows_again_at_once(ready: Bench) -> None:
    """Taking one message takes those before it too: they must not stay hidden."""
    ids = ready.put(POISON, *(call(n) for n in range(40)))

    report = ready.moves.replay(POISON, [ids[35], ids[3]])

    assert [one.state for one in report.outcomes] == ["done", "done"]
    assert sorted(ready.contents(INPUT)) == sorted([call(35), call(3)])
    assert ready.count(POISON) == 38
    assert len(ready.contents(POISON)) == 32


def test_all_are_replayed_in_bounded_batches(ready: Bench) -> None:
    ready.put(POISON, *(call(n) for n in range(70)))

    report = ready.moves.replay_all(POISON, most=50)

    assert (report.count("done"), report.more) == (50, 20)
    assert report.words == f"50 messages replayed to {INPUT}. About 20 still lie there."
    assert ready.count(INPUT) == 50


def test_a_message_that_expired_after_it_was_looked_at_is_said_to_have(ready: Bench) -> None:
    expiring, staying = ready.put(POISON, call(1), time_to_live=60) + ready.put(POISON, call(2))
    look = ready.desk.look(POISON)
    ready.emulator.advance(61)

    report = ready.moves.replay(POISON, [expiring, staying], look=look)

    assert [one.state for one in report.outcomes] == ["gone", "done"]
    assert "It expired at" in report.outcomes[0].words
    assert "1 message no longer there" in report.words


def test_of_two_operators_one_replays_and_the_other_is_told(ready: Bench) -> None:
    """Both hold the same list; the message must not be sent twice."""
    (message,) = ready.put(POISON, call(1))
    assert ready.take(POISON) == message

    report = ready.moves.replay(POISON, [message])

    assert [one.state for one in report.outcomes] == ["gone"]
    assert ready.count(INPUT) == 0


def test_a_replay_whose_removal_fails_repeats_and_never_loses(ready: Bench) -> None:
    (message,) = ready.put(POISON, call(1))
    ready.fail("queues.delete_message", status=403, code="AuthorizationPermissionMismatch")

    report = ready.moves.replay(POISON, [message])

    assert [one.state for one in report.outcomes] == ["left"]
    assert isinstance(report.problem, AccessDenied)
    assert "Storage Queue Data Message Processor" in report.problem.hint and POISON in report.problem.hint
    assert ready.contents(INPUT) == [call(1)] == ready.contents(POISON)


def test_a_reply_lost_after_sending_keeps_the_message_and_says_that_nothing_is_known(ready: Bench) -> None:
    """500 after it happened: it was sent, but nobody here can know."""
    first, second = ready.put(POISON, call(1), call(2))
    ready.fail("queues.put_message", status=500, code="InternalError", when="after")

    report = ready.moves.replay(POISON, [first, second])

    assert [one.state for one in report.outcomes] == ["unsure", "untried"]
    assert ready.contents(INPUT) == [call(1)]
    assert sorted(ready.contents(POISON)) == sorted([call(1), call(2)])
    assert "perhaps sent" in report.words and "1 message not tried" in report.words


def test_a_busy_service_is_asked_again(ready: Bench) -> None:
    (message,) = ready.put(POISON, call(1))
    ready.fail("queues.put_message", status=429, code="TooManyRequests")
    ready.fail("queues.get_messages", status=503, code="ServerBusy")

    assert ready.moves.replay(POISON, [message]).is_whole
    assert ready.contents(INPUT) == [call(1)]


def test_a_refusal_to_send_names_the_role_and_keeps_everything(ready: Bench) -> None:
    ids = ready.put(POISON, call(1), call(2))
    ready.fail("queues.put_message", status=403, code="AuthorizationPermissionMismatch")

    report = ready.moves.replay(POISON, ids)

    assert [one.state for one in report.outcomes] == ["kept", "untried"]
    assert report.problem is not None and "Storage Queue Data Message Sender" in report.problem.hint
    assert len(ready.contents(POISON)) == 2


def test_a_refusal_to_take_names_the_role(ready: Bench) -> None:
    (message,) = ready.put(POISON, call(1))
    ready.fail("queues.get_messages", status=403, code="AuthorizationPermissionMismatch")

    with pytest.raises(AccessDenied) as caught:
        ready.moves.replay(POISON, [message])
    assert "Storage Queue Data Message Processor" in caught.value.hint


def test_a_destination_that_there_is_not_keeps_everything(bench: Bench) -> None:
    """The catalogue names it, but nobody has made it."""
    (message,) = bench.put(POISON, call(1))

    report = bench.moves.replay(POISON, [message])

    assert isinstance(report.problem, NotFound)
    assert bench.contents(POISON) == [call(1)]


def test_a_queue_that_is_being_deleted_keeps_everything(ready: Bench) -> None:
    (message,) = ready.put(POISON, call(1))
    ready.fail("queues.put_message", status=409, code="QueueBeingDeleted")

    assert [one.state for one in ready.moves.replay(POISON, [message]).outcomes] == ["kept"]
    assert ready.contents(POISON) == [call(1)]


def test_where_nothing_says_the_destination_a_person_chooses_it(ready: Bench) -> None:
    """Never guessed: and where it is known, nothing else is taken for it."""
    (message,) = ready.put(LOOSE, call(1))
    (known,) = ready.put(POISON, call(2))

    with pytest.raises(InvalidInput):
        ready.moves.replay(LOOSE, [message])
    with pytest.raises(InvalidInput):
        ready.moves.replay(LOOSE, [message], to="../other")
    with pytest.raises(InvalidInput):
        ready.moves.replay(POISON, [known], to="somewhere-else")
    assert ready.moves.replay(LOOSE, [message], to=INPUT).is_whole
    assert ready.contents(INPUT) == [call(1)]


def test_a_queue_of_the_same_name_is_where_messages_belong(ready: Bench) -> None:
    (message,) = ready.put("orders-poison", "x")
    ready.put("orders", "y")

    assert ready.moves.replay("orders-poison", [message]).destination == "orders"


@pytest.mark.parametrize("queue", [INPUT, "orders", "-poison", "a/../b-poison"])
def test_nothing_is_taken_from_a_queue_that_has_a_reader(ready: Bench, queue: str) -> None:
    """One receive would hide a message from the function that waits for it."""
    with pytest.raises(InvalidInput):
        ready.moves.delete(queue, ["id"])
    with pytest.raises(InvalidInput):
        ready.moves.purge(queue, queue)
    with pytest.raises(InvalidInput):
        ready.desk.look_through(queue)
    assert "queues.get_messages" not in ready.asked()


def test_one_is_deleted_and_the_others_stay(ready: Bench) -> None:
    ids = ready.put(POISON, call(1), call(2), call(3))

    assert ready.moves.delete(POISON, [ids[1]]).words == "1 message deleted."
    assert sorted(ready.contents(POISON)) == sorted([call(1), call(3)])


def test_a_queue_is_emptied_only_when_its_name_was_typed(ready: Bench) -> None:
    ready.put(POISON, call(1), call(2))
    with pytest.raises(InvalidInput):
        ready.moves.purge(POISON, POISON.upper())
    assert ready.count(POISON) == 2

    assert ready.moves.purge(POISON, f" {POISON} ").words == "About 2 messages purged."
    assert ready.count(POISON) == 0


def test_a_purge_whose_answer_was_lost_is_done_after_all(ready: Bench) -> None:
    """A queue of many: the service gives up after 30 s and wants to be asked again."""
    ready.put(POISON, call(1))
    ready.fail("queues.clear_messages", status=500, code="OperationTimedOut", when="after")

    ready.moves.purge(POISON, POISON)
    assert ready.count(POISON) == 0


def test_a_changed_message_is_sent_in_the_place_of_the_old_one(ready: Bench) -> None:
    (message,) = ready.put(POISON, encoded({"nope": 1, "CorrelationId": "c"}))
    changed = '{"query": "why", "CorrelationId": "c"}'

    assert ready.moves.replay_edited(POISON, message, changed).is_whole
    assert ready.contents(INPUT) == [encode(changed)]
    assert ready.count(POISON) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "no JSON"),
        ('{"query": "x"}', "nobody to answer"),
        ('{"query": "x", "CorrelationId": "other"}', "was changed"),
        ('{"query": 5, "CorrelationId": "c"}', "not of type 'string'"),
        ('{"CorrelationId": "c"}', "required"),
        ('{"query": "' + "x" * 60_000 + '", "CorrelationId": "c"}', "too large"),
    ],
    ids=["torn", "no correlation", "another correlation", "wrong kind", "missing", "large"],
)
def test_a_change_that_cannot_work_is_not_sent(ready: Bench, text: str, reason: str) -> None:
    (message,) = ready.put(POISON, encoded({"nope": 1, "CorrelationId": "c"}))

    with pytest.raises(InvalidInput, match=reason):
        ready.moves.replay_edited(POISON, message, text)
    assert ready.count(INPUT) == 0
    assert len(ready.contents(POISON)) == 1


def test_somebody_who_insists_may_break_the_contract_but_not_the_form(ready: Bench) -> None:
    (message,) = ready.put(POISON, encoded({"nope": 1, "CorrelationId": "c"}))

    with pytest.raises(InvalidInput):
        ready.moves.replay_edited(POISON, message, '{"query": 5}', insist=True)
    ready.moves.replay_edited(POISON, message, '{"query": 5, "CorrelationId": "c"}', insist=True)
    assert ready.count(INPUT) == 1


def test_a_message_of_64_kib_is_replayed_unchanged(ready: Bench) -> None:
    content = "A" * 65_536
    (message,) = ready.put(POISON, content)

    assert ready.moves.replay(POISON, [message]).is_whole
    assert ready.contents(INPUT) == [content]


def test_a_batch_ends_before_what_it_holds_could_be_taken_by_others(ready: Bench) -> None:
    """A slow service: what is not done in time stays where it was, and shows again."""
    ids = ready.put(POISON, call(1), call(2))
    passed_s = iter((0.0, 1.0, 46.0, 46.0))
    moves = PoisonMoves(
        ready.moves._store,
        ready.desk,
        ready.run.services.queues,
        Actions(lambda *_: None),
        lambda: next(passed_s),
    )

    report = moves.replay(POISON, ids)

    assert [one.state for one in report.outcomes] == ["done", "untried"]
    assert report.outcomes[1].words == "the time for which messages may be hidden was over"
    assert ready.contents(POISON) == [call(2)]


def test_what_is_done_is_told_with_queue_and_id_and_never_with_content(ready: Bench) -> None:
    (message,) = ready.put(POISON, call(1))
    told: list[tuple[str, str, str]] = []
    actions = Actions(lambda *what: told.append(what))
    moves = PoisonMoves(ready.moves._store, ready.desk, ready.run.services.queues, actions)
    ready.fail("queues.put_message", status=403, code="AuthorizationPermissionMismatch")

    moves.replay(POISON, [message])
    moves.replay(POISON, [message])

    target = f"{POISON}/{message}"
    assert told == [("replay message", target, "AccessDenied"), ("replay message", target, "done")]


def test_a_held_message_shows_again_by_itself(ready: Bench) -> None:
    """What a process that died between taking and sending leaves behind."""
    ready.put(POISON, call(1))
    assert len(ready.moves._store.take(POISON)) == 1
    assert ready.contents(POISON) == []

    ready.emulator.advance(61)
    assert ready.contents(POISON) == [call(1)]
