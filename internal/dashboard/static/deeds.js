// The buttons of a process and of an application.
import { html, Act, Icon } from './ui.js';
import { act, signal, title } from './jobs.js';
import { whyNot, whyNotApp, blocked } from './facts.js';

// What conflicts keep from being started leads to them.
const toConflicts = (label, icon, bare, name) => html`<a class=${bare ? 'b bare' : 'b'} data-do=${name} href="ui/conflicts" title=${`${label}: there are conflicts to solve first`}
  aria-label=${`${label}: there are conflicts to solve first`}><${Icon} name=${icon} />${bare ? '' : html`<span>${label}</span>`}</a>`;

const stuck = (why) => why && why === blocked() && why.startsWith('There are conflicts');

const kinds = {
  start: ['Start', 'start'], stop: ['Stop', 'stop'], restart: ['Restart', 'redo'], signal: ['Signal', 'right'], clear: ['Clear logs', 'square'],
};

// Deed is one action on a process; with a node id, on the copy there.
export function Deed({ action, p, id = '', bare, strategy = '', as }) {
  const [word, icon] = kinds[action];
  const label = bare ? title({ action, target: p.name, node: id }) : as || word;
  const why = whyNot(action, p, id);
  if (stuck(why)) return toConflicts(label, icon, bare, action);
  const run = () => (action === 'signal' ? signal([p.name], id) : act({ action, target: p.name, node: id, strategy: action === 'stop' ? '' : strategy }));
  return html`<${Act} icon=${icon} label=${label} bare=${bare} why=${why} name=${action} onClick=${run} />`;
}

export const Deeds = ({ p, id, actions = ['start', 'stop', 'restart'], ...rest }) => actions.map((action) =>
  html`<${Deed} key=${action} action=${action} p=${p} id=${id} ...${rest} />`);

export function AppDeeds({ a, strategy = '', bare }) {
  return ['start', 'stop', 'restart'].map((k) => {
    const action = `${k}_application`;
    const [word, icon] = kinds[k];
    const label = bare ? `${word} application ${a.name}` : word;
    const why = whyNotApp(action, a);
    if (stuck(why)) return toConflicts(label, icon, bare, k);
    return html`<${Act} key=${k} icon=${icon} label=${label} bare=${bare} why=${why} name=${k}
      onClick=${() => act({ action, target: a.name, strategy: k === 'stop' ? '' : strategy })} />`;
  });
}
