"""What a result depends on: machine, kernel, compilers, libraries.

SPDX-License-Identifier: Apache-2.0
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from .paths import BENCHMARKS, ROOT


def versions() -> dict[str, str]:
    found = {
        "gyre": first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": f"{os.cpu_count()} x {processor()}",
        "congestion control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "swift": first_line(["swift", "--version"]),
        "C compiler": first_line(["cc", "--version"]),
        "liburing": first_line(["pkg-config", "--modversion", "liburing"]),
        "swift-nio": pinned("swift-nio"),
        "FlyingFox": pinned("flyingfox"),
        "libuv": first_line(["pkg-config", "--modversion", "libuv"]),
        "go": first_line(["go", "version"]),
        "node": first_line(["node", "--version"]),
        "rust": first_line(["rustc", "--version"]),
        "tokio": locked("tokio"),
        "nginx": first_line(["nginx", "-v"]),
        "redis": first_line(["redis-server", "--version"]),
    }
    return {name: value for name, value in found.items() if value}


def first_line(command: list[str]) -> str:
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return ""
    return result.stdout.strip().split("\n")[0] if result.returncode == 0 else ""


def processor() -> str:
    match = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1) if match else "unknown"


def pinned(package: str) -> str:
    try:
        pins = json.loads((BENCHMARKS / "Package.resolved").read_text())["pins"]
    except OSError:
        return ""
    return next((pin["state"]["version"] for pin in pins if pin["identity"] == package), "")


def locked(crate: str) -> str:
    try:
        text = (BENCHMARKS / "Tokio/Cargo.lock").read_text()
    except OSError:
        return ""
    match = re.search(rf'name = "{crate}"\nversion = "([^"]+)"', text)
    return match.group(1) if match else ""
