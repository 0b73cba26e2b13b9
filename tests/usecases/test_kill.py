"""A server that is killed with SIGKILL while four clients add pictures loses nothing it
acknowledged.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path

from tests.live import ROOT, Live, start

CLIENTS = 4
ROUNDS = 3
ENOUGH = 24
"""Acknowledged pictures in a round after which the server is killed, wherever it happens to be
then.
"""


def add_until_killed(server: Live, round_number: int) -> set[str]:
    """The names acknowledged by a server that was killed under four clients."""
    arguments = [server.url, server.host, server.key_id, server.secret]
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.adding", *arguments, f"r{round_number}c{number}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(CLIENTS)
    ]
    names: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read(client: subprocess.Popen[str]) -> None:
        assert client.stdout is not None
        for line in client.stdout:
            names.put(line.strip())
        client.stdout.close()

    readers = [threading.Thread(target=read, args=(client,)) for client in clients]
    for reader in readers:
        reader.start()
    acknowledged = {names.get(timeout=120) for _ in range(ENOUGH)}
    server.kill()
    for reader in readers:
        reader.join()
    assert [client.wait() for client in clients] == [0] * CLIENTS
    while not names.empty():
        acknowledged.add(names.get())
    return acknowledged


def stored(server: Live) -> set[str]:
    """Every name in the collection, asked product by product."""
    found: set[str] = set()
    for product in {
        f"r{round_number}c{client}" for round_number in range(ROUNDS) for client in range(CLIENTS)
    }:
        number = 0
        while server.call(
            "CheckImageExists",
            {"InstanceName": "generic", "ProductId": product, "PicName": f"{product}-{number}.png"},
        )["Exists"]:
            found.add(f"{product}-{number}.png")
            number += 1
    return found


def test_kill_9_under_four_clients_loses_no_acknowledged_picture(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for round_number in range(ROUNDS):
        # a short log, so that compaction is under way in some of the rounds
        server = start(tmp_path, compact_log_objects="16")
        try:
            acknowledged |= add_until_killed(server, round_number)
        finally:
            server.kill()
            assert server.process.stdout is not None
            server.process.stdout.close()
    server = start(tmp_path)
    try:
        found = stored(server)
        count = server.call("Detail", {"InstanceName": "generic"})["Instance"]["TotalCount"]
    finally:
        server.kill()
        assert server.process.stdout is not None
        server.process.stdout.close()
    assert len(acknowledged) >= ROUNDS * ENOUGH
    assert acknowledged <= found
    # one picture more per client and kill may be stored without its answer having arrived
    assert count == len(found) <= len(acknowledged) + ROUNDS * CLIENTS
