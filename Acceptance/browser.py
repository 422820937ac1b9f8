"""Chromium as the checks of the dashboard see it. Needs chromium, chromium-driver and the Python packages selenium and axe-selenium-python."""

import ctypes
import datetime
import json
import os
import pathlib
import sys
import time
import urllib.parse

from cluster import outcome, short

try:
    from axe_selenium_python import Axe
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys  # noqa: F401
except ImportError as error:
    absent = str(error)
else:
    binaries = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
    absent = "" if any(map(os.path.exists, binaries)) and os.path.exists("/usr/bin/chromedriver") else "no Chromium, or no chromedriver"
if absent:
    # Who runs a check by hand need not have one; a run of everything has fetched it.
    print(f"{'FAIL' if os.environ.get('APUS_COMPLETE') else 'SKIP'} the dashboard in a browser: {absent} (Scripts/packages browser)")
    sys.exit(1 if os.environ.get("APUS_COMPLETE") else 0)

TOP = pathlib.Path(__file__).resolve().parent.parent
failed = False


def iso(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def check(what, isRight, more=""):
    global failed
    failed = failed or not isRight
    print(f"{'PASS' if isRight else 'FAIL'} {what}{'' if isRight or not more else ': ' + short(more, 600)}", flush=True)
    return isRight


def part(name, body, *given):
    """Looks at a part of the page. What it raises is a red line of its own, and not the end of the others."""
    verdict, observed = outcome(body, *given)
    if verdict == "SKIP":
        print(f"SKIP {name}: {observed}", flush=True)
    elif verdict == "FAIL":
        check(name, False, observed)


def soon(seconds, test):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            return False
        time.sleep(.3)
    return True


def enter_network(lab, member):
    """From here on this process, and the browsers that it starts, are in the network of a lab's member; sockets in the file system are still those
    of the nodes."""
    descriptor = os.open(f"/run/apus-lab/{lab}/namespaces/net/{member}", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(descriptor)


class Browser:
    def __init__(self, base, width=1280, height=1000, scheme="light", pictures=None):
        self.pictures = pictures
        self.isUnguarded = False
        options = Options()
        options.binary_location = next(filter(os.path.exists, binaries))
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run", "--ignore-certificate-errors", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.base = base

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def open(self, path, until="main h1, main .figs, form"):
        self.driver.get(self.base + path)
        return self.wait(lambda: self.all(until))

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def js(self, text, *values):
        return self.driver.execute_script(text, *values)

    def wait(self, test, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = test()
            except Exception:  # drawn anew meanwhile
                found = None
            if found:
                return found
            time.sleep(.1)
        return None

    def text(self, css="main"):
        return self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')", css)

    def complaints(self):
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] == "SEVERE"]

    def hosts(self):
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(urllib.parse.urlsplit(message["params"]["request"]["url"]).hostname or "")
        return found - {"", urllib.parse.urlsplit(self.base).hostname, None}

    def axe(self, within=None):
        """What breaks a rule of WCAG 2.0 A and AA or 2.1 AA; this axe (3.1) knows none by the names of 2.1 A and 2.2.
        within: looks at what this selector finds alone, as at a dialog."""
        if not self.isUnguarded:
            self.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
            self.driver.refresh()
            self.wait(lambda: self.all("main h1, main .figs, form"))
        time.sleep(.8)
        source = pathlib.Path(Axe(self.driver).script_url).read_text()
        # It is older than groups of terms: a `div` in a `dl` may hold them.
        run = """axe.run(%s, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id,
            html: v.nodes.filter(n => v.id !== 'dlitem' || !document.querySelector(n.target[0])?.matches('dl > div > *')).map(n => n.html.slice(0, 160)).slice(0, 3)})).filter(v => v.html.length)))"""
        run %= f"document.querySelector({json.dumps(within)})" if within else "document"
        answer = self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": source + ";\n" + run, "awaitPromise": True, "returnByValue": True})
        value = answer["result"].get("value")
        result = json.loads(value) if isinstance(value, str) else [{"id": "axe did not run", "html": str(answer)[:400]}]
        if not self.isUnguarded:
            self.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
        return [f"{v['id']}: {v['html']}" for v in result]

    def unguard(self):
        """From here on the pages' policy, which lets no script in, is not in force: `axe` need not load each of them again."""
        self.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        self.isUnguarded = True

    def picture(self, name):
        if self.pictures:
            self.driver.save_screenshot(f"{self.pictures}/{name}.png")

    def brush(self, element, a, b):
        """Draws from one part of the width to another."""
        width = element.size["width"]
        at = lambda part: int((part - .5) * width)
        ActionChains(self.driver, duration=40).move_to_element_with_offset(element, at(a), 0).click_and_hold().move_to_element_with_offset(element, at(b), 0).release().perform()

    def range(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.driver.current_url).query))
        return tuple(milliseconds(query[key]) if key in query else None for key in ("from", "to"))

    def sign_in(self, name, password):
        self.open("/", "input[name=name], main .figs")
        if self.all("main .figs"):
            return True
        self.all("input[name=name]")[0].send_keys(name)
        self.all("input[name=password]")[0].send_keys(password, Keys.ENTER)
        return self.wait(lambda: self.all("main .figs, main .empty"), 40)

    def lines(self):
        """Every line that the list of the page has, by scrolling through it: {(milliseconds, text)}."""
        read = "return [...document.querySelectorAll('.log li[data-x]')].map(e => [+e.dataset.x, e.querySelector('.tx').textContent])"
        found, top = set(), 0
        self.js("const e = document.querySelector('.log'); if (e.classList.contains('box')) e.scrollTop = 0")
        in_sight = "const e = document.querySelector('.log'), b = e.getBoundingClientRect(), y = b.top + b.height / 2; return !e.querySelector('[data-x]') || [...e.querySelectorAll('[data-x]')].some(x => { const r = x.getBoundingClientRect(); return r.top <= y + 40 && r.bottom >= y - 40 }) || e.scrollHeight < b.height"
        while True:
            time.sleep(.1)
            self.wait(lambda: self.js(in_sight), 2)
            found |= {(int(x), text) for x, text in self.js(read)}
            height, seen = self.js("const e = document.querySelector('.log'); return [e.scrollHeight, e.clientHeight]")
            if top + seen >= height:
                return found
            top += max(40, seen // 2)
            self.js("document.querySelector('.log').scrollTop = arguments[0]", top)
