"""A push connection: what goes wrong is named, and nothing waits longer than it may."""

import socket
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from shared.domain.errors import BadConfig, Unavailable
from shared.websocket import MAX_FRAME_BYTES, SLOW_CONSUMER, SocketClosed, open_socket
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.sockets

LINE_CUT = 1006


def answer(connection: ServerConnection) -> None:
    """Echo; close as told."""
    for said in connection:
        if said == "bye":
            connection.close(SLOW_CONSUMER, "slow consumer")
            return
        if said == "cut":
            connection.socket.shutdown(socket.SHUT_RDWR)
        elif said == "pieces":
            connection.send(["whole ", "out of ", "pieces"])
        elif said == "ping":
            connection.send("ponged" if connection.ping().wait(PATIENCE_S) else "mute")
        elif said == "long":
            connection.send("x" * (MAX_FRAME_BYTES + 1))
        else:
            connection.send(said)


@pytest.fixture
def url() -> Iterator[str]:
    server: Server = serve(answer, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/secret-path"
    server.shutdown()
    thread.join()


def test_frames_go_both_ways_and_silence_is_none(url: str) -> None:
    line = open_socket("feed", url)

    line.send("PING")

    assert line.receive(PATIENCE_S) == "PING"
    assert line.receive(0.01) is None
    line.close()


def test_a_message_in_pieces_is_whole_and_one_that_is_too_long_ends_the_connection(url: str) -> None:
    line = open_socket("feed", url)

    line.send("pieces")
    assert line.receive(PATIENCE_S) == "whole out of pieces"
    line.send("long")

    with pytest.raises(SocketClosed):
        line.receive(PATIENCE_S)
    line.close()


def test_a_ping_of_the_peer_is_answered_by_who_waits_for_a_frame(url: str) -> None:
    line = open_socket("feed", url)

    line.send("ping")

    assert line.receive(PATIENCE_S) == "ponged"
    line.close()


def test_frames_that_came_together_are_read_in_their_order(url: str) -> None:
    line = open_socket("feed", url)
    words = [str(number) for number in range(200)]

    for word in words:
        line.send(word)

    assert [line.receive(PATIENCE_S) for _ in words] == words
    assert line.receive(0) is None
    line.close()


def test_a_peer_that_is_cut_off_is_noticed(url: str) -> None:
    line = open_socket("feed", url)
    line.send("cut")

    with pytest.raises(SocketClosed) as caught:
        line.receive(PATIENCE_S)

    assert caught.value.code == LINE_CUT
    line.close()


def test_a_slow_reader_is_told_so(url: str) -> None:
    line = open_socket("feed", url)
    line.send("bye")

    with pytest.raises(SocketClosed, match="too slowly") as caught:
        line.receive(PATIENCE_S)

    assert caught.value.code == SLOW_CONSUMER
    with pytest.raises(SocketClosed):
        line.send("PING")
    line.close()


def test_nobody_there_is_unavailable_and_names_no_path() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(Unavailable) as caught:
        open_socket("feed", f"ws://127.0.0.1:{port}/secret-path")

    assert "secret" not in str(caught.value)


def test_a_peer_that_never_shakes_hands_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Unavailable):  # or the test never ends
        open_socket("feed", f"ws://127.0.0.1:{mute.getsockname()[1]}/", timeout_s=0.2)


@pytest.mark.parametrize("url", ["https://host/", "wss://", "nonsense"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(BadConfig, match="wss://"):
        open_socket("feed", url)
