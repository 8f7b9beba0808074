import { html, nothing } from '../../domain/html';
import { glyph, icon, type Level } from '../../domain/markup';
import { fill, need } from './dom';

const SHOWN_MS = 6000;

/** Tells a fact ("Draft saved") for six seconds. What was refused stays until it is clicked away. */
export function toast(text: string, level: Level = 'ok'): void {
  const item = document.createElement('div');
  item.className = 'toast';
  item.dataset.l = level;
  if (level === 'block') item.setAttribute('role', 'alert');
  const close = level === 'block' ? html`<button type="button" class="tool" aria-label="Close">${icon('close', 's')}</button>` : nothing;
  fill(item, html`<span class="flag" data-l="${level}">${glyph(level)}</span><span>${text}</span>${close}`);
  item.addEventListener('click', () => item.remove());
  need('toasts').append(item);
  if (level !== 'block') window.setTimeout(() => item.remove(), SHOWN_MS);
}
