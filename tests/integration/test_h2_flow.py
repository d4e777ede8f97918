# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/2 windows and turns: a slow stream costs no memory and stops nobody, and who is urgent goes first."""

import pytest
from h2 import DEFAULT_WINDOW, FLOW_CONTROL_ERROR, H2Client
from harness import GROWTH_KB, pattern
from hyperframe.frame import SettingsFrame
from upstream import site

MIB = 1 << 20
INITIAL_WINDOW = SettingsFrame.INITIAL_WINDOW_SIZE
WINDOW_MAX = 2**31 - 1


@pytest.fixture
def proxy(engine, echo):
    """An engine before an echo server, whose buffers are warm."""
    started = engine(site(echo().port))
    with H2Client(started.address) as client:
        assert client.request(path="/bytes/3m").body == pattern(3 * MIB)
        assert client.request("POST", "/echo", body=pattern(3 * MIB)).body == pattern(3 * MIB)
    return started


@pytest.fixture
def connect(proxy):
    """connect(**options): a client of that engine."""
    clients = []

    def start(**options):
        clients.append(H2Client(proxy.address, **options))
        return clients[-1]
    yield start
    for each in clients:
        each.close()


# ---- a client that does not read

def test_a_stream_whose_window_stays_shut_costs_nothing_and_stops_nobody(proxy, connect):
    client = connect(reading=False, settings={INITIAL_WINDOW: 1000})
    client.widen(by=100 * MIB)
    before = proxy.rss_kb()
    stuck = [client.open(path="/bytes/2g") for _ in range(50)]
    client.until(lambda: all(len(each.body) == 1000 for each in stuck), "full windows")
    for _ in range(100):
        assert client.request(path="/bytes/900").body == pattern(900)
    assert proxy.rss_kb() - before < GROWTH_KB and not any(each.over for each in stuck)


def test_a_connection_whose_window_stays_shut_costs_nothing(proxy, connect):
    client = connect(reading=False, settings={INITIAL_WINDOW: WINDOW_MAX})
    before = proxy.rss_kb()
    stuck = [client.open(path="/bytes/2g") for _ in range(50)]
    client.until(lambda: client.receive_window == 0 and all(each.status for each in stuck), "a full window")
    client.ping()
    assert proxy.rss_kb() - before < GROWTH_KB
    client.widen(by=1000)
    client.until(lambda: client.receive_window == 0, "the rest of the window")


def test_a_client_that_opens_every_window_and_reads_nothing_costs_little(proxy, connect):
    client = connect(settings={INITIAL_WINDOW: WINDOW_MAX})
    client.widen(by=WINDOW_MAX - DEFAULT_WINDOW)
    before = proxy.rss_kb()
    answers = [client.open(path="/bytes/2g") for _ in range(20)]
    with H2Client(proxy.address) as other:  # after these, the engine had its turns with the first client
        for _ in range(50):
            assert other.request(path="/bytes/100k").body == pattern(100 << 10)
    assert proxy.rss_kb() - before < GROWTH_KB and not any(each.over for each in answers)


# ---- windows of the client

def test_a_stream_with_a_window_of_one_octet_finishes(connect):
    client = connect(reading=False, settings={INITIAL_WINDOW: 1})
    answer = client.open(path="/bytes/200")
    for count in range(1, 201):
        client.until(lambda: len(answer.body) == count, f"octet {count}")
        client.widen(answer)
    assert client.finish(answer).body == pattern(200)


def test_settings_widen_the_windows_of_streams_that_are_open(connect):
    client = connect(settings={INITIAL_WINDOW: 0})
    answers = [client.open(path="/bytes/1000") for _ in range(3)]
    client.until(lambda: all(each.status for each in answers), "the heads")
    assert not any(each.body for each in answers)
    for answer in answers:
        answer.receive_window += 5000
    client.send_frames(SettingsFrame(0, settings={INITIAL_WINDOW: 5000}))
    client.finish(*answers)
    assert all(each.body == pattern(1000) for each in answers)


def test_settings_may_take_windows_back_below_nothing(connect):
    client = connect(reading=False, settings={INITIAL_WINDOW: 2000})
    answer = client.open(path="/bytes/5000")
    client.until(lambda: len(answer.body) == 2000, "the first window")
    answer.receive_window -= 1500
    client.send_frames(SettingsFrame(0, settings={INITIAL_WINDOW: 500}))
    client.until(lambda: client.settings_acks == 2, "the acknowledgement")
    client.widen(answer, 1400)
    client.ping()
    assert len(answer.body) == 2000
    client.widen(answer, 3100)
    assert client.finish(answer).body == pattern(5000)


def test_an_end_without_content_needs_no_window(connect):
    client = connect(reading=False, settings={INITIAL_WINDOW: 0})
    assert client.request(path="/bytes/0").ended
    assert client.request("HEAD", "/bytes/1000").ended


