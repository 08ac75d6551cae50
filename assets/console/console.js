// The live list: rows that are new, or whose outcome came, replace the old ones. Without this file a reload works.
"use strict";
(() => {
  const status = document.getElementById("live");
  const body = document.getElementById("calls");
  if (!status || !body || !window.EventSource) return;
  const MOST = 200;
  const held = document.createElement("button");
  let source = null;
  let paused = false;
  let waiting = 0;

  const say = (state, text) => {
    status.className = "live " + state;
    label.textContent = text;
  };
  const label = document.createElement("span");
  held.type = "button";
  held.className = "plain";
  status.replaceChildren(label, document.createTextNode(" "), held);

  const merge = (html) => {
    const template = document.createElement("template");
    template.innerHTML = "<table><tbody>" + html + "</tbody></table>";
    for (const row of template.content.querySelectorAll("tr[id]")) {
      const old = document.getElementById(row.id);
      if (old) {
        old.replaceWith(row);
      } else {
        row.classList.add("fresh");
        const after = [...body.rows].find((other) => other.id < row.id);
        body.insertBefore(row, after || null);
      }
    }
    while (body.rows.length > MOST) body.rows[body.rows.length - 1].remove();
    const empty = document.getElementById("empty");
    if (empty) empty.hidden = body.rows.length > 0;
  };

  const stop = (text) => {
    if (source) source.close();
    source = null;
    clearTimeout(waiting);
    say("still", text);
    held.textContent = "Go on";
    paused = true;
  };

  const start = () => {
    paused = false;
    held.textContent = "Pause";
    say("still", "Connecting…");
    source = new EventSource(status.dataset.stream);
    source.addEventListener("open", () => say("on", "Live"));
    source.addEventListener("calls", (event) => {
      if (event.data) merge(event.data);
    });
    source.addEventListener("end", (event) => stop(event.data));
    source.addEventListener("error", () => {
      if (paused) return;
      source.close();
      say("still", "Out of reach, trying again…");
      waiting = setTimeout(start, 3000);
    });
  };

  held.addEventListener("click", () => (paused ? start() : stop("Paused")));
  start();
})();
