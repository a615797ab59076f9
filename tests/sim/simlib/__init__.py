# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulator's harness: see ../README.md."""
