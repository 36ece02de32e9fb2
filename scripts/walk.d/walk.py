"""The walk of scripts/walk."""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo.d"))
from browser import Visitor  # noqa: E402
from engine import PATIENCE, ROOT, Engine, Worker, until  # noqa: E402
from participants import WORK  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

# A definition whose processes wait for nothing but their worker.
PRINTS = '<process name="prints"><action participant="printer" title="Print the label"/></process>'
# One with all that a page shows of a definition.
NIGHTLY = """<process name="nightly">
  <schedule cron="0 3 * * *"/>
  <action participant="printer" title="Print the report"/>
</process>"""

# Whether the diagram shows the process at an element with these words.
HERE = """(words) => {
  const here = [...document.querySelectorAll(".diagram .here")];
  return here.some((element) => element.textContent.includes(words));
}"""


def step(words: str) -> None:
    print(f"walk: {time.monotonic() - BEGAN:5.1f} s  {words}", flush=True)


def is_at(page: Page, words: str) -> None:
    until(f"the diagram shows the process at {words}", lambda: page.evaluate(HERE, words))


def is_in_sight(page: Page, box: str, element: str) -> None:
    """Waits until an element is inside the part of a box that is not scrolled away."""
    inside = """([box, element]) => {
      const [around, own] = [box, element].map((one) => document.querySelector(one).getBoundingClientRect());
      return own.top >= around.top - 1 && own.bottom <= around.bottom + 1;
    }"""
    until(f"{element} is in sight", lambda: page.evaluate(inside, [box, element]))


def watch(visitor: Visitor, engine: Engine, worker: Worker) -> str:
    """A process of example1, from its launch to where it waits, without the page being loaded again."""
    page = visitor.page
    worker.hold("participant1", "participant2", "participant6", "participant7")
    visitor.mark()
    process = engine.launch("example1", key="A-17")
    visitor.wait(f"a[href='/processes/{process}']")
    visitor.is_marked()
    step("a launched process appears on the overview")
    page.locator(f"a[href='/processes/{process}']").first.click()
    visitor.status("Live")
    visitor.mark()
    for participants in (["participant1"], ["participant2"], ["participant6", "participant7"]):
        for participant in participants:
            is_at(page, participant)
        worker.release(*participants)
    is_at(page, "decision")
    entries = page.locator(".timeline > li")
    expect(entries.last).to_contain_text("decision", timeout=30_000)
    visitor.is_marked()
    step("it moves on its diagram and its timeline")
    # The innermost box is in sight, and the last entry.
    is_in_sight(page, ".diagram", ".diagram [data-element=await]")
    is_in_sight(page, ".timeline", ".timeline > li:last-child")
    entries.last.hover()
    expect(page.locator(".diagram .found")).to_contain_text("decision")
    page.mouse.move(0, 0)
    page.locator(".timeline > [data-path=_4] a.place").first.press("Enter")
    expect(page.locator(".diagram .found")).to_contain_text("0.5 s")
    is_in_sight(page, ".diagram", ".diagram .found")
    page.locator(".diagram [data-path=_1_1_0] a").press("Enter")
    # What is folded is unfolded.
    expect(page.locator("#at_1_1_0")).to_be_visible()
    is_in_sight(page, ".timeline", "#at_1_1_0")
    step("what is pointed at in the timeline is shown in the diagram, and the other way")
    return process


def break_and_fix(visitor: Visitor, engine: Engine, worker: Worker, process: str, pictures: Path | None) -> None:
    page = visitor.page
    visitor.look("process-waits")
    if pictures:
        visitor.go(f"/processes/{process}")
        visitor.status("Live")
        visitor.picture(pictures / "process.png", size=(1280, 900), height=1430)
    worker.broken.add("participant8")
    page.get_by_role("link", name="Overview").click()
    visitor.status("Live")
    visitor.mark()
    engine.send("POST", "/events", {"event": "decision", "approved": True})
    incidents = page.get_by_role("table", name="The newest incidents")
    incidents.get_by_text("PrinterOnFire").wait_for(timeout=30_000)
    visitor.is_marked()
    step("the incident appears on the overview")
    visitor.look("overview")
    if pictures:
        visitor.picture(pictures / "overview.png")
    incidents.get_by_role("link").first.click()
    page.wait_for_url(f"**/processes/{process}")
    why = page.locator(".why").filter(has_text="PrinterOnFire")
    expect(why).to_contain_text("you can")
    is_at(page, "participant8")
    visitor.look("incident")
    if pictures:
        visitor.picture(pictures / "incident-dark.png", "dark")

    worker.broken.clear()
    worker.hold("participant8")
    page.get_by_role("link", name="Retry…").click()
    assert page.locator("[data-live]").count() == 0, "a page with a form is live"
    visitor.look("retry")
    page.get_by_label("Reason").fill("the fire is out")
    page.get_by_role("button", name="Retry the process").click()
    expect(page.get_by_role("status").filter(has_text="The process was retried.")).to_be_visible()
    visitor.status("Live")
    visitor.mark()
    expect(page.locator("h1 .state")).to_have_text("running", timeout=30_000)
    worker.release("participant8")
    expect(page.locator("h1 .state")).to_have_text("completed", timeout=30_000)
    visitor.is_marked()
    step("after a retry it ends before one's eyes")
    visitor.look("process-completed")


