// Puts it together: the address names what is shown, keys that work everywhere, light and dark.

function place() {
  const path = location.hash
    .slice(1)
    .split("/")
    .map((text) => {
      try {
        return decodeURIComponent(text);
      } catch {
        return text;
      }
    });
  if (path[0] === "" && path[1]) return { view: () => iocView(path[1]), key: `ioc ${path[1]}`, title: path[1] };
  const device = deviceByName.get(path[0]);
  if (!device) return { view: beamlineView, key: "", title: "" };
  const part = device.parts.find((one) => one.attribute === (path[1] ?? ""));
  if (!part) return { view: () => deviceView(device), key: `device ${device.number}`, title: device.name };
  const alone = device.parts.length === 1 && !part.attribute;
  let key = alone ? `device ${device.number}` : `part ${device.number} ${part.index}`;
  if (path[2]) {
    const number = part.kind.rows.findIndex((row) => row[ROW.attribute] === path[2]);
    if (tree.searching && number >= 0) key = `signal ${device.number} ${part.index} ${number}`;
  }
  const title = part.attribute ? `${device.name}.${part.attribute}` : device.name;
  return { view: () => partView(part, path[2] ?? null), key, title };
}

let shownPlace = null;

// The browser tells later that the address changed; what is shown by then is not made anew.
function show() {
  if (location.hash === shownPlace) return;
  shownPlace = location.hash;
  const { view, key, title } = place();
  const detail = byId("detail");
  const back = make("button.back", { type: "button", on: { click: backToTree } }, "‹ Devices");
  detail.replaceChildren(back, ...view().flat(9).filter(Boolean));
  document.title = title ? `${title} · ${data.title || data.name}` : data.title || data.name;
  document.body.classList.toggle("inside", key !== "");
  markShown(key);
  const wanted = detail.querySelector("tr.wanted");
  if (wanted) wanted.scrollIntoView({ block: "center" });
  else detail.scrollTop = 0;
}

function backToTree() {
  document.body.classList.remove("inside");
  byId("tree").focus();
}

function enterDetail() {
  const detail = byId("detail");
  document.body.classList.add("inside");
  (detail.querySelector("tr.wanted, tr.signal[tabindex='0']") ?? detail).focus();
}

const THEMES = { auto: "light", light: "dark", dark: "auto" };

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

function startTheme() {
  let theme = "auto";
  try {
    theme = localStorage.getItem("beamwright-theme") ?? "auto";
  } catch {
    // A page without storage forgets the choice.
  }
  if (!(theme in THEMES)) theme = "auto";
  setTheme(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[theme];
    setTheme(theme);
    try {
      localStorage.setItem("beamwright-theme", theme);
    } catch {
      // The same.
    }
  });
}

function startSearch() {
  const search = byId("search");
  let waiting = 0;
  const now = () => {
    clearTimeout(waiting);
    waiting = 0;
    plant(search.value);
  };
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(now, data.large ? 120 : 30);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    if (waiting) now();
    byId("tree").focus();
    const signalFirst = tree.searching && event.key === "Enter" && tree.rows.find((one) => one.kind === "signal");
    if (signalFirst) moveTo(signalFirst);
  });
}

function startKeys() {
  byId("keys").addEventListener("click", () => byId("help").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const typing = event.target instanceof HTMLInputElement;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      byId("search").focus();
      byId("search").select();
    } else if (event.key === "?" && !typing) byId("help").showModal();
    else if (event.key === "Escape") {
      if (typing && event.target.value) {
        event.preventDefault();
        event.target.value = "";
        plant("");
      } else backToTree();
    }
  });
}

data.large = data.devices.reduce((sum, device) => sum + signalsOf(device), 0) > 20000;
startTheme();
startTree();
startSearch();
startKeys();
window.addEventListener("hashchange", show);
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  location.hash = "";
  show();
  document.body.classList.add("inside");
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("detail").focus();
});
show();
