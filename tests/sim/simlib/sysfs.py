# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attributes as a person or another program writes them, whose refusal is an answer."""

import os


def write(path, text):
    """0 or the errno."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        return error.errno
    return 0
