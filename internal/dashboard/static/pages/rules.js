// The rules as they were understood, and where they would have an application start: nothing is changed by looking.
import { html, Act, Choice, Head, State, Table, Toggle, AppLink, ProcessLink, Empty, useFetch } from '../ui.js';
import { useStore, nick, state, app } from '../store.js';
import { get, go, path, view } from '../router.js';
import { strategies, serves } from '../facts.js';
import { Rules } from './process.js';

// Those of its application come first, as far as they are told apart.
const rulesOf = (p) => p.rules || [...p.application.map((r) => ({ ...r, rule: `application: ${r.rule}` })), ...p.program];

export function RulesPage({ page, query }) {
  useStore('cluster');
  const { value, error } = useFetch(() => get('rules'), []);
  const name = query.app || (page === 'whatif' ? state.apps.find((a) => a.managed)?.name : '') || '';
  const programs = (value?.programs || []).filter((p) => !query.app || p.app === query.app);
  return html`<${Head} title=${page === 'whatif' ? 'What if' : 'Rules'} acts=${html`<${Choice} label="Application" value=${name} options=${[['', 'all'], ...state.apps.filter((a) => a.managed).map((a) => [a.name])]} onChange=${(v) => view({ app: v })} />
      ${page === 'whatif' ? html`<a class="b" href=${path(['rules'], { app: name })}>Rules</a>` : html`<a class="b primary" href=${path(['whatif'], { app: name })}>What if…</a>`}`}><span>Nothing is changed by looking.</span><//>
    ${page === 'whatif' ? html`<${WhatIf} name=${name} query=${query} />` : error ? html`<${Empty}>${error}<//>` : value && html`
    <p>${value.files?.length > 0 && `Read from ${value.files.join(', ')}`}</p>
    ${(value.problems || []).map((p) => html`<p class="note warn">${p}</p>`)}
    ${programs.map((p) => html`<details key=${p.process} open=${programs.length < 6}><summary>${p.process} <span class="muted">${(p.program || p.rules).filter((r) => r.by && !/^default/.test(r.by)).map((r) => `${r.rule}=${r.value}`).join(', ')}</span></summary>${(p.notes || []).map((n) => html`<p class="note">${n}</p>`)}<${Rules} of=${p.process} rules=${rulesOf(p)} /></details>`)}
    ${programs.length === 0 && html`<${Empty}>The rules know no program${query.app ? ' of this application' : ': rules_files in [rpcinterface:supvisors] names their files'}.<//>`}`}`;
}

function WhatIf({ name, query }) {
  const a = app(name);
  const strategy = query.strategy || a?.strategy || '';
  const down = (query.down || '').split(',').filter(Boolean);
  const { value, error } = useFetch(() => (a ? get('plan', { app: name, strategy, down: down.map((d) => state.nodes.find((n) => n.nick === d)?.id || d).join() }) : Promise.resolve(null)), [name, strategy, query.down]);
  if (!a) return html`<${Empty}>Choose an application to see where its processes would start.<//>`;
  const flip = (n) => view({ down: (down.includes(n) ? down.filter((d) => d !== n) : [...down, n]).join() });
  return html`<div class="acts"><${Choice} label="Strategy" value=${strategy} options=${Object.entries(strategies).map(([k, v]) => [k, `${k}: ${v}`])} onChange=${(v) => view({ strategy: v })} />
      <span>Were these nodes down:</span>${state.nodes.map((n) => html`<${Toggle} on=${down.includes(n.nick) || !serves(n)} onClick=${() => flip(n.nick)}>${n.nick}<//>`)}
      <${Act} label="Start like this" primary why=${down.length ? 'These nodes are not down' : ''} onClick=${() => go(path(['apps', name], { strategy }))} /></div>
    ${error ? html`<p class="note bad">${error}</p>` : value && (value.steps.length ? html`<${Table} label="Plan" heads=${['No.', 'Process', 'Node', 'Outcome', 'Why here, why not there']}>${value.steps.map((s) => html`<tr key=${s.process}>
      <td class="n">${s.number}</td><th scope="row"><${ProcessLink} name=${s.process} /></th><td>${s.node ? html`<b>${nick(s.node)}</b>` : 'none'}</td><td><${State} word=${s.state} /> ${s.reason}</td>
      <td><ul class="plain">${s.scores.map((x) => html`<li>${x.node === s.node ? html`<b>${nick(x.node)}</b>` : nick(x.node)}: load ${x.load}%${x.reason ? `, ${x.reason}` : x.node === s.node ? ', chosen' : ', could be'}</li>`)}</ul></td></tr>`)}<//>` : html`<${Empty}>Nothing would be started: all of <${AppLink} name=${name} /> is up, or no process has a start_sequence.<//>`)}`;
}
