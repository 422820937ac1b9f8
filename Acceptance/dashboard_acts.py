"""What operators do from the page, on a real swarm: scale, restart, update the image, roll back, drain and activate, silence. Each is asked for, changes nothing
unless confirmed, is done, and is on record with its operator; and a viewer can do none of it, by hand-made requests either."""

import json
import time

from browser import ActionChains, Browser, Keys, check, soon
from cluster import Failure, poll
from dashboard_accounts import own
from dashboard_wire import Caller

SERVICE, RULE = "acted", "ActedUpon"


def look(cluster, base, password, pictures):
    manager = cluster.manager
    cluster.remove_service(SERVICE)
    # An update of all tasks at once, over as soon as they run: how updates go on is looked at elsewhere.
    at_once = [f"--{kind}-{what}" for kind in ("update", "rollback") for what in ("parallelism=0", "monitor=300ms")]
    manager.docker("service", "create", "--detach", "--quiet", "--name", SERVICE, "--stop-grace-period", "1s", *at_once, "busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait; done")
    try:
        cluster.running(SERVICE, 1)
        # An alert of this service that goes on until its rule goes.
        own(cluster, "alerts", "rule", "rm", RULE)
        made = own(cluster, "alerts", "rule", "add", RULE, "service_tasks_missing >= 0", "--severity", "critical", "--summary", "{service_name} is acted upon")
        check("a rule of one's own is made", made.code == 0, made.text)
        since = int(time.time())
        with Browser(base, pictures=pictures) as page:
            check("the operator is in", page.sign_in("otto", password), page.text("body"))
            operator(cluster, page)
            # By now the alert is there.
            viewer(cluster, base, password)
            silenced(cluster, page)
            terminal(cluster, page)
        recorded(cluster, base, password, since)
    finally:
        own(cluster, "alerts", "rule", "rm", RULE)
        for silence in silences(cluster):
            own(cluster, "alerts", "unsilence", silence)
        manager.docker("node", "update", "--availability", "active", other(cluster).name, check=False)
        cluster.remove_service(SERVICE)


def other(cluster):
    return next(node for node in cluster.nodes if node.name != cluster.manager.name)


def spec(cluster):
    return cluster.manager.inspect("service", SERVICE)


def image(cluster):
    return spec(cluster)["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]


def tasks(cluster):
    return {row["ID"]: row["Node"] for row in cluster.manager.rows("service", "ps", "--no-trunc", SERVICE) if row["CurrentState"].startswith("Running")}


def silences(cluster):
    """Ids of those that these accounts have made."""
    told = own(cluster, "alerts", "silence", "ls", "--format", "{{.ID}} {{.CreatedBy}}")
    if told.code != 0:
        raise Failure(told.text)
    return [line.split()[0] for line in told.out.splitlines() if line.split()[-1] in ("otto", "vera")]


def alert(cluster, base, password):
    """The service's own alert, as the page is told of it."""
    caller = Caller(base).sign_in("vera", password)

    def found():
        told = caller.json("/ui/v1/state")["set"].get("alerts", [])
        return next((one for one in told if one["rule"] == RULE and SERVICE in one["text"]), None)
    return poll(60, "the service's own alert", found)


ROW = f"//ul[contains(@class, 'att')]/li[contains(., '{RULE}') and contains(., '{SERVICE} is acted upon')]"


def row(page):
    """The alert's row on the page of alerts."""
    return page.wait(lambda: page.driver.find_elements("xpath", ROW), 30)


def ask(page, button, value=None, do=True, among=None):
    """Presses a button of the page's head, or one of others, and answers what it asks; the words of the question."""
    among = among or (lambda: page.all(".head .btn, .bar .btn"))
    found = page.wait(lambda: [x for x in among() if x.text == button and x.is_enabled()])
    if not found:
        return ""
    found[0].click()
    page.wait(lambda: page.all("dialog.ask form"))
    words = page.text("dialog.ask")
    if value is not None:
        field = page.all("dialog.ask input")[0]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value)
    if do:
        page.all("dialog.ask .btn.main")[0].click()
        return words if page.wait(lambda: not page.all("dialog[open]"), 20) else "STILL OPEN: " + page.text("dialog.ask")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog[open]"))
    return words


