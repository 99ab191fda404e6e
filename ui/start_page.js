// Runs first in every page of ours; start_page.py says what for.
window.__streamlit = {BACKEND_BASE_URL: location.origin + "/"};
{
  // The draft: asked for with what the front end will tell of this browser, shown until the page itself is there.
  const token = [...crypto.getRandomValues(new Uint8Array(16))].map(one => one.toString(16).padStart(2, "0")).join("");
  const kept = name => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  const theme = () => {
    const chosen = /^"(Light|Dark)"$/.exec(kept(`stActiveTheme-${location.pathname}-v2`));
    if (chosen) return chosen[1].toLowerCase();
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  };
  let draft = null, isDrawn = false, isScrolled = false;
  const show = html => {
    if (!html || isDrawn || document.querySelector('[data-testid="stMetricValue"], .sheet')) return;
    const held = document.createElement("template");
    held.innerHTML = html;
    draft = held.content.firstElementChild;
    draft.style.setProperty("--sidebar", `${parseInt(kept("sidebarWidth"), 10) || 281.25}px`);
    draft.addEventListener("scroll", () => isScrolled = true, {once: true}); // to ask how far would lay out the whole page
    document.body.append(draft);
    setTimeout(away, 8000); // whatever keeps the page, nobody shall take an old draft for it
  };
  const away = () => {
    isDrawn = true;
    const main = document.querySelector('[data-testid="stMain"]');
    if (draft && isScrolled && main) main.scrollTop = draft.scrollTop;
    draft?.remove();
    draft = null;
  };
  const asked = {
    token,
    query: location.search.slice(1),
    path: decodeURIComponent(location.pathname.replace(/^\/|\/$/g, "")),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    offset: new Date().getTimezoneOffset(),
    locale: navigator.language,
    url: location.origin + location.pathname,
    theme: theme(),
  };
  fetch("/draft", {method: "POST", body: JSON.stringify(asked)}).then(reply => reply.ok ? reply.text() : "").then(show).catch(() => {});
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(`${url}?draft=${token}`, protocols); // the first is the front end's: it takes over what was begun for the draft
      window.WebSocket = Socket;
    }
  };

  const links = wave => document.querySelectorAll(`link[data-wave="${wave}"]`);
  const load = wave => {
    for (const link of links(wave)) link.rel = "modulepreload";
  };
  // Run, too: what the front end asks for in vain when it first draws, it draws anew.
  const run = wave => {
    for (const link of links(wave)) import(link.href).catch(() => {});
  };
  new PerformanceObserver((seen, observer) => {
    if (!seen.getEntries().some(one => one.name.endsWith("/_stcore/health"))) return;
    observer.disconnect();
    run(1);
    setTimeout(load, 1500, 3);
  }).observe({type: "resource", buffered: true});

  const told = new Set();
  const tell = part => {
    if (!told.has(part)) fetch(`/shown/${part}`, {method: "POST"}).catch(() => {});
    told.add(part);
  };
  const shows = (what, number) => document.querySelectorAll(what).length >= number;
  const look = () => {
    const drafted = /shown-(\w+)-\d+-\d+-(\d+)/.exec(draft?.dataset.shown);
    if (drafted) {
      tell(`${drafted[1]}/draft`);
      if (drafted[2] > 0) load(2);
    }
    const mark = document.querySelector('[class*="st-key-shown-"]');
    const named = /st-key-shown-(\w+)-(\d+)-(\d+)-(\d+)/.exec(mark?.className);
    if (!named) return;
    const [, token, figures, tables, charts] = named;
    if (!shows('[data-testid="stMetricValue"]', figures)) return;
    if (!shows('[data-testid="stMain"] :is([data-testid="stDataFrame"]:has(canvas), .sheet, .picture, .trend)', tables)) return;
    away();
    tell(`${token}/text`);
    if (charts > 0) load(2);
    if (!shows(".js-plotly-plot .main-svg .cartesianlayer", charts)) return;
    tell(`${token}/charts`);
    load(3);
  };
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      look();
    });
  }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]});
}
