"""Look and behaviour of the report: light and dark, wide and narrow, with mouse and keyboard, on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5c6572; --paper: #fbfbf9; --card: #fff; --line: #e3e5e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaee; --soft: #a3acb8; --paper: #14171c; --card: #1b2027; --line: #2c333d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 80px; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 8px 0 16px; }
h2 { font-size: 1.2rem; margin: 0 0 8px; }
h2 small { display: block; color: var(--soft); font-weight: 400; font-size: .85rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(124px, 1fr)); gap: 8px; }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px 10px; }
.fact b { display: block; white-space: nowrap; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.fact span { display: block; line-height: 1.3; }
.fact span, .note, .would { color: var(--soft); font-size: .88rem; }
nav { margin: 20px 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td:first-child { min-width: 7em; max-width: 14em; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
a { color: inherit; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px; margin: 18px 0; }
.plot { height: 380px; }
.quiet { color: var(--soft); }
.incidents { list-style: none; margin: 4px 0 0; padding: 0; }
.incidents li { padding: 8px 6px; border-top: 1px solid var(--line); }
.incidents li[data-plot] { cursor: zoom-in; }
.incidents li[data-plot]:hover { background: rgba(128,128,128,.10); }
.incidents li:focus-visible { outline: 2px solid #2f7ed8; }
.chip { display: inline-block; border: 2px solid; border-radius: 999px; padding: 0 9px; }
.chip { font-size: .78rem; margin-right: 8px; }
time { font-variant-numeric: tabular-nums; color: var(--soft); margin-right: 8px; }
.would { display: block; margin-top: 2px; }
@media (max-width: 640px) {
  section { padding: 12px 10px; }
  th, td:nth-child(2), td:nth-child(3) { display: none; }
  tr { display: grid; grid-template-columns: 1fr auto; padding: 6px 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0; max-width: none; }
  td.n::after { content: attr(data-of); color: var(--soft); }
  td:last-child { grid-column: 1 / -1; color: var(--soft); }
}
@media print { .incidents li, section { break-inside: avoid; } }
"""

SCRIPT = """
// Buttons by name: by default the bar also offers to send the picture to a server.
const BUTTONS = ['zoom2d', 'pan2d', 'zoomIn2d', 'zoomOut2d', 'resetScale2d', 'toImage'];
const CONFIG = {displaylogo: false, responsive: true, modeBarButtons: [BUTTONS]};
const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const look = getComputedStyle(document.documentElement);
  const [soft, card, line] = ['--soft', '--card', '--line'].map((name) => look.getPropertyValue(name).trim());
  return {font: {color: soft, size: 12}, hoverlabel: {bgcolor: card, bordercolor: line},
    modebar: {bgcolor: 'rgba(0,0,0,0)', color: soft, activecolor: '#2f7ed8'}};
}
function draw(plot) {
  if (plot.drawn) return plot.drawn;
  const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
  plot.drawn = Plotly.newPlot(plot, figure.data, {...figure.layout, ...paint()}, CONFIG);
  return plot.drawn;
}
async function show(item) {
  const plot = document.getElementById(item.dataset.plot);
  if (!plot) return;
  await draw(plot);
  const {from, to, top} = item.dataset;
  await Plotly.relayout(plot, {'xaxis.range': [from, to], 'yaxis.range': [0, Number(top)]});
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  plot.scrollIntoView({behavior: calm ? 'auto' : 'smooth', block: 'center'});
}
const plots = [...document.querySelectorAll('.plot')];
const near = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) draw(entry.target);
}, {rootMargin: '800px'});
plots.forEach((plot) => near.observe(plot));
// The rest one after the other, so that the page answers meanwhile and a picture of all of it is whole.
async function drawAll() {
  for (const plot of plots) {
    await draw(plot);
    await new Promise((done) => setTimeout(done, 20));
  }
}
addEventListener('load', drawAll);
addEventListener('beforeprint', () => plots.forEach(draw));
dark.addEventListener('change', () => {
  for (const plot of plots) if (plot.drawn) Plotly.relayout(plot, paint());
});
for (const item of document.querySelectorAll('.incidents li[data-plot]')) {
  item.addEventListener('click', () => show(item));
  item.addEventListener('keydown', (event) => { if (event.key === 'Enter') show(item); });
}
"""
