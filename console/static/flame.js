"use strict";

// flameView draws a profile as a tree that hangs down from its callers. A click, or Enter, makes a function the whole; the bar at the top
// leads back.
function flameView(flame, width) {
  const ROW = 19, CHAR = 6.6, LEAST = 2;
  const amount = v => flame.unit === "nanoseconds" ? span(v) : number(v) + (flame.unit === "bytes" && v < 1 << 20 ? " B" : flame.unit === "bytes" ? "B" : "");
  const holder = make("div", {class: "flame"});
  const hue = name => [...name.replace(/\.[^/]*$/, "")].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 6, 7); // one color a package

  function paint(path) {
    const top = path[path.length - 1], bars = [];
    let deepest = 0;
    function bar(node, x, w, depth, back) {
      deepest = Math.max(deepest, depth);
      const share = (100 * node.value / (flame.root.value || 1)).toFixed(1) + " %", name = node.name || flame.value;
      const short = name.slice(name.lastIndexOf("/") + 1), room = Math.floor((w - 6) / CHAR);
      const g = make("g", {class: back ? "back" : "f" + hue(name), tabindex: 0, role: "button", transform: `translate(${x.toFixed(1)} ${depth * ROW})`},
        make("title", {}, `${name} ${node.place || ""}\n${amount(node.value)}, ${share}`),
        make("rect", {width: Math.max(1, w - 1).toFixed(1), height: ROW - 1, rx: 2}));
      if (room > 3) g.append(make("text", {x: 4, y: ROW - 6}, short.length > room ? short.slice(0, room - 1) + "…" : short + (room > short.length + 18 ? `  ${amount(node.value)}, ${share}` : "")));
      const go = () => {
        const at = path.indexOf(node);
        paint(at >= 0 ? path.slice(0, at + 1) : [...path, node]);
      };
      g.addEventListener("click", go);
      g.addEventListener("keydown", e => { if (e.key === "Enter") go(); });
      bars.push(g);
    }
    function below(node, x, w, depth) {
      let at = x;
      for (const c of node.children || []) {
        const part = w * c.value / node.value;
        if (part >= LEAST) {
          bar(c, at, part, depth, false);
          below(c, at, part, depth + 1);
        }
        at += part;
      }
    }
    path.forEach((n, i) => bar(n, 0, width, i, i < path.length - 1));
    below(top, 0, width, path.length);
    holder.replaceChildren(make("svg", {viewBox: `0 0 ${width} ${(deepest + 1) * ROW}`, width, height: (deepest + 1) * ROW, role: "img"}, ...bars));
  }
  paint([flame.root]);
  return holder;
}
