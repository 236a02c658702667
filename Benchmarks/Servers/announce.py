"""Starting servers that don't say when they listen.

SPDX-License-Identifier: Apache-2.0
"""

import os
import socket
import time


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def become(command: list[str], port: int) -> None:
    """Becomes the server, under the same process number; a child says when it can be reached."""
    if os.fork() > 0:
        os.execvp(command[0], command)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            print(f"listening on 127.0.0.1:{port}", flush=True)
            break
    os._exit(0)
