"""A network namespace for the measurement, and room for its descriptors.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from .progress import log


def isolate(script: str) -> None:
    """Runs the script again in a network namespace of its own.

    There is no packet filter there and the congestion control can be chosen for servers that don't choose it
    themselves: the host's default may pace by timers. Without the right to do so, the host's loopback has to do.
    """
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *users, "--net"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        log("no network namespace may be made: measuring on the host's loopback")
        return
    sys.stdout.flush()
    os.execvp("unshare", [*unshare, sys.executable, script, *sys.argv[1:], "--isolated", "--no-build"])


def set_up_namespace() -> None:
    bring_up_loopback()
    write_setting("tcp_congestion_control", "reno")
    # Churn leaves its connections in TIME_WAIT; they need not stay for a minute each.
    write_setting("tcp_max_tw_buckets", "4096")
    write_setting("ip_local_port_range", "1024 65535")


def write_setting(name: str, value: str) -> None:
    try:
        Path("/proc/sys/net/ipv4", name).write_text(value)
    except OSError as error:
        log(f"{name} stays as the namespace has it: {error}")


def bring_up_loopback() -> None:
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, get_flags, struct.pack("16sh22x", b"lo", 0))
        name, flags = struct.unpack("16sh22x", request)
        fcntl.ioctl(control, set_flags, struct.pack("16sh22x", name, flags | up))


def raise_descriptor_limit() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def die_with_parent() -> None:
    """Leaves no process behind, however this script ends."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
