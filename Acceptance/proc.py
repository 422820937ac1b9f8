"""What /proc says; of a process that has ended, nothing."""

import os


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""