def test_a_stream_window_beyond_its_maximum_resets_that_stream(connect):
    client = connect()
    stuck = client.open(path="/hang")
    client.widen(stuck, WINDOW_MAX)
    assert client.finish(stuck).reset == FLOW_CONTROL_ERROR
    assert client.request().body == b"ok"


def test_a_connection_window_beyond_its_maximum_ends_the_connection(connect):
    client = connect()
    client.widen(None, WINDOW_MAX)
    client.expect_failure(FLOW_CONTROL_ERROR)


# ---- windows of ours

def test_an_upload_to_a_slow_target_stops_at_its_window_and_stops_nobody(proxy, connect):
    client = connect()
    client.until(lambda: client.settings, "the settings")
    before = proxy.rss_kb()
    slow = client.open("POST", "/slow-read?rate=1024", ends=False)

    def is_stuck():
        return all(slow.send_window <= 0 and client.request("POST", "/count", body=b"x" * 1000).status == 200
                   for _ in range(20))
    sent = 0
    while slow.send_window > 0 or not is_stuck():  # at first the kernel takes it for the target
        piece = bytes(min(16000, slow.send_window))
        client.send_data(slow, piece)
        sent += len(piece)
        assert sent < 50 * MIB
        client.poll()
    assert client.send_window > 0, "the connection's window is not for one stream alone"
    assert client.request("POST", "/echo", body=pattern(200000)).body == pattern(200000)
    assert proxy.rss_kb() - before < GROWTH_KB


def test_content_past_the_window_is_not_taken(connect):
    client = connect()
    answer = client.open("POST", "/slow-read?rate=1024", ends=False)
    try:
        for _ in range(50 * MIB // 16000):
            client.send_data(answer, bytes(16000))
            client.poll()
            if answer.over:
                break
    except OSError:
        client.until_closed()
    assert FLOW_CONTROL_ERROR in (answer.reset, *(code for _, code, _ in client.goaways))


def test_the_windows_of_what_was_never_read_are_given_back(connect):
    """A target that answers first leaves content behind, which must not be lost to the connection."""
    client = connect()
    for _ in range(20):
        answer = client.open("POST", "/early", ends=False)
        client.send_body(answer, bytes(200000), end=False)
        assert client.finish(answer).status == 413


# ---- turns

def test_a_small_response_overtakes_a_large_one(connect):
    client = connect()
    large = client.open(path="/bytes/20m")
    client.until(lambda: large.body, "the beginning of the large one")
    assert client.request(path="/bytes/1000").body == pattern(1000)
    assert not large.over and len(large.body) < 10 * MIB


@pytest.fixture
def ready(connect):
    """ready(*fields): a client whose window of the connection is used up, and a stream for each list of fields whose
    response waits inside the engine. The client's next widen() shows who goes first."""
    def start(*requests, path="/bytes/2000", before=lambda client: None):
        client = connect(reading=False, settings={INITIAL_WINDOW: 4 * MIB})
        client.open(path=f"/bytes/{DEFAULT_WINDOW}")
        client.until(lambda: client.receive_window == 0, "a full window")
        client.turns.clear()
        before(client)
        answers = [client.open(path=path, headers=fields) for fields in requests]
        client.until(lambda: all(each.status for each in answers), "the heads")
        client.ping()
        return client, answers
    return start


def test_large_responses_take_turns(ready):
    client, answers = ready([], [], [], [], path="/bytes/2m")
    client.widen(by=8 * MIB)
    client.until(lambda: any(each.over for each in answers), "the first end")
    assert min(len(each.body) for each in answers) > MIB


def order(client, answers):
    client.widen(by=MIB)
    client.finish(*answers)
    return list(dict.fromkeys(stream for stream, _ in client.turns))


def test_the_urgent_goes_first(ready):
    client, answers = ready([("priority", "u=7")], [], [("priority", "u=0")])
    low, usual, high = (each.stream for each in answers)
    assert order(client, answers) == [high, usual, low]


def test_an_update_changes_who_is_urgent(ready):
    client, answers = ready([], [("priority", "u=1")], [])
    first, second, third = (each.stream for each in answers)
    client.prioritize(third, "u=0")
    client.prioritize(second, "u=7")
    client.ping()
    assert order(client, answers) == [third, first, second]


def test_an_update_before_its_request_counts(ready):
    client, answers = ready([], [], before=lambda client: client.prioritize(5, "u=0"))
    first, second = (each.stream for each in answers)
    assert second == 5 and order(client, answers) == [second, first]


def test_a_priority_that_is_none_is_ignored(connect):
    assert connect().request(headers=[("priority", "u=9, ;;;")]).body == b"ok"
