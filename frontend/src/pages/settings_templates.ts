import { getJson, postJson } from '../api/client';
import { formatDate } from '../domain/dates';
import { each, html, nothing, type Html } from '../domain/html';
import { icon, message, number, placeholder, select, stateTag } from '../domain/markup';
import { formatAgent } from '../domain/nuclide';
import { formatPlain, type MaybeQuantity } from '../domain/quantity';
import { alphaWeight, betweenCycles, parseRadiobiology, radiobiologyLines, regionEntries, withAlphaWeight, withBetweenCycles, type TemplateBiology } from '../domain/radiobiology';
import { openDialog } from './parts/dialogs';
import { fill, need, on } from './parts/dom';
import { startPage } from './parts/shell';
import { errorText, showError } from './parts/states';
import { toast } from './parts/toasts';

interface Template {
  id: string; name: string; version: number; nuclide: string; agent: string; label_activity: MaybeQuantity; label_source: string; hard_limit_activity: MaybeQuantity; n_cycles: number; interval_days: number;
  scan_times_h: number[]; radiobiology: TemplateBiology; sources: string[]; is_confirmed: boolean; confirmed_by: string | null; confirmed_at: string | null; author: string; created_at: string;
}

const NUCLIDES = ['Lu-177', 'Tb-161', 'I-131', 'Y-90', 'Ac-225', 'Ho-166', 'Cu-67', 'Pb-212', 'Ra-223'];
const page = startPage();
let templates: Template[] = [];
let shownId = '';

async function load(): Promise<void> {
  try {
    templates = (await getJson<{ results: Template[] }>(`/api/sites/${page.siteId}/templates`)).results;
    if (!templates.some((template) => template.id === shownId)) shownId = templates[0]?.id ?? '';
    draw();
  } catch (error) { showError(need('content'), error, () => void load()); }
  page.ready();
}

function draw(): void {
  const template = templates.find((item) => item.id === shownId);
  const mayEdit = page.isAllowed('edit_templates');
  fill(need('head'), html`<h1 class="h1">Therapy templates</h1><span class="t3">Starting values of a therapy, with sources. Not usable for a prescription until confirmed.</span>${mayEdit ? html`<button class="btn push" type="button" data-new>${icon('plus', 's')}${template ? 'New version' : 'New template'}</button>` : nothing}`);
  fill(need('content'), template ? detail(template) : placeholder({ icon: 'cog', title: 'No template', text: 'A physicist or site administrator writes the first one; a quality lead confirms it.' }));
  fill(need('inspector'), html`<div class="sect last"><div class="sect-head"><h2 class="h2">Templates</h2><span class="count">${templates.length}</span></div><ul>${each(templates, (item) =>
    html`<li class="job row"><button class="${item.id === shownId ? 'strong' : 'link'}" type="button" data-template="${item.id}">${item.name} v${item.version}</button><span class="push">${stateTag(item.is_confirmed ? 'confirmed' : 'open', item.is_confirmed ? 'CONFIRMED' : 'DRAFT')}</span></li>`)}</ul></div>`);
}

function detail(item: Template): Html {
  const alpha = alphaWeight(item.radiobiology);
  const spread = betweenCycles(item.radiobiology);
  const confirm = page.isAllowed('confirm_templates') ? html`<button class="btn primary" type="button" data-confirm>Confirm this template</button>` : html`A quality lead other than the author confirms it.`;
  const state = item.is_confirmed
    ? message('ok', `${item.name}, version ${item.version}`, `Confirmed by ${item.confirmed_by ?? ''} on ${formatDate(item.confirmed_at)}.`)
    : message('ask', `${item.name}, version ${item.version}: not confirmed`, html`Written by ${item.author} on ${formatDate(item.created_at)}. <div class="mt-2">${confirm}</div>`);
  return html`<div class="sect">${state}</div><div class="sect"><dl class="kv facts"><dt>Therapy</dt><dd>${formatAgent(item.agent, item.nuclide)}</dd><dt>Label activity</dt><dd>${number(item.label_activity)}, ${item.label_source || 'no source'}</dd>
    <dt>Second prescriber above</dt><dd>${item.hard_limit_activity ? number(item.hard_limit_activity) : 'no hard limit'}</dd>
    <dt>Cycles</dt><dd>${item.n_cycles}, every ${item.interval_days} days</dd><dt>Scans</dt><dd>${item.scan_times_h.join(', ')} h p.i.</dd>
    <dt>Between cycles</dt><dd>${spread ? `${formatPlain(100 * spread.cv)} % (CV of dose per activity), ${spread.source}` : 'no spread given'}</dd>${alpha ? html`<dt>RBE of alpha particles</dt><dd>${formatPlain(alpha.rbe)}, ${alpha.source}</dd>` : nothing}</dl></div>
    <div class="sect"><h2 class="h2">Radiobiology</h2><table class="table dense flush"><thead><tr><th>For</th><th class="num">α/β (Gy)</th><th class="num">T<sub>rep</sub> (h)</th><th>Source</th></tr></thead><tbody>${each(regionEntries(item.radiobiology), ([name, values]) =>
      html`<tr><td>${name}</td><td class="num">${values.alpha_beta_gy}</td><td class="num">${values.repair_half_time_h}</td><td class="text t2">${values.source}</td></tr>`)}</tbody></table></div>
    <div class="sect last"><h2 class="h2">Sources</h2>${item.sources.length ? html`<ul class="stack">${each(item.sources, (source) => html`<li class="t2">${source}</li>`)}</ul>` : html`<p class="fs12 t3">None given.</p>`}</div>`;
}

