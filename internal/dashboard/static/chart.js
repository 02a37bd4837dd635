// Curves over time on a canvas. All charts of a page share the cursor, so that one look tells what happened at the same moment.
import { html, useLayoutEffect, useReducer, useRef } from './vendor/standalone.module.js';
import { listen, touch, useStore } from './store.js';
import { time } from './ui.js';

const palette = ['accent', 'good', 'warn', 'bad', 'busy', 'muted'];
const digits = (v) => (v == null ? '–' : v && v < 10 ? v.toFixed(1) : String(Math.round(v)));
const left = 60, bottom = 22, top = 6;
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
let cursor = null; // a time

// colour is what a variable of the style sheet comes to in the present theme.
function colour(box, name) {
  box.style.color = `var(--${name})`;
  const c = getComputedStyle(box).color;
  box.style.color = '';
  return c;
}

const nearest = (times, t) => {
  let i = times.findIndex((x) => x >= t);
  if (i < 0) i = times.length - 1;
  return i > 0 && t - times[i - 1] < times[i] - t ? i - 1 : i;
};

const bounds = (times) => [times[0], Math.max(times.at(-1), times[0] + 10)];

function paint(box, [times, ...series], max) {
  const canvas = box.firstChild;
  const width = box.clientWidth, height = box.clientHeight, ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const g = canvas.getContext('2d');
  g.scale(ratio, ratio);
  g.font = '13px system-ui, sans-serif';
  const [from, to] = bounds(times);
  const high = max || Math.max(1, ...series.flat()) * 1.1;
  const x = (t) => left + ((t - from) / (to - from)) * (width - left);
  const y = (v) => height - bottom - (v / high) * (height - bottom - top);
  g.fillStyle = colour(box, 'muted');
  g.strokeStyle = colour(box, 'line');
  g.textAlign = 'right';
  g.textBaseline = 'middle';
  for (let i = 0; i <= 4; i++) {
    const v = (high * i) / 4;
    g.strokeRect(left, y(v), width - left, 0);
    g.fillText(digits(v), left - 6, y(v));
  }
  g.textAlign = 'center';
  const step = steps.find((s) => ((to - from) / s) * 80 < width - left) || 86400;
  for (let t = Math.ceil(from / step) * step; t < to; t += step) {
    g.strokeRect(x(t), top, 0, height - top - bottom);
    if (x(t) > left + 30 && x(t) < width - 30) g.fillText(time(t).slice(-8), x(t), height - 9);
  }
  series.forEach((values, i) => {
    g.strokeStyle = colour(box, palette[i % palette.length]);
    g.lineWidth = i ? 1 : 2;
    g.beginPath();
    let on = false;
    values.forEach((v, k) => {
      if (v != null) g[on ? 'lineTo' : 'moveTo'](x(times[k]), y(v));
      on = v != null;
    });
    g.stroke();
  });
  if (cursor != null && cursor >= from && cursor <= to) {
    g.lineWidth = 1;
    g.strokeStyle = colour(box, 'muted');
    g.strokeRect(x(times[nearest(times, cursor)]), top, 0, height - top - bottom);
  }
}

// Chart draws data: the times, then the values of each name. The first one is bold.
export function Chart({ title, names, data, unit, max }) {
  useStore('cursor');
  const box = useRef();
  const [, again] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => { paint(box.current, data, max); });
  useLayoutEffect(() => {
    const size = new ResizeObserver(again);
    size.observe(box.current);
    const theme = listen(['settings'], again);
    return () => { size.disconnect(); theme(); };
  }, []);
  const times = data[0];
  const move = (e) => {
    const { left: l, width } = box.current.getBoundingClientRect();
    const [from, to] = bounds(times);
    cursor = from + ((e.clientX - l - left) / (width - left)) * (to - from);
    touch('cursor');
  };
  const at = cursor == null ? times.length - 1 : nearest(times, cursor);
  const facts = names.map((name, i) => {
    const v = data[i + 1].filter((x) => x != null);
    return [name, digits(data[i + 1][at]), digits(v.reduce((a, b) => a + b, 0) / v.length), digits(Math.max(...v))];
  });
  return html`<figure class="chart"><figcaption><b>${title}</b> ${unit}${cursor != null && html` <span class="muted n">at ${time(times[at])}</span>`}</figcaption>
    <div ref=${box} class="plot" role="img" aria-label=${`${title}, ${unit}`} onPointerMove=${move} onPointerLeave=${() => { cursor = null; touch('cursor'); }}><canvas /></div>
    <ul class="keys">${facts.map(([name, value, mean, most], i) => html`<li><span class="key ${palette[i % palette.length]}" aria-hidden="true" />${name} <b class="n">${value}</b>
      <span class="muted n"> mean ${mean}, max ${most}</span></li>`)}</ul></figure>`;
}
