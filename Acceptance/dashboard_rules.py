"""The dashboard's pages by axe's rules: all of them wide and light in English, the most used ones narrow and dark in Chinese, and what is in front of a page:
a dialog, the palette, the form to sign in, a cluster without quorum."""

from browser import check
from dashboard_sample import ID

# language, width, scheme, pages; none for all of them
LOOKS = (("en", 1280, "light", None), ("zh-Hant", 390, "dark", ("/", "/services/web", f"/tasks/{ID('web.2.old')}", "/networks/backend", "/logs", "/alerts", "/paths")))
# scene, what is seen of it, language, width, scheme
SCENES = (("login", "form", "zh-Hant", 390, "dark"), ("noquorum", ".banner", "en", 1280, "light"))


def look(Browser, base, language, width, scheme, pages):
    with Browser(base, width, 1000, scheme) as b:
        b.unguard()
        named = f"{language} {width} px {scheme}"
        for path in pages:
            b.open(f"{path}?lang={language}")
            found = b.axe()
            check(f"axe finds nothing on {path}, {named}", not found, found)
        b.open(f"/services/web?lang={language}", ".head .btn.main:enabled")
        for what, button in (("a question", ".head .btn.main"), ("the palette", ".top .find")):
            b.js("document.querySelector(arguments[0]).click()", button)
            check(f"{what} is there, {named}", b.wait(lambda: b.all("dialog[open]")))
            found = b.axe("dialog[open]")
            check(f"axe finds nothing in {what}, {named}", not found, found)
            b.js("document.querySelector('dialog[open]').close()")


def scene(Browser, base, name, css, language, width, scheme):
    with Browser(base, width, 1000, scheme) as b:
        b.unguard()
        b.open(f"/?lang={language}", css)
        found = b.axe()
        check(f"axe finds nothing in the scene {name}, {language} {width} px {scheme}", b.all(css) and not found, found)
