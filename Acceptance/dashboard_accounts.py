"""Accounts of the dashboard on a lab."""

import os

from cluster import run

PASSWORD = "correct horse battery"


def own(cluster, *words, stdin=None, node=None):
    return run([cluster.apus, *words], 60, dict(os.environ, DOCKER_HOST=(node or cluster.manager).docker_host), stdin)


def without_accounts(cluster):
    """Removes those that are there of ours."""
    for name in ("vera", "otto"):
        own(cluster, "dashboard", "user", "rm", name)


def accounts(cluster):
    """A viewer and an operator; the page's address."""
    from browser import check, soon
    for name, role in (("vera", "viewer"), ("otto", "operator")):
        made = own(cluster, "dashboard", "user", "add", name, "--role", role, "--password-stdin", stdin=PASSWORD.encode())
        check(f"an account of a {role} is made", made.code == 0, made.text)
    base = f"https://{cluster.manager.address}:2378"
    answers = lambda: run(["curl", "-sk", "-o", "/dev/null", "--max-time", "3", base + "/"]).code == 0
    check("the manager's address serves the page", soon(30, answers))
    return base
