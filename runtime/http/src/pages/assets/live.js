// Keeps an open page up to date. The server says when the page may be another; the main part is then
// fetched, and htmx morphs it into place, so that focus, selection, open details and scroll position
// stay. Forms are left alone. Without this script everything works, but for seeing changes at once.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  if (!main || !status || !main.dataset.live) return;

  document.getElementById("loaded").hidden = true;

  // A page is fetched at most once in so many milliseconds, and at least once in so many.
  const PAUSE = 2000, REST = 60000;
  // Until a stream is tried again: this long, then twice as long, up to the most.
  const RETRY = 1000, RETRY_MOST = 30000;

  let stream = null, retry = RETRY, retrying = 0;
  let waiting = 0, fetching = false, wanted = false, last = Date.now();
  let tag = main.dataset.tag;
  // How far this machine's clock is behind the engine's.
  let behind = Number(main.dataset.now) - Date.now();

  function say(state, words, link) {
    if (status.dataset.state === state) return;
    status.dataset.state = state;
    status.title = state === "held" ? "Nothing moves while a text is selected" : "";
    status.replaceChildren(words);
    if (link) {
      const to = document.createElement("a");
      to.href = "/login?to=" + encodeURIComponent(location.pathname + location.search);
      to.textContent = link;
      status.append(" ", to);
    }
  }

  // The stream.

  function open() {
    retrying = 0;
    if (stream || document.hidden) return;
    stream = new EventSource(main.dataset.live);
    stream.onopen = () => { retry = RETRY; say("live", "Live"); };
    stream.addEventListener("news", want);
    stream.onerror = lost;
  }

  function close() {
    clearTimeout(retrying);
    retrying = 0;
    if (stream) stream.close();
    stream = null;
  }

  function lost() {
    close();
    if (status.dataset.state !== "ended") say("lost", "Not connected; trying again…");
    // Not all pages at the same moment.
    retrying = setTimeout(again, retry * (0.5 + Math.random()));
    retry = Math.min(retry * 2, RETRY_MOST);
  }

  async function again() {
    try {
      const answer = await fetch("/api/v1/session", { cache: "no-store" });
      if (answer.status === 401) return ended();
      if (answer.ok) return open();
    } catch { /* Nobody answers yet. */ }
    lost();
  }

  function ended() {
    close();
    say("ended", "The session has ended.", "Log in again");
  }

  // The page.

  function want() {
    wanted = true;
    plan();
  }

  function plan() {
    if (waiting || fetching || document.hidden) return;
    waiting = setTimeout(refresh, Math.max(0, last + PAUSE - Date.now()));
  }

  // Nothing is moved while somebody selects a text or presses a button.
  let pressed = false;
  addEventListener("pointerdown", () => { pressed = true; });
  for (const name of ["pointerup", "pointercancel", "blur"]) {
    addEventListener(name, () => { pressed = false; });
  }
  function isSelected() {
    const selection = getSelection();
    return selection && !selection.isCollapsed && main.contains(selection.anchorNode);
  }
  function isHeld() {
    return pressed || isSelected();
  }

  function refresh() {
    waiting = 0;
    if (document.hidden || !wanted) return;
    if (isHeld()) {
      // There is something new, and it is not shown.
      if (status.dataset.state === "live" && isSelected()) say("held", "Paused");
      waiting = setTimeout(refresh, 500);
      return;
    }
    if (status.dataset.state === "held") say("live", "Live");
    wanted = false;
    fetching = true;
    htmx.trigger(main, "bureaucrat:news");
  }

  main.setAttribute("data-hx-get", location.pathname + location.search);
  main.setAttribute("data-hx-trigger", "bureaucrat:news");
  main.setAttribute("data-hx-swap", "innerMorph");

  main.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (tag) request.headers["If-None-Match"] = tag;
    // Which page it is, the path says.
    delete request.headers["HX-Current-URL"];
  });
  main.addEventListener("htmx:before:response", (event) => {
    const { raw, status: code } = event.detail.ctx.response;
    const isPage = code === 200 && raw.headers.has("etag");
    const date = Date.parse(raw.headers.get("date"));
    // The header has whole seconds.
    if (Math.abs(date + 500 - Date.now() - behind) > 1500) behind = date + 500 - Date.now();
    if (isPage) tag = raw.headers.get("etag");
    else if (code !== 304) event.preventDefault();
    if (raw.redirected) ended();
    else if (code === 404) say("gone", "This page is gone; the last state is shown.");
    else if (code === 503 || code === 429) wanted = true;
  });
  main.addEventListener("htmx:before:swap", () => { atEnd = isAtEnd(); });
  main.addEventListener("htmx:after:swap", () => {
    tell();
    point();
    follow();
  });
  main.addEventListener("htmx:finally:request", () => {
    fetching = false;
    last = Date.now();
    if (wanted) plan();
  });

  // Times that say how long ago something was.

  function span(millis) {
    const seconds = Math.floor(millis / 1000);
    if (seconds < 10) return `${seconds}.${Math.floor((millis % 1000) / 100)} s`;
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  }

  function tell() {
    const now = Date.now() + behind;
    for (const time of main.querySelectorAll("time.ago")) {
      const at = Date.parse(time.dateTime);
      const words = at <= now ? `${span(now - at)} ago` : `in ${span(at - now)}`;
      if (time.textContent !== words) time.firstChild.nodeValue = words;
    }
  }

  // Diagram and timeline of a process: they follow it until somebody looks elsewhere, and what is pointed
  // at in one is shown in the other.

  const box = (selector) => main.querySelector(selector);
  let looksAround = false, atEnd = true, pointed = null;
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    main.addEventListener(name, (event) => {
      if (event.target.closest?.(".diagram")) looksAround = true;
    }, { passive: true });
  }
  function isAtEnd() {
    const list = box(".timeline");
    return !list || list.scrollTop + list.clientHeight > list.scrollHeight - 8;
  }

  function show(around, element) {
    if (!around || !element) return;
    const own = element.getBoundingClientRect(), all = around.getBoundingClientRect();
    if (own.top < all.top || own.bottom > all.bottom) {
      around.scrollTop += own.top - all.top - (all.height - Math.min(own.height, all.height)) / 2;
    }
    if (own.left < all.left || own.right > all.right) {
      around.scrollLeft += own.left - all.left - (all.width - Math.min(own.width, all.width)) / 2;
    }
  }

  function follow() {
    // The innermost box that the process is at.
    const here = [...main.querySelectorAll(".diagram .here")].pop();
    if (!looksAround) show(box(".diagram"), here);
    const list = box(".timeline");
    if (list && atEnd) list.scrollTop = list.scrollHeight;
  }

  function point(path = pointed) {
    pointed = path;
    for (const element of main.querySelectorAll(".found")) element.classList.remove("found");
    if (!path) return;
    const all = `.diagram [data-path="${CSS.escape(path)}"], .timeline [data-path="${CSS.escape(path)}"]`;
    for (const element of main.querySelectorAll(all)) element.classList.add("found");
  }
  for (const name of ["pointerover", "focusin"]) {
    main.addEventListener(name, (event) => {
      const of = event.target.closest?.(".diagram [data-path], .timeline [data-path]");
      point(of ? of.dataset.path : null);
    });
  }
  main.addEventListener("click", (event) => {
    const path = event.target.closest?.("a.place")?.closest("[data-path]")?.dataset.path;
    const element = path && box(`.diagram [data-path="${CSS.escape(path)}"]`);
    if (!element) return;
    event.preventDefault();
    looksAround = true;
    box(".diagram").scrollIntoView({ block: "nearest" });
    show(box(".diagram"), element);
    point(path);
  });
  follow();
  addEventListener("resize", follow);
  // On a narrow screen the navigation scrolls.
  const current = document.querySelector("nav [aria-current]"), nav = current?.closest("nav");
  if (nav) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;

  setInterval(() => {
    if (document.hidden) return;
    if (!isHeld()) tell();
    // What changes without a commit, such as whether the broker is connected.
    if (stream && Date.now() - last > REST) want();
  }, 5000);

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
      clearTimeout(waiting);
      waiting = 0;
    } else if (status.dataset.state !== "ended") {
      tell();
      open();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
