"""Look and behaviour of the report: light and dark, wide and narrow, with mouse and keyboard."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #626b78; --paper: #fbfbf9; --card: #fff; --line: #e3e5e8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaee; --soft: #9aa3b0; --paper: #14171c; --card: #1b2027; --line: #2c333d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 80px; }
h1 { font-size: 1.7rem; margin: 8px 0 16px; }
h2 { font-size: 1.2rem; margin: 0 0 8px; }
h2 small { color: var(--soft); font-weight: 400; font-size: .85rem; margin-left: 8px; }
.facts { display: flex; flex-wrap: wrap; gap: 10px; }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px 14px; }
.fact b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.fact span, .note, .would { color: var(--soft); font-size: .88rem; }
nav { overflow-x: auto; margin: 20px 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
a { color: inherit; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px; margin: 18px 0; }
.quiet { color: var(--soft); }
.incidents { list-style: none; margin: 4px 0 0; padding: 0; }
.incidents li { padding: 8px 6px; border-top: 1px solid var(--line); cursor: zoom-in; }
.incidents li:hover, .incidents li:focus { background: rgba(128,128,128,.10); outline: none; }
.chip { display: inline-block; border: 2px solid; border-radius: 999px; padding: 0 9px; }
.chip { font-size: .78rem; margin-right: 8px; }
time { font-variant-numeric: tabular-nums; color: var(--soft); margin-right: 8px; }
.would { display: block; margin-top: 2px; }
@media print { .incidents li { break-inside: avoid; } section { break-inside: avoid; } }
"""

SCRIPT = """
function show(item) {
  const plot = document.getElementById(item.dataset.plot);
  if (!plot) return;
  const range = [item.dataset.from, item.dataset.to];
  Plotly.relayout(plot, {'xaxis.range': range.slice(), 'xaxis2.range': range.slice()});
  plot.scrollIntoView({behavior: 'smooth', block: 'center'});
}
for (const item of document.querySelectorAll('.incidents li')) {
  item.addEventListener('click', () => show(item));
  item.addEventListener('keydown', (event) => { if (event.key === 'Enter') show(item); });
}
"""
