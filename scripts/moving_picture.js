// Draws over the page what only the moving picture has: a caption, a pointer that presses, a frame around words.
(() => {
  const draw = (style) => {
    const drawn = document.createElement("div");
    Object.assign(drawn.style, { position: "fixed", zIndex: 9999, pointerEvents: "none", ...style });
    document.body.append(drawn);
    return drawn;
  };
  const caption = draw({
    left: 0, right: 0, bottom: 0, height: "64px", padding: "0 24px", display: "flex", alignItems: "center", gap: "16px",
    background: "#10231d", color: "#fff", font: "600 25px/1 system-ui, sans-serif",
  });
  const step = document.createElement("span");
  Object.assign(step.style, {
    width: "36px", height: "36px", borderRadius: "50%", display: "grid", placeItems: "center", background: "#fff",
    color: "#10231d", font: "700 20px/1 system-ui, sans-serif", flex: "none",
  });
  const words = document.createElement("span");
  caption.append(step, words);
  const pointer = draw({
    width: "36px", height: "36px", margin: "-18px 0 0 -18px", borderRadius: "50%", display: "none",
    border: "4px solid #c2410c", background: "rgba(194, 65, 12, .25)", boxSizing: "border-box",
  });
  const frame = draw({ display: "none", border: "3px solid #c2410c", borderRadius: "8px", boxSizing: "border-box" });
  const list = document.createElement("style");
  list.textContent = `
    .heads, .device-link { grid-template-columns: minmax(6rem, 1fr) 7.25rem minmax(6rem, 1.4fr) 11rem; }
    .cell-score, .cell-may, .heads span:nth-child(n + 5) { display: none; }`;
  document.head.append(list);
  window.moving = {
    say(number, text) { step.textContent = number; words.textContent = text; },
    point(x, y) { Object.assign(pointer.style, { left: `${x}px`, top: `${y}px`, display: "block", scale: 1 }); },
    press() { Object.assign(pointer.style, { scale: 1.5, background: "rgba(194, 65, 12, .5)" }); },
    frame(box) {
      Object.assign(frame.style, { display: box ? "block" : "none" });
      if (box) Object.assign(frame.style, {
        left: `${box.x - 10}px`, top: `${box.y - 5}px`, width: `${box.width + 14}px`, height: `${box.height + 10}px`,
      });
    },
    lift() { Object.assign(pointer.style, { display: "none", background: "rgba(194, 65, 12, .25)" }); },
  };
})();
