const plots = JSON.parse(document.getElementById("plots").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const narrow = matchMedia("(max-width: 760px)");

function shortened(axis) {
  if (!narrow.matches || !axis.ticktext) return axis;
  return { ...axis, ticktext: axis.ticktext.map((text) => (text.length < 24 ? text : `${text.slice(0, 9)}…${text.slice(-13)}`)) };
}

function draw() {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  for (const [name, plot] of Object.entries(plots)) {
    const font = { ...plot.layout.font, color: ink, size: narrow.matches ? 11 : 13 };
    const layout = { ...plot.layout, font, autosize: true, yaxis: shortened(plot.layout.yaxis) };
    Plotly.react(name, plot.data, layout, { displayModeBar: false, responsive: true });
  }
}
dark.addEventListener("change", draw);
narrow.addEventListener("change", draw);
draw();