def operator(cluster, page):
    page.open(f"/services/{SERVICE}", ".head .btn")
    page.wait(lambda: page.all(".head .btn.main:enabled"))
    before = spec(cluster)["Version"]["Index"]
    for button in ("Scale", "Restart", "Update"):
        words = ask(page, button, do=False)
        check(f"{button} asks first and says that it is recorded", SERVICE in words and "otto" in words, words)
    check("what was asked and not confirmed has changed nothing", spec(cluster)["Version"]["Index"] == before)
    words = ask(page, "Scale", "3")
    check("three tasks run after scaling to three", soon(60, lambda: len(tasks(cluster)) == 3), words)
    check("the page tells of them by itself", page.wait(lambda: "3 of 3 running" in page.text(".head"), 60), page.text(".head"))
    old = set(tasks(cluster))
    words = ask(page, "Restart")
    check("every task is another one after a restart", soon(120, lambda: len(tasks(cluster)) == 3 and not old & set(tasks(cluster))), words)
    page.wait(lambda: not page.all(".bar.line .pips"), 60)
    was = image(cluster)
    words = ask(page, "Update", "no such image")
    check("an image that is none is refused in words, and nothing changes", "STILL OPEN" in words and image(cluster) == was, words)
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    words = ask(page, "Update", "nginx:latest")
    check("the update is to the image that was typed", soon(60, lambda: "nginx" in image(cluster)), words)
    check("its tasks run with it", soon(120, lambda: len(tasks(cluster)) == 3 and all("nginx" in row["Image"] for row in running(cluster))), running(cluster))
    check("the page offers the way back", page.wait(lambda: [x for x in page.all(".head .btn, .bar .btn") if x.text == "Roll back" and x.is_enabled()], 30), page.text(".head"))
    before = spec(cluster)["Version"]["Index"]
    words = ask(page, "Roll back", do=False)
    check("Roll back asks first, says that it is recorded, and does nothing unless it is confirmed", SERVICE in words and "otto" in words and spec(cluster)["Version"]["Index"] == before, words)
    words = ask(page, "Roll back")
    check("rolled back, it is the image of before", soon(120, lambda: "busybox" in image(cluster) and all("busybox" in row["Image"] for row in running(cluster))), words)
    # Somebody else was faster: the version that the operator has seen counts.
    page.all(".head .btn.main")[0].click()
    page.wait(lambda: page.all("dialog.ask form"))
    cluster.manager.docker("service", "update", "--detach", "--label-add", "faster=yes", SERVICE)
    field = page.all("dialog.ask input")[0]
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("7", Keys.ENTER)
    check("who was overtaken is told, and nothing is changed", page.wait(lambda: page.all("dialog.ask [role=alert]")) and spec(cluster)["Spec"]["Mode"]["Replicated"]["Replicas"] == 3, page.text("dialog.ask"))
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    node = other(cluster)
    page.open(f"/nodes/{node.name}", ".head .btn")
    words = ask(page, "Drain", do=False)
    check("Drain asks first, and does nothing unless it is confirmed", node.name in words and "otto" in words and cluster.manager.inspect("node", node.name)["Spec"]["Availability"] == "active", words)
    words = ask(page, "Drain")
    check("a drained node has no task of it", soon(60, lambda: len(tasks(cluster)) == 3 and node.name not in tasks(cluster).values()) and "recorded" in words.lower(), (words, tasks(cluster)))
    words = ask(page, "Activate")
    check("and takes tasks again", soon(30, lambda: cluster.manager.inspect("node", node.name)["Spec"]["Availability"] == "active"), words)


def terminal(cluster, page):
    """A shell in a task's container on another node than the manager that is asked."""
    task, node = next(item for item in tasks(cluster).items() if item[1] != cluster.manager.name)
    page.open(f"/tasks/{task}", ".head .btn")
    page.complaints()  # What was refused before is one.
    found = page.wait(lambda: [x for x in page.all(".head .btn") if x.text == "Terminal" and x.is_enabled()])
    if not check("a running task has a terminal for operators", found, page.text(".head")):
        return
    found[0].click()
    page.wait(lambda: page.all("dialog.ask form"))
    words = page.text("dialog.ask")
    check("a terminal is asked for, and said to be recorded", "Open a terminal" in words and "otto" in words, words)
    page.all("dialog.ask .btn.main")[0].click()
    shown = lambda: page.text("dialog.term .screen")
    check(f"its shell is there, on {node}", page.wait(lambda: "#" in shown() or "$" in shown(), 30), page.text("dialog.term"))
    type = lambda *keys: ActionChains(page.driver).send_keys(*keys).perform()
    type("echo $((40 + 2)) here; cat /proc/1/cmdline | tr '\\000' ' '", Keys.ENTER)
    check("what is typed is done in the container", page.wait(lambda: "42 here" in shown() and "trap" in shown(), 60), shown())
    page.picture("terminal")
    over = page.js("return document.documentElement.scrollWidth - innerWidth")
    check("nothing of it sticks out, no complaint", not (said := page.complaints()) and over <= 0, (over, said))
    type("exit 7", Keys.ENTER)
    check("its end is told with its code", page.wait(lambda: "ended" in page.text("dialog.term header") and "7" in page.text("dialog.term header"), 60), page.text("dialog.term header"))
    page.all("dialog.term header .btn")[0].click()
    check("and it is closed", page.wait(lambda: not page.all("dialog[open]")))


