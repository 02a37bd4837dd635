// Colours of a terminal, as spans of text and a class. Other escape sequences are left out, what a carriage return has overwritten too.
const escape = /\x1b(?:\[([\d;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

export function spans(text) {
  text = text.replace(/\r+$/, '');
  text = text.slice(text.lastIndexOf('\r') + 1);
  if (!text.includes('\x1b')) return [{ text }];
  const out = [];
  let look = {}, from = 0;
  const put = (to) => { if (to > from) out.push({ text: text.slice(from, to), ...look }); };
  for (const m of text.matchAll(escape)) {
    put(m.index);
    from = m.index + m[0].length;
    if (m[2] === 'm') look = sgr(look, m[1].split(/[;:]/).map(Number));
  }
  put(text.length);
  return out;
}

// rgb is a colour of the table of 256.
function rgb(n) {
  if (n >= 232) return Array(3).fill((n - 232) * 10 + 8);
  return [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map((v) => (v ? v * 40 + 55 : 0));
}

function sgr(look, codes) {
  const c = new Set(look.kind?.split(' '));
  let { color } = look;
  const paint = (letter, n) => {
    for (const k of c) if (k[0] === letter) c.delete(k);
    if (letter === 'f') color = undefined;
    if (n >= 0) c.add(letter + n);
  };
  for (let i = 0; i < codes.length; i++) {
    const k = codes[i];
    if (k === 0) { c.clear(); color = undefined; }
    else if (k === 1 || k === 3 || k === 4) c.add(`s${k}`);
    else if (k === 22 || k === 23 || k === 24) c.delete(`s${k === 22 ? 1 : k - 20}`);
    else if (k >= 30 && k < 38) paint('f', k - 30);
    else if (k >= 40 && k < 48) paint('g', k - 40);
    else if (k >= 90 && k < 98) paint('f', k - 82);
    else if (k >= 100 && k < 108) paint('g', k - 92);
    else if (k === 39 || k === 49) paint(k === 39 ? 'f' : 'g', -1);
    else if (k === 38 || k === 48) {
      const wide = codes[i + 1] === 5 ? codes.slice(i + 2, i + 3) : codes.slice(i + 2, i + 5);
      i += 1 + wide.length;
      const table = wide.length === 1;
      paint(k === 38 ? 'f' : 'g', table && wide[0] < 16 ? wide[0] : -1);
      if (k === 38 && !(table && wide[0] < 16)) color = `rgb(${table ? rgb(wide[0]) : wide})`;
    }
  }
  return { kind: [...c].join(' '), color };
}
