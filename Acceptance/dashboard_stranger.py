"""What somebody tries at the dashboard who should not be there, from the lab's client: without an account, with a viewer's, from another site in an
operator's browser, by what containers are called and write, and by asking too much."""

import base64
import concurrent.futures
import http.server
import json
import os
import socket
import threading
import time

from browser import Browser, By, check, soon
from cluster import Failure, poll
from dashboard_accounts import own
from dashboard_wire import Caller, Frames

SERVICE = "hostile"
SOON = 3  # Seconds in which others are answered.
MARKUP = "<img src=x onerror=window.taken=1><script>window.taken=1</script>"
# Markup, colours of a terminal, what clears it, what turns text round, NUL, a line of 200 kB, a level that is markup, no UTF-8.
WRITES = (r"""printf '%s\n' "$M"; printf '\033[31mred\033[0m line\n'; printf 'wipe\033[2J\033[H\rover\n'; printf 'name\342\200\256gpj.exe\n'; printf 'nul\000end\n';"""
          r"""head -c 200000 /dev/zero | tr '\0' w; echo; printf '{"level":"%s"}\n' "$M"; printf 'bytes\377\376\n'; printf 'level=error %s\n' "$M" >&2; echo all-said; exec sleep 100000""")


def look(cluster, base, password, pictures):
    daemon = cluster.manager.pid
    vera, otto = Caller(base).sign_in("vera", password), Caller(base).sign_in("otto", password)
    without(base)
    sessions(base, vera)
    sites(cluster, base, password)
    written(cluster, base, password, pictures)
    values(vera, otto)
    # The minute that the guesses close goes by meanwhile.
    passwords(base, vera, password)
    slow(cluster, base, vera)
    many(cluster, base, vera)
    ended(cluster, base, password)
    status, _, _ = Caller(base, vera.cookie).ask("GET", "/ui/v1/session")
    cluster.refresh()
    check("after all this the same daemon answers", status == 200 and daemon == cluster.manager.pid and os.path.exists(f"/proc/{daemon}"), (status, daemon))