def silenced(cluster, page):
    page.open("/alerts", ".att li")
    check("the service's alert is on the page", row(page), page.text())
    buttons = lambda: [x for one in page.driver.find_elements("xpath", ROW) for x in one.find_elements("css selector", ".btn")]
    words = ask(page, "Silence", do=False, among=buttons)
    check("Silence asks first, and does nothing unless it is confirmed", SERVICE in words and "otto" in words and not silences(cluster), words)
    before = page.text(".head")
    words = ask(page, "Silence", "7", among=buttons)
    check("the alert is silenced, for the minutes that were typed", soon(30, lambda: len(silences(cluster)) == 1), words)
    told = own(cluster, "alerts", "silence", "ls").out
    check("the silence names its operator", "otto" in told, told)
    check("the page tells of it by itself", page.wait(lambda: row(page) and not any(x.text == "Silence" for x in buttons()) and page.text(".head") != before, 30), page.text())
    ends = lambda: [x for x in page.all("main .btn") if x.text == "End the silence"]
    check("the silence is listed with its operator, and the rule with its state", page.wait(lambda: len(ends()) == 1 and "otto" in page.text("main table") and RULE in page.text("main table"), 60), page.text())
    words = ask(page, "End the silence", do=False, among=ends)
    check("to end it asks first, and does nothing unless it is confirmed", "otto" in words and len(silences(cluster)) == 1, words)
    words = ask(page, "End the silence", among=ends)
    check("the silence is ended, and the page tells of it by itself", soon(30, lambda: not silences(cluster)) and page.wait(lambda: not ends(), 30), (words, page.text()))


def running(cluster):
    return [row for row in cluster.manager.rows("service", "ps", "--no-trunc", SERVICE) if row["CurrentState"].startswith("Running")]


def recorded(cluster, base, password, since):
    seen = Caller(base).sign_in("vera", password)
    events = seen.json(f"/ui/v1/events?from={since * 1000}&to={int(time.time() * 1000) + 1000}&limit=1000")["events"]
    audit = [event for event in events if event["type"] == "audit"]
    wanted = {"scale", "restart", "update", "roll", "set", "silence", "unsilence", "terminal"}
    done = {event["action"] for event in audit if event["attributes"].get("outcome") == "done"}
    # What nodes write down of a terminal's exec names its operator as the one who asked.
    others = [event for event in audit if event["attributes"].get("outcome") != "refused" and "otto" not in (event["attributes"].get("user"), event["attributes"].get("client", "").removeprefix("user="))]
    check("everything that was done is an audit event of who did it", wanted <= done and not others, (wanted - done, others))
    whole = own(cluster, "events", "--since", str(since), "--until", str(int(time.time()) + 1), "--filter", "type=audit", "--format", "json")
    seen = {event["Action"] for event in map(json.loads, whole.out.splitlines()) if event["Actor"]["Attributes"].get("user") == "otto"}
    check("and so the command line has it", wanted <= seen, whole.text)
    refused = lambda user: {event["action"] for event in audit if event["attributes"].get("outcome") == "refused" and event["attributes"].get("user") == user}
    check("what was refused an operator is on record as well", refused("otto"), audit)
    check("and so is everything that was refused a viewer", wanted <= refused("vera"), (wanted - refused("vera"), audit))


def viewer(cluster, base, password):
    alerting = alert(cluster, base, password)
    poll(30, "the end of the update", lambda: (spec(cluster).get("UpdateStatus") or {}).get("State") not in ("updating", "rollback_started"))
    before = spec(cluster)["Version"]["Index"]
    with Browser(base) as page:
        page.sign_in("vera", password)
        for path in (f"/services/{SERVICE}", f"/nodes/{other(cluster).name}"):
            page.open(path, ".head .btn")
            buttons = [x for x in page.all(".head button.btn")]
            check(f"a viewer's buttons of {path} do nothing, and say so", buttons and not any(x.is_enabled() for x in buttons) and all(x.get_attribute("title") for x in buttons))
            page.js("for (const b of document.querySelectorAll('.head button.btn')) { b.disabled = false; b.click(); }")
        page.open("/alerts", ".att li")
        found = row(page) and page.driver.find_elements("xpath", ROW + "//button")
        check("a viewer sees alerts, and cannot silence them", found and not any(x.is_enabled() for x in found), page.text())
    vera = Caller(base).sign_in("vera", password)
    service, node = spec(cluster), cluster.manager.inspect("node", other(cluster).name)
    orders = {"scale": {"replicas": 9}, "restart": {}, "update": {"image": "nginx"}, "rollback": {}, "availability": {"node": node["ID"], "version": node["Version"]["Index"], "availability": "drain"}, "silence": {"alert": alerting["id"], "minutes": 5}, "unsilence": {"silence": "any"}}
    for name, more in orders.items():
        status, _, body = vera.ask("POST", f"/ui/v1/actions/{name}", json.dumps({"service": service["ID"], "version": before, **more}), own=True)
        check(f"a viewer's hand-made {name} is refused", status == 403 and "notAllowed" in body, (status, body))
    task = next(iter(tasks(cluster)))
    status, _, body = vera.ask("POST", "/ui/v1/terminals", json.dumps({"container": task, "columns": 80, "rows": 24}), own=True)
    check("a viewer gets no terminal", status == 403 and "notAllowed" in body, (status, body))
    check("and nothing has changed", not silences(cluster) and spec(cluster)["Version"]["Index"] == before and cluster.manager.inspect("node", other(cluster).name)["Spec"]["Availability"] == "active")
