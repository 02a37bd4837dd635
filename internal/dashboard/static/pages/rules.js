// The rules as they were understood, and where they would have an application start: nothing is changed by looking. Then conflicts, where more
// is up than the rules want: copies side by side, and what each strategy would do to them.
import { html, Act, Choice, Empty, Head, State, Strategy, Since, Table, Toggle, AppLink, NodeLink, ProcessLink, names, percent, plural, time, useFetch } from '../ui.js';
import { useStore, useWatch, app, nick, node, sample, state } from '../store.js';
import { get, go, path, view } from '../router.js';
import { conciliations, copyAt, serves } from '../facts.js';
import { act } from '../jobs.js';
import { LastLines } from '../log.js';
import { Rules } from './application.js';

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
    ${value.files.length > 0 && html`<p>Read from ${value.files.map((f, i) => html`${i > 0 && ', '}<code>${f}</code>`)}</p>`}
    ${value.problems.map((p) => html`<p class="note warn">${p}</p>`)}
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
  return html`<div class="acts"><${Strategy} value=${strategy} own=${a.strategy} onChange=${(v) => view({ strategy: v })} /></div>
    <div class="acts"><span>Were these nodes down:</span>${state.nodes.map((n) => html`<${Toggle} on=${down.includes(n.nick) || !serves(n)} onClick=${() => flip(n.nick)}>${n.nick}<//>`)}
      <${Act} label="Start like this" primary why=${down.length ? 'These nodes are not down' : ''} onClick=${() => go(path(['apps', name], { strategy }))} /></div>
    ${error ? html`<p class="note bad">${error}</p>` : value && (value.steps.length ? html`<${Table} label="Plan" heads=${['No.', 'Process', 'Node', 'Outcome', 'Why here, why not there']}>${value.steps.map((s) => html`<tr key=${s.process}>
      <td class="n">${s.number}</td><th scope="row"><${ProcessLink} name=${s.process} /></th><td>${s.node ? html`<b>${nick(s.node)}</b>` : 'none'}</td><td><${State} word=${s.state} /> ${s.reason}</td>
      <td><ul class="plain">${s.scores.map((x) => html`<li>${x.node === s.node ? html`<b>${nick(x.node)}</b>` : nick(x.node)}: load ${x.load}%${x.reason ? `, ${x.reason}` : x.node === s.node ? ', chosen' : ', could be'}</li>`)}</ul></td></tr>`)}<//>` : html`<${Empty}>Nothing would be started: all of <${AppLink} name=${name} /> is up, or no process has a start_sequence.<//>`)}`;
}

// Asked is who had a copy started, if that was asked for on a page of the node that answers: no node tells how else a start came.
function Asked({ name, id }) {
  useStore('moments');
  const all = state.moments.filter((m) => m.process === name);
  const m = all[all.findLastIndex((x) => x.node === id && x.text.includes(' is STARTING on ')) - 1];
  return m?.kind === 'job' && m.text.includes(' asked: start ') ? html`<p>${m.text}, at ${time(m.time)}</p>` : null;
}

export function ConflictsPage() {
  useStore('cluster', 'stats');
  useWatch(() => ({ stats: ['*'] }));
  const list = [...state.processes.values()].filter((p) => p.conflict);
  const { value } = useFetch(() => get('previews'), [list.map((p) => `${p.name} ${p.on}`).join()]);
  const preview = (p, s) => value?.previews.find((v) => v.process === p.name && v.strategy === s);
  const others = Object.keys(conciliations).filter((s) => s !== 'USER');
  const { conciliation_strategy: own, state: phase } = state.cluster;
  return html`<${Head} title="Conflicts" acts=${list.length > 0 && html`<span>Solve all by</span>${others.map((s) => html`<${Act} does label=${s} danger onClick=${() => act({ action: 'conciliate', strategy: s })} />`)}`}>
      <span>${list.length ? plural(list.length, 'conflict') : 'none'}</span>${own && html`<span>conciliation_strategy is ${own}: ${conciliations[own]}</span>`}<//>
    ${phase === 'CONCILIATION' && html`<p class="note warn">While there are conflicts, Supvisors starts nothing by itself and refuses to start what you ask for.</p>`}
    ${list.length === 0 ? html`<${Empty}>No process of a managed application runs more than once. Were there a conflict, its copies would stand here side by side, with what each strategy would do.<//>`
    : list.map((p) => html`<section class="card conflict" key=${p.name} aria-label=${`Conflict of ${p.name}`}><h2><${ProcessLink} name=${p.name} /></h2>
      <div class="copies">${p.on.map((id) => {
        const c = copyAt(p, id) || {};
        const use = sample(id)?.processes[p.name];
        return html`<div class="copy" key=${id}><b><${NodeLink} id=${id} /></b> <${State} word=${c.state} /><p>pid ${c.pid}, up for <${Since} t=${c.started} />, since ${time(c.started)}</p><p class="n">CPU ${percent(use?.[0])}, MEM ${percent(use?.[1])}</p>
          <${Asked} name=${p.name} id=${id} />
          <p><${ProcessLink} name=${p.name} as="Log of this copy" query=${{ node: id, tab: 'log' }} /></p>
          <div class="acts"><${Act} does label="Keep" primary onClick=${() => act({ action: 'keep', target: p.name, node: id })} /><${Act} does label="Stop" danger onClick=${() => act({ action: 'stop_copy', target: p.name, node: id })} /></div>
          <div class="last">${serves(node(id)) && html`<${LastLines} key=${c.started} node=${id} process=${p.name} channels=${['stdout', 'stderr'].filter((k) => c[k])} count=${5} />`}</div></div>`;
      })}</div>
      <ul class="ways">${others.map((s) => {
        const v = preview(p, s);
        const will = v && [v.stops.length && `stops ${names(v.stops)}`, v.keeps.length && `keeps ${names(v.keeps)}`, v.then].filter(Boolean).join(', ');
        return html`<li key=${s}><${Act} does label=${s} onClick=${() => act({ action: 'conciliate', target: p.name, strategy: s })} /><span>${conciliations[s]}.${will && html` <b>Here: ${will}.</b>`}</span></li>`;
      })}</ul></section>`)}`;
}
