// What the tests know of the pages. It is there before the scripts of a page run.
window.T = {
  seen: (e) => e && e.getClientRects().length > 0,
  find: (css, text = '') => [...document.querySelectorAll(css)].find((e) => T.seen(e) && e.innerText.includes(text)),
  text: (css) => document.querySelector(css)?.innerText.replace(/\s+/g, ' ').trim() || '',
  row: (name) => [...document.querySelectorAll('tr[data-row]')].find((r) => r.querySelector('th a')?.innerText === name),
  rows: () => [...document.querySelectorAll('tr[data-row]')].map((r) => r.querySelector('th a').innerText),
  state: (name) => T.row(name)?.querySelector('.c-state')?.innerText.trim() || '',
  live: () => T.text('.lamp') === 'live',
  // point is where a click hits an element, null while none would.
  point: (e) => {
    if (!T.seen(e) || e.getAttribute('aria-disabled') === 'true') return null;
    e.scrollIntoView({ block: 'center', behavior: 'instant' });
    const r = e.getBoundingClientRect();
    const x = r.left + r.width / 2, y = r.top + r.height / 2;
    const hit = document.elementFromPoint(x, y);
    return hit && (e.contains(hit) || hit.contains(e)) ? { x, y } : null;
  },
  // when resolves to what f returns as soon as it is true; to null when it takes too long.
  when: (f, ms) => new Promise((resolve) => {
    const end = (v) => { observer.disconnect(); clearInterval(timer); clearTimeout(limit); resolve(v); };
    const look = () => { try { const v = f(); if (v) end(v); } catch { /* not there yet */ } };
    const observer = new MutationObserver(look);
    const timer = setInterval(look, 100); // what changes without the document
    const limit = setTimeout(() => end(null), ms);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
  }),
  clock: () => performance.timeOrigin + performance.now(),
};
