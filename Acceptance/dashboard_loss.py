"""A node, the manager that is looked at, and quorum are lost while the page is open: it says so, keeps what it knows greyed with its age, and comes
back by itself. Three managers."""

import os
import signal
import time

from browser import Browser, check
from cluster import expect, poll

SERVICE = "held"


def look(cluster, base, password, pictures):
    expect(len(managers(cluster)) == 3, "it takes a lab of three managers")
    count = len(cluster.nodes)
    cluster.remove_service(SERVICE)
    cluster.manager.docker("service", "create", "--detach", "--quiet", "--name", SERVICE, "--mode", "global", "busybox", "sh", "-c", "while :; do echo level=info msg=tick; sleep 1; done")
    try:
        cluster.running(SERVICE, count)
        with Browser(base, 1280, 1400, pictures=pictures) as page:
            check("signed in", page.sign_in("otto", password), page.text("body"))
            page.open("/?last=15m", "main .figs")
            check("every node's use is there", page.wait(lambda: len(page.all(".node .meters")) == count and not page.all(".node.stale"), 60), page.text(".nodes"))
            mark(page)
            try:
                node_lost(cluster, page)
                manager_lost(cluster, page)
                quorum_lost(cluster, page)
            finally:
                for node in managers(cluster):
                    cluster.lab("restart", node.name)
    finally:
        poll(90, "a manager that can remove", lambda: cluster.manager.docker("service", "rm", SERVICE, check=False).code == 0)


def managers(cluster):
    return [node for node in cluster.nodes if node.role == "manager"]


def tile(page, name):
    """What the overview has of a node: its words, whether it is greyed, its values and their age."""
    return page.js("""const e = [...document.querySelectorAll('.node')].find(e => e.querySelector('h3').textContent === arguments[0]);
        return e && [e.innerText, e.classList.contains('stale'), e.querySelector('.meters')?.innerText || '', e.querySelector('.age')?.innerText || '']""", name) or ["", False, "", ""]


def every(cluster, less=0):
    return f"{len(cluster.nodes) - less}/{len(cluster.nodes)}"


def mark(page):
    """The page is never loaded again: this would be gone."""
    page.js("window.neverLoadedAgain = true")


def by_itself(page, what):
    check(f"{what}: by itself, without loading the page again", page.js("return window.neverLoadedAgain"))


def stop(cluster, node):
    """The daemon and its store, as a machine that is switched off; containers are left."""
    store = node.inside("cat", "/run/apus/etcd/etcd.pid").out.split()
    cluster.lab("kill", node.name)
    if store:
        try:
            os.kill(int(store[0]), signal.SIGKILL)
        except ProcessLookupError:
            pass


def figures(page):
    return page.text("main .figs")


def node_lost(cluster, page):
    lost = managers(cluster)[2]
    before = tile(page, lost.name)[2]
    stop(cluster, lost)
    began = time.monotonic()
    check("a lost node is told as down", page.wait(lambda: "down" in tile(page, lost.name)[0] and every(cluster, 1) in figures(page), 90), page.text(".nodes"))
    print(f"      told after {time.monotonic() - began:.0f} s", flush=True)
    check("it is what needs somebody", page.wait(lambda: lost.name in page.text(".att"), 30), page.text(".att"))
    check("what was known of it stays, greyed", tile(page, lost.name)[1] and "%" in tile(page, lost.name)[2], (before, tile(page, lost.name)))
    check("with its age", page.wait(lambda: "old" in tile(page, lost.name)[3], 70), tile(page, lost.name))
    check("and stays for as long as it is away", page.wait(lambda: "min" in tile(page, lost.name)[3] and "%" in tile(page, lost.name)[2], 60), tile(page, lost.name))
    check("its charts are hatched, the others' go on", page.wait(lambda: page.all(".charts .gap"), 40), tile(page, lost.name))
    check("what is not its matter is not greyed", not page.all("main.stale") and len(page.all(".node.stale")) == 1)
    page.picture("lost-node")
    cluster.lab("restart", lost.name)
    back = page.wait(lambda: every(cluster) in figures(page) and not page.all(".node.stale"), 120)
    check("back, it is as before", back and "down" not in page.text(".nodes"), page.text(".nodes"))
    by_itself(page, "the node came back")
    check("its history of the time before is drawn again", page.wait(lambda: not page.all(".charts .gap"), 60))


