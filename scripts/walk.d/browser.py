"""A browser that notices everything that is wrong on a page."""

import io
import urllib.parse
from importlib.resources import files
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WIDTHS = {"narrow": (360, 740), "wide": (1600, 1000)}
SCHEMES = ("light", "dark")
# So many of the most frequent colours of a picture for the documentation stay exactly as they are.
FREQUENT = 128


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, browser: Browser, url: str, look: Path | None, script: bool = True) -> None:
        self.url = url
        self.look_folder = look
        self.problems: list[str] = []
        self.expected: set[str] = set()
        self.context = browser.new_context(java_script_enabled=script, viewport={"width": 1600, "height": 1000})
        self.context.on("request", self.requested)
        self.context.on("console", self.said)
        self.context.on("weberror", lambda error: self.problems.append(f"error in a page: {error.error}"))
        self.page = self.context.new_page()

    def requested(self, request) -> None:
        address = urllib.parse.urlsplit(request.url)
        if f"{address.scheme}://{address.netloc}" != self.url:
            self.problems.append(f"a request off the host: {request.url}")

    def said(self, message) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type in ("error", "warning") and not any(part in text for part in self.expected):
            self.problems.append(f"{self.page.url}: console: {text}")

    def go(self, path: str, status: int = 200) -> None:
        answer = self.page.goto(self.url + path)
        assert answer.status == status, f"{path}: {answer.status}"

    def log_in(self, token: str, to: str = "/") -> None:
        self.go(to)
        assert "/login" in self.page.url, self.page.url
        self.page.get_by_label("Token", exact=True).fill(token)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(self.url + to)

    def look(self, name: str) -> None:
        """Looks at a screen in all its forms."""
        page = self.page
        before = page.viewport_size
        for width, (columns, rows) in WIDTHS.items():
            page.set_viewport_size({"width": columns, "height": rows})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                where = f"{name}, {scheme}, {width}"
                overflow = page.evaluate(OVERFLOW)
                if overflow:
                    self.problems.append(f"{where}: wider than the window: {overflow}")
                if not page.evaluate("'axe' in window"):
                    page.evaluate(AXE)
                for violation in page.evaluate(RUN):
                    for node in violation["nodes"][:3]:
                        self.problems.append(f"{where}: axe: {violation['id']}: {node['failureSummary']} {node['html']}")
                if self.look_folder:
                    file = self.look_folder / f"{name}-{width}-{scheme}.png"
                    page.screenshot(path=file, full_page=True)
        page.set_viewport_size(before)
        page.emulate_media(color_scheme="light")

    def picture(self, file: Path, scheme: str = "light", size: tuple[int, int] = (1280, 800), height: int = 0) -> None:
        """A screenshot for the documentation, with few colours so that it is small; with a height, of more than the window."""
        page, before = self.page, self.page.viewport_size
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)
        # The diagram follows the size of the window.
        page.evaluate("scrollTo(0, 0); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        clip = {"x": 0, "y": 0, "width": size[0], "height": height or size[1]}
        image = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("RGB")
        few(image).save(file, optimize=True)
        page.set_viewport_size(before)
        page.emulate_media(color_scheme="light")

    def mark(self) -> None:
        """A page that is loaded again has forgotten this."""
        self.page.evaluate("window.marked = true")

    def is_marked(self) -> None:
        assert self.page.evaluate("window.marked === true"), "the page was loaded again"

    def wait(self, selector: str, text: str | None = None) -> None:
        found = self.page.locator(selector, has_text=text) if text else self.page.locator(selector)
        found.first.wait_for(timeout=30_000)

    def status(self, text: str) -> None:
        self.wait("#live", text)


def few(image: Image.Image) -> Image.Image:
    """A picture with 256 colours: the most frequent ones, and then always the one that is farthest from all of them."""

    def far(one: tuple, other: tuple) -> int:
        return sum((a - b) ** 2 for a, b in zip(one, other))

    counts = sorted(image.getcolors(image.width * image.height), reverse=True)
    palette = [colour for _, colour in counts[:FREQUENT]]
    # How far each colour is from the nearest one of the palette, and which that is.
    nearest = {}
    for _, colour in counts:
        nearest[colour] = min((far(colour, known), index) for index, known in enumerate(palette))
    while len(palette) < 256 and max(nearest.values())[0] > 0:
        new = max(nearest, key=nearest.get)
        for colour, known in nearest.items():
            nearest[colour] = min(known, (far(colour, new), len(palette)))
        palette.append(new)
    few = Image.new("P", image.size)
    few.putpalette([part for colour in palette for part in colour])
    few.putdata([nearest[colour][1] for colour in image.getdata()])
    return few


# A row of a long table is like those before it.
RUN = """axe.run({exclude: [["tbody tr:nth-child(n+9)"]]}, {resultTypes: ["violations"]}).then((found) => found.violations)"""
# Elements that stick out of the window, unless something around them scrolls.
OVERFLOW = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return null;
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > most + 1);
  return wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 150)).join(" | ") || "the page scrolls sideways";
}"""
