"""A CPU spike, a burst of lines and an OOM kill at known moments in real containers: brushing the spike shows exactly those lines and that event on
every page, in both languages, light and dark, wide and narrow."""

import time

from browser import Browser, check, iso
from cluster import poll
from dashboard_probe import ALONE, BURST, SERVICE, Probe

# language, width, scheme
LOOKS = [("en", 1280, "light"), ("zh-Hant", 1280, "dark"), ("zh-Hant", 390, "dark"), ("en", 390, "light")]
QUIET = 70


def look(cluster, base, password, pictures):
    probe = Probe(cluster)
    probe.begin()
    try:
        time.sleep(QUIET)  # what the spike is to stand out from: some samples, of which there is one in ten seconds
        began, ended = probe.strike()
        check(f"two containers worked for {(ended - began) / 1000:.0f} s and ended at their memory limit", True)
        time.sleep(25)
        now = time.time() * 1000
        frame = (now - 16 * 60_000, now)
        for language, width, scheme in LOOKS:
            with Browser(base, width, 1000, scheme, pictures) as page:
                if check(f"{language} {width} {scheme}: signed in", page.sign_in("vera", password), page.text("body")):
                    if (language, width) == ("en", 1280):
                        where(page, probe, f"{language} {width}")
                    each(page, probe, frame, (began - 12_000, ended + 12_000), f"{language} {width} {scheme}", language)
                check(f"{language} {width} {scheme}: no other host is asked", not page.hosts(), page.hosts())
    finally:
        probe.end()


def pages(probe):
    """Path, whose lines (None: no list, or ids), whose events (None: no list), how many of them at most."""
    service = list(probe.ids.values())
    everything = service + [probe.alone]
    of_node = [probe.container] + ([probe.alone] if probe.far is probe.node else [])
    return [
        ("/", everything, "all", 14), (f"/services/{SERVICE}", service, ("service", probe.service), 30), (f"/tasks/{probe.task}", [probe.container], ("task", probe.task), 30),
        (f"/containers/{probe.alone}", [probe.alone], ("container", probe.alone), 30), (f"/nodes/{probe.node.name}", of_node, ("node", probe.node_id), 30),
        ("/logs", everything, None, 0), ("/events", None, "all", 400)]


def where(page, probe, label):
    """The container of no task on another node than the manager that is asked: its node is named, and nothing but looking is offered."""
    page.open("/containers", "main table")
    shown = lambda: [row.text for row in page.all("main tbody tr") if ALONE in row.text]
    check(f"{label}: a container of another node is listed with its node", page.wait(lambda: any(probe.far.name in text for text in shown())), shown())
    page.open(f"/containers/{probe.alone}", "main .head h1")
    check(f"{label}: its page names its node, and offers no terminal", probe.far.name in page.text(".head") and not [x for x in page.all(".head button")], page.text(".head"))
    told = probe.manager.docker("logs", probe.alone, check=False)
    check(f"{label}: the manager's API has no such container", told.code != 0 and "No such container" in told.text, told.text)


