/** Small pieces of markup that every page shares: icons, numbers, flags, messages, states. */
import { html, nothing, type Html } from './html';
import { formatUncertainty, formatValue, MISSING, type MaybeQuantity } from './quantity';

export type Level = 'ok' | 'note' | 'ask' | 'block' | 'stale' | 'ai';

const SPRITE = '/static/icons/sprite.svg';
const GLYPHS: Record<Level, string> = { ok: 'check', note: 'info', ask: 'warning', block: 'block', stale: 'stale', ai: 'spark' };

export const icon = (name: string, size: '' | 's' | 'l' = ''): Html =>
  html`<svg class="icon ${size}" aria-hidden="true"><use href="${SPRITE}#${name}"></use></svg>`;

export const glyph = (level: Level, size: '' | 's' = 's'): Html => icon(GLYPHS[level], size);

export const kbd = (key: string): Html => html`<kbd class="kbd">${key}</kbd>`;

export const unit = (text: string): Html => html`<span class="unit">${text}</span>`;

/** Value, then uncertainty; k = 2 and the unit on hover. The unit stands in the column head. */
export function bareNumber(quantity: MaybeQuantity): Html {
  if (!quantity || !Number.isFinite(quantity.value)) return html`${MISSING}`;
  const u = formatUncertainty(quantity);
  const title = u ? `k = 2: ± ${formatUncertainty(quantity, 2)} ${quantity.unit}` : quantity.unit;
  return html`<span title="${title}">${formatValue(quantity)}${u ? html`<span class="u">${u}</span>` : nothing}</span>`;
}

/** Value, uncertainty, unit. */
export function number(quantity: MaybeQuantity): Html {
  if (!quantity || !Number.isFinite(quantity.value)) return html`${MISSING}`;
  return html`${bareNumber(quantity)} ${unit(quantity.unit)}`;
}

export const flag = (level: Level, text: string, classes = ''): Html =>
  html`<span class="flag ${classes}" data-l="${level}" title="${text}">${glyph(level)}<span>${text}</span></span>`;

export const message = (level: Level, title: string, body: Html | string = nothing): Html =>
  html`<div class="msg" data-l="${level}">${glyph(level, '')}<b>${title}</b>${body === nothing ? nothing : html`<div>${body}</div>`}</div>`;

export function levelOf(text: string): Level {
  return text in GLYPHS ? (text as Level) : 'note';
}

/** An empty or failed place: what it is, what to do next, and who may do it. */
export function placeholder(parts: { level?: Level; icon?: string; title: string; text?: string | Html; action?: Html }): Html {
  return html`<div class="state" data-l="${parts.level ?? 'note'}">${icon(parts.icon ?? GLYPHS[parts.level ?? 'note'], 'l')}
    <b>${parts.title}</b>${parts.text ? html`<p>${parts.text}</p>` : nothing}${parts.action ?? nothing}</div>`;
}

export const skeleton = (): Html =>
  html`<div class="skeleton" role="status" aria-label="Loading"><i></i><i></i><i></i><i></i><i></i><i></i></div>`;

const RESULT_STATES = new Set(['approved', 'confirmed', 'prescribed']);

export function stateTag(state: string, text = state.toUpperCase()): Html {
  return html`<span class="tag" data-s="${state}">${RESULT_STATES.has(state) ? icon('check') : nothing}${text}</span>`;
}

/** A bar filled to a percentage; the width is set through CSSOM by `fill`. */
export const bar = (percent: number, label: string): Html =>
  html`<div class="bar" role="progressbar" aria-label="${label}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Math.round(percent)}"><i data-width="${percent}"></i></div>`;

/** A select with its options; the chosen value is marked. */
export function select(
  attributes: { name: string; label?: string; classes?: string; isRequired?: boolean },
  options: readonly (readonly [value: string, text: string])[],
  chosen: string | null,
): Html {
  const { name, label, classes = '', isRequired = false } = attributes;
  const required = isRequired ? html`required` : nothing;
  const aria = label ? html`aria-label="${label}"` : nothing;
  return html`<span class="select ${classes}"><select name="${name}" ${aria} ${required}>${options.map(([value, text]) =>
    html`<option value="${value}" ${value === chosen ? html`selected` : nothing}>${text}</option>`)}</select>${icon('down', 's')}</span>`;
}
