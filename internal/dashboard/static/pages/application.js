// An application: its state with the reason, how its starts and stops went, its processes on each node.
import { useLayoutEffect } from '../vendor/standalone.module.js';
import { html, Choice, Head, Icon, State, Since, Table, NodeLink, ProcessLink, Toggle, Nothing, names, time, span } from '../ui.js';
import { useStore, app, nick, now, sequence, state } from '../store.js';
import { get, path, view } from '../router.js';
import { failed, health, isUp, strategies, tone } from '../facts.js';
import { AppDeeds, Deed } from '../jobs.js';
import { description } from './processes.js';

export function ApplicationPage({ args: [name], query }) {
  useStore('cluster', 'sequences');
  const a = app(name);
  useLayoutEffect(() => { get('sequences', { app: name }).then((r) => r.sequences.forEach(sequence), () => {}); }, [name]);
  if (!a) return html`<${Nothing} what="application" name=${name} />`;
  const strategy = query.strategy || a.strategy;
  const clustered = state.cluster.clustered && a.managed;
  const sequences = [...(state.sequences.get(name) || [])].reverse();
  const lanes = (q) => html`<${Lanes} key=${q.began} q=${q} />`;
  return html`<${Head} title=${a.name} acts=${html`<${AppDeeds} a=${a} strategy=${strategy} />
      ${clustered && html`<${Choice} label="Strategy" value=${strategy} options=${Object.entries(strategies).map(([k, v]) => [k, `${k}${k === a.strategy ? ' (of the rules)' : ''}: ${v}`])}
        onChange=${(v) => view({ strategy: v === a.strategy ? '' : v })} /><a class="b" href=${path(['whatif'], { app: name, strategy })}>What if…</a>`}`}>
      <${State} word=${a.state} />${a.since > 0 && html`<span>for <${Since} t=${a.since} /></span>`}${health(a)[2] && html`<${State} word="" kind=${health(a)} as=${health(a)[2]} />`}
      ${!a.managed && state.cluster.clustered && html`<span class="badge">not managed by the rules</span>`}<//>
    ${a.verdict && html`<p class="note ${a.major ? 'bad' : a.minor ? 'warn' : ''}">${a.verdict}</p>`}
    ${clustered && html`<dl class="pairs">${[['Status formula', a.formula || 'none: major is a required process, minor any other'], ['Distribution', a.spread], ['Start, stop sequence', `${a.start}, ${a.stop}`],
      ['When a start fails', a.starting_failure_strategy], ['When a process crashes', a.running_failure_strategy]].filter(([, v]) => v).map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`}
    ${sequences.length > 0 && html`<h2>Starts and stops</h2>${sequences.slice(0, 1).map(lanes)}${sequences.length > 1 && html`<details class="lanes"><summary>Earlier ones: ${sequences.length - 1}</summary>${sequences.slice(1).map(lanes)}</details>`}`}
    <div class="acts"><h2>Processes</h2><${Toggle} on=${query.copies} onClick=${() => view({ copies: query.copies ? '' : '1' })}>On each node<//></div>
    <${Table} label=${`Processes of ${a.name}`} heads=${['Process', 'State', 'Node', 'Remark', 'Sequence', 'Load', 'Actions']}>${a.processes.flatMap((p) => [
      html`<tr key=${p.name} data-row class=${p.conflict ? 'iswarn' : ''}><th scope="row"><${ProcessLink} name=${p.name} as=${p.process} />${p.required && html` <span class="badge">required</span>`}</th><td><${State} word=${p.state} /></td>
        <td>${p.conflict ? html`<a class="st warn" href="ui/conflicts"><${Icon} name="alert" />conflict: ${names(p.on)}</a>` : p.where && html`<${NodeLink} id=${p.where} />`}</td><td>${description(p)}</td>
        <td class="n">${p.start || ''}${p.wait_exit ? ' waits for its exit' : ''}</td><td class="n">${p.load ? `${p.load}%` : ''}</td>
        <td class="tools">${['start', 'stop', 'restart'].map((x) => html`<${Deed} action=${x} p=${p} strategy=${query.strategy} bare />`)}</td></tr>`,
      ...(query.copies || p.conflict || failed(p) ? p.at : []).map((c) => html`<tr key=${`${p.name} ${c.node}`} class="sub"><td></td><td><${State} word=${c.state} /></td><td><${NodeLink} id=${c.node} /></td>
        <td>${[c.error, c.disabled && 'disabled', isUp(c.state) && c.pid && `pid ${c.pid}`].filter(Boolean).join(', ')} ${isUp(c.state) && html`<${Since} t=${c.started} />`}</td><td></td><td></td>
        <td class="tools">${isUp(c.state) ? html`<${Deed} action="stop" p=${p} id=${c.node} bare />` : html`<${Deed} action="start" p=${p} id=${c.node} bare />`}</td></tr>`)])}<//>`;
}

// Lanes draw a sequence: one lane for each number, a bar from the request to the state that it came to.
function Lanes({ q }) {
  useStore(q.ended ? 'never' : 'clock');
  const end = q.ended || now();
  const width = Math.max(0.1, end - q.began);
  const x = (t) => `${Math.max(0, Math.min(100, ((t - q.began) / width) * 100))}%`;
  const lanes = [...new Set(q.steps.map((s) => s.number))].sort((a, b) => (q.kind === 'stop' ? b - a : a - b));
  const bad = q.steps.filter((s) => tone(s.state)[1] === 'bad').length;
  return html`<details class="lanes" open=${now() - end < 600}><summary>${q.kind === 'stop' ? 'Stop' : 'Start'} at ${time(q.began)}, ${q.ended ? `took ${width.toFixed(1)} s` : `going on for ${span(width)}`}${bad > 0 && html` <${State} word="FATAL" as=${`${bad} failed`} />`}</summary>
    ${lanes.map((l) => html`<div class="lane"><b>${l}</b><ol aria-label=${`Sequence number ${l}`}>${q.steps.filter((s) => s.number === l).sort((s, t) => (s.began || end) - (t.began || end)).map((s) => html`<li key=${s.process}>
      <span class="what"><${ProcessLink} name=${s.process} as=${s.process.split(':').pop()} /> ${s.node && html`<span class="muted">${nick(s.node)}</span>`}</span>
      <span class="track">${s.began ? html`<span class="step ${tone(s.state)[1]}" style=${{ left: x(s.began), right: `calc(100% - ${x(s.ended || end)})` }} />` : ''}</span>
      <span class="came"><${State} word=${s.began ? s.state : 'asked'} as=${s.began ? s.state : 'waits'} /> ${s.began > 0 && html`<span class="n">${((s.ended || end) - s.began).toFixed(1)} s</span>`}${s.retries > 0 && html` <span class="n">${s.retries + 1} tries</span>`}${s.text && html` <span>${s.text}</span>`}</span></li>`)}</ol></div>`)}</details>`;
}