def undisturbed(visitor: Visitor, engine: Engine, processes: list[str]) -> None:
    """What somebody does on a page stays while the page changes."""
    page = visitor.page
    visitor.go("/processes?definition=prints&state=incident&state=running&state=completed")
    visitor.status("Live")
    visitor.mark()
    page.get_by_text("More filters").click()
    page.get_by_label("Fault").fill("Printer")
    rows = page.locator("tbody tr")
    row = rows.nth(3)
    link = row.get_by_role("link").first
    target = link.get_attribute("href")
    link.focus()
    page.evaluate("scrollTo(0, 200)")
    for _ in range(3):
        processes.append(engine.launch("prints"))
        visitor.wait(f"a[href='/processes/{processes[-1]}']")
    visitor.is_marked()
    assert page.evaluate("document.activeElement.getAttribute('href')") == target, "the focus has moved to another row"
    assert page.get_by_label("Fault").input_value() == "Printer", "what was typed is gone"
    assert page.locator("details[open]").count() == 1, "what was unfolded is folded"
    assert page.evaluate("scrollY") >= 200, "the page has scrolled"
    step("focus, folds, what was typed and the place stay while a list grows")


def paced(visitor: Visitor) -> None:
    """Fetches of one page's part are at least about two seconds apart."""
    times = page_fetches(visitor)
    gaps = [later - sooner for sooner, later in zip(times, times[1:])]
    assert len(times) > 2, "nothing was fetched"
    assert min(gaps) > 1.8, f"the page was fetched too often: {gaps}"


def page_fetches(visitor: Visitor) -> list[float]:
    return visitor.page.evaluate(
        "performance.getEntriesByType('resource').filter(r => r.initiatorType === 'fetch'"
        " && r.name === location.href).map(r => r.startTime / 1000)"
    )


def hidden(visitor: Visitor, engine: Engine, processes: list[str]) -> None:
    page = visitor.page
    show = "(is) => { Object.defineProperty(document, 'hidden', {get: () => is, configurable: true});" \
        " document.dispatchEvent(new Event('visibilitychange')); }"
    visitor.go("/processes")
    visitor.status("Live")
    page.evaluate(show, True)
    before = len(page_fetches(visitor))
    process = engine.launch("prints")
    processes.append(process)
    # Another page that is open shows that there was news.
    other = visitor.context.new_page()
    other.goto(visitor.url + "/processes")
    other.locator(f"a[href='/processes/{process}']").first.wait_for()
    processes.append(engine.launch("prints"))
    other.locator(f"a[href='/processes/{processes[-1]}']").first.wait_for(timeout=30_000)
    other.close()
    assert len(page_fetches(visitor)) == before, "a hidden page was fetched"
    page.evaluate(show, False)
    visitor.wait(f"a[href='/processes/{process}']")
    step("a hidden page asks for nothing, and catches up when it is shown")


