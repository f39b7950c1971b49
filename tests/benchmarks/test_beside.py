"""Two trees in one run: each runs its own code, in turns, on the same work."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rigs.beside import HERE, NOW, in_turns, output_of, trees
from benchmarks.rigs.orders.venue_recorder import VenueRecorder
from benchmarks.rigs.replay.replay_workloads import generate

WORKER = str(HERE / "benchmarks" / "rigs" / "replay" / "replay_worker.py")


def a_job(folder: Path, count: int, *, alone: bool) -> str:
    generate(folder / "capture", count)
    files = {"files": [str(folder / "capture")], "resolved": list[str]()}
    return json.dumps({**files, "limits": {}, "points": [], "alone": alone})


def test_trees_take_turns_and_the_first_of_a_turn_is_not_always_the_same() -> None:
    asked: list[str] = []

    found = in_turns({"now": Path("a"), "then": Path("b")}, 2, lambda tree: asked.append(tree.name) or tree.name)

    assert asked == ["a", "b", "b", "a"]
    assert found == {"now": ["a", "a"], "then": ["b", "b"]}


def test_without_a_commit_there_is_only_this_tree() -> None:
    with trees("") as places:
        assert places == {NOW: HERE}


def test_a_trees_own_code_is_imported_wherever_another_is_installed(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("WHOSE = 'theirs'\n", encoding="utf-8")

    said = output_of(tmp_path, ["-c", "import shared; print(shared.WHOSE)"])

    assert said == "theirs\n"


@pytest.mark.process
@pytest.mark.parametrize("alone", [False, True])
def test_the_worker_tells_signals_and_cpu_of_a_run_and_of_decoding_alone(tmp_path: Path, *, alone: bool) -> None:
    found = json.loads(output_of(HERE, [WORKER], given=a_job(tmp_path, 500, alone=alone)))

    assert found["signals"] == 500
    assert found["cpu_s"] > 0


@pytest.mark.sockets
class TestVenueRecorder:
    def test_an_order_is_taken_whole_and_told_once(self) -> None:
        order = {"order": {"makerAmount": "5000000", "takerAmount": "10000000"}}

        taken, told, again = asyncio.run(
            _answers([("POST", "/clob/order", order), ("GET", "/clob/recorded", None), ("GET", "/clob/recorded", None)])
        )

        assert (taken["status"], taken["makingAmount"], taken["takingAmount"]) == ("matched", "5.000000", "10.000000")
        assert len(told) == 1
        assert again == []

    def test_all_else_is_passed_on_and_answered_as_it_is(self) -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            said = json.dumps(head.split(b" ")[1].decode()).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
            writer.close()
            await writer.wait_closed()

        async def asked() -> list[Any]:
            there = await asyncio.start_server(echo, "127.0.0.1", 0)
            async with there:
                return await _answers([("GET", "/clob/book?token_id=1", None)], there.sockets[0].getsockname()[1])

        assert asyncio.run(asked()) == ["/clob/book?token_id=1"]


async def _answers(asked: list[tuple[str, str, Any]], port: int = 0) -> list[Any]:
    """Ask a recorder in front of `port` on one connection; return the bodies."""
    recorder = VenueRecorder("127.0.0.1", port, "/clob")
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await recorder.serve(reader, writer)
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        found = [await _ask(reader, writer, *one) for one in asked]
        writer.close()
        await writer.wait_closed()
        await ended.wait()
        return found


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: object) -> Any:
    text = b"" if body is None else json.dumps(body).encode()
    writer.write(f"{method} {path} HTTP/1.1\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    return json.loads(await reader.readexactly(length))
