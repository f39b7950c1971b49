"use strict";
// The line of equity, drawn from the board's own points; without a script the plain drawing stays.
(function () {
  const place = document.getElementById("chart");
  if (!place || !window.uPlot) return;
  const MICRO = 1e6, EVERY_MS = 60000;
  const said = document.createElement("p");
  said.className = "chart-said";
  let chart = null;

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function usd(value) { return value === null || value === undefined ? "" : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }); }

  function moments(chart, ticks) {
    const span = ticks.length > 1 ? ticks[ticks.length - 1] - ticks[0] : 0;
    const texts = ticks.map(function (one) { const text = new Date(one * 1000).toISOString(); return span > 172800 ? text.slice(5, 10) : text.slice(11, 16); });
    return texts.map(function (text, place) { return text === texts[place - 1] ? "" : text; });
  }

  function tell(chart) {
    const at = chart.cursor.idx === null || chart.cursor.idx === undefined ? last(chart.data[1]) : chart.cursor.idx;
    const value = chart.data[1][at];
    said.textContent = at < 0 ? "" : new Date(chart.data[0][at] * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC: " + (value === null ? "unknown" : usd(value) + " pUSD");
  }

  function last(values) {
    let at = values.length - 1;
    while (at >= 0 && values[at] === null) at -= 1;
    return at;
  }

  function draw(columns) {
    const data = [columns[0], columns[1].map(function (one) { return one === null ? null : one / MICRO; })];
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    if (chart) { chart.setData(data); tell(chart); return; }
    place.textContent = "";
    chart = new window.uPlot({
      width: place.clientWidth, height: 210, cursor: { y: false }, legend: { show: false }, hooks: { setCursor: [tell] }, tzDate: function (ts) { return window.uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"); },
      axes: [Object.assign({}, axis, { values: moments }), Object.assign({}, axis, { size: 64, values: function (_, ticks) { return ticks.map(function (one) { return one.toLocaleString("en-US"); }); } })],
      series: [{}, { stroke: colour("--accent"), width: 2, points: { show: false } }],
    }, data, place);
    place.after(said);
    tell(chart);
  }

  async function load() {
    try {
      const answer = await fetch(place.dataset.from, { credentials: "same-origin" });
      const columns = answer.ok ? await answer.json() : [[]];
      if (columns[0].length > 1) draw(columns);
    } catch (error) { /* the server is away: the old line stays, dimmed */ }
  }

  window.addEventListener("resize", function () { if (chart) chart.setSize({ width: place.clientWidth, height: 210 }); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { if (chart) { chart.destroy(); chart = null; load(); } });
  load();
  setInterval(load, EVERY_MS);
})();
