"""Measures servers against each other; `scripts/bench --help` says how. Python's standard library is all it needs.

SPDX-License-Identifier: Apache-2.0
"""