def without(base):
    """Nobody is signed in."""
    nobody = Caller(base)
    paths = ["state", "stream", "query?series=cpu&from=0&to=1", "logs?from=0&to=1", "logs/download?from=0&to=1", "logs/volume?from=0&to=1", "events?from=0&to=1"]
    for cookie in (None, "", ".", "e30.e30", "x" * 5000):
        nobody.cookie = cookie
        got = {path: nobody.ask("GET", "/ui/v1/" + path)[0] for path in paths}
        check(f"nothing is told to the cookie {str(cookie)[:9]!r}", set(got.values()) == {401}, got)
    orders = {name: Caller(base).ask("POST", f"/ui/v1/actions/{name}", "{}", own=True)[0] for name in ("scale", "restart", "update", "rollback", "availability", "silence")}
    check("nothing is done for whoever has not signed in", set(orders.values()) == {401}, orders)
    _, headers, _ = Caller(base).ask("GET", "/")
    policy = headers.get("content-security-policy", "")
    check("nothing frames the page, and it runs no script but its own", "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy and headers.get("x-content-type-options") == "nosniff", headers)
    for path in ("/a/../../../etc/passwd", "/a/%2e%2e/%2e%2e/etc/passwd", "/a//etc/passwd", "/a/..%2findex.html", "/ui/v1/../../etc/passwd", "/ui/v1/actions/../state"):
        status, _, body = Caller(base).ask("GET", path)
        check(f"{path} leads nowhere", "root:" not in body and status in (401, 404), (status, body[:80]))


def sessions(base, vera):
    """A viewer's cookie, changed."""
    payload, code = vera.cookie.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    sealed = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    tried = [payload, payload + ".", "." + code, payload + "." + code[:-2], payload + "." + code + "AA", sealed(dict(said, name="otto")) + "." + code,
             sealed(dict(said, name="local")) + "." + code, sealed(dict(said, expires=1 << 62)) + "." + code, sealed(dict(said, role="operator")) + "." + code]
    got = [Caller(base, cookie).ask("GET", "/ui/v1/state")[0] for cookie in tried]
    check("a session that was changed is none", set(got) == {401} and vera.ask("GET", "/ui/v1/state")[0] == 200, got)
    status, _, _ = Caller(base).ask("POST", "/ui/v1/session/link", json.dumps({"token": "x"}), own=True)
    check("a link is of no use elsewhere", status == 401, status)


class Evil(http.server.BaseHTTPRequestHandler):
    base = ""
    heard = []

    def do_GET(self):
        body = (f"<iframe id=f src='{self.base}/'></iframe><form id=o method=post enctype=text/plain action='{self.base}/ui/v1/actions/scale'><input name='{{\"service\":\"x\"' value='1}}'></form>"
                f"<script src='{self.base}/a/app.js' type=module onload=\"window.stolen=1\"></script>"
                f"<script>fetch('{self.base}/ui/v1/state',{{credentials:'include'}}).then(r=>r.text()).then(t=>window.stolen=t,e=>window.kept=1);"
                f"fetch('{self.base}/ui/v1/actions/restart',{{method:'POST',mode:'no-cors',credentials:'include',body:'{{}}'}});</script>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def sites(cluster, base, password):
    """An operator looks at another site."""
    Evil.base = base
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Browser(base) as page:
            page.sign_in("otto", password)
            page.driver.get("http://127.0.0.1:8000/")
            kept = page.wait(lambda: page.js("return window.kept"), 15)
            check("another site reads nothing in an operator's browser", kept and not page.js("return window.stolen"), page.js("return String(window.stolen)"))
            page.driver.switch_to.frame(page.driver.find_element(By.ID, "f"))
            check("and cannot frame the page", not page.all("#root, .app, form"))
            page.driver.switch_to.default_content()
            page.js("document.getElementById('o').submit()")
            time.sleep(1)
            told = page.text("body")
            check("and a form of its own is refused", "crossSite" in told or not told.strip(), told)
    finally:
        server.shutdown()
    operator = Caller(base).sign_in("otto", password)
    for headers in ({}, {"X-Apus": "1"}, {"Sec-Fetch-Site": "same-origin"}, {"X-Apus": "1", "Sec-Fetch-Site": "cross-site"}, {"X-Apus": "1", "Sec-Fetch-Site": "same-site"}, {"X-Apus": "1", "Sec-Fetch-Site": "none"}):
        status, _, body = operator.ask("POST", "/ui/v1/actions/restart", json.dumps({"service": "x", "version": 1}), headers=headers)
        check(f"a write with {headers or 'neither header'} is refused", status == 403, (status, body))


def written(cluster, base, password, pictures):
    """What containers are called and write."""
    cluster.remove_service(SERVICE)
    made = cluster.manager.docker("service", "create", "--detach", "--quiet", "--name", SERVICE, "--label", f"shown={MARKUP}", "--label", "long=" + "L" * 100_000, "--label", "turned=a\u202eb",
                                  "--env", f"M={MARKUP}", "busybox", "sh", "-c", WRITES, check=False)
    if made.code != 0:
        raise Failure(f"no hostile service: {made.text[-300:]}")
    name = "hostile-alone"
    cluster.manager.docker("run", "-d", "--name", name, "--label", f"l={MARKUP}", "--env", f"M={MARKUP}", "busybox", "sh", "-c", WRITES)
    try:
        cluster.running(SERVICE, 1)
        service = cluster.manager.inspect("service", SERVICE)["ID"]
        vera = Caller(base).sign_in("vera", password)
        window = lambda: f"from={int(time.time() * 1000) - 600_000}&to={int(time.time() * 1000)}"
        soon(30, lambda: "all-said" in vera.ask("GET", f"/ui/v1/logs?scope=service:{service}&{window()}")[2])
        page_of = vera.json(f"/ui/v1/logs?scope=service:{service}&{window()}")
        longest = max(len(line["text"].encode()) for line in page_of["lines"])
        check("a line of 200 kB is told with a bound", longest <= 16 << 10 and any(line["text"].startswith("wwww") for line in page_of["lines"]), longest)
        state = vera.ask("GET", "/ui/v1/state")[2]
        check("a label of 100 kB is not told to every tab", len(state) < 60_000, len(state))
        container = cluster.manager.inspect("container", name)["Id"]
        for width in (1280, 390):
            with Browser(base, width, 1000, "dark", pictures) as page:
                page.sign_in("vera", password)
                for path in ("/", f"/services/{SERVICE}", "/logs", "/events", "/services", f"/containers/{container}"):
                    page.open(path)
                    page.wait(lambda: path in ("/events", "/services") or "all-said" in page.text(".log") or page.lines(), 15)
                    taken = page.js("return window.taken")
                    check(f"{path} {width}: markup stays text", not taken and not page.all("main img, main script, .side img"), taken)
                    over = page.js("return document.documentElement.scrollWidth - innerWidth")
                    check(f"{path} {width}: nothing sticks out, no complaint", not (said := page.complaints()) and over <= 0, (over, said))
                page.open(f"/services/{SERVICE}")
                page.wait(lambda: page.all(".log li[data-x]"))
                said = {text for _, text in page.lines()}
                check(f"{width}: it is shown as it was written", MARKUP in said and MARKUP in page.text(".facts") and "level=error " + MARKUP in said, sorted(said, key=len)[:9])
                check(f"{width}: what would clear, hide or turn round is seen", {"red line", "wipe␛[2J␛[H␍over", "name‹202e›gpj.exe", "nul␀end"} <= said and "‹202e›" in page.text(".facts"), sorted(said, key=len)[:9])
                page.picture(f"hostile-{width}")
    finally:
        cluster.manager.docker("rm", "-f", name, check=False)
        cluster.remove_service(SERVICE)


def values(vera, otto):
    """Numbers and sizes that nobody means."""
    bad = ["from=0&to=99999999999999", "from=5&to=1", "from=x&to=1", "to=1", "from=-1&to=5", "from=9223372036854775808&to=1", "from=1e3&to=2e3", "from=0&to=1&limit=0", "from=0&to=1&limit=-5",
           "from=0&to=1&scope=" + ",".join(["service:a"] * 65), "from=0&to=1&scope=what:ever", "from=0&to=1&text=" + "x" * 300, "from=0&to=1&scope=network:x"]
    got = {query[:40]: vera.ask("GET", f"/ui/v1/logs?{query}")[0] for query in bad}
    check("what makes no sense is refused", set(got.values()) == {400}, got)
    order = {"service": "x", "version": 1, "replicas": 1}
    bodies = ["{", "[]", "null", "1", "[" * 16000, '{"a":' * 3000, json.dumps(dict(order, replicas=-1)), json.dumps(dict(order, replicas=1 << 65)), json.dumps(dict(order, replicas=1e300)), json.dumps(dict(order, replicas=100_001)),
              json.dumps(dict(order, service="x" * 200)), json.dumps(dict(order, version="1")), "\ud800".encode("utf-8", "surrogatepass"), b"\xff" * 100]
    got = {str(body)[:30]: otto.ask("POST", "/ui/v1/actions/scale", body, own=True)[0] for body in bodies}
    check("an order that makes no sense is refused", set(got.values()) == {400}, got)
    status, _, _ = otto.ask("POST", "/ui/v1/actions/scale", "x" * 20_000, own=True)
    check("a large body is refused", status == 413, status)
    got = []
    for head in (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
                 b"\0\1\2\3" * 100, b"POST /ui/v1/session HTTP/1.1\r\nHost: x\r\nX-Apus: 1\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /ui/v1/session HTTP/1.1\r\nHost: x\r\nX-Apus: 1\r\nSec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"):
        got.append(answer(vera, head))
    check("what is no request, or too much of one, gets an error or an end", all(text == b"" or text.split(b" ")[1][:1] == b"4" for text in got), got)


def answer(caller, data, seconds=15):
    connection = caller.connect("http/1.1", timeout=seconds)
    try:
        connection.sendall(data)
        return connection.recv(200)
    except ConnectionError:
        return b""
    except TimeoutError:
        return b"no answer"
    finally:
        connection.close()


def memory(cluster):
    """Bytes of the daemon in memory."""
    with open(f"/proc/{cluster.manager.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def from_the_manager(cluster, base):
    """Whether another machine gets an answer meanwhile, and after how long: the best of three, as others may have had the processor."""
    found = []
    while len(found) < 3 and not any(took < SOON for took, _ in found):
        began = time.monotonic()
        got = cluster.inside(cluster.manager.name, "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "8", base + "/", timeout=15).out.strip()
        found.append((time.monotonic() - began, got == "200"))
    took, right = min(found)
    return right, took


def slow(cluster, base, vera):
    """Clients that say nothing, or take nothing."""
    silent = []
    for _ in range(200):
        connection = socket.create_connection((vera.host, vera.port), 5)
        connection.settimeout(20)
        silent.append(connection)
    right, took = from_the_manager(cluster, base)
    check(f"with 200 connections that say nothing another machine is answered in {took:.1f} s", right and took < SOON, took)

    def closed(connection):
        try:
            return connection.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False
    check("all of them are closed", all(closed(connection) for connection in silent))
    before = memory(cluster)
    readers = []
    for _ in range(40):
        connection = vera.connect("http/1.1")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET /ui/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: __Host-apus={vera.cookie}\r\n\r\n".encode())
        readers.append(connection)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: cluster.manager.docker("run", "--rm", "busybox", "true", check=False), range(10)))
    grown = memory(cluster) - before
    right, took = from_the_manager(cluster, base)
    check(f"40 tabs that take nothing cost {grown / 1e6:.0f} MB, and another machine is answered in {took:.1f} s", grown < 100e6 and right and took < SOON, (grown, took))
    for connection in readers:
        connection.close()


def many(cluster, base, vera):
    """Thousands of streams in one connection."""
    before = memory(cluster)
    frames = Frames(vera)
    counts = push(frames, [frames.request("/ui/v1/state")[0]])
    check("a request in frames made by hand is answered", counts.get(1) == 1 and counts.get(0, 0) >= 1, counts)
    frames = Frames(vera)
    opened = [frames.request("/ui/v1/stream")[0] for _ in range(3000)]
    counts = push(frames, opened)
    right, took = from_the_manager(cluster, base)
    check(f"3,000 streams in one connection are bounded ({counts}), another machine is answered in {took:.1f} s", right and took < SOON and counts.get(1, 0) <= 400, (counts, took))
    frames = Frames(vera)
    asked = []
    for _ in range(20_000):
        data, stream = frames.request("/ui/v1/logs?from=1&to=2000000000")
        asked += [data, frames.reset(stream)]
    counts = push(frames, asked)
    right, took = from_the_manager(cluster, base)
    check(f"20,000 requests that are taken back at once do not hold it up ({counts}): {took:.1f} s", right and took < SOON, (counts, took))
    # Expensive questions, more than a page has, in as many connections as it takes.
    now = int(time.time() * 1000)
    several = [Frames(vera) for _ in range(12)]
    for frames in several:
        frames.socket.sendall(b"".join(frames.request(f"/ui/v1/logs/volume?scope=cluster&from={now - 86_400_000}&to={now}")[0] for _ in range(90)))
    right, took = from_the_manager(cluster, base)
    with concurrent.futures.ThreadPoolExecutor(len(several)) as pool:
        counts = list(pool.map(lambda frames: push(frames, []), several))
    check(f"1,080 expensive questions of one user leave others their answers: {took:.1f} s", right and took < SOON, (took, counts))
    idle = soon(40, lambda: memory(cluster) - before < 120e6)
    check(f"and leave {(memory(cluster) - before) / 1e6:.0f} MB", idle)


def push(frames, parts, seconds=2):
    counts = {}
    try:
        data = b"".join(parts)
        for at in range(0, len(data), 1 << 15):
            frames.socket.settimeout(5)
            frames.socket.sendall(data[at:at + (1 << 15)])
        counts = frames.read(seconds)
    except OSError:
        counts = frames.read(.1)
    finally:
        frames.socket.close()
    return counts


def passwords(base, vera, password):
    """Guesses of one name, then of many."""
    caller, since = Caller(base), int(time.time() * 1000)
    got = []
    while 429 not in got and len(got) < 14:  # the delays double; a guess takes some time itself
        got.append(caller.try_password("vera", f"guess {len(got)}")[0])
    check(f"after {len(got) - 1} guesses one waits", got[:5] == [401] * 5 and got[-1] == 429, got)
    got = [caller.try_password(f"nobody{number}", "guess")[0] for number in range(12)]
    check("guesses of many names wait as well", 429 in got, got)
    status = caller.try_password("otto", password)[0]
    check("who was in from here before is let in meanwhile", status == 200, status)
    told = vera.json(f"/ui/v1/events?from={since}&to={int(time.time() * 1000) + 1000}&limit=1000")["events"]
    tries = [event for event in told if event["type"] == "audit" and event["action"] == "sign-in"]
    named = [event["attributes"].get("user") for event in tries]
    check("failed tries to sign in are on record, without names that no account has", 5 <= len(tries) <= 20 and "vera" in named and set(named) <= {"vera", None}, tries)


def ended(cluster, base, password):
    """An account that is ended has no session any more, in a tab that is open either."""
    own(cluster, "dashboard", "user", "add", "gone", "--role", "operator", "--password-stdin", stdin=password.encode())
    with Browser(base) as page:
        def let_in():
            try:
                return Caller(base).sign_in("gone", password)
            except AssertionError as error:
                raise Failure(str(error))
        gone = poll(90, "a sign-in after the guesses", let_in)
        page.driver.get(base + "/")
        page.driver.execute_cdp_cmd("Network.setCookie", {"name": "__Host-apus", "value": gone.cookie, "url": base + "/", "secure": True, "httpOnly": True, "path": "/"})
        page.open("/", "main .figs")
        own(cluster, "dashboard", "user", "rm", "gone")
        check("an account that is ended is refused at once", soon(5, lambda: gone.ask("GET", "/ui/v1/state")[0] == 401))
        check("and its open tab is led to sign in", page.wait(lambda: page.all("input[name=password]"), 40), page.text("body"))
