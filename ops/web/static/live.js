"use strict";
// Ages that go on, the mark of what is stale, the drawer. Without this file every page can be read as it was loaded.
(function () {
  const STALE_MS = 5000; // two pulses and a half: a slow one is no alarm
  const body = document.body;
  let offset = Number(body.dataset.nowMs) - Date.now();
  let readAt = Number(body.dataset.readMs);
  let away = body.dataset.away === "1";
  let heardAt = Date.now();

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min";
    return s < 86400 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";
  }

  function showAges() {
    const now = Date.now() + offset;
    for (const one of document.querySelectorAll("time.age")) {
      const at = Number(one.dataset.at), word = one.textContent.startsWith("read") ? "read " : "";
      one.textContent = word + (now - at < 1000 ? "now" : span(now - at) + " ago");
    }
  }

  function showFreshness() {
    const age = Date.now() + offset - readAt, silent = Date.now() - heardAt;
    const stale = away || age > STALE_MS || silent > STALE_MS;
    body.classList.toggle("is-stale", stale);
    const line = document.querySelector(".lost");
    if (!line) return;
    line.hidden = !stale;
    line.querySelector(".lost-age").textContent = span(Math.max(age, silent));
  }

  function hearPulse(text) {
    const told = JSON.parse(text);
    offset = told.now_ms - Date.now();
    heardAt = Date.now();
    readAt = told.read_at_ms || readAt;
    away = told.away;
    const read = document.querySelector("footer time.age");
    if (read) read.dataset.at = String(readAt);
    showFreshness();
  }

  async function askWhy() {
    try {
      const answer = await fetch("/session", { credentials: "same-origin" });
      if (answer.status === 401) location.assign("/login?ended=1&page=" + encodeURIComponent(location.pathname));
    } catch (error) { /* the server is away: the stream comes back by itself */ }
  }

  const listening = new WeakSet();
  body.addEventListener("htmx:sseOpen", function (event) {
    const source = event.detail.source;
    heardAt = Date.now();
    if (listening.has(source)) return;
    listening.add(source);
    source.addEventListener("pulse", function (message) { hearPulse(message.data); });
    source.addEventListener("ended", function () { source.close(); askWhy(); });
  });
  body.addEventListener("htmx:sseError", askWhy);
  body.addEventListener("htmx:sseMessage", showAges);

  const drawer = document.getElementById("drawer");
  body.addEventListener("htmx:afterSwap", function (event) {
    if (drawer && event.target.id === "drawer-body") { showAges(); if (!drawer.open) drawer.showModal(); }
  });
  body.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status === 401) askWhy();
    else if (event.detail.requestConfig && event.detail.elt.href) location.assign(event.detail.elt.href);
  });
  if (drawer) drawer.addEventListener("click", function (event) { if (event.target === drawer) drawer.close(); });

  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", function () {
      // A second click does nothing twice on the server either; Kill stays, whatever hangs.
      if (!form.classList.contains("kill")) for (const one of form.querySelectorAll("button")) setTimeout(function () { one.disabled = true; });
    });
  }
  window.addEventListener("pageshow", function () { for (const one of document.querySelectorAll("button[disabled]")) one.disabled = false; });
  const here = document.querySelector("nav [aria-current]");
  if (here) here.parentNode.parentNode.scrollLeft = here.offsetLeft - 40;
  showAges();
  setInterval(function () { showAges(); showFreshness(); }, 1000);
})();