const field = (label: string, input: Html): Html => html`<label class="line"><span class="label">${label}</span>${input}</label>`;

function editor(): void {
  const item = templates.find((template) => template.id === shownId);
  const spread = betweenCycles(item?.radiobiology ?? {});
  const alpha = alphaWeight(item?.radiobiology ?? {});
  const text = (name: string, value: string | number, more: Html = nothing): Html => html`<input class="text" name="${name}" value="${value}" required ${more}>`;
  const num = html`type="number" step="any" min="0"`;
  void openDialog({
    title: 'Save a new version of a template', action: 'Save new version', isWide: true,
    body: html`<div class="form"><div class="pair">${field('Name', text('name', item?.name ?? ''))}${field('Agent', text('agent', item?.agent ?? ''))}</div>
      <div class="pair">${field('Nuclide', select({ name: 'nuclide' }, NUCLIDES.map((name) => [name, name] as const), item?.nuclide ?? 'Lu-177'))}
      <div class="with-unit">${field('Label or protocol activity', html`<input class="text" name="activity" type="number" step="any" min="0" value="${item?.label_activity?.value ?? ''}">`)}${field('Unit', select({ name: 'unit' }, [['GBq', 'GBq'], ['MBq', 'MBq']], item?.label_activity?.unit ?? 'GBq'))}</div></div>
      ${field('Source of the activity', html`<input class="text" name="label_source" maxlength="255" value="${item?.label_source ?? ''}">`)}
      <div class="with-unit">${field('Hard limit: above it a second prescriber signs', html`<input class="text" name="hard_limit" type="number" step="any" min="0" value="${item?.hard_limit_activity?.value ?? ''}">`)}${field('Unit', select({ name: 'hard_limit_unit' }, [['GBq', 'GBq'], ['MBq', 'MBq']], item?.hard_limit_activity?.unit ?? 'GBq'))}</div>
      <div class="pair">${field('Cycles', text('n_cycles', item?.n_cycles ?? 4, num))}${field('Interval (days)', text('interval_days', item?.interval_days ?? 56, num))}</div>
      ${field('Scan times (h p.i.), separated by commas', text('scan_times_h', item?.scan_times_h.join(', ') ?? '24, 96, 168'))}
      ${field('Radiobiology: region; α/β (Gy); repair half-time (h); source. One a line.', html`<textarea class="area mono" name="radiobiology" rows="5">${radiobiologyLines(item?.radiobiology ?? {})}</textarea>`)}
      <div class="pair">${field('Spread between cycles, CV of dose per activity (%)', html`<input class="text" name="spread" type="number" step="any" min="0" value="${spread ? 100 * spread.cv : ''}">`)}${field('Its source', html`<input class="text" name="spread_source" maxlength="255" value="${spread?.source ?? ''}">`)}</div>
      <div class="pair">${field('RBE of alpha particles (alpha emitters only)', html`<input class="text" name="rbe" type="number" step="any" min="1" value="${alpha?.rbe ?? ''}">`)}${field('Its source', html`<input class="text" name="rbe_source" maxlength="255" value="${alpha?.source ?? ''}">`)}</div>
      ${field('Sources, one a line', html`<textarea class="area" name="sources">${item?.sources.join('\n') ?? ''}</textarea>`)}</div>`,
    submit: async (values) => {
      const activity = Number(values.activity) * (values.unit === 'MBq' ? 1e6 : 1e9);
      const hardLimit = Number(values.hard_limit) * (values.hard_limit_unit === 'MBq' ? 1e6 : 1e9);
      const saved = await postJson<Template>(`/api/sites/${page.siteId}/templates`, {
        name: values.name, agent: values.agent, nuclide: values.nuclide, label_activity_bq: values.activity ? activity : null, label_source: values.label_source, hard_limit_activity_bq: values.hard_limit ? hardLimit : null,
        n_cycles: Number(values.n_cycles), interval_days: Number(values.interval_days), scan_times_h: (values.scan_times_h ?? '').split(',').map(Number),
        radiobiology: withAlphaWeight(withBetweenCycles(parseRadiobiology(values.radiobiology ?? ''), values.spread ?? '', values.spread_source ?? ''), values.rbe ?? '', values.rbe_source ?? ''), sources: (values.sources ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== ''),
      });
      shownId = saved.id;
    },
  }).then((isDone) => { if (isDone) { toast('Template saved'); void load(); } });
}

on(need('page'), 'click', '[data-template]', (button) => { shownId = button.dataset.template ?? ''; draw(); });
on(need('page'), 'click', '[data-new]', editor);
on(need('page'), 'click', '[data-confirm]', () => {
  postJson(`/api/templates/${shownId}/confirm`).then(() => { toast('Template confirmed'); return load(); }, (error: unknown) => toast(errorText(error), 'block'));
});
void load();