def bulk(visitor: Visitor, engine: Engine, worker: Worker, count: int, pictures: Path | None) -> list[str]:
    page = visitor.page
    worker.broken.add("printer")
    visitor.go("/processes?state=incident&definition=prints")
    visitor.status("Live")
    processes: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        # A part after each time that the page was fetched.
        for part in range(4):
            seen = len(page_fetches(visitor))
            numbers = range(part * count // 4, (part + 1) * count // 4)
            processes += pool.map(lambda number: engine.launch("prints", f"L-{number}"), numbers)
            until("the page is fetched", lambda: len(page_fetches(visitor)) > seen)
    until("all are incidents", lambda: engine.send("GET", "/counts?state=incident&definition=prints")["count"] == count)
    paced(visitor)
    visitor.wait("tbody tr")
    visitor.look("list-incidents")
    if pictures:
        visitor.picture(pictures / "list-narrow.png", size=(390, 800))
    worker.broken.clear()
    page.get_by_text("Order for all that this finds…").click()
    page.get_by_role("link", name="Retry…").click()
    visitor.look("bulk-retry")
    page.get_by_label("Reason").fill("the printer is replaced")
    page.get_by_role("button", name=f"Start the job for {count} processes").click()
    page.wait_for_url("**/bulk/*")
    visitor.status("Live")
    visitor.mark()
    expect(page.locator("h1 .state")).to_contain_text("completed", timeout=PATIENCE * 1000)
    expect(page.locator(".facts")).to_contain_text(f"{count} done", timeout=30_000)
    visitor.is_marked()
    step(f"a bulk retry of {count} processes ends before one's eyes")
    visitor.look("bulk-job")
    if pictures:
        visitor.picture(pictures / "bulk.png")
    until("all are completed", lambda: engine.send("GET", "/counts?state=completed&definition=prints")["count"] == count)
    return processes


def other_screens(visitor: Visitor, engine: Engine, process: str) -> None:
    engine.publish("message", b"this is not JSON")
    letters = until("there is a dead letter", lambda: engine.send("GET", "/dead-letters")["letters"])
    letter = letters[0]["letter"]
    waiting = engine.launch("example1")
    for name, path in (
        ("calls", f"/processes/{process}/calls"),
        ("skip", f"/processes/{waiting}/skip"),
        ("migrate", f"/processes/{waiting}/migrate"),
        ("participants", "/participants"),
        ("schedules", "/schedules"),
        ("modules", "/modules"),
        ("deploy", "/deploy"),
        ("bulk-jobs", "/bulk"),
        ("audit", "/audit"),
        ("audit-of-a-process", f"/audit?process={process}"),
        ("audit-mistake", "/audit?job=none"),
        ("retire-all", "/definitions/nightly/retire"),
        ("set", f"/processes/{waiting}/set"),
        ("move", f"/processes/{waiting}/move"),
        ("suspend", f"/processes/{waiting}/suspend"),
        ("cancel", f"/processes/{waiting}/cancel"),
        ("bulk-skip", "/bulk/new/skip?state=running"),
        ("definitions", "/definitions"),
        ("definition", "/definitions/nightly"),
        ("version", "/definitions/example1/1"),
        ("letters", "/letters"),
        ("letter", f"/letters/{letter}"),
        ("letter-discard", f"/letters/{letter}/discard"),
    ):
        visitor.go(path)
        visitor.look(name)
    audit(visitor, engine, waiting)
    visitor.expected.add("/processes/none")
    visitor.go("/processes/none", 404)
    visitor.look("not-found")
    step("every other screen")


def audit(visitor: Visitor, engine: Engine, process: str) -> None:
    """An order appears in the audit log while one looks at it; what is selected holds the page, and it says so."""
    page = visitor.page
    visitor.go("/audit?order=suspend")
    visitor.status("Live")
    visitor.mark()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    engine.send("POST", f"/processes/{process}/orders", {"order": "suspend", "reason": "seen in the audit log"})
    visitor.status("Paused")
    visitor.look("held")
    assert not page.get_by_text("seen in the audit log").count(), "a page that is held has changed"
    page.evaluate("getSelection().removeAllRanges()")
    visitor.wait("tbody td", "seen in the audit log")
    visitor.status("Live")
    visitor.is_marked()
    engine.send("POST", f"/processes/{process}/orders", {"order": "resume"})
    page.locator(f"tbody a[href='/processes/{process}']").first.click()
    page.get_by_role("link", name="in the audit log").click()
    visitor.wait("tbody td", "resume")
    step("orders are in the audit log, and a page that is held says so")


def connection(visitor: Visitor, engine: Engine, process: str) -> None:
    """The connection is lost and found again, and the session ends."""
    page = visitor.page
    # The browser itself complains about connections that are refused.
    visitor.expected |= {"ERR_", "/api/v1/session", "/live"}
    visitor.go(f"/processes/{process}")
    visitor.status("Live")
    visitor.mark()
    engine.proxy.cut()
    visitor.status("Not connected; trying again…")
    visitor.look("not-connected")
    engine.proxy.restore()
    visitor.status("Live")
    visitor.is_marked()
    step("a lost connection is said, and found again")
    other = visitor.context.new_page()
    other.goto(visitor.url + "/")
    other.get_by_role("button", name="Log out").click()
    other.wait_for_url("**/login")
    other.close()
    visitor.status("The session has ended.")
    visitor.look("session-ended")
    page.get_by_role("link", name="Log in again").click()
    page.get_by_label("Token", exact=True).fill(engine.token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**/processes/{process}")
    visitor.status("Live")
    visitor.mark()
    step("after logging out elsewhere the page says so")
    engine.stop()
    visitor.status("Not connected; trying again…")
    engine.start()
    visitor.status("The session has ended.")
    visitor.is_marked()
    visitor.expected -= {"ERR_", "/api/v1/session", "/live"}
    step("after a restart of the engine it asks to log in again")


def without_script(visitor: Visitor, engine: Engine, process: str) -> None:
    """Everything can be read and ordered without JavaScript."""
    page = visitor.page
    waiting = engine.launch("example1")
    visitor.log_in(engine.token)
    paths = ("/", "/processes", f"/processes/{process}", "/definitions", "/definitions/example1/1", "/letters", "/bulk", "/audit")
    for path in paths:
        visitor.go(path)
        assert page.locator("h1").inner_text(), path
        assert not page.locator("#live").inner_text(), "without a script the page says that it is live"
    visitor.go(f"/processes/{waiting}")
    assert page.get_by_text("This page shows what was so when it was loaded.").is_visible()
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("button", name="Cancel the process").click()
    page.wait_for_url(f"**/processes/{waiting}?done=cancel.*")
    until("the process is cancelled", lambda: engine.state(waiting) == "failed")
    step("without JavaScript everything can be read, and a process cancelled")


def reader(visitor: Visitor, engine: Engine, process: str) -> None:
    token = engine.command("token", "create", "reader", "--role", "read").strip()
    visitor.log_in(token, f"/processes/{process}")
    visitor.status("Live")
    assert visitor.page.get_by_role("navigation", name="Orders").count() == 0, "a reader is offered orders"


def tripwires(visitor: Visitor, engine: Engine) -> None:
    """What is wrong is found: a page that is spoilt on purpose has all of these problems."""
    visitor.log_in(engine.token)
    visitor.page.evaluate("""() => {
      document.querySelector("main").insertAdjacentHTML("beforeend",
        "<img src='http://other.invalid/x.png'><p style='width: 3000px'>wide</p><input>");
      document.querySelector("main").lastElementChild.previousElementSibling.style.width = "3000px";
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      console.error("something went wrong");
    }""")
    assert not visitor.page.evaluate("window.ran"), "a script in a page was run"
    visitor.look("tripwires")
    found = " ".join(visitor.problems)
    for word in ("img-src", "script-src", "style-src", "something went wrong", "wider than the window", "label", "image-alt"):
        assert word in found, f"{word} is not found: {found}"
    visitor.context.close()


def walk(arguments: argparse.Namespace, engine: Engine, worker: Worker, browser: Browser) -> list[str]:
    tripwires(Visitor(browser, engine.url, None), engine)
    visitor = Visitor(browser, engine.url, arguments.look)
    visitor.go("/processes?state=running")
    visitor.look("login")
    visitor.log_in(engine.token, "/processes?state=running")
    visitor.look("list-empty")
    visitor.page.get_by_role("link", name="Overview").click()
    visitor.status("Live")
    step("somebody has logged in")
    try:
        process = watch(visitor, engine, worker)
        break_and_fix(visitor, engine, worker, process, arguments.screenshots)
        count = 1_000 if arguments.thorough else 200
        processes = bulk(visitor, engine, worker, count, arguments.screenshots)
        undisturbed(visitor, engine, processes)
        hidden(visitor, engine, processes)
        other_screens(visitor, engine, process)
        connection(visitor, engine, process)
    except Exception:
        if arguments.look:
            visitor.page.screenshot(path=arguments.look / "failed.png")
        raise
    plain = Visitor(browser, engine.url, None, script=False)
    without_script(plain, engine, process)
    looking = Visitor(browser, engine.url, None)
    reader(looking, engine, process)
    return [problem for one in (visitor, plain, looking) for problem in one.problems]


def in_browser(arguments: argparse.Namespace, folder: Path) -> list[str]:
    engine = Engine(folder, os.environ["BUREAUCRAT_TEST_AMQP"], f"walk-{os.getpid()}")
    worker = None
    try:
        worker = Worker(engine, {**WORK, "printer": lambda fields: fields.update(printed=True)})
        for definition in ((ROOT / "definitions" / "example1.xml").read_text(), PRINTS, NIGHTLY):
            engine.deploy(definition)
        step("an engine runs")
        with sync_playwright() as playwright:
            # The pages are ours, and root has no sandbox.
            options = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=os.environ["BUREAUCRAT_BROWSER"], args=options)
            try:
                return walk(arguments, engine, worker, browser)
            finally:
                browser.close()
    except Exception:
        print((folder / "log").read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        if worker:
            worker.end()
        engine.end()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER")
    parser.add_argument("--look", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    for folder in (arguments.screenshots, arguments.look):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        problems = in_browser(arguments, Path(folder))
    for problem in problems:
        print(f"walk: {problem}", file=sys.stderr)
    if problems:
        sys.exit(f"walk: {len(problems)} problems")
    step("nothing is wrong")


BEGAN = time.monotonic()
if __name__ == "__main__":
    main()
