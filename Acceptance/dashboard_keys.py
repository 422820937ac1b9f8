"""The dashboard by keys alone."""

import time
import urllib.parse

from browser import ActionChains, By, Keys, check, iso


def look(Browser, base):
    with Browser(base) as b:
        b.open("/")
        body = lambda: b.driver.find_element(By.TAG_NAME, "body")
        for keys, path in (("gs", "/services"), ("gl", "/logs"), ("gn", "/nodes"), ("go", "/")):
            body().send_keys(keys)
            check(f"{keys} goes to {path}", b.wait(lambda: urllib.parse.urlsplit(b.driver.current_url).path == path))
        ActionChains(b.driver).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
        field = b.wait(lambda: b.all("dialog.pal input"))[0]
        field.send_keys("scale web")
        check("the palette finds an action", b.wait(lambda: "Scale web" in b.text("dialog.pal [aria-selected=true]")))
        field.send_keys(Keys.ENTER)
        check("it asks first", b.wait(lambda: "Scale web" in b.text("dialog.ask h2")))
        stepper = b.all("dialog.ask input")[0]
        stepper.send_keys(Keys.CONTROL, "a")
        stepper.send_keys("8")
        check("and says what it will do, and that it is recorded", b.wait(lambda: "Scale to 8" in b.text("dialog.ask") and "mei" in b.text("dialog.ask")))
        stepper.send_keys(Keys.ENTER)
        check("then it is done", b.wait(lambda: not b.all("dialog[open]")))
        b.open("/services/web")
        plot = b.wait(lambda: b.all(".chart .plot .ln") and b.all(".chart .plot")[0])
        b.js("arguments[0].focus()", plot)
        ActionChains(b.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT * 6).key_up(Keys.SHIFT).send_keys(Keys.ENTER).perform()
        check("a brush by keys is the range", b.wait(lambda: b.range()[0]))
        b.all(".chart .astable")[0].click()
        check("a chart is a table as well", b.wait(lambda: len(b.all(".chart table tbody tr")) == 13))
        rows(b)
        times(b)


def rows(b):
    """Every list is gone through with `j` and `k`, and Enter opens."""
    press = lambda *keys: ActionChains(b.driver).send_keys(*keys).perform()
    path = lambda: urllib.parse.urlsplit(b.driver.current_url).path
    query = lambda: dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(b.driver.current_url).query))
    on = lambda row, other: b.js("const e = document.activeElement; return e.matches(arguments[0]) && (arguments[1] ? e !== window.first : !window.first || e === window.first)", row, other)
    # A chosen time: no line and no event comes meanwhile.
    end = time.time() * 1000 - 5000
    chosen = urllib.parse.urlencode({"from": iso(end - 3_000_000), "to": iso(end)})
    for page, row in (("/services", "main tbody tr"), ("/nodes", "main tbody tr"), ("/networks", "main tbody tr"), ("/containers", "main tbody tr"), ("/events", ".events li"), ("/alerts", ".att li"), ("/services/web", "main tbody tr"), ("/logs", ".log li[data-x]")):
        b.open(f"{page}?{chosen}")
        several = len(b.wait(lambda: b.all(row)) or []) > 1
        press("j")
        first = b.wait(lambda: on(row, False), 5)
        b.js("window.first = document.activeElement")
        if several:
            press("j")
            second = b.wait(lambda: on(row, True), 5)
            press("k")
        check(f"j and k go through {page}", first and (not several or second and b.wait(lambda: on(row, False), 5)), b.js("return document.activeElement.outerHTML.slice(0, 200)"))
    b.open("/services")
    b.wait(lambda: b.all("main tbody tr"))
    name = b.js("return document.querySelector('main tbody tr a').textContent")
    press("j")
    press(Keys.ENTER)
    check("Enter opens the row", b.wait(lambda: path() == f"/services/{name}"), path())
    b.wait(lambda: b.all("main h1"))
    press("l")
    check("l has the service's lines", b.wait(lambda: path() == "/logs" and query().get("svc") == name), b.driver.current_url)
    b.open("/nodes/node-2")
    press("l")
    check("l has the node's lines", b.wait(lambda: path() == "/logs" and query().get("node") == "node-2"), b.driver.current_url)


def times(b):
    b.open("/services")
    b.wait(lambda: b.all("main tbody tr"))
    press = lambda *keys: ActionChains(b.driver).send_keys(*keys).perform()
    pressed = lambda: b.text(".seg [aria-pressed=true]")
    shown = lambda: b.text(".range b")
    was = pressed()
    press("-")
    check("- is a longer time", b.wait(lambda: pressed() != was), (was, pressed()))
    press("+")
    check("+ is a shorter one", b.wait(lambda: pressed() == was), (was, pressed()))
    press("[")
    check("[ goes back in time", b.wait(lambda: b.all(".live[aria-pressed=false]")))
    before = b.range()
    press("[")
    check("and on", b.wait(lambda: b.range()[0] < before[0]), (before, b.range()))
    press("]")
    check("] comes back", b.wait(lambda: b.range() == before), (before, b.range(), shown()))
    press("/")
    check("/ is the field to search in", b.wait(lambda: b.js("return document.activeElement.type") == "search"))
    b.js("document.activeElement.blur()")
    press("?")
    check("? tells the keys", b.wait(lambda: b.all("dialog[open] .keys2 dt")))
    press(Keys.ESCAPE)
    check("Esc closes it", b.wait(lambda: not b.all("dialog[open]")))