def manager_lost(cluster, page):
    looked_at = cluster.manager
    shown, services = figures(page), page.text("main table")
    stop(cluster, looked_at)
    check("a manager that does not answer is told, and of when what is seen is", page.wait(lambda: "No answer from" in page.text(".bar.line") and "What you see is of" in page.text(".bar.line"), 30), page.text("main")[:200])
    check("what was known stays, greyed", page.all("main.stale") and figures(page) == shown and SERVICE in page.text("main table"), (figures(page), shown))
    check("it is not live", not page.all(".live[aria-pressed=true]"))
    first = page.text(".bar.line")
    check("its age goes on", page.wait(lambda: page.text(".bar.line") != first, 30), first)
    page.picture("lost-manager")
    page.js("history.pushState(null, '', '/services/held'); dispatchEvent(new PopStateEvent('popstate'))")
    check("nothing can be done meanwhile, other pages are shown still", page.wait(lambda: page.all(".head button.btn")) and not any(x.is_enabled() for x in page.all(".head button.btn")), page.text(".head"))
    page.js("history.back()")
    page.wait(lambda: page.all("main .figs"))
    cluster.lab("restart", looked_at.name)
    check("when it is back, so is the page", page.wait(lambda: not page.all("main.stale") and not page.all(".bar.line.amber") and page.all(".live[aria-pressed=true]"), 90), page.text("main")[:300])
    by_itself(page, "the manager came back")
    check("all managers are there", page.wait(lambda: "3/3" in figures(page), 60), figures(page))


def quorum_lost(cluster, page):
    # The manager that is looked at has just come back, and each node tells it of its use within ten seconds: who is stopped before has no age.
    check("every node has told of its use again", page.wait(lambda: len(page.all(".node .meters")) == len(cluster.nodes) and not page.all(".node.stale"), 60), page.text(".nodes"))
    shown = page.text("main table")
    for node in managers(cluster)[1:]:
        stop(cluster, node)
    said = page.wait(lambda: "No quorum" in page.text(".banner"), 90)
    check("without quorum it says so, and what still works", said and "Reading only" in page.text(".banner"), page.text("main")[:300])
    check("it counts who answers", page.wait(lambda: "1 of 3" in page.text(".banner"), 30), page.text(".banner"))
    check("what is known stays", SERVICE in page.text("main table") and "3" in figures(page), (shown, page.text("main table")))
    check("with its age where nobody tells of it any more", page.wait(lambda: len(page.all(".node.stale .age")) >= 2, 100), page.text(".nodes"))
    page.picture("lost-quorum")
    page.js("history.pushState(null, '', '/services/held'); dispatchEvent(new PopStateEvent('popstate'))")
    check("every action is disabled", page.wait(lambda: page.all(".head button.btn")) and not any(x.is_enabled() for x in page.all(".head button.btn")))
    check("lines of this node come still", page.wait(lambda: page.text(".log").count("msg=tick") > 3, 30), page.text(".log"))
    page.js("history.back()")
    page.wait(lambda: page.all("main .figs"))
    for node in managers(cluster)[1:]:
        cluster.lab("restart", node.name)
    check("with quorum again the banner goes and all is as before", page.wait(lambda: not page.all(".banner") and every(cluster) in figures(page) and "3/3" in figures(page) and not page.all(".node.stale"), 150), page.text("main")[:300])
    by_itself(page, "quorum came back")