def each(page, probe, frame, spike, label, language):
    for path, whose, concerns, most in pages(probe):
        name = f"{label} {'/'.join(path.split('/')[:2])}"
        page.open(f"{path}?from={iso(frame[0])}&to={iso(frame[1])}&last=15m&lang={language}&zone=utc")
        drawn = page.wait(lambda: page.all(".strip .grid") and (path == "/events" or len(page.all(".chart .plot .ln")) > 1), 20)
        if not check(f"{name}: charts are drawn", drawn, page.text()):
            continue
        chart = page.all(".strip")[0] if path == "/events" else cpu(page)
        page.js("arguments[0].scrollIntoView({block: 'center'})", chart)
        # A node's processors are this machine's, whatever else it does: its own containers' alone tell of them.
        if path.split("/")[1] in ("services", "tasks", "containers"):
            top, inside, outside = peaks(page, chart, frame, spike)
            check(f"{name}: the spike stands out in the chart", inside > 3 * max(outside, top / 50), (top, inside, outside))
        part = lambda at: (at - frame[0]) / (frame[1] - frame[0])
        page.brush(chart, part(spike[0]), part(spike[1]))
        if not check(f"{name}: a brush is the range", page.wait(lambda: page.range()[0] and page.range()[0] > frame[0] + 1000), page.driver.current_url):
            continue
        a, z = page.range()
        near = 2.5 * (frame[1] - frame[0]) / chart.size["width"]  # pixels
        check(f"{name}: it is the one that was drawn", abs(a - spike[0]) < near and abs(z - spike[1]) < near, (a - spike[0], z - spike[1], near))
        if whose is not None:
            # Of the service one container works, and the one beside it.
            lines(page, probe.lines(a, z, whose), name, a, z, BURST * len({probe.container, probe.alone}.intersection(whose)))
        if concerns is not None:
            events(page, probe.events(a, z, None if concerns == "all" else concerns), name, most)
        else:
            marked = page.wait(lambda: page.all(".vol .mk.red") and page.all(".strip .mk.red"))
            check(f"{name}: the kill is marked in the volume of lines", marked)
        over = page.js("return document.documentElement.scrollWidth - innerWidth")
        check(f"{name}: nothing sticks out, no complaint", not (said := page.complaints()) and over <= 0, (over, said))
        page.js("scrollTo(0, 0)")
        page.picture(f"brushed{path.split('/')[1] and '-' + path.split('/')[1]}-{label.replace(' ', '-')}")
        found = page.axe()
        check(f"{name}: axe finds nothing", not found, found)


def cpu(page):
    return page.js("return [...document.querySelectorAll('.chart')].find(e => e.querySelector('h3').textContent === 'CPU').querySelector('.plot')")


def peaks(page, chart, frame, spike):
    """The chart's height, and the highest point of its lines within the spike and outside of it, in the chart's own units."""
    return page.js("""
        const svg = arguments[2], [,, w, h] = svg.getAttribute('viewBox').split(' ').map(Number), bottom = h - 18;
        const a = arguments[0] * w, z = arguments[1] * w; let inside = 0, outside = 0;
        for (const line of svg.querySelectorAll('.ln')) for (const m of line.getAttribute('d').matchAll(/[ML]([\\d.-]+) ([\\d.-]+)/g)) {
            const x = +m[1], y = bottom - m[2];
            if (x >= a && x <= z) inside = Math.max(inside, y); else if (x < a - 12 || x > z + 12) outside = Math.max(outside, y);
        }
        return [bottom, inside, outside]""", *[(at - frame[0]) / (frame[1] - frame[0]) for at in spike], chart)


def lines(page, wanted, name, a, z, bursts):
    # The list has been fetched anew when it has nothing of another time any more.
    page.wait(lambda: page.js("const x = [...document.querySelectorAll('.log li[data-x]')].map(e => +e.dataset.x); return x.length && x.every(x => x >= arguments[0] && x <= arguments[1])", a, z))
    time.sleep(.5)
    shown = set()

    def same():
        shown.clear()
        shown.update(page.lines())
        return shown == wanted
    right = page.wait(same, 40)
    burst = sum("msg=burst" in text for _, text in wanted)
    check(f"{name}: exactly the {len(wanted)} lines of that time, {burst} of the burst", right and burst == bursts,
          f"missing {sorted(wanted - shown)[:3]} of {len(wanted)}, too many {sorted(shown - wanted)[:3]} of {len(shown)}")


def events(page, wanted, name, most):
    read = "return [...document.querySelectorAll('.events time')].map(e => Date.parse(e.title))"
    expected = sorted((at for at, _, _ in wanted), reverse=True)[:most]
    right = page.wait(lambda: page.js(read) == expected, 40)
    kill = [action for _, _, action in wanted if action == "oom"]
    words = page.text(".events")
    check(f"{name}: exactly the {len(expected)} events of that time, the kill among them", right and kill and ("out of memory" in words or "記憶體" in words),
          f"shown {page.js(read)}, told {expected} {sorted(wanted)} {words}")
