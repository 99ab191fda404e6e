// Runs first in every page of ours; start_page.py says what for.
window.__streamlit = {BACKEND_BASE_URL: location.origin + "/"};
{
  const load = wave => {
    for (const link of document.querySelectorAll(`link[data-wave="${wave}"]`)) link.rel = "modulepreload";
  };
  new PerformanceObserver((seen, observer) => {
    if (!seen.getEntries().some(one => one.name.endsWith("/_stcore/health"))) return;
    observer.disconnect();
    load(1);
    setTimeout(load, 1500, 3);
  }).observe({type: "resource", buffered: true});

  const told = new Set();
  const tell = part => {
    if (!told.has(part)) fetch(`/shown/${part}`, {method: "POST"}).catch(() => {});
    told.add(part);
  };
  const shows = (what, number) => document.querySelectorAll(what).length >= number;
  const look = () => {
    const mark = document.querySelector('[class*="st-key-shown-"]');
    const named = /st-key-shown-(\w+)-(\d+)-(\d+)-(\d+)/.exec(mark?.className);
    if (!named) return;
    const [, token, figures, tables, charts] = named;
    if (!shows('[data-testid="stMetricValue"]', figures)) return;
    if (!shows('[data-testid="stDataFrame"]:has(canvas), .sheet', tables)) return;
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
