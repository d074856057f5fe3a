# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the HTML page of an evaluation looks."""

from __future__ import annotations

STYLE = """
:root { --ink: #1d2530; --soft: #667384; --line: #e2e7ee; --paper: #fff; --ground: #f4f6f9;
  --main: #2f6fb0; --pale: #bfd4ea; --good: #3f9a6b; --warn: #fff4d6; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 18px; margin: 0 0 4px; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 22px; margin-top: 18px; overflow-x: auto; }
p { margin: 4px 0 12px; max-width: 75ch; } .soft, figcaption { color: var(--soft); }
.note { background: var(--warn); border-radius: 6px; padding: 8px 12px; margin-top: 12px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 18px; }
.tile { flex: 1 1 130px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 10px; padding: 12px 16px; }
.tile b { display: block; font-size: 28px; line-height: 1.2; color: var(--main); }
.side { display: flex; flex-wrap: wrap; gap: 28px; align-items: flex-start; }
.side > * { flex: 1 1 320px; min-width: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); }
h3 { font-size: 15px; margin: 0 0 6px; }
th, td { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; }
td.track { width: 55%; min-width: 160px; }
.track div { position: relative; height: 14px; background: var(--ground); border-radius: 3px; }
.track i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; }
i.main { background: var(--main); } i.pale { background: var(--pale); }
.wide { width: 100%; }
.matrix td { border: 1px solid var(--paper); padding: 0; width: 26px; height: 24px; min-width: 18px;
  text-align: center; font-size: 11px; }
.matrix th { font-weight: 400; font-size: 12px; color: var(--ink); border: 0; padding: 0 8px 0 0;
  text-align: right; white-space: nowrap; }
.matrix thead th { height: 104px; vertical-align: bottom; padding: 0; }
.matrix thead div { writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; }
svg.chart { width: 100%; max-width: 460px; height: auto; }
svg text { font-size: 11px; fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
polyline { fill: none; } polyline.main { stroke: var(--main); stroke-width: 2; }
polyline.ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
rect.main, circle.main { fill: var(--main); } rect.pale { fill: var(--pale); }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 12px; }
.key.main { background: var(--main); } .key.pale { background: var(--pale); }
.key.good { background: var(--good); }
figure { margin: 0 0 16px; } figure img { width: 100%; border-radius: 4px; display: block; }
figcaption { font-size: 13px; margin-top: 3px; }
.stack { display: flex; height: 20px; border-radius: 4px; overflow: hidden; max-width: 520px;
  margin: 6px 0; }
.stack .main { background: var(--main); } .stack .good { background: var(--good); }
.stack .pale { background: var(--pale); }
code { font-size: 12px; overflow-wrap: anywhere; }
@media print { body { background: none; } section, .tile { break-inside: avoid; } }
"""
